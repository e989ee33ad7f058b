"""Where a count is written down: who is believed, and when."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.counts import (
    CLASSES,
    Count,
    Evidence,
    decide,
    deliberate_zero,
    replicas,
)
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.record import Note, Record
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.witnesses import Witnesses, gather

from . import builders
from .builders import (
    OTHER_SID,
    SID,
    applied,
    autoscaler,
    deployment,
    later,
    one_session,
    owner,
    pod,
    proxy_deployment,
)
from .builders import scaling_event as event

WEB = deployment()


def values(found: t.Sequence[Evidence], source: str) -> list[int]:
    """What one source says."""
    return [one.value for one in found if one.source == source]


def by_events(*events: Object, original: Object = WEB) -> list[int]:
    """What the scaling events say of an original of a Pod's session."""
    return values(gather(one_session(pod()), original, Witnesses(events=events), {}), "scaling_event")


# Recorded


@pytest.mark.parametrize(
    ("name", "expected", "count"),
    [
        (
            "0.105-swap-web-from-2",
            [("scaling_event", "swap", 2), ("proxy_last_applied", "swap", 2), ("last_applied", "declared", 2)],
            2,
        ),
        ("0.109-swap-web-pod-from-3", [("scaling_event", "swap", 3), ("last_applied", "declared", 2)], 3),
        ("0.109-swap-multicontainer", [("scaling_event", "swap", 2), ("last_applied", "declared", 2)], 2),
    ],
)
def test_recorded(name: str, expected: list[tuple[str, str, int]], count: int) -> None:
    """The events are aggregated there (count 2 and 4): only the one that was seen last at the swap speaks."""
    objects = builders.recorded_objects(name)
    (session,) = builders.recorded_sessions(name)
    original = next(
        obj for obj in builders.of_kind(objects, "Deployment") if obj["metadata"]["name"][:3] in ("web", "che")
    )
    witnesses = Witnesses(builders.of_kind(objects, "Event"), builders.of_kind(objects, "ReplicaSet"))
    found = gather(session, original, witnesses, {})
    assert [(one.source, one.cls, one.value) for one in found] == expected
    assert decide(found, "declared", 50) == Count(count)
    assert deliberate_zero(original, session.created) is None
    assert replicas(original) == 0


def test_recorded_event_is_named() -> None:
    name = "0.109-swap-web-pod-from-3"
    objects = builders.recorded_objects(name)
    (session,) = builders.recorded_sessions(name)
    (best, *_) = gather(session, objects[0], Witnesses(builders.of_kind(objects, "Event")), {})
    assert best.as_dict() == {
        "source": "scaling_event",
        "class": "swap",
        "value": 3,
        "time": "2026-11-22T02:37:09Z",
        "object": "Event default/web.18ea3d799804380e",
    }


# Scaling events

DOWN = "Scaled down replica set web-1 from 3 to 0"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("Scaled down replica set web-1 from 3 to 0", [3]),
        ("Scaled down replica set web-1 to 0 from 3", [3]),
        ("Scaled down replica set web-1 to 0", []),
        ("Scaled down replica set web-1 from 12 to 0", [12]),
        ("Scaled down replica set web-1 from 3 to 1", []),
        ("Scaled down replica set web-1 to 1 from 3", []),
        ("Scaled down replica set web-1 from 10 to 10", []),
        ("Scaled up replica set web-1 from 0 to 3", []),
        ("Scaled down replica set web-1 from 3 to 0 (again)", []),
        ("(Scaled down replica set web-1 from 3 to 0", []),
        ("", []),
    ],
)
def test_texts_of_the_event(message: str, expected: list[int]) -> None:
    assert by_events(event(message)) == expected


@pytest.mark.parametrize(
    ("after", "counts"), [(-6, False), (-5, True), (0, True), (1, True), (119, True), (120, True), (121, False)]
)
def test_window_around_the_swap(after: float, counts: bool) -> None:
    assert by_events(event(DOWN, after)) == ([3] if counts else [])


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({"lastTimestamp": None, "eventTime": later(1)}, True),
        ({"lastTimestamp": None, "eventTime": None}, False),
        ({"lastTimestamp": "soon"}, False),
        ({"firstTimestamp": later(0), "lastTimestamp": later(600)}, True),
        ({"firstTimestamp": later(-900), "lastTimestamp": later(1), "count": 4}, True),
        ({"involvedObject": None}, False),
    ],
    ids=["event-time", "no-time", "broken-time", "seen-again-later", "aggregated", "no-object"],
)
def test_an_event_counts_by_the_first_or_the_last_time_it_was_seen(changes: Object, counts: bool) -> None:
    assert by_events(event(DOWN, **changes)) == ([3] if counts else [])


