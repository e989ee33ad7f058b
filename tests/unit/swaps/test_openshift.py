"""OpenShift's DeploymentConfigs as originals: which one, how many replicas, and when a zero may be meant."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.openshift import latest_rollout
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.originals import find
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.plan import decide_all
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.witnesses import Witnesses, gather

from .builders import (
    OTHER_SID,
    POLICY,
    SID,
    applied,
    case,
    container,
    deployment,
    deployment_config,
    evidence,
    later,
    one_session,
    owned_replicas,
    pod,
    proxy_deployment,
    rollout,
    scaling_event,
    stateful_set,
)

# Which one


@pytest.mark.parametrize(
    ("workload", "fits"),
    [
        pytest.param(deployment_config(), True, id="fits"),
        pytest.param(deployment_config(selector={"app": "api"}), False, id="selects-other-pods"),
        pytest.param(deployment_config(selector={"app": "web", "tier": "x"}), False, id="selects-fewer-pods"),
        pytest.param(deployment_config(selector={}), False, id="selects-nothing"),
        pytest.param(deployment_config(selector={"matchLabels": {"app": "web"}}), False, id="not-a-plain-map"),
        pytest.param(deployment_config("api"), False, id="another-name"),
        pytest.param(deployment_config(containers=[container("other")]), False, id="another-container"),
        pytest.param(stateful_set(), True, id="stateful-set"),
        pytest.param(stateful_set(selector={"app": "web"}), False, id="stateful-set-with-a-plain-map"),
    ],
)
def test_what_fits_a_pod(workload: Object, fits: bool) -> None:
    match = find(one_session(pod()), [workload])
    assert (match.original, match.matched_by) == ((workload, "name") if fits else (None, None))


def test_two_that_fit_are_not_told_apart() -> None:
    """The client takes a DeploymentConfig before a Deployment, but nobody knows which of them it found."""
    workloads = [deployment(), deployment_config()]
    match = find(one_session(pod()), workloads)
    assert (match.original, list(match.candidates)) == (None, workloads)
    assert match.problem.endswith("Deployment shop/web, DeploymentConfig shop/web")


def test_a_proxy_deployment_proves_the_deployment_that_it_copied() -> None:
    workloads = [deployment_config(), deployment()]
    assert find(one_session(proxy_deployment()), workloads).original is workloads[1]
    stored = applied({"metadata": {"uid": "uid-web"}})
    assert find(one_session(proxy_deployment(annotations=stored)), workloads).matched_by == "uid"


def test_a_proxy_deployment_is_no_copy_of_anything_else() -> None:
    alike = {"matchLabels": {"app": "web"}}
    workloads = [deployment_config(selector=alike), stateful_set(selector=alike)]
    assert find(one_session(proxy_deployment()), workloads).original is None


# How many

SCALED = 'Scaled replication controller "web-3" from 4 to 0'
CONFIG = deployment_config(annotations=applied({"spec": {"replicas": 2}}))


def found(
    events: t.Sequence[Object], controllers: t.Sequence[Object], config: Object = CONFIG
) -> list[tuple[str, str, int]]:
    """(source, class, value) of all evidence on a DeploymentConfig that was swapped for a Pod."""
    witnesses = Witnesses(events=events, controllers=controllers)
    return [(one.source, one.cls, one.value) for one in gather(one_session(pod()), config, witnesses, {})]


def scaled(message: str = SCALED, **changes: t.Any) -> Object:
    """OpenShift's event of a swap."""
    return scaling_event(message, original="uid-config-web", **changes)


DECLARED = ("last_applied", "declared", 2)
SWAP, HISTORIC = ("scaling_event", "swap", 4), ("rollout", "historic", 3)
ROLLED_OUT = rollout(deployment_config(replicas=3))


def test_all_evidence() -> None:
    assert found([scaled()], [ROLLED_OUT]) == [SWAP, DECLARED, HISTORIC]


