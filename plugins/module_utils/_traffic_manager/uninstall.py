# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What removing a traffic-manager takes away, and what stands in its way."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._cluster.kinds import Object, ref
from . import manifest, standing
from .managers import AGENTS, CLAIM, labelled
from .standing import Info, Release

END = "Removing the traffic-manager ends intercepts. traffic_manager_end_intercepts: true does it nevertheless."

EVERYWHERE = (
    ("ConfigMap", "kube-root-ca.crt"),
    ("ConfigMap", "openshift-service-ca.crt"),
    ("ServiceAccount", "default"),
)
"""What clusters put into every namespace (kubernetes 1.34, cmd/kube-controller-manager/app/certificates.go)."""


@dataclass(frozen=True)
class Removal:
    """``problems``: why nothing is done. ``objects``: those of the release, by name. ``namespaces``: where the manager may have left something."""

    problems: list[str]
    objects: list[str]
    namespaces: list[str]


def plan(
    info: Info,
    namespace: str,
    release_name: str,
    release: Release | None,
    namespaces: t.Iterable[str],
    force: bool,
    end_intercepts: bool,
) -> Removal:
    """What is to be done, in a cluster as ``info`` and ``release`` show it. ``namespaces`` are those that it was to serve.

    Raises ValueError where what Helm says cannot be read.
    """
    managers = [one for one in info["managers"] if one["namespace"] == namespace]
    problems = [standing.foreign(one, release_name) for one in managers if one["release"] != release_name]
    if release is not None and standing.broken(release) and not force:
        problems.append(standing.blocked(release, "removes it nevertheless"))
    alive = [] if end_intercepts else standing.living(info, namespace)
    problems += [*alive, END] if alive else []
    there = manifest.objects(release["manifest"]) if release is not None and standing.there(release) else []
    return Removal(problems, sorted(map(ref, there)), _left_in(info, managers, namespace, namespaces))


def _left_in(info: Info, managers: t.Sequence[Info], namespace: str, namespaces: t.Iterable[str]) -> list[str]:
    """Where a manager may have left something: where it serves, was to serve, or is named by a claim. A manager of the whole cluster may have left
    something wherever agents are noted.
    """
    found = {namespace, *namespaces}
    for one in managers:
        found.update(one["namespaces"] or ())
    everywhere = any(one["namespaces"] is None for one in managers)
    for one in info["state_objects"]:
        claimed = one["name"] == CLAIM and one["holds"] == [namespace]
        if claimed or (everywhere and one["name"] == AGENTS):
            found.add(one["namespace"])
    return sorted(found)


def others(contents: t.Iterable[Object], gone: t.Container[str], release: str) -> list[str]:
    """What keeps a namespace from being removed with its manager, by name. ``gone``: what goes, or has gone, with the release."""
    return sorted(
        ref(one)
        for one in contents
        if not one["metadata"].get("deletionTimestamp")
        and (one["kind"], one["metadata"]["name"]) not in EVERYWHERE
        and ref(one) not in gone
        and not (one["kind"] == "Pod" and labelled(one))
        and not one["metadata"]["name"].startswith(f"sh.helm.release.v1.{release}.v")
    )