def test_an_event_of_another_uid_says_nothing() -> None:
    assert by_events(event(DOWN, original="uid-of-an-older-web")) == []


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([DOWN, "Scaled down replica set web-2 from 1 to 0"], []),
        ([DOWN, "Scaled down replica set web-2 to 0"], []),
        ([DOWN, "Scaled down replica set web-2 from 2 to 1"], [3]),
        ([DOWN, "Scaled up replica set web-2 from 0 to 1"], [3]),
        ([DOWN, "Scaled down replica set web-1 from 5 to 0"], [3, 5]),
        ([DOWN, DOWN], [3, 3]),
    ],
    ids=["two-sets", "two-sets-old-text", "another-partly", "another-up", "twice-differently", "twice"],
)
def test_several_events_at_the_swap(messages: list[str], expected: list[int]) -> None:
    assert by_events(*map(event, messages)) == expected


def test_two_sets_at_different_times_do_not_disturb() -> None:
    assert by_events(event(DOWN), event("Scaled down replica set web-2 from 1 to 0", -600)) == [3]


# The proxy's last-applied

SETTLED = {"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3, "observedGeneration": 7}


def by_proxy(status: Object, uid: str = "uid-web", generation: int = 7) -> list[int]:
    """What the last-applied of a proxy Deployment says."""
    stored = {"metadata": {"uid": uid, "generation": generation}, "spec": {"replicas": 1}, "status": status}
    session = one_session(proxy_deployment(annotations=applied(stored)))
    found = gather(session, WEB, Witnesses(), {})
    assert {one.cls for one in found} <= {"swap"}
    return values(found, "proxy_last_applied")


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, True),
        ({"updatedReplicas": 1}, False),
        ({"readyReplicas": 2}, False),
        ({"availableReplicas": 2}, False),
        ({"availableReplicas": None}, False),
        ({"observedGeneration": 6}, False),
        ({"replicas": 4}, False),
    ],
    ids=["settled", "rolling-out", "not-ready", "not-available", "none-available", "not-observed", "surging"],
)
def test_only_a_settled_status_counts(changes: Object, counts: bool) -> None:
    assert by_proxy({**SETTLED, **changes}) == ([3] if counts else [])


def test_the_status_must_be_the_originals() -> None:
    assert by_proxy(SETTLED, uid="uid-of-an-older-web") == []


def test_a_second_swap_of_a_swapped_original_remembers_nothing() -> None:
    """A status at 0 replicas holds no counts; the proxy's own spec.replicas is always 1 and is never read."""
    assert by_proxy({"observedGeneration": 7}) == []


HOSTILE: list[t.Any] = [
    "[" * 60000,
    "[]",
    {"metadata": "x", "spec": [], "status": "x"},
    {"metadata": {"uid": "uid-web", "generation": 7}, "status": {**SETTLED, "replicas": [3]}},
    {"metadata": {"uid": "uid-web", "generation": 7}, "status": dict.fromkeys(SETTLED, True)},
    {"spec": {"replicas": "3"}},
    {"spec": {"replicas": True}},
    {"spec": "x"},
]


@pytest.mark.parametrize("stored", HOSTILE, ids=lambda stored: str(stored)[:30])
def test_hostile_last_applied_says_nothing(stored: t.Any) -> None:
    original = deployment(annotations=applied(stored))
    session = one_session(proxy_deployment(annotations=applied(stored)))
    assert gather(session, original, Witnesses(), {}) == []


# What the owner declared


@pytest.mark.parametrize(
    ("spec", "expected"), [({"replicas": 4}, [4]), ({"replicas": 0}, [0]), ({}, [])], ids=["count", "zero", "no-key"]
)
def test_last_applied_of_the_original(spec: Object, expected: list[int]) -> None:
    found = gather(one_session(pod()), deployment(annotations=applied({"spec": spec})), Witnesses(), {})
    assert [(one.source, one.cls) for one in found] == [("last_applied", "declared")] * len(expected)
    assert [one.value for one in found] == expected


@pytest.mark.parametrize(
    ("notes", "expected"),
    [
        ({"telepolice/original-deployment": "web", "telepolice/original-deployment-replicas": "4"}, [4]),
        ({"telepolice/original-deployment": "api", "telepolice/original-deployment-replicas": "4"}, []),
        ({"telepolice/original-deployment": "web"}, []),
        ({"telepolice/original-deployment-replicas": "4"}, []),
        ({"telepolice/original-deployment": "web", "telepolice/original-deployment-replicas": "-4"}, []),
        ({"telepolice/original-deployment": "web", "telepolice/original-deployment-replicas": "many"}, []),
    ],
    ids=["both", "another", "no-count", "no-name", "negative", "words"],
)
def test_telepolice(notes: dict[str, str], expected: list[int]) -> None:
    found = gather(one_session(proxy_deployment(annotations=notes)), WEB, Witnesses(), {})
    assert [(one.source, one.cls) for one in found] == [("telepolice", "declared")] * len(expected)
    assert [one.value for one in found] == expected


@pytest.mark.parametrize(
    ("scaler", "expected"),
    [
        (autoscaler(), [2]),
        (autoscaler(None), []),
        (autoscaler(name="api"), []),
        (autoscaler(kind="StatefulSet"), []),
        ({"kind": "HorizontalPodAutoscaler", "metadata": {"name": "x"}}, []),
    ],
    ids=["targets", "no-minimum", "another", "another-kind", "empty"],
)
def test_autoscaler_minimum(scaler: Object, expected: list[int]) -> None:
    found = gather(one_session(pod()), WEB, Witnesses(autoscalers=[scaler]), {})
    assert [(one.source, one.cls) for one in found] == [("autoscaler_minimum", "declared")] * len(expected)
    assert [one.value for one in found] == expected


