# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Which kinds of workload a cluster has: OpenShift's are looked for only where they are served."""

from __future__ import annotations

import typing as t

from .api import Api
from .errors import ClusterError
from .kinds import DEPLOYMENT_CONFIG, WORKLOADS, Kind


def in_use(api: Api, names: t.Container[str]) -> tuple[Kind, ...]:
    """The kinds called ``names`` that the cluster has. Asks it once at most, for what anybody may know. Raises ClusterError."""
    wanted = [kind for name, kind in WORKLOADS.items() if name in names]
    return tuple(kind for kind in wanted if kind is not DEPLOYMENT_CONFIG or _serves(api, kind))


def _serves(api: Api, kind: Kind) -> bool:
    try:
        group = api.get(f"/apis/{kind.api_version}", f"ask whether there are {kind.plural}").body
    except ClusterError as error:
        if error.status == 404:
            return False
        raise
    # A cluster may leave them out of their group: they are an optional capability since OpenShift 4.14.
    return any(resource.get("name") == kind.plural for resource in group.get("resources") or [])
