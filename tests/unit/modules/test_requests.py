"""How many requests a run costs: per cluster, and per session in it. What grows here, grows for every user."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.options import SPEC

from .cluster import Cluster

THREADS = SPEC["concurrency"]["default"]
"""Those that ask; the threads that put workloads back are as many again."""
SESSIONS = 3
"""Each in a namespace of its own, which is the dearest case: what is listed per namespace is listed for each."""

CLUSTER = {
    "create selfsubjectreviews": 1,
    "get /": 3,
    "get namespaces": 1,
    "list namespaces": 1,
    "list deployments": 1,
    "list pods": 1,
    "list services": 1,
    "list configmaps": 1,
}
"""Of a run that finds nothing, by either module; beside these it asks once for each right that it needs."""
RIGHTS = {"orphans": 11, "restore": 16}
LIVING = {"head pods/proxy": 1, "list deployments": 1}
"""The client's own answer, and the original of its session: no exec, no log, no event."""
STALE = {
    **LIVING,
    "get pods/exec": 1,
    "get pods/log": 1,
    "list events": 1,
    "list replicasets": 1,
    "list horizontalpodautoscalers": 1,
}
"""The proof, and where its count may stand."""
RESTORED = {
    **STALE,
    "list deployments": 4,
    "list pods": 2,
    "put deployments/scale": 1,
    "delete pods": 1,
    "create events": 1,
}
"""The last look at the proxies of the namespace before each of two writes, the writes, and the Event that tells of them."""


def requests(cluster: Cluster) -> Counter[str]:
    """What the last run has sent, by verb and resource."""
    return Counter(
        f"{request.access.verb if not request.access.subresource else request.method.lower()} "
        f"{'/'.join(filter(None, (request.access.resource, request.access.subresource))) or '/'}"
        for request in cluster.seen()
    )


def spent(cluster: Cluster, module: str) -> Counter[str]:
    """What a run sends; it does not wait for readiness, which costs a look per second."""
    options: dict[str, Any] = {"wait": False} if module == "restore" else {}
    cluster.run(module, **options)
    return requests(cluster)


@pytest.mark.parametrize("module", ["orphans", "restore"])
def test_a_cluster_without_sessions(cluster: Cluster, module: str) -> None:
    assert spent(cluster, module) == {**CLUSTER, "create selfsubjectaccessreviews": RIGHTS[module]}


@pytest.mark.parametrize(
    ("module", "state", "each"),
    [
        ("orphans", "alive", LIVING),
        ("restore", "alive", LIVING),
        ("orphans", "gone", STALE),
        ("restore", "gone", RESTORED),
    ],
)
def test_each_session(cluster: Cluster, module: str, state: str, each: dict[str, int]) -> None:
    before = spent(cluster, module)
    for number in range(SESSIONS):
        cluster.stage(state=state, namespace=f"shop-{number}")
    after = spent(cluster, module)
    after.subtract(before)
    assert {what: count for what, count in after.items() if count} == {
        what: count * SESSIONS for what, count in each.items()
    }


def test_each_further_session_of_a_namespace(cluster: Cluster) -> None:
    """What is listed for one session of a namespace serves all of them."""

    def plant(number: int) -> None:
        cluster.web(f"web-{number}")
        cluster.client(cluster.proxy(f"{number:032x}", 5000, f"web-{number}"), "gone")

    plant(0)
    before = spent(cluster, "orphans")
    for number in range(1, 1 + SESSIONS):
        plant(number)
    after = spent(cluster, "orphans")
    after.subtract(before)
    assert {what: count for what, count in after.items() if count} == {
        "head pods/proxy": SESSIONS,
        "get pods/exec": SESSIONS,
        "get pods/log": SESSIONS,
    }


@pytest.mark.parametrize("module", ["orphans", "restore"])
def test_connections_are_kept(cluster: Cluster, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Beside those of its execs a run opens no more connections than its threads need at once, on a small machine as well."""
    monkeypatch.setattr("multiprocessing.cpu_count", lambda: 1)
    for number in range(10 * THREADS):
        cluster.stage(namespace=f"shop-{number}")
    spent(cluster, module)
    assert cluster.server.connections - len(cluster.execs) <= 2 * THREADS + 1