# What earlier runs noted


def noted(count: int, after: float = -60, uid: str = "uid-web", source: str = "running") -> Note:
    """A note of web, so many seconds after the creation of the proxy."""
    return Note("Deployment/web", uid, count, source, later(after))


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (Record(), []),
        (Record({"Deployment/web": noted(4)}), [("baseline", 4)]),
        (Record({"Deployment/web": noted(4, 0)}), []),
        (Record({"Deployment/web": noted(4, 60)}), []),
        (Record({"Deployment/web": noted(4, 60, source="told")}), [("baseline", 4)]),
        (Record({"Deployment/web": noted(0)}), [("baseline", 0)]),
        (Record({"Deployment/web": noted(4, uid="uid-earlier")}), []),
        (Record({"StatefulSet/web": noted(4)}), []),
        (Record({}, {SID: noted(3, 1)}), [("session_record", 3)]),
        (Record({}, {SID: noted(3, uid="uid-earlier")}), []),
        (Record({}, {OTHER_SID: noted(3)}), []),
        (Record({"Deployment/web": noted(4)}, {SID: noted(3)}), [("session_record", 3), ("baseline", 4)]),
    ],
    ids=[
        "nothing",
        "before-the-swap",
        "at-the-swap",
        "after-the-swap",
        "told-after-the-swap",
        "zero",
        "of-an-earlier-original",
        "of-another-kind",
        "of-the-session",
        "of-the-session-with-an-earlier-original",
        "of-another-session",
        "both",
    ],
)
def test_what_was_noted(record: Record, expected: list[tuple[str, int]]) -> None:
    found = gather(one_session(pod()), WEB, Witnesses(record=record), {})
    assert [(one.source, one.value) for one in found] == expected
    assert {(one.cls, one.object) for one in found} <= {("recorded", "ConfigMap shop/telepresence-baseline")}


# What once was


def replica_set(revision: str | None, desired: str | None, of: str = "uid-web") -> Object:
    """A ReplicaSet of a revision, last scaled to a count."""
    notes = {"deployment.kubernetes.io/revision": revision, "deployment.kubernetes.io/desired-replicas": desired}
    return {
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"web-{revision}",
            "namespace": "shop",
            "ownerReferences": [{**owner("Deployment"), "uid": of}],
            "annotations": {key: value for key, value in notes.items() if value is not None},
        },
    }


@pytest.mark.parametrize(
    ("sets", "expected"),
    [
        ([replica_set("12", "0"), replica_set("9", "5"), replica_set("11", "4")], [4]),
        ([replica_set("12", "7")], []),
        ([replica_set("11", "5", of="uid-api")], []),
        ([replica_set("11", None), replica_set("10", "3")], [3]),
        ([replica_set(None, "3")], []),
        ([replica_set("11", "many")], []),
        ([], []),
    ],
    ids=["newest-earlier", "present", "anothers", "no-count", "no-revision", "words", "none"],
)
def test_earlier_replica_sets(sets: list[Object], expected: list[int]) -> None:
    original = deployment(annotations={"deployment.kubernetes.io/revision": "12"})
    found = gather(one_session(pod()), original, Witnesses(replica_sets=sets), {})
    assert [(one.source, one.cls) for one in found] == [("earlier_replica_set", "historic")] * len(expected)
    assert [one.value for one in found] == expected


# Together


@pytest.mark.parametrize(("name", "expected"), [("shop/web", [6]), ("pay/web", []), ("web", []), ("shop/api", [])])
def test_told_is_for_one_workload_of_one_namespace(name: str, expected: list[int]) -> None:
    found = gather(one_session(pod()), WEB, Witnesses(), {name: 6})
    assert [(one.source, one.cls, one.value) for one in found] == [("told", "told", value) for value in expected]


def test_best_first() -> None:
    original = deployment(
        annotations={**applied({"spec": {"replicas": 2}}), "deployment.kubernetes.io/revision": "2"},
    )
    stored = {"metadata": {"uid": "uid-web", "generation": 7}, "status": SETTLED}
    record = Record({"Deployment/web": noted(4)}, {SID: noted(3)})
    witnesses = Witnesses([event(DOWN)], [replica_set("1", "9")], [autoscaler()], record=record)
    found = gather(one_session(proxy_deployment(annotations=applied(stored))), original, witnesses, {"shop/web": 6})
    sources = [
        "told",
        "scaling_event",
        "proxy_last_applied",
        "session_record",
        "baseline",
        "last_applied",
        "autoscaler_minimum",
        "earlier_replica_set",
    ]
    assert [one.source for one in found] == sources
    ranks = [CLASSES.index(one.cls) for one in found]
    assert ranks == sorted(ranks)
