# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Waits until what was put back is of use."""

from __future__ import annotations

import time
import typing as t

from .._cluster import oc
from .._cluster.api import Api
from .._cluster.errors import ClusterError
from .._cluster.kinds import WORKLOADS, Object, uid
from .counts import replicas
from .in_place import Rollout
from .lost import Lost
from .plan import Action, Case, Delete, told


def wait_until_ready(api: Api, cases: t.Iterable[Case | Lost], timeout: float, sleep: float, oc_binary: str) -> None:
    """Waits until the originals that were put back have all their replicas ready; ``timeout`` and ``sleep`` in seconds.

    One that does not become ready in time is settled as failed: it is back, but not yet of use. Raises nothing.
    """
    ends = time.monotonic() + timeout
    back = [case for case in cases if case.outcome == "restored"]
    waiting = {id(case): (case, action) for case in back for action in case.done if not isinstance(action, Delete)}
    for key, (case, action) in list(waiting.items()):
        if isinstance(action, Rollout):
            try:
                oc.wait_for(api, oc_binary, action.obj, ends - time.monotonic())
            except ClusterError as error:
                case.settle("failed", f"{told(case.done)}. {error}", case.plan)
                del waiting[key]
    while waiting:
        problems = _not_ready(api, [pair[1] for pair in waiting.values()])
        waiting = {key: pair for key, pair in waiting.items() if uid(pair[1].obj) in problems}
        if time.monotonic() + sleep > ends:
            break
        if waiting:
            time.sleep(sleep)
    for case, action in waiting.values():
        case.settle(
            "failed",
            f"{told(case.done)}, but {problems[uid(action.obj)]} after {timeout:g} s: look at its pods.",
            case.plan,
        )


def _not_ready(api: Api, actions: t.Sequence[Action]) -> dict[str, str]:
    """By uid, what the originals that are not ready lack; one list per namespace and kind, not one request per object."""
    problems = {}
    places: dict[tuple[str, str], list[Action]] = {}
    for action in actions:
        places.setdefault((action.obj["metadata"]["namespace"], action.obj["kind"]), []).append(action)
    for (namespace, kind), here in sorted(places.items()):
        try:
            present = {uid(obj): obj for obj in api.list(WORKLOADS[kind], namespace)}
        except ClusterError as error:
            problems.update({uid(action.obj): f"its readiness is not known ({error})" for action in here})
            continue
        for action in here:
            problem = _lacks(present.get(uid(action.obj)))
            if problem:
                problems[uid(action.obj)] = problem
    return problems


def _lacks(obj: Object | None) -> str:
    """What a workload lacks to be ready, empty where nothing; it may have been scaled further meanwhile."""
    if obj is None:
        return "it no longer exists"
    status = obj.get("status") or {}
    wanted, ready = replicas(obj), status.get("readyReplicas") or 0
    if (status.get("observedGeneration") or 0) < (obj["metadata"].get("generation") or 0):
        return "its controller has not taken notice of it"
    return "" if ready >= wanted else f"only {ready} of {wanted} replicas are ready"
