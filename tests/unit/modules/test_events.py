"""The Event on a restored workload: when it is written, and that it stops nothing."""

from __future__ import annotations

from typing import Any

import pytest

from wire import status
from wire.request import Request
from wire.script import FOREVER, Fault, Reset, on
from wire.server import USER

from .cluster import DEPLOYMENT_2, NEW, POD_3, Cluster, only

POD = "web-9bdd4ff98a184820b2d4027b00a9af39"
SCALE, DELETE = "PUT deployments/web/scale 3", f"DELETE pods/{POD}"

telling = on("create", "events")


@pytest.mark.parametrize(("case", "count"), [(POD_3, 3), (DEPLOYMENT_2, 2)])
def test_a_restore_leaves_an_event_on_the_original(cluster: Cluster, case: str, count: int) -> None:
    cluster.stage(case)
    record = only(cluster.run())
    (event,) = cluster.events
    original, best = record["original"], record["evidence"][0]
    assert event["involvedObject"] == {
        "apiVersion": original["api_version"],
        **{key: original[key] for key in ("kind", "namespace", "name", "uid")},
    }
    assert (event["reason"], event["type"]) == ("TelepresenceRestored", "Normal")
    for said in (f"to {count} ", record["session_id"], best["source"], best["class"], best["object"]):
        assert said in event["message"]
    order = [f"{one.access.verb} {one.access.resource}" for one in cluster.seen() if one.is_write]
    assert order[:2] == ["update deployments", "create events"]
    assert order[2].startswith("delete")


def test_a_second_run_writes_no_second_event(cluster: Cluster) -> None:
    cluster.stage()
    cluster.run()
    assert cluster.run()["changed"] is False
    assert len(cluster.events) == 1 and not cluster.seen("create", "events")


@pytest.mark.parametrize("case", [POD_3, NEW])
def test_nothing_that_was_not_scaled_is_told_of(cluster: Cluster, case: str) -> None:
    cluster.stage(case, age=1000)
    if case == POD_3:
        cluster.store.edit("Deployment", "web", "default", lambda web: web["spec"].update(replicas=3))
    assert only(cluster.run())["outcome"] == "restored"
    assert cluster.events == [] and not cluster.seen("create", "events")


def test_check_mode_writes_no_event(cluster: Cluster) -> None:
    cluster.stage()
    assert only(cluster.run(check=True))["outcome"] == "restorable"
    assert cluster.events == []


FAULTS: dict[str, tuple[Fault, int]] = {
    "forbidden": (status.forbidden(USER, "create", "", "events", "default", ""), 1),
    "unavailable": (status.unavailable(), FOREVER),
    "reset before": (Reset(), FOREVER),
    "wants a long pause": (status.too_many_requests(600), 1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_an_event_that_cannot_be_written_stops_nothing_and_is_told(cluster: Cluster, fault: str) -> None:
    cluster.stage()
    what, times = FAULTS[fault]
    cluster.server.script(telling, what, times=times)
    result = cluster.run()
    assert (only(result)["outcome"], result["changed"], result.get("failed")) == ("restored", True, None)
    assert cluster.writes == [SCALE, DELETE] and cluster.events == []
    assert "There is no Event about it: Failed to write an Event on Deployment default/web" in only(result)["message"]


def test_an_event_whose_answer_did_not_come_is_written_once(cluster: Cluster) -> None:
    cluster.stage()
    cluster.server.script(telling, Reset(acts=True))
    record = only(cluster.run())
    assert [request.status for request in cluster.seen("create", "events")] == [None, 409]
    assert (record["outcome"], len(cluster.events)) == ("restored", 1)
    assert "no Event" not in record["message"]


def test_two_sessions_of_one_original_have_one_event(cluster: Cluster) -> None:
    cluster.stage()
    cluster.client(cluster.proxy("f" * 32, created=500), "gone")
    assert {record["outcome"] for record in cluster.run()["sessions"]} == {"restored"}
    (event,) = cluster.events
    assert POD.removeprefix("web-") in event["message"]


def test_the_event_outlives_a_run_that_could_not_delete_the_proxy(cluster: Cluster) -> None:
    cluster.stage()
    cluster.server.script(on("delete", "pods"), status.forbidden(USER, "delete", "", "pods", "default", POD))
    assert only(cluster.run())["outcome"] == "failed"
    assert len(cluster.events) == 1
    assert only(cluster.run())["outcome"] == "restored"
    assert len(cluster.events) == 1


def test_a_long_name_makes_an_event_that_a_cluster_takes(cluster: Cluster) -> None:
    cluster.stage()
    name = "a" * 120 + "." + "b" * 130
    cluster.web(name)
    sid = "e" * 32
    pod = cluster.proxy(sid, created=600, original=name[:17])
    cluster.client(pod, "gone")

    def fails(request: Request) -> Any:
        assert len(request.body["metadata"]["name"]) <= 253

    cluster.server.script(telling, fails, times=2)
    result = cluster.run(replicas={f"default/{name}": 2})
    assert {record["outcome"] for record in result["sessions"]} == {"restored"}
    assert len(cluster.events) == 2
