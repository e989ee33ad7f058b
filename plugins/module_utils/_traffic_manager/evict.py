# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Evicts one pod, as a drain does, and waits for the one that takes its place. Nothing is forced, nothing is scaled."""

from __future__ import annotations

import time
from dataclasses import dataclass

from .._cluster.api import Api
from .._cluster.errors import ClusterError
from .._cluster.kinds import DEPLOYMENT, POD, REPLICA_SET, STATEFUL_SET, Object, dig, ref, uid, whole
from . import agents
from .actions import Evict
from .decide import still

OWNERS = (DEPLOYMENT, REPLICA_SET, STATEFUL_SET)


@dataclass(frozen=True)
class Patience:
    """How long a step is waited for, and how long between two looks, in seconds."""

    timeout: float
    sleep: float


@dataclass(frozen=True)
class _Pods:
    """The pods of one workload that run or shall run, by uid, and all pods of its namespace."""

    mine: dict[str, Object]
    here: set[str]
    wanted: int | None
    leftover: set[str]


def evict(api: Api, action: Evict, patience: Patience) -> str:
    """Evicts the pod and waits until it has gone, and until its workload has as many pods as before, the new ones ready and without what
    was left over. What is in the way of that after all the patience, empty where nothing is.

    Raises ClusterError where the pod was not evicted, as by a PodDisruptionBudget, which is then named.
    """
    before = _look(api, action)
    ends = time.monotonic() + patience.timeout
    _ask(api, action, patience, ends)
    while True:
        problem = _lacks(before, _look(api, action), action)
        if not problem:
            return ""
        if time.monotonic() + patience.sleep > ends:
            return f"{ref(action.pod)} was evicted, but {problem} after {patience.timeout:g} s."
        time.sleep(patience.sleep)


def _ask(api: Api, action: Evict, patience: Patience, ends: float) -> None:
    """Asks for the eviction until it is granted: a PodDisruptionBudget that forbids it now may allow it later."""
    meta = action.pod["metadata"]
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
        "deleteOptions": {"preconditions": {"uid": meta["uid"]}},
    }
    path = POD.path(meta["namespace"], meta["name"], "eviction")
    while True:
        try:
            api.send("post", path, f"evict {ref(action.pod)}", body)
            return
        except ClusterError as error:
            # Not found, or another pod of that name: what is to go has gone. Whether it has is looked at in any case.
            if error.status in (404, 409):
                return
            if error.status != 429 or time.monotonic() + patience.sleep > ends:
                raise
        time.sleep(patience.sleep)


def _look(api: Api, action: Evict) -> _Pods:
    namespace = action.workload[0]
    pods = api.list(POD, namespace)
    owners = [one for owner in OWNERS for one in api.list(owner, namespace)]
    by_key = {(one["metadata"]["namespace"], one["kind"], one["metadata"]["name"]): one for one in owners}
    mine = {uid(pod): pod for pod in pods if agents.workload_of(pod, by_key) == action.workload and _counts(pod)}
    having = [one for one in agents.recognise(mine.values(), owners) if still(action.leftover, one)]
    return _Pods(
        mine=mine,
        here={uid(pod) for pod in pods},
        wanted=whole(dig(by_key.get(action.workload), "spec", "replicas")),
        leftover={pod for agent in having for pod in agent.pods},
    )


def _counts(pod: Object) -> bool:
    """Whether a pod runs or shall run."""
    return not pod["metadata"].get("deletionTimestamp") and dig(pod, "status", "phase") not in ("Succeeded", "Failed")


def _lacks(before: _Pods, now: _Pods, action: Evict) -> str:
    """What is not yet as it shall be after the eviction, empty where all is."""
    if uid(action.pod) in now.here:
        return "it is still there"
    new = [pod for key, pod in sorted(now.mine.items()) if key not in before.mine]
    for pod in new:
        if pod["metadata"]["name"] in now.leftover:
            return f"{ref(pod)} came with the same in its place"
        if not _ready(pod):
            return f"{ref(pod)} in its place is not ready{_why(pod)}"
    had = len(before.mine)
    missing = min(had, had if now.wanted is None else now.wanted) - len(now.mine)
    return (
        f"{missing} of {had} pods of {action.workload[1]} {'/'.join(action.workload[::2])} are missing"
        if missing > 0
        else ""
    )


def _ready(pod: Object) -> bool:
    conditions = dig(pod, "status", "conditions") or []
    return any((one.get("type"), one.get("status")) == ("Ready", "True") for one in conditions)


def _why(pod: Object) -> str:
    """What the pod says of itself."""
    for status in dig(pod, "status", "containerStatuses") or []:
        reason = dig(status, "state", "waiting", "reason")
        if reason:
            return f" (container {status.get('name')}: {reason})"
    for one in dig(pod, "status", "conditions") or []:
        if one.get("type") == "PodScheduled" and one.get("status") == "False":
            return f" ({one.get('message')})"
    return ""