@pytest.mark.parametrize(
    "event",
    [
        scaled('Scaled replication controller "web-2" from 4 to 0'),
        scaled('Scaled replication controller "web-3" from 4 to 1'),
        scaled('Scaled replication controller "web-3" from 4 to 0 and more'),
        scaled("Scaled replication controller web-3 from 4 to 0"),
        scaled(after=121),
        scaled(after=-6),
        scaling_event(SCALED, original="uid-config-api"),
    ],
    ids=["older-rollout", "not-to-0", "longer", "unquoted", "late", "early", "of-another"],
)
def test_an_event_that_says_nothing_of_the_swap(event: Object) -> None:
    assert found([event], [ROLLED_OUT]) == [DECLARED, HISTORIC]


UNFINISHED = {"openshift.io/deployment.phase": "Failed"}


@pytest.mark.parametrize(
    "controllers",
    [
        [],
        [rollout(deployment_config(replicas=3), annotations=UNFINISHED)],
        [rollout(deployment_config(replicas=3), owner="uid-of-an-older-web")],
        [rollout(deployment_config(replicas=3), version=2)],
    ],
    ids=["gone", "failed", "of-another", "older"],
)
def test_without_its_latest_rollout_neither_events_nor_history_count(controllers: list[Object]) -> None:
    """While a rollout goes on or after it failed, each ReplicationController holds a part of the count."""
    assert found([scaled()], controllers) == [DECLARED]


@pytest.mark.parametrize("said", ["", "many", "-1"])
def test_a_rollout_that_says_no_count(said: str) -> None:
    told = {"openshift.io/deployment.replicas": said}
    assert found([], [rollout(deployment_config(), annotations=told)]) == [DECLARED]


@pytest.mark.parametrize("status", [None, {}, {"latestVersion": None}, {"latestVersion": "3"}, "x"], ids=str)
def test_a_config_that_was_never_rolled_out(status: t.Any) -> None:
    assert latest_rollout({**CONFIG, "status": status}, [ROLLED_OUT]) is None


def test_a_deployment_has_no_rollouts() -> None:
    named_alike = {**deployment(uid="uid-config-web"), "status": {"latestVersion": 3}}
    assert latest_rollout(named_alike, [ROLLED_OUT]) is None


# Zero


@pytest.mark.parametrize("kind", [deployment, stateful_set, deployment_config])
def test_a_later_owner_of_the_count_proves_a_zero_but_on_openshift(kind: t.Callable[..., Object]) -> None:
    original = kind(managed=[owned_replicas("oc", later(60))])
    swap = case(one_session(pod()), "stale", original, evidence("swap", 3))
    decide_all([swap], POLICY)
    actions = [action.as_dict()["action"] for action in swap.plan]
    if kind is deployment_config:
        assert (swap.outcome, actions, swap.replicas) == ("needs_decision", [], None)
        assert "oc changed it after the swap" in swap.message
    else:
        assert (swap.outcome, actions) == ("restorable", ["delete"])


def test_an_owner_from_before_the_swap_is_no_reason() -> None:
    original = deployment_config(managed=[owned_replicas("oc", later(-60))])
    swap = case(one_session(pod()), "stale", original, evidence("swap", 3))
    decide_all([swap], POLICY)
    assert [action.as_dict()["action"] for action in swap.plan] == ["scale", "delete"]


# Changed in place and swapped once more


def test_what_was_changed_in_place_is_put_right_first() -> None:
    changed = deployment_config(labels={"telepresence": OTHER_SID})
    session = one_session(pod())
    match = find(session, [changed])
    assert (match.original, match.matched_by) == (changed, "name")
    swap = case(session, "stale", changed, evidence("swap", 3))
    decide_all([swap], POLICY)
    assert (swap.outcome, swap.plan) == ("held", [])
    assert OTHER_SID in swap.message


def test_the_proxy_of_another_session_is_no_candidate() -> None:
    proxy = proxy_deployment(f"web-{OTHER_SID}", OTHER_SID)
    assert find(one_session(pod(f"web-{OTHER_SID[:13]}-{SID}")), [proxy]).candidates == ()
