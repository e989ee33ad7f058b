"""Every recorded session with its client in every recorded state: what is found, planned, written, and found afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from .cluster import COMPLETED, DEPLOYMENT_2, MULTI, NEW, POD_3, Cluster, Record, only

VERDICTS = {
    "alive": "alive",
    "starting": "starting",
    "suspended": "suspended",
    "asleep-5s": "suspended",
    "clientless": "clientless",
    "gone": "stale",
    "asleep-2min": "stale",
}
# What the pod proxy and the exec tell of each state.
HTTP = {
    "alive": "alive",
    "starting": "refused",
    "suspended": "silent",
    "asleep-5s": "silent",
    "clientless": "closed",
    "gone": "refused",
    "asleep-2min": "refused",
}
STALE = [state for state, verdict in VERDICTS.items() if verdict == "stale"]


@dataclass(frozen=True)
class Expected:
    """What is to be found of one recorded session, and to be written where its client is gone."""

    session_id: str
    version: str
    mode: str
    original: str | None
    matched_by: str | None
    replicas: int | None
    evidence: tuple[tuple[str, str, int], ...]
    plan: tuple[str, ...]
    writes: tuple[str, ...]


SESSIONS = {
    POD_3: Expected(
        "9bdd4ff98a184820b2d4027b00a9af39",
        "0.109",
        "swap_pod",
        "web",
        "name",
        3,
        (("scaling_event", "swap", 3), ("last_applied", "declared", 2)),
        ("scale Deployment default/web 0 3", "delete Pod default/web-9bdd4ff98a184820b2d4027b00a9af39"),
        ("PUT deployments/web/scale 3", "DELETE pods/web-9bdd4ff98a184820b2d4027b00a9af39"),
    ),
    DEPLOYMENT_2: Expected(
        "a5e5aba7e66c4360b52dabfe010e5d68",
        "0.105",
        "swap_deployment",
        "web",
        "uid",
        2,
        (("scaling_event", "swap", 2), ("proxy_last_applied", "swap", 2), ("last_applied", "declared", 2)),
        ("scale Deployment default/web 0 2", "delete Deployment default/web-a5e5aba7e66c4360b52dabfe010e5d68"),
        ("PUT deployments/web/scale 2", "DELETE deployments/web-a5e5aba7e66c4360b52dabfe010e5d68"),
    ),
    MULTI: Expected(
        "992b6093010c4ad283c793585a9312a5",
        "0.109",
        "swap_pod",
        "checkout-service-with-long-name",
        "name",
        2,
        (("scaling_event", "swap", 2), ("last_applied", "declared", 2)),
        (
            "scale Deployment default/checkout-service-with-long-name 0 2",
            "delete Pod default/checkout-service--992b6093010c4ad283c793585a9312a5",
        ),
        (
            "PUT deployments/checkout-service-with-long-name/scale 2",
            "DELETE pods/checkout-service--992b6093010c4ad283c793585a9312a5",
        ),
    ),
    NEW: Expected(
        "92844d8c905b4f67be2c229feb28f0ec",
        "0.105",
        "new",
        None,
        None,
        None,
        (),
        ("delete Deployment default/mydev", "delete Service default/mydev"),
        ("DELETE deployments/mydev", "DELETE services/mydev"),
    ),
}


def planned(record: Record) -> tuple[str, ...]:
    """A record's plan, one line for each action."""
    said = []
    for action in record["plan"]:
        counts = f" {action['before']} {action['after']}" if action["action"] == "scale" else ""
        said.append(f"{action['action']} {action['object']}{counts}")
    return tuple(said)


def lasting(record: Record) -> dict[str, Any]:
    """What of a record does not depend on whether its plan was carried out."""
    changing = ("outcome", "message", "plan")
    kept = {key: value for key, value in record.items() if key not in changing}
    return {**kept, "original": {**(record["original"] or {}), "replicas": None}}


