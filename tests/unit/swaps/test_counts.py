"""How many replicas an original had: only what was written down, never a guess."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.counts import (
    CLASSES,
    Count,
    Evidence,
    Witnesses,
    decide,
    deliberate_zero,
    gather,
    managers,
    replicas,
)

from . import builders
from .builders import (
    SWAPPED_AT,
    applied,
    at,
    deployment,
    evidence,
    later,
    one_session,
    owned_replicas,
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


def autoscaler(least: t.Any = 2, kind: str = "Deployment", name: str = "web") -> Object:
    """A HorizontalPodAutoscaler."""
    return {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "scaler", "namespace": "shop"},
        "spec": {"minReplicas": least, "scaleTargetRef": {"kind": kind, "name": name}},
    }


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
    witnesses = Witnesses([event(DOWN)], [replica_set("1", "9")], [autoscaler()])
    found = gather(one_session(proxy_deployment(annotations=applied(stored))), original, witnesses, {"shop/web": 6})
    sources = [
        "told",
        "scaling_event",
        "proxy_last_applied",
        "last_applied",
        "autoscaler_minimum",
        "earlier_replica_set",
    ]
    assert [one.source for one in found] == sources
    ranks = [CLASSES.index(one.cls) for one in found]
    assert ranks == sorted(ranks)


TOLD, SWAP, RECORDED, DECLARED, HISTORIC = CLASSES
DECIDE: dict[str, tuple[list[Evidence], str, int, int | None, int | None]] = {
    "nothing": ([], "historic", 50, None, None),
    "swap": ([evidence(SWAP, 3)], "recorded", 50, 3, None),
    "swap beats declared": ([evidence(SWAP, 3), evidence(DECLARED, 2)], "declared", 50, 3, None),
    "the order of the list is nothing": ([evidence(DECLARED, 2), evidence(SWAP, 3)], "declared", 50, 3, None),
    "recorded beats declared": ([evidence(DECLARED, 2), evidence(RECORDED, 4)], "recorded", 50, 4, None),
    "swap beats recorded": ([evidence(RECORDED, 4), evidence(SWAP, 3)], "recorded", 50, 3, None),
    "declared beats historic": ([evidence(HISTORIC, 9), evidence(DECLARED, 2)], "historic", 50, 2, None),
    "told beats swap": ([evidence(SWAP, 3), evidence(TOLD, 7)], "recorded", 50, 7, None),
    "agreeing": ([evidence(SWAP, 3), evidence(SWAP, 3, "proxy_last_applied")], "recorded", 50, 3, None),
    "swap disagrees": ([evidence(SWAP, 3), evidence(SWAP, 2)], "historic", 50, None, None),
    "disagreement is not settled from below": (
        [evidence(SWAP, 3), evidence(SWAP, 2), evidence(DECLARED, 2)],
        "historic",
        50,
        None,
        None,
    ),
    "disagreement is settled from above": (
        [evidence(SWAP, 3), evidence(SWAP, 2), evidence(TOLD, 2)],
        "recorded",
        50,
        2,
        None,
    ),
    "declared disagrees": (
        [evidence(DECLARED, 3), evidence(DECLARED, 2, "autoscaler_minimum")],
        "declared",
        50,
        None,
        None,
    ),
    "declared, trust recorded": ([evidence(DECLARED, 2)], "recorded", 50, None, 2),
    "declared, trust declared": ([evidence(DECLARED, 2)], "declared", 50, 2, None),
    "historic, trust recorded": ([evidence(HISTORIC, 5)], "recorded", 50, None, 5),
    "historic, trust declared": ([evidence(HISTORIC, 5)], "declared", 50, None, 5),
    "historic, trust historic": ([evidence(HISTORIC, 5)], "historic", 50, 5, None),
    "at the limit": ([evidence(SWAP, 50)], "declared", 50, 50, None),
    "above the limit": ([evidence(SWAP, 51)], "declared", 50, None, 51),
    "above a limit of one": ([evidence(DECLARED, 2)], "declared", 1, None, 2),
    "told above the limit": ([evidence(TOLD, 51)], "declared", 50, 51, None),
    "told zero": ([evidence(TOLD, 0), evidence(SWAP, 3)], "declared", 50, 0, None),
    "zero is no evidence": ([evidence(SWAP, 0)], "historic", 50, None, None),
    "zero hides nothing": ([evidence(SWAP, 0), evidence(DECLARED, 2)], "declared", 50, 2, None),
    "declared zero disagrees": ([evidence(DECLARED, 0), evidence(DECLARED, 2)], "declared", 50, None, None),
    "declared zero is not overruled": ([evidence(DECLARED, 0), evidence(HISTORIC, 3)], "historic", 50, None, None),
    "declared zero is no count": ([evidence(DECLARED, 0)], "historic", 50, None, None),
}


@pytest.mark.parametrize(("found", "trust", "limit", "value", "proposal"), DECIDE.values(), ids=DECIDE.keys())
def test_decide(found: list[Evidence], trust: str, limit: int, value: int | None, proposal: int | None) -> None:
    count = decide(found, trust, limit)
    assert (count.value, count.proposal) == (value, proposal)
    assert bool(count.problem) == (value is None)


def test_a_disagreement_names_both_sides() -> None:
    said = decide([evidence(SWAP, 3), evidence(SWAP, 2, "proxy_last_applied")], "declared", 50).problem
    assert "scaling_event 3" in said and "proxy_last_applied 2" in said


# Zeros on purpose, and who else writes


@pytest.mark.parametrize(
    ("managed", "keeper"),
    [
        ([owned_replicas("argocd", later(60))], "argocd"),
        ([owned_replicas("argocd", later(1))], "argocd"),
        ([owned_replicas("argocd", SWAPPED_AT)], None),
        ([owned_replicas("kubectl-client-side-apply", later(-60))], None),
        ([owned_replicas("argocd", None)], None),
        ([owned_replicas("helm", later(-60)), owned_replicas("kube-green", later(60))], "kube-green"),
        ([{"manager": "kubectl", "time": later(60), "fieldsV1": {"f:spec": {"f:template": {}}}}], None),
        ([{"manager": "x", "time": later(60), "fieldsV1": {"f:status": {"f:replicas": {}}}}], None),
        ([{"manager": "x", "time": later(60)}], None),
        ([{**owned_replicas("x", later(60)), "manager": ""}], "unknown"),
        ([], None),
        (None, None),
    ],
    ids=[
        "after",
        "just-after",
        "at-the-swap",
        "before",
        "no-time",
        "one-of-two",
        "template",
        "status",
        "no-fields",
        "nameless",
        "none",
        "not-kept",
    ],
)
def test_deliberate_zero(managed: list[Object] | None, keeper: str | None) -> None:
    assert deliberate_zero(deployment(managed=managed), at(SWAPPED_AT)) == keeper


@pytest.mark.parametrize(("count", "expected"), [(3, 3), (0, 0), (None, 0)])
def test_replicas(count: int | None, expected: int) -> None:
    assert replicas(deployment(replicas=count)) == expected


HELM = {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop"}


@pytest.mark.parametrize(
    ("labels", "notes", "expected"),
    [
        ({}, {}, []),
        ({"app.kubernetes.io/managed-by": "Helm"}, HELM, ["Helm release shop/web"]),
        ({}, HELM, []),
        ({"app.kubernetes.io/managed-by": "Helm"}, {}, ["Helm release ?/?"]),
        ({"app.kubernetes.io/managed-by": "me"}, HELM, []),
        ({}, {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}, ["Argo CD application shop"]),
        ({"kustomize.toolkit.fluxcd.io/name": "apps"}, {}, ["Flux Kustomization apps"]),
        ({"helm.toolkit.fluxcd.io/name": "web"}, {}, ["Flux HelmRelease web"]),
    ],
    ids=[
        "nobody",
        "helm",
        "helm-annotations-alone",
        "helm-label-alone",
        "by-hand",
        "argo",
        "kustomization",
        "helm-release",
    ],
)
def test_managers(labels: dict[str, str], notes: dict[str, str], expected: list[str]) -> None:
    original = deployment(labels=labels, annotations=notes)
    assert managers(original, []) == expected
    scalers = [autoscaler(), autoscaler(name="api")]
    assert managers(original, scalers) == [*expected, "HorizontalPodAutoscaler shop/scaler"]
