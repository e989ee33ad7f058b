# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What developers could intercept, as ``telepresence list`` shows it to somebody who is connected to a manager."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._cluster.kinds import Object, controller
from .managers import CONTAINER as MANAGER
from .seen import Seen

KINDS = ("Deployment", "ReplicaSet", "StatefulSet")
"""Those that nothing else of these kinds owns (pkg/client/userd/trafficmgr/session.go of 2.20.2). Argo's Rollouts are opt-in there,
and are not looked at."""


@dataclass(frozen=True)
class Workload:
    """One workload. ``state``: ``intercepted``, ``agent``, ``no_agent``, or ``unknown`` where a manager that could tell did not."""

    namespace: str
    kind: str
    name: str
    state: str


def recognise(workloads: t.Iterable[Object], seen: Seen) -> list[Workload]:
    """The workloads in namespaces that a manager serves, by name."""
    having = {agent.workload for agent in seen.agents}
    found = []
    for one in workloads:
        owner, meta = controller(one), one["metadata"]
        served = seen.serving(meta["namespace"])[0] is not None
        if served and not (owner and owner.get("kind") in KINDS) and not _is_manager(one):
            key = (meta["namespace"], one["kind"], meta["name"])
            found.append(Workload(*key, _state(seen.intercepted(meta["namespace"], meta["name"]), key in having)))
    return sorted(found, key=lambda workload: (workload.namespace, workload.name, workload.kind))


def _state(intercepted: bool | None, has_agent: bool) -> str:
    if intercepted or not has_agent:
        return "intercepted" if intercepted else "no_agent"
    return "unknown" if intercepted is None else "agent"


def _is_manager(workload: Object) -> bool:
    containers = ((workload["spec"].get("template") or {}).get("spec") or {}).get("containers") or []
    return any(one.get("name") == MANAGER for one in containers)
