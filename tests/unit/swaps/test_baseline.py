"""What is noted: what is well, what a swap still tells; and what stays as it was."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.baseline import (
    Seen,
    Swap,
    left_at_zero,
    renewed,
)
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.counts import Evidence
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.originals import Match
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.record import Autoscaler, Note, Record

from .builders import (
    OTHER_SID,
    SID,
    SWAPPED_AT,
    autoscaler,
    deployment,
    evidence,
    later,
    one_session,
    owned_replicas,
    pod,
    proxy_deployment,
)

BEFORE, NOW = later(-3600), later(3600)
WEB = "Deployment/web"
IGNORE = {"devclusters.telepresence/ignore": "true"}
PATCHED = [owned_replicas("kubectl-patch", later(-60))]


def note(count: int, time: str = BEFORE, source: str = "running", uid: str = "uid-web", **changes: t.Any) -> Note:
    """A note of web."""
    return Note(WEB, uid, count, source, time, **changes)


def seen(*workloads: Object, **changes: t.Any) -> Seen:
    """A namespace as a run saw it."""
    return Seen("shop", NOW, {"Deployment", "DeploymentConfig"}, workloads, **changes)


def swap(original: Object, sid: str = SID, *found: Evidence, **proxy: t.Any) -> Swap:
    """A session that replaced a workload."""
    return Swap(one_session(pod(f"web-{sid}", sid, **proxy)), Match(original, "name", (original,)), found)


def of_web(old: Note | None, now: Seen) -> Note | None:
    """What is noted of web after a run, by what was noted before."""
    return renewed(Record({WEB: old} if old else {}), now).workloads.get(WEB)


# Workloads


@pytest.mark.parametrize(
    ("old", "web", "expected"),
    [
        (None, deployment(replicas=3), note(3, NOW)),
        (note(3), deployment(replicas=3), note(3)),
        (note(3), deployment(replicas=5), note(5, NOW)),
        (note(3, source="told"), deployment(replicas=3), note(3, source="told")),
        (None, deployment(replicas=0), None),
        (note(3), deployment(replicas=0), note(3)),
        (note(3), deployment(replicas=0, managed=PATCHED), note(0, NOW, "owner")),
        (None, deployment(replicas=0, managed=PATCHED), note(0, NOW, "owner")),
        (note(0, source="owner"), deployment(replicas=0, managed=PATCHED), note(0, source="owner")),
        (note(0, source="owner"), deployment(replicas=0), note(0, source="owner")),
        (note(0, source="owner"), deployment(replicas=2), note(2, NOW)),
        (note(3, later(-30)), deployment(replicas=0, managed=PATCHED), note(3, later(-30))),
        (note(3, uid="uid-earlier"), deployment(replicas=0), None),
        (note(3, uid="uid-earlier"), deployment(replicas=3), note(3, NOW)),
        (note(3), deployment(replicas=5, annotations=IGNORE), note(3)),
        (None, deployment(replicas=5, annotations=IGNORE), None),
        (note(3), deployment(replicas=1, labels={"telepresence": SID}), note(3)),
        (None, proxy_deployment(), None),
        (note(3), {**deployment(replicas=0, managed=PATCHED), "kind": "DeploymentConfig"}, None),
    ],
    ids=[
        "new",
        "no-news",
        "scaled",
        "told-and-so",
        "at-0-at-first-sight",
        "an-unowned-0-is-no-news",
        "an-owned-0",
        "an-owned-0-at-first-sight",
        "still-0",
        "0-by-whom-ever-after-0",
        "up-again",
        "an-owner-who-has-not-written-since-the-note",
        "made-anew-at-0",
        "made-anew",
        "ignored",
        "ignored-at-first-sight",
        "changed-in-place",
        "proxy",
        "another-kind",
    ],
)
def test_a_workload(old: Note | None, web: Object, expected: Note | None) -> None:
    assert of_web(old, seen(web)) == expected


def test_no_zero_of_openshift_is_surely_owned() -> None:
    """Its scale leaves the owners of the number before (openshift-apiserver, registry/deployconfig/etcd/etcd.go)."""
    web = {**deployment(replicas=0, managed=PATCHED), "kind": "DeploymentConfig"}
    old = replace(note(3), workload="DeploymentConfig/web")
    assert renewed(Record({old.workload: old}), seen(web)).workloads == {old.workload: old}
    assert renewed(Record(), seen(web)).workloads == {}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_workload_with_a_session_stays_as_it_was_noted(count: int) -> None:
    web = deployment(replicas=count, managed=PATCHED)
    assert of_web(note(5), seen(web, swaps=[swap(web)])) == note(5)
    assert of_web(None, seen(web, swaps=[swap(web)])) is None


def test_a_candidate_of_a_session_may_be_its_original() -> None:
    web = deployment(replicas=1)
    unsure = Swap(one_session(pod()), Match(candidates=(web,), problem="more than one"))
    assert of_web(note(5), seen(web, swaps=[unsure])) == note(5)


@pytest.mark.parametrize(("told", "expected"), [(0, note(0, NOW, "told")), (4, note(4, NOW, "told"))])
@pytest.mark.parametrize("count", [0, 3])
def test_told_wins(told: int, expected: Note, count: int) -> None:
    web = deployment(replicas=count)
    assert of_web(note(3), seen(web, told={"web": told})) == expected
    assert of_web(note(3), seen(web, told={"web": told}, swaps=[swap(web)])) == expected
    # As long as it is told, it is no news.
    assert of_web(expected, replace(seen(web, told={"web": told}), time=later(7200))) == expected


def test_an_unowned_zero_after_a_told_one_is_no_news() -> None:
    assert of_web(note(0, source="told"), seen(deployment(replicas=0))) == note(0, source="told")


def test_what_is_gone_goes() -> None:
    assert renewed(Record({WEB: note(3)}), seen(deployment("api", 1))).workloads.keys() == {"Deployment/api"}


# Autoscalers


def scaled(least: int | None, most: int, desired: int) -> Object:
    """The HorizontalPodAutoscaler of web."""
    found = autoscaler(least)
    found["spec"]["maxReplicas"], found["status"] = most, {"desiredReplicas": desired}
    return found


def test_the_minimum_of_an_autoscaler_is_noted() -> None:
    noted = of_web(None, seen(deployment(replicas=6), autoscalers=[scaled(2, 9, 6)]))
    assert noted == note(2, NOW, "autoscaler", autoscaler=Autoscaler("scaler", 2, 9, 6))
    assert noted and noted.autoscaler and noted.autoscaler.desired == 6


@pytest.mark.parametrize(
    ("web", "scaler", "news"),
    [
        (deployment(replicas=8), scaled(2, 9, 8), False),
        (deployment(replicas=8), scaled(3, 9, 8), True),
        (deployment(replicas=8), scaled(2, 8, 8), True),
        (deployment(replicas=8), None, True),
        (deployment(replicas=0), scaled(2, 9, 0), False),
    ],
    ids=["the-load-changed", "other-minimum", "other-maximum", "no-longer-scaled", "paused"],
)
def test_the_load_is_no_news(web: Object, scaler: Object | None, news: bool) -> None:
    old = note(2, source="autoscaler", autoscaler=Autoscaler("scaler", 2, 9, 6))
    now = of_web(old, seen(web, autoscalers=[scaler] if scaler else []))
    assert (now != old) is news


@pytest.mark.parametrize("least", [None, 0])
def test_an_autoscaler_without_a_minimum_tells_no_count(least: int | None) -> None:
    noted = of_web(None, seen(deployment(replicas=6), autoscalers=[scaled(least, 9, 6)]))
    assert noted and noted.replicas == 6


# Sessions

EVENT_3 = Evidence("scaling_event", "swap", 3, SWAPPED_AT, "Event shop/web.1")
OF_SESSION = Note(WEB, "uid-web", 3, "scaling_event", SWAPPED_AT)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ([EVENT_3], OF_SESSION),
        ([replace(EVENT_3, source="proxy_last_applied"), EVENT_3], replace(OF_SESSION, source="proxy_last_applied")),
        ([EVENT_3, evidence("declared", 2)], OF_SESSION),
        ([EVENT_3, evidence("swap", 2)], None),
        ([evidence("declared", 2)], None),
        ([evidence("told", 2)], None),
        ([evidence("historic", 2)], None),
        ([evidence("swap", 0)], None),
        ([], None),
    ],
    ids=["event", "two-of-one-mind", "only-the-swap", "two-minds", "declared", "told", "historic", "zero", "nothing"],
)
def test_a_session_at_first_sight(found: list[Evidence], expected: Note | None) -> None:
    web = deployment()
    record = renewed(Record(), seen(web, swaps=[swap(web, SID, *found)]))
    assert record.sessions.get(SID) == expected


def test_what_was_noted_of_a_session_does_not_change() -> None:
    web = deployment()
    other = replace(EVENT_3, value=7)
    assert renewed(Record({}, {SID: OF_SESSION}), seen(web, swaps=[swap(web, SID, other)])).sessions == {
        SID: OF_SESSION
    }
    assert renewed(Record({}, {SID: OF_SESSION}), seen(web, swaps=[swap(web)])).sessions == {SID: OF_SESSION}


def test_a_session_that_asks_to_be_left_alone_is_not_noted() -> None:
    web = deployment()
    assert renewed(Record(), seen(web, swaps=[swap(web, SID, EVENT_3, annotations=IGNORE)])).sessions == {}
    web = deployment(annotations=IGNORE)
    assert renewed(Record(), seen(web, swaps=[swap(web, SID, EVENT_3)])).sessions == {}


@pytest.mark.parametrize(
    ("web", "kept"),
    [
        (deployment(replicas=0), True),
        (deployment(replicas=3), False),
        (deployment(replicas=0, managed=[owned_replicas("kubectl-patch", later(60))]), False),
        (deployment(replicas=0, uid="uid-later"), False),
        (deployment("api", 0, uid="uid-api"), False),
    ],
    ids=["left-at-0", "put-back", "0-on-purpose", "made-anew", "deleted"],
)
def test_a_session_that_is_gone_is_kept_as_long_as_its_original_is_at_zero(web: Object, kept: bool) -> None:
    sessions = renewed(Record({}, {SID: OF_SESSION}), seen(web)).sessions
    assert sessions == ({SID: OF_SESSION} if kept else {})


def test_what_was_not_looked_for_is_not_gone() -> None:
    """A run that looks for fewer kinds than the last must not forget what it did not look for."""
    old = replace(note(3), workload="StatefulSet/db")
    of_session = replace(OF_SESSION, workload="StatefulSet/db", uid="uid-db")
    record = Record({old.workload: old}, {SID: of_session})
    assert renewed(record, seen()) == record
    assert renewed(record, replace(seen(), kinds={"StatefulSet"})) == Record()


def test_the_session_of_a_config_that_is_at_zero_stays_whoever_seems_to_own_that() -> None:
    web = {**deployment(replicas=0, managed=[owned_replicas("oc-edit", later(60))]), "kind": "DeploymentConfig"}
    of_session = replace(OF_SESSION, workload="DeploymentConfig/web")
    assert renewed(Record({}, {SID: of_session}), seen(web)).sessions == {SID: of_session}


def test_a_told_count_does_not_overrule_the_wish_to_be_left_alone() -> None:
    web = deployment(annotations=IGNORE)
    assert renewed(Record({WEB: note(3)}), seen(web, told={"web": 5})).workloads == {WEB: note(3)}


def test_each_session_has_a_note_of_its_own() -> None:
    web = deployment()
    swaps = [swap(web, SID, EVENT_3), swap(web, OTHER_SID)]
    assert renewed(Record(), seen(web, swaps=swaps)).sessions == {SID: OF_SESSION}


# Left at zero


@pytest.mark.parametrize(
    ("web", "old", "left"),
    [
        (deployment(), note(3), True),
        (deployment(replicas=1), note(3), False),
        (deployment(), note(0), False),
        (deployment(managed=PATCHED), note(3), False),
        (deployment(managed=PATCHED), note(3, later(-30)), True),
    ],
    ids=["lost", "runs", "noted-with-0", "an-owner-wrote-it", "the-owner-wrote-before-the-note"],
)
def test_left_at_zero(web: Object, old: Note, left: bool) -> None:
    assert left_at_zero(web, old) is left
