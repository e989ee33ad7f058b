"""Evictions: a pod is deleted unless a PodDisruptionBudget forbids it. Answers as of Kubernetes 1.34.4, against which they were compared.

Their source is k8s.io/kubernetes ``pkg/registry/core/pod/storage/eviction.go``. Budgets select by ``matchLabels`` alone, and nothing
computes their status: a test sets ``disruptionsAllowed``, which an eviction counts down.
"""

from __future__ import annotations

from collections.abc import Callable

from . import status
from .request import Request
from .store import Obj, Store


def evict(store: Store, request: Request, evicted: Callable[[Obj], object]) -> Obj:
    """The answer to the POST of an Eviction; *evicted* is called with the pod that has gone."""
    access, pods = request.access, store.kind("Pod")
    pod = store.read(pods, access.namespace, access.name)
    if request.body["metadata"].get("name") != access.name:
        raise status.bad_request("name in URL does not match name in Eviction object")
    free = pod.get("status", {}).get("phase") in ("Succeeded", "Failed", "Pending")
    if not free and "deletionTimestamp" not in pod["metadata"]:
        _ask_budgets(store, pod)
    store.delete(pods, access.namespace, access.name, request.body.get("deleteOptions") or {})
    evicted(pod)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


def _ask_budgets(store: Store, pod: Obj) -> None:
    labels = (pod["metadata"].get("labels") or {}).items()
    budgets = [
        one
        for one in store.all("PodDisruptionBudget")
        if one["metadata"]["namespace"] == pod["metadata"]["namespace"]
        and one["spec"]["selector"]["matchLabels"].items() <= labels
    ]
    if len(budgets) > 1:
        raise status.several_budgets()
    for one in budgets:
        found = one["status"]
        if found["disruptionsAllowed"] == 0:
            raise status.budget_spent(one["metadata"]["name"], found["desiredHealthy"], found["currentHealthy"])
        found["disruptionsAllowed"] -= 1
        store.load(one)
