# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What a Helm chart would put into a cluster, next to what a release of it did put there."""

from __future__ import annotations

import difflib
import json
import typing as t

from .._cluster.kinds import Object, annotations_of, labels_of, ref

try:
    import yaml
except ImportError:  # kubernetes depends on it; connect() says so where both are missing
    yaml = None  # type: ignore[assignment]

HOOK = "helm.sh/hook"
"""The annotation of what Helm starts at certain times, and does not count to the release (helm v3, pkg/release/hook.go)."""
HIDDEN = "(not shown)"


def objects(manifest: t.Any) -> list[Object]:
    """The objects of a manifest, text or read already, but for hooks. Raises ValueError where it is no YAML."""
    if isinstance(manifest, str):
        try:
            manifest = list(yaml.safe_load_all(manifest))
        except yaml.YAMLError:
            # Not from it: it quotes the text, which holds a private key.
            raise ValueError("What Helm rendered cannot be read: it is no YAML.") from None
    # What comes through Ansible is of its own types, which YAML cannot write.
    read = json.loads(json.dumps(manifest or [], default=str))
    found = [one for one in read if isinstance(one, dict) and one.get("kind")]
    return [one for one in found if HOOK not in annotations_of(one)]


def charts(rendered: t.Iterable[Object]) -> set[str]:
    """The charts that objects name as theirs, as name and version: ``telepresence-oss-2.20.2``."""
    return {labels_of(one)["helm.sh/chart"] for one in rendered if labels_of(one).get("helm.sh/chart")}


def difference(before: t.Iterable[Object], after: t.Iterable[Object]) -> list[str]:
    """What an upgrade changes, in lines as ``diff`` writes them: nothing of a Secret, and no certificate, is shown or compared.

    The chart makes new certificates whenever it is rendered, and keeps those that are there.
    """
    was, will = ({ref(one): _text(one) for one in some} for some in (before, after))
    found: list[str] = []
    for name in sorted({*was, *will}):
        old, new = was.get(name, ""), will.get(name, "")
        found += difflib.unified_diff(old.splitlines(), new.splitlines(), name, name, lineterm="", n=2)
    return found


def _text(obj: Object) -> str:
    shown = {**obj}
    if obj["kind"] == "Secret":
        shown.update({part: dict.fromkeys(obj[part], HIDDEN) for part in ("data", "stringData") if obj.get(part)})
    if obj["kind"] == "MutatingWebhookConfiguration":
        shown["webhooks"] = [
            {**one, "clientConfig": {**(one.get("clientConfig") or {}), "caBundle": HIDDEN}}
            for one in obj.get("webhooks") or []
        ]
    return str(yaml.safe_dump(shown, default_flow_style=False, width=120))
