"""Originals that lost their replicas without a trace: always listed, put back only where that is asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.observe import Observer
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.record import Stored

from wire import status
from wire.request import Request
from wire.script import FOREVER, Fault, Reset, on
from wire.store import never_ready

from .cluster import POD_3, Cluster, Result
from .test_baseline import own_zero

NEWCOMER = "f" * 32
PUT = "PUT deployments/web/scale 3"
EVENT = "POST events"
scaling = on("update", "deployments", "scale")
KEYS = {"namespace", "original", "replicas", "evidence", "managed_by", "plan", "outcome", "message"}


def lose(cluster: Cluster, name: str = "web", namespace: str = "default") -> None:
    """A client's ``kubectl scale`` to 0, after which its proxy went."""
    kind = cluster.store.kind("Deployment")
    cluster.store.update_scale(kind, namespace, name, {"metadata": {"name": name}, "spec": {}})


@pytest.fixture
def lost(cluster: Cluster) -> Cluster:
    """A cluster in which web was noted with 3, and is lost since."""
    cluster.web("web", replicas=3)
    cluster.run("baseline")
    cluster.clock.sleep(3600)
    lose(cluster)
    return cluster


def only_lost(result: Result) -> dict[str, Any]:
    """The one lost original of a result."""
    (one,) = result["lost"]
    assert isinstance(one, dict) and set(one) == KEYS
    return one


def without_event(writes: list[str]) -> list[str]:
    """The writes but for the Events."""
    return [write for write in writes if not write.startswith(EVENT)]


@pytest.mark.parametrize("scope", [{}, {"namespaces": ["default"]}])
@pytest.mark.parametrize("module", ["orphans", "restore"])
def test_it_is_listed_and_left_alone(lost: Cluster, module: str, scope: dict[str, Any]) -> None:
    result = lost.run(module, **scope)
    one = only_lost(result)
    web = lost.store.get("Deployment", "web", "default")
    assert web
    assert one["original"] == {
        "api_version": "apps/v1",
        "kind": "Deployment",
        "namespace": "default",
        "name": "web",
        "uid": web["metadata"]["uid"],
        "replicas": 0,
    }
    assert (one["namespace"], one["replicas"], one["outcome"], one["plan"]) == ("default", 3, "none", [])
    assert [(each["source"], each["class"], each["value"]) for each in one["evidence"]] == [("baseline", "recorded", 3)]
    assert (result["changed"], result["summary"]["lost"], result["summary"]["needs_attention"]) == (False, 1, False)
    assert lost.writes == [] and result["sessions"] == []


def test_it_is_put_back_where_that_is_asked_for(lost: Cluster) -> None:
    checked = lost.run(lost=True, check=True)
    assert (only_lost(checked)["outcome"], checked["changed"], lost.writes) == ("restorable", True, [])
    result = lost.run(lost=True, wait=True)
    one = only_lost(result)
    assert (one["outcome"], one["original"]["replicas"], lost.replicas()) == ("restored", 3, 3)
    assert one["message"] == "Deployment default/web is back at 3."
    assert one["plan"] == [
        {"action": "scale", "object": "Deployment default/web", "before": 0, "after": 3, "done": True}
    ]
    assert without_event(lost.writes) == [PUT]
    (event,) = lost.seen("create", "events")
    assert "it had lost its replicas" in event.body["message"] and "baseline" in event.body["message"]
    assert (
        result["diff"]
        == checked["diff"]
        == {
            "before": {"Deployment default/web": {"replicas": 0}},
            "after": {"Deployment default/web": {"replicas": 3}},
        }
    )
    assert result["restored"] == [] and result["summary"]["needs_attention"] is False
    again = lost.run(lost=True)
    assert (again["lost"], again["changed"], lost.writes) == ([], False, [])


def test_an_original_whose_proxy_went_is_put_back_by_the_note_of_its_session(cluster: Cluster) -> None:
    pod = cluster.stage(POD_3, "alive")
    cluster.run("baseline")
    cluster.store.remove("Pod", pod, "default")
    cluster.run("baseline")
    result = cluster.run(lost=True)
    assert (only_lost(result)["outcome"], cluster.replicas()) == ("restored", 3)
    assert only_lost(result)["evidence"][0]["source"] == "session_record"


