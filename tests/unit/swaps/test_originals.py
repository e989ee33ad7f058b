"""Which workload a session scaled down: proven by uid, or exactly one that fits the name rule; else nothing."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.originals import (
    find,
    last_applied,
    selects,
)

from . import builders
from .builders import SID, UUID, applied, container, deployment, one_session, pod, proxy_container, proxy_deployment


def found(session_of: Object, *workloads: Object) -> tuple[str | None, str | None]:
    """(name of the original, how it was matched)."""
    match = find(one_session(session_of), workloads)
    return match.original["metadata"]["name"] if match.original else None, match.matched_by


@pytest.mark.parametrize(
    ("name", "original", "matched_by"),
    [
        ("0.105-swap-web-from-2", "web", "uid"),
        ("0.109-swap-web-pod-from-3", "web", "name"),
        ("0.109-swap-multicontainer", "checkout-service-with-long-name", "name"),
        ("0.109-proxy-pod-completed", None, None),
    ],
)
def test_recorded(name: str, original: str | None, matched_by: str | None) -> None:
    (session,) = builders.recorded_sessions(name)
    match = find(session, builders.of_kind(builders.recorded_objects(name), "Deployment"))
    assert (match.original and match.original["metadata"]["name"], match.matched_by) == (original, matched_by)
    assert bool(match.problem) == (original is None)
    assert list(match.candidates) == ([match.original] if original else [])


# By name


@pytest.mark.parametrize(
    ("original", "sid", "proxy", "fits"),
    [
        ("web", SID, f"web-{SID}", True),
        ("a" * 17, SID, f"{'a' * 17}-{SID}", True),
        ("a" * 18, SID, f"{'a' * 17}-{SID}", True),
        ("a" * 18, SID, f"{'a' * 18}-{SID}", False),
        ("a" * 16, SID, f"{'a' * 17}-{SID}", False),
        ("web", UUID, f"web-{UUID}", True),
        ("a" * 14, UUID, f"{'a' * 13}-{UUID}", True),
        ("a" * 17, UUID, f"{'a' * 17}-{UUID}", False),
        ("webs", SID, f"web-{SID}", False),
        ("we", SID, f"web-{SID}", False),
        ("checkout-service-with", SID, f"checkout-service--{SID}", True),
    ],
    ids=[
        "short",
        "17",
        "18-cut",
        "18-uncut",
        "16-of-17",
        "uuid",
        "uuid-cut-13",
        "uuid-uncut",
        "longer",
        "shorter",
        "dash",
    ],
)
def test_name_rule(original: str, sid: str, proxy: str, fits: bool) -> None:
    assert found(pod(proxy, sid), deployment(original)) == ((original, "name") if fits else (None, None))


NAME = f"payment-service-v-{SID}"


def version(number: int, **changes: t.Any) -> Object:
    """One of two Deployments whose names begin with the same 17 characters."""
    labels = {"app": "payment", "version": f"v{number}"}
    given: dict[str, t.Any] = {"pod_labels": labels, "selector": {"matchLabels": labels}}
    return deployment(f"payment-service-v{number}", **{**given, **changes})


def test_a_common_beginning_is_told_apart_by_the_selector() -> None:
    proxy = pod(NAME, labels={"app": "payment", "version": "v2"})
    assert found(proxy, version(1), version(2)) == ("payment-service-v2", "name")
    assert found(proxy, version(2), version(1)) == ("payment-service-v2", "name")


def test_a_common_beginning_is_told_apart_by_the_containers() -> None:
    same = {"selector": {"matchLabels": {"app": "payment"}}}
    workloads = [version(1, **same, containers=[container("one")]), version(2, **same, containers=[container("two")])]
    proxy = pod(NAME, labels={"app": "payment"}, containers=[proxy_container("two")])
    assert found(proxy, *workloads) == ("payment-service-v2", "name")


def test_what_nothing_tells_apart_is_not_guessed() -> None:
    same = {"selector": {"matchLabels": {"app": "payment"}}}
    workloads = [version(2, **same), version(1, **same)]
    match = find(one_session(pod(NAME, labels={"app": "payment"})), workloads)
    assert match.original is None and match.matched_by is None
    assert list(match.candidates) == workloads
    assert match.problem.endswith("Deployment shop/payment-service-v1, Deployment shop/payment-service-v2")


@pytest.mark.parametrize(
    ("workload", "fits"),
    [
        pytest.param(deployment(), True, id="fits"),
        pytest.param(deployment(selector={"matchLabels": {"app": "api"}}), False, id="selects-other-pods"),
        pytest.param(deployment(selector={"matchLabels": {"app": "web", "tier": "x"}}), False, id="selects-fewer-pods"),
        pytest.param(deployment(selector={}), False, id="selects-nothing"),
        pytest.param(deployment(selector={"matchLabels": {"telepresence": SID}}), False, id="selects-by-the-session"),
        pytest.param(deployment(containers=[container("other")]), False, id="another-container"),
        pytest.param(deployment(containers=[container("c"), container("d")]), False, id="one-container-more"),
        pytest.param(deployment(labels={"telepresence": builders.OTHER_SID}), True, id="itself-changed-in-place"),
        pytest.param(deployment(labels={"telepresence": "yes"}), True, id="label-without-a-session"),
    ],
)
def test_what_fits_a_pod(workload: Object, fits: bool) -> None:
    assert found(pod(), workload) == (("web", "name") if fits else (None, None))


def test_injected_containers_do_not_disturb() -> None:
    assert found(pod(containers=[container("mesh"), proxy_container("c")]), deployment()) == ("web", "name")


def test_none() -> None:
    match = find(one_session(pod()), [])
    assert (match.original, match.candidates) == (None, ())
    assert match.problem == "no workload of one of workload_kinds in namespace shop fits it"


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {}, "matchExpressions": [{"key": "app", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}, False),
    ],
    ids=["equal", "other-form", "other-words"],
)
def test_a_proxy_deployment_has_the_very_selector_of_its_original(selector: Object, fits: bool) -> None:
    assert found(proxy_deployment(), deployment(selector=selector)) == (("web", "name") if fits else (None, None))


# By uid


def copied(uid: str | None) -> dict[str, str]:
    """What kubectl apply stored with a proxy Deployment."""
    return applied({"metadata": {"name": f"web-{SID}", **({"uid": uid} if uid else {})}})


def test_uid_beats_every_name() -> None:
    proxy = proxy_deployment(annotations=copied("uid-renamed"))
    assert found(proxy, deployment(), deployment("renamed", selector={"matchLabels": {"x": "y"}})) == ("renamed", "uid")


def test_an_original_that_was_made_anew_is_another() -> None:
    match = find(one_session(proxy_deployment(annotations=copied("uid-of-old"))), [deployment()])
    assert match.original is None
    assert "uid-of-old" in match.problem and "no longer exists" in match.problem


@pytest.mark.parametrize("uid", [None, f"uid-web-{SID}"], ids=["exported", "own"])
def test_without_the_originals_uid_the_name_decides(uid: str | None) -> None:
    """Clients up to 0.97 stored no uid; one of the proxy itself says nothing of the original."""
    assert found(proxy_deployment(annotations=copied(uid)), deployment()) == ("web", "name")


HOSTILE = [
    "",
    "{",
    "[]",
    "null",
    "1",
    '"x"',
    '{"metadata": null}',
    '{"metadata": "x"}',
    '{"metadata": []}',
    "[" * 60000,
]


@pytest.mark.parametrize("stored", HOSTILE, ids=lambda text: text[:20] or "empty")
def test_hostile_last_applied_is_none(stored: str) -> None:
    assert found(proxy_deployment(annotations=applied(stored)), deployment()) == ("web", "name")


@pytest.mark.parametrize("stored", ["", "{", "[]", "null"])
def test_last_applied(stored: str) -> None:
    assert last_applied(deployment(annotations=applied(stored))) == {}
    assert last_applied(deployment(annotations=applied('{"a": 1}'))) == {"a": 1}
    assert last_applied(deployment()) == {}


# Selectors

EXPRESSIONS = [
    ("In", ["web", "api"], {"app": "web"}, True),
    ("In", ["web"], {"app": "api"}, False),
    ("In", ["web"], {}, False),
    ("NotIn", ["web"], {"app": "api"}, True),
    ("NotIn", ["web"], {"app": "web"}, False),
    ("NotIn", ["web"], {}, True),
    ("Exists", None, {"app": ""}, True),
    ("Exists", None, {"tier": "x"}, False),
    ("DoesNotExist", None, {"tier": "x"}, True),
    ("DoesNotExist", None, {"app": "web"}, False),
    ("Gt", ["1"], {"app": "2"}, False),
]


@pytest.mark.parametrize(("operator", "values", "labels", "expected"), EXPRESSIONS)
def test_match_expressions(operator: str, values: list[str] | None, labels: dict[str, str], expected: bool) -> None:
    rule = {"key": "app", "operator": operator, **({"values": values} if values else {})}
    assert selects({"matchExpressions": [rule]}, labels) is expected
    assert selects({"matchLabels": labels, "matchExpressions": [rule]}, labels) is expected
    assert selects({"matchLabels": {"no": "such"}, "matchExpressions": [rule]}, labels) is False


@pytest.mark.parametrize(
    "selector",
    [{}, {"matchLabels": {}}, {"matchLabels": None, "matchExpressions": None}, {"matchExpressions": []}],
    ids=str,
)
def test_an_empty_selector_selects_nothing(selector: Object) -> None:
    assert selects(selector, {"app": "web"}) is False


def test_what_was_changed_since_is_still_a_candidate() -> None:
    """A sidecar was added to the original: a session on it must go on holding what others would do to it."""
    changed = deployment(containers=[container(), container("mesh")])
    match = find(one_session(pod()), [changed])
    assert (match.original, match.candidates) == (None, (changed,))


def test_what_was_deleted_and_installed_again_is_still_a_candidate() -> None:
    proxy = proxy_deployment(annotations=applied({"metadata": {"uid": "uid-of-an-older-web"}}))
    again = deployment()
    match = find(one_session(proxy), [again])
    assert (match.original, match.candidates) == (None, (again,))
    assert "no longer exists" in match.problem