@pytest.mark.parametrize("state", VERDICTS)
@pytest.mark.parametrize("case", SESSIONS)
def test_a_recorded_session(cluster: Cluster, request: pytest.FixtureRequest, case: str, state: str) -> None:
    if HTTP[state] == "silent":
        request.getfixturevalue("hasty")
    cluster.stage(case, state)
    expected, orphan = SESSIONS[case], state in STALE

    checked = cluster.run(check=True)
    record = only(checked)
    assert (record["session_id"], record["client_version"]) == (expected.session_id, expected.version)
    assert (record["mode"], record["namespace"]) == (expected.mode, "default")
    assert (record["verdict"], record["probes"]["http"]) == (VERDICTS[state], HTTP[state])
    original = record["original"] or {}
    assert (original.get("name"), original.get("matched_by")) == (expected.original, expected.matched_by)
    found = tuple((one["source"], one["class"], one["value"]) for one in record["evidence"])
    assert found == (expected.evidence if orphan else ())
    assert record["replicas"] == (expected.replicas if orphan else None)
    assert planned(record) == (expected.plan if orphan else ())
    assert record["outcome"] == ("restorable" if orphan else "none")
    assert not any(action["done"] for action in record["plan"])
    assert checked["changed"] is orphan and checked["restored"] == []
    assert len(checked["orphans"]) == orphan

    done = cluster.run()
    assert cluster.writes == list(expected.writes if orphan else ())
    assert lasting(only(done)) == lasting(record) or HTTP[state] == "silent"
    assert only(done)["outcome"] == ("restored" if orphan else "none")
    assert planned(only(done)) == planned(record)
    assert all(action["done"] for action in only(done)["plan"])
    assert done["restored"] == (done["sessions"] if orphan else [])
    assert (done["changed"], done["diff"]) == (checked["changed"], checked["diff"])
    if orphan:
        again = cluster.run()
        assert (again["changed"], again["sessions"], cluster.writes) == (False, [], [])
        assert not expected.original or cluster.replicas(expected.original) == expected.replicas


@pytest.mark.parametrize("case", SESSIONS)
@pytest.mark.parametrize("state", ["alive", "gone"])
def test_orphans_finds_the_same_as_restore_in_check_mode(cluster: Cluster, case: str, state: str) -> None:
    cluster.stage(case, state)
    looked = cluster.run("orphans")
    planned_only = cluster.run("restore", check=True)
    assert looked["changed"] is False
    for key in ("cluster", "sessions", "orphans", "lost", "summary"):
        assert looked[key] == planned_only[key]
    assert cluster.writes == []


def test_a_proxy_that_ended_is_asked_nothing(cluster: Cluster) -> None:
    cluster.stage(COMPLETED, "alive")
    cluster.web()
    result = cluster.run(replicas={"default/web": 4})
    assert (only(result)["verdict"], only(result)["outcome"]) == ("ended", "restored")
    assert cluster.seen(subresource="exec") + cluster.seen(subresource="proxy") + cluster.seen(subresource="log") == []
    assert cluster.writes == ["PUT deployments/web/scale 4", "DELETE pods/web-3af6174e0d8048cbac798f2c7d0ee9bf"]


def test_a_proxy_without_an_original_is_left_to_a_person(cluster: Cluster) -> None:
    cluster.stage(COMPLETED, "gone")
    result = cluster.run()
    assert (only(result)["verdict"], only(result)["outcome"]) == ("ended", "needs_decision")
    assert "no workload of one of workload_kinds in namespace default fits it" in only(result)["message"]
    assert result["summary"]["needs_attention"] is True
    assert cluster.writes == []


@pytest.mark.parametrize("namespace", ["default", "shop"])
def test_the_scale_names_what_was_read_and_the_delete_its_uid(cluster: Cluster, namespace: str) -> None:
    pod = cluster.stage(POD_3, "gone", namespace=namespace)
    web = cluster.store.get("Deployment", "web", namespace)
    proxy = cluster.store.get("Pod", pod, namespace)
    assert web and proxy
    cluster.run()
    (put,) = cluster.seen("update")
    (delete,) = cluster.seen("delete")
    assert put.path == f"/apis/apps/v1/namespaces/{namespace}/deployments/web/scale"
    assert put.body["metadata"] == {
        key: web["metadata"][key] for key in ("name", "namespace", "uid", "resourceVersion")
    }
    assert put.body["spec"] == {"replicas": 3}
    assert delete.path == f"/api/v1/namespaces/{namespace}/pods/{pod}"
    assert delete.body["preconditions"] == {"uid": proxy["metadata"]["uid"]}
