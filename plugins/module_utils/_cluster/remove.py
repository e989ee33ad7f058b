# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Deletes objects, each by what it was when it was read."""

from __future__ import annotations

from .api import Api
from .errors import ClusterError
from .kinds import Kind, Object, ref, uid


def delete(api: Api, kind: Kind, obj: Object, unchanged: bool = False) -> None:
    """Deletes this very object, with ``unchanged`` only as it was read; that it has gone already is what was wanted.

    That it was not found is looked into: a server that knows no such path says so as well, and deletes nothing. Raises ClusterError.
    """
    meta = obj["metadata"]
    body = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "propagationPolicy": "Background",
        "preconditions": {key: meta[key] for key in ("uid", *["resourceVersion"] * unchanged)},
    }
    try:
        api.send("delete", kind.path(meta.get("namespace"), meta["name"]), f"delete {ref(obj)}", body)
    except ClusterError as error:
        if error.status != 404 or _is_there(api, kind, obj):
            raise


def _is_there(api: Api, kind: Kind, obj: Object) -> bool:
    meta = obj["metadata"]
    here = api.list(kind, meta.get("namespace"), field_selector=f"metadata.name={meta['name']}", metadata_only=True)
    return uid(obj) in {uid(found) for found in here}