def test_an_owned_zero_is_not_lost(cluster: Cluster) -> None:
    cluster.web("web", replicas=3)
    cluster.run("baseline")
    own_zero(cluster, "web")
    assert cluster.run(lost=True)["lost"] == []


def test_one_with_an_autoscaler_is_not_lost(lost: Cluster) -> None:
    target = {"kind": "Deployment", "name": "web"}
    lost.store.load(
        {
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"minReplicas": 2, "scaleTargetRef": target},
        }
    )
    assert lost.run(lost=True)["lost"] == []


@pytest.mark.parametrize("state", ["alive", "starting", "gone"])
def test_one_with_a_proxy_is_not_lost(lost: Cluster, state: str) -> None:
    lost.client(lost.proxy(NEWCOMER, 900), state)
    assert lost.run("orphans")["lost"] == []


@pytest.mark.parametrize("what", ["Namespace", "Deployment"])
def test_one_to_be_left_alone_is(lost: Cluster, what: str) -> None:
    name, namespace = ("default", "") if what == "Namespace" else ("web", "default")
    note = {"devclusters.telepresence/ignore": "true"}
    lost.store.edit(what, name, namespace, lambda obj: obj["metadata"].update(annotations=note))
    assert lost.run(lost=True)["lost"] == []
    assert lost.writes == []


def test_only_what_is_selected(lost: Cluster) -> None:
    assert lost.run(lost=True, select="original.name == 'api'")["lost"] == []
    assert lost.writes == []
    assert only_lost(lost.run(lost=True, select="original.name == 'web'"))["outcome"] == "restored"


def test_max_restores_counts_them_after_the_sessions(lost: Cluster) -> None:
    lost.stage(POD_3, "gone", namespace="shop")
    result = lost.run(lost=True, max_restores=1)
    assert (result["sessions"][0]["outcome"], only_lost(result)["outcome"]) == ("restored", "held")
    assert result["summary"]["needs_attention"] is True and lost.replicas() == 0
    assert only_lost(lost.run(lost=True, max_restores=1))["outcome"] == "restored"


def test_a_number_that_is_not_believed_needs_a_decision(lost: Cluster) -> None:
    result = lost.run(lost=True, replicas_limit=2)
    assert (only_lost(result)["outcome"], result["summary"]["needs_attention"], lost.writes) == (
        "needs_decision",
        True,
        [],
    )
    assert result.get("failed") is None
    assert only_lost(lost.run(lost=True, replicas_limit=2, replicas={"default/web": 4}))["outcome"] == "restored"
    assert lost.replicas() == 4


def test_one_that_does_not_become_ready_failed(lost: Cluster) -> None:
    lost.store.controller = never_ready
    result = lost.run(lost=True, wait=True, wait_timeout=10)
    assert result["failed"] is True and "default: Deployment default/web is back at 3, but only 0 of 3" in result["msg"]
    assert (only_lost(result)["outcome"], result["summary"]["needs_attention"]) == ("failed", True)


# What others do -----------------------------------------------------------------------------------------------------------

FAULTS: dict[str, Fault] = {
    "reset after the server acted": Reset(acts=True),
    "reset before": Reset(),
    "503": status.unavailable(),
    "429": status.too_many_requests(1),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_scale_whose_answer_does_not_come_is_looked_into(lost: Cluster, fault: str) -> None:
    lost.server.script(scaling, FAULTS[fault])
    result = lost.run(lost=True)
    assert (only_lost(result)["outcome"], lost.replicas(), result["changed"]) == ("restored", 3, True)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (status.unavailable(), "Whether it was scaled is not known."),
        (status.forbidden("recover", "update", "apps", "deployments/scale", "default", "web"), "Nothing was changed."),
    ],
)
def test_a_scale_that_never_succeeds(lost: Cluster, fault: Fault, said: str) -> None:
    lost.web("api", replicas=2)
    lost.run("baseline")
    lost.clock.sleep(60)
    lose(lost, "api")
    lost.server.script(on("update", "deployments", "scale", name="web"), fault, times=FOREVER)
    result = lost.run(lost=True)
    outcomes = {one["original"]["name"]: one for one in result["lost"]}
    assert (outcomes["web"]["outcome"], outcomes["api"]["outcome"]) == ("failed", "restored")
    assert said in outcomes["web"]["message"] and result["failed"] is True and "default: " in result["msg"]


