"""What a run returns, what it must not, and what it costs in requests."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from wire.play import run_module
from wire.server import TOKEN

from .cluster import COMMON_KEYS, MAIN, MULTI, NEW, POD_3, RESTORE_KEYS, Cluster, only

POD = "web-9bdd4ff98a184820b2d4027b00a9af39"


# Keys ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["orphans", "restore"])
@pytest.mark.parametrize("check", [True, False])
def test_an_empty_cluster(cluster: Cluster, module: str, check: bool) -> None:
    result = cluster.run(module, check=check)
    assert (result["changed"], result["sessions"], result["orphans"], result["lost"]) == (False, [], [], [])
    assert result["summary"] == {"sessions": 0, "verdicts": {}, "outcomes": {}, "lost": 0, "needs_attention": False}
    if module == "restore":
        assert [result[key] for key in sorted(RESTORE_KEYS)] == [[], [], [], []]
    # What Ansible would take for the task's own state.
    assert not {"failed", "skipped"} & set(result)
    assert cluster.writes == []


@pytest.mark.parametrize("module", ["orphans", "restore"])
@pytest.mark.parametrize(
    "wrong", [{"interval": 1}, {"kubeconfig": "/nonexistent"}, {"namespaces": ["nowhere"]}, {"select": "["}]
)
def test_a_failure_has_the_same_keys(cluster: Cluster, module: str, wrong: dict[str, Any]) -> None:
    result = cluster.run(module, **wrong)
    assert result["failed"] is True
    assert COMMON_KEYS | {"msg"} <= set(result)
    assert set(result) >= RESTORE_KEYS or module == "orphans"
    assert (result["cluster"] is not None) is ("namespaces" in wrong)
    assert (result["sessions"], result["summary"]["sessions"]) == ([], 0)
    assert cluster.writes == []


def test_a_record_in_full(cluster: Cluster) -> None:
    cluster.stage()
    web = cluster.store.get("Deployment", "web", "default")
    pod = cluster.store.get("Pod", POD, "default")
    assert web and pod
    swap = next(event for event in cluster.store.all("Event") if event.get("message", "").endswith("from 3 to 0"))
    record = only(cluster.run("orphans"))
    reason, message = record.pop("reason"), record.pop("message")
    assert reason.startswith("Port 9055 refuses connections, no tunnel is open on 8022, the last sign of life was at ")
    assert message == "Deployment default/web goes from 0 to 3."
    assert record == {
        "session_id": "9bdd4ff98a184820b2d4027b00a9af39",
        "namespace": "default",
        "client_version": "0.109",
        "mode": "swap_pod",
        "proxy": {
            "api_version": "v1",
            "kind": "Pod",
            "namespace": "default",
            "name": POD,
            "uid": pod["metadata"]["uid"],
            "created": pod["metadata"]["creationTimestamp"],
        },
        "verdict": "stale",
        "probes": {
            "http": "refused",
            "sockets": {"clock": "2026-11-23T10:00:00Z", "listening": False, "sshd": True, "tunnels": 0},
            "log": {
                "last_alive": "2026-11-23T09:56:55Z",
                "failing_since": "2026-11-23T09:57:09Z",
                "failing_until": "2026-11-23T09:59:56Z",
                "failures": 7,
            },
            "containers": {POD: "running"},
        },
        "original": {
            "api_version": "apps/v1",
            "kind": "Deployment",
            "namespace": "default",
            "name": "web",
            "uid": web["metadata"]["uid"],
            "matched_by": "name",
            "replicas": 0,
        },
        "replicas": 3,
        "evidence": [
            {
                "source": "scaling_event",
                "class": "swap",
                "value": 3,
                "time": swap["lastTimestamp"],
                "object": f"Event default/{swap['metadata']['name']}",
            },
            {
                "source": "last_applied",
                "class": "declared",
                "value": 2,
                "time": None,
                "object": "Deployment default/web",
            },
        ],
        "managed_by": [],
        "plan": [
            {"action": "scale", "object": "Deployment default/web", "before": 0, "after": 3, "done": False},
            {"action": "delete", "object": f"Pod default/{POD}", "done": False},
        ],
        "outcome": "restorable",
    }
    assert cluster.writes == []


def test_the_summary_counts_and_the_lists_divide(cluster: Cluster) -> None:
    cluster.stage()
    cluster.stage(MULTI, "alive", namespace="shop")
    cluster.stage(NEW, "clientless", namespace="new")
    cluster.web("lonely", namespace="other")
    cluster.client(cluster.proxy("f" * 32, 900, "lonely", "other"), "gone", "other")
    result = cluster.run()
    assert result["summary"] == {
        "sessions": 4,
        "verdicts": {"stale": 2, "alive": 1, "clientless": 1},
        "outcomes": {"restored": 1, "none": 2, "needs_decision": 1},
        "lost": 0,
        "needs_attention": True,
    }
    assert [record["namespace"] for record in result["orphans"]] == ["other", "default"]
    assert [record["namespace"] for record in result["restored"]] == ["default"]
    assert [record["namespace"] for record in result["skipped_sessions"]] == ["other"]
    assert result["failed_sessions"] == []
    assert len(cluster.writes) == 2


@pytest.mark.parametrize("check", [True, False])
def test_the_diff(cluster: Cluster, check: bool) -> None:
    cluster.stage()
    cluster.stage(NEW, namespace="shop")
    assert cluster.run(check=check)["diff"] == {
        "before": {
            "Deployment default/web": {"replicas": 0},
            f"Pod default/{POD}": "present",
            "Deployment shop/mydev": "present",
            "Service shop/mydev": "present",
        },
        "after": {
            "Deployment default/web": {"replicas": 3},
            f"Pod default/{POD}": "absent",
            "Deployment shop/mydev": "absent",
            "Service shop/mydev": "absent",
        },
    }
    assert len(cluster.writes) == (0 if check else 4)


# Secrets ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MAIN)
@pytest.mark.parametrize("how", ["file", "inline", "api_key", "wrong api_key", "password"])
def test_no_secret_is_returned(cluster: Cluster, module: str, how: str, tmp_path: Path) -> None:
    cluster.stage()
    ca = tmp_path / "ca.pem"
    ca.write_bytes(cluster.server.ca)
    by_options = {"kubeconfig": None, "host": cluster.server.url, "ca_cert": str(ca)}
    canary = "canary-5f0c"
    options: dict[str, Any] = {
        "file": {},
        "inline": {"kubeconfig": yaml.safe_load(Path(cluster.kubeconfig).read_text())},
        "api_key": {**by_options, "api_key": TOKEN},
        "wrong api_key": {**by_options, "api_key": canary},
        "password": {**by_options, "username": "somebody", "password": canary},
    }[how]
    # Ansible shows more of the same result at -vvv: the invocation is in it already.
    result = run_module(
        MAIN[module], {"kubeconfig": cluster.kubeconfig, **options, "_ansible_verbosity": 4}, check=True
    )
    assert "invocation" in result
    assert TOKEN not in json.dumps(result) and canary not in json.dumps(result)
    assert bool(result.get("failed")) is (how in ("wrong api_key", "password"))
    assert cluster.server.writes == []


# Cost ---------------------------------------------------------------------------------------------------------------------

ASKED = {"create selfsubjectreviews": 1, "get namespaces kube-system": 1}
RIGHTS = {"orphans": {"create selfsubjectaccessreviews": 11}, "restore": {"create selfsubjectaccessreviews": 16}}
SESSIONS = {"list namespaces": 1, "list configmaps": 1, "list deployments": 1, "list pods": 1, "list services": 1}
ORIGINALS = {"list deployments in default": 1}
ALIVE = {"get pods/proxy": 1}
DEAD = {"get pods/proxy": 1, "get pods/exec": 1, "get pods/log": 1}
EVIDENCE = {
    "list events in default": 1,
    "list replicasets in default": 1,
    "list horizontalpodautoscalers in default": 1,
}
# The sessions before the scale and after it, and the original before its proxy goes.
CHECKS = {"list deployments in default": 3, "list pods in default": 2}
WRITES = {"update deployments/scale": 1, "create events": 1, "delete pods": 1}


@pytest.mark.parametrize(
    ("module", "check", "state", "parts"),
    [
        ("orphans", False, None, []),
        ("restore", False, None, []),
        ("orphans", False, "alive", [ORIGINALS, ALIVE]),
        ("restore", False, "alive", [ORIGINALS, ALIVE]),
        ("orphans", False, "gone", [ORIGINALS, DEAD, EVIDENCE]),
        ("restore", True, "gone", [ORIGINALS, DEAD, EVIDENCE]),
        ("restore", False, "gone", [ORIGINALS, DEAD, EVIDENCE, CHECKS, WRITES]),
    ],
)
def test_the_requests_of_a_run(
    cluster: Cluster, module: str, check: bool, state: str | None, parts: list[dict[str, int]]
) -> None:
    if state:
        cluster.stage(POD_3, state)
    cluster.run(module, check=check)
    expected: Counter[str] = Counter()
    for part in (ASKED, RIGHTS[module], SESSIONS, *parts):
        expected.update(part)
    assert Counter(_name(request.access) for request in cluster.seen() if request.access.resource) == expected
    # The client's own: the version and what the server offers.
    assert len([request for request in cluster.seen() if not request.access.resource]) <= 10
    assert len(cluster.writes) == (2 if WRITES in parts else 0)


def _name(access: Any) -> str:
    resource = access.resource + (f"/{access.subresource}" if access.subresource else "")
    named = f" {access.name}" if access.resource == "namespaces" and access.name else ""
    where = f" in {access.namespace}" if access.verb == "list" and access.namespace else ""
    return f"{access.verb} {resource}{named}{where}"


def test_many_sessions_cost_no_more_lists(cluster: Cluster) -> None:
    """The lists of the evidence are one for each namespace, not one for each session."""
    for number in range(8):
        cluster.web(f"web{number}", annotations={})
        cluster.client(cluster.proxy(f"{number}" * 32, 900, f"web{number}"), "gone")
    cluster.run("orphans")
    lists = Counter(_name(request.access) for request in cluster.seen("list"))
    assert lists == Counter({**SESSIONS, **ORIGINALS, **EVIDENCE})
    assert len(cluster.execs) == 8
    assert cluster.writes == []