def test_somebody_else_puts_it_back(lost: Cluster) -> None:
    def other(request: Request) -> None:
        lost.store.edit("Deployment", "web", "default", lambda web: web["spec"].update(replicas=1))

    lost.server.script(scaling, other)
    result = lost.run(lost=True)
    assert (only_lost(result)["outcome"], lost.replicas(), result["changed"]) == ("none", 1, False)
    assert only_lost(result)["message"] == "It is no longer lost, by other hands."


def test_a_swap_before_the_write_is_seen(lost: Cluster) -> None:
    """Between the first look and the second."""
    seen = []

    def swap(request: Request) -> None:
        seen.append(request)
        if len(seen) == 2:
            lost.proxy(NEWCOMER, 0)

    lost.server.script(on("list", "configmaps"), swap, times=2)
    result = lost.run(lost=True)
    assert (only_lost(result)["outcome"], lost.replicas(), lost.writes) == ("none", 0, [])


def test_its_scale_is_noted_before_it_is_made_and_told_of_after_an_interruption(lost: Cluster, tmp_path: Path) -> None:
    journal = tmp_path / "recover.json.part"
    noted: list[str] = []
    lost.server.script(scaling, lambda request: noted.append(journal.read_text()))
    lost.run(lost=True, journal=str(journal))
    last = json.loads(noted[0].splitlines()[-1])
    assert (last["action"], last["kind"], last["name"], last["count"]) == ("scale", "Deployment", "web", 3)
    journal.write_text(noted[0])  # as the run would have left it, had it ended right after the scale
    (notice,) = lost.run(journal=str(journal))["notices"]
    assert "had set out to scale Deployment default/web to 3; the workload has 3 replicas now." in notice


def test_a_scale_that_has_to_be_taken_back_is_even_if_its_version_is_old_by_then(lost: Cluster) -> None:
    """The controller writes the status right after the scale."""

    def swap(request: Request) -> None:
        lost.proxy(NEWCOMER, 0)

    def touch(request: Request) -> None:
        lost.store.edit("Deployment", "web", "default", lambda web: web["metadata"].update(labels={"touched": "yes"}))

    lost.server.script(scaling, swap, touch)
    result = lost.run(lost=True)
    assert (only_lost(result)["outcome"], lost.replicas(), result["changed"]) == ("none", 0, False)


def test_a_failure_after_the_scale_does_not_hide_it(lost: Cluster) -> None:
    def deny(request: Request) -> None:
        lost.server.script(
            on("list", "configmaps"),
            status.forbidden("recover", "list", "", "configmaps", "default", ""),
            times=FOREVER,
        )

    lost.server.script(scaling, deny)
    result = lost.run(lost=True)
    one = only_lost(result)
    assert (one["outcome"], lost.replicas(), result["changed"]) == ("failed", 3, True)
    assert "Done before that: Deployment default/web is back at 3." in one["message"]


def test_while_one_is_looked_at_again_the_others_keep_their_records(
    lost: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, known = Observer.read_records, []

    def watched(observer: Observer, namespaces: Sequence[str] | None) -> dict[str, Stored]:
        known.append((namespaces, sorted(observer.records)))
        return read(observer, namespaces)

    monkeypatch.setattr(Observer, "read_records", watched)
    lost.run(lost=True)
    assert [pair for pair in known if pair[0]] == [(["default"], ["default"])] * 2


def test_a_swap_at_that_very_moment_finds_its_original_at_zero(lost: Cluster) -> None:
    lost.server.script(scaling, lambda request: lost.proxy(NEWCOMER, 0))
    result = lost.run(lost=True)
    assert without_event(lost.writes) == [PUT, "PUT deployments/web/scale 0"]
    assert (only_lost(result)["outcome"], lost.replicas(), result["changed"]) == ("none", 0, False)
    assert only_lost(result)["message"] == "A session replaced it at that very moment: it is at 0 again."


def test_a_cluster_without_notes_is_not_read_for_them(cluster: Cluster) -> None:
    cluster.web("web", replicas=0)
    assert cluster.run(lost=True)["lost"] == []
    labelled = [request for request in cluster.seen("list", "deployments") if not request.param("labelSelector")]
    assert labelled == []
