"""DeploymentConfigs and ReplicationControllers that a client changed in place: how they are recognised, and the way back."""

from __future__ import annotations

import copy
import json
import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.ask import look
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.in_place import (
    ENCODED,
    Rollback,
    Rollout,
    kept_count,
    summary_of,
    way_back,
)
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.liveness import Rules
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.originals import Match, find
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.plan import Case, decide_all
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.sessions import Session, recognise
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.witnesses import Witnesses, gather

from .builders import (
    OTHER_SID,
    PATTERN,
    POLICY,
    SID,
    SWAPPED_AT,
    applied,
    at,
    case,
    changed,
    container,
    deployment_config,
    evidence,
    later,
    one_session,
    owner,
    pod,
    proxy_container,
    rollout,
)

PROXY = proxy_container(image="docker.io/datawire/telepresence-ocp:0.105")


def replaced(sid: str = SID, version: int = 4) -> Object:
    """The DeploymentConfig as a client from 0.97 to 0.105 leaves it."""
    labels = {"telepresence": sid}
    config = deployment_config(
        replicas=1, version=version, labels=labels, pod_labels={"app": "web", **labels}, containers=[PROXY]
    )
    config["spec"]["triggers"] = []
    return config


ORIGINAL = deployment_config(replicas=3)
CHANGED = replaced()
BEFORE = rollout(ORIGINAL, 3, created="2026-11-20T00:00:00Z")
CLIENTS = rollout(CHANGED, 4, 1)
BEHIND = pod("web-4-x7k2p", owners=[owner("ReplicationController")], containers=[PROXY], created=later(5))
BACK = {**ORIGINAL, "status": {"latestVersion": 4}}
"""The DeploymentConfig once it has its definition back, but is not rolled out."""


# Recognising


def test_a_changed_config_is_one_session_with_its_rollout_and_pods() -> None:
    session = one_session(CHANGED, CLIENTS, BEHIND)
    assert (session.mode, session.client_version, session.container) == ("swap_in_place", "0.105", "c")
    assert (session.proxies, session.rollouts, session.pods) == ((CHANGED,), (CLIENTS,), (BEHIND,))
    assert session.deletable is False
    # The DeploymentConfig itself is as old as the workload.
    assert session.created == at(SWAPPED_AT)


def test_a_rollout_without_its_config_stands_for_itself_while_it_runs() -> None:
    session = one_session(CLIENTS, BEHIND)
    assert (session.mode, session.proxies, session.deletable) == ("swap_in_place", (CLIENTS,), False)


def test_a_rollout_that_runs_nothing_is_history() -> None:
    assert recognise([rollout(CHANGED, 4, 0)], [], [], PATTERN) == []


@pytest.mark.parametrize("kind", [CHANGED, CLIENTS], ids=["config", "controller"])
def test_what_is_labelled_for_a_new_deployment_is_not_deleted_either(kind: Object) -> None:
    """``oc run`` of OpenShift 3 made a DeploymentConfig."""
    new = copy.deepcopy(kind)
    del new["spec"]["template"]["spec"]["containers"][0]["env"]
    new["metadata"]["ownerReferences"] = []
    session = one_session(new)
    assert (session.mode, session.deletable) == ("new", False)


@pytest.mark.parametrize(
    ("age", "of_config", "of_rollout", "verdict"),
    [(359, 1, 0, "starting"), (360, 1, 0, "ended"), (360, 1, 1, "unknown"), (360, 0, 0, "ended")],
)
def test_a_changed_config_without_labelled_pods(age: float, of_config: int, of_rollout: int, verdict: str) -> None:
    """The pods that a DeploymentConfig counts may be those of the rollout before, which goes on running if the client's fails."""
    config = {**CHANGED, "status": {"latestVersion": 4, "replicas": of_config}}
    session = one_session(config, {**CLIENTS, "status": {"replicas": of_rollout}})

    class Clock:
        """An API server that only knows what time it is."""

        def now(self) -> float:
            """Its clock."""
            return at(SWAPPED_AT) + age

    api: t.Any = Clock()
    assert look(api, session, "auto", 10.0, Rules(), {})[0].verdict == verdict


def test_the_config_is_its_own_original() -> None:
    match = find(one_session(CHANGED, CLIENTS), [deployment_config("api", uid="uid-api"), CHANGED])
    assert (match.original, match.matched_by, match.candidates) == (CHANGED, "uid", (CHANGED,))


def test_the_config_of_a_changed_controller_is_its_original() -> None:
    match = find(one_session(CLIENTS), [deployment_config("api", uid="uid-api"), BACK])
    assert (match.original, match.matched_by) == (BACK, "uid")


# The way back


def way(
    session: Session | None = None, config: Object = CHANGED, controllers: t.Sequence[Object] = (BEFORE, CLIENTS)
) -> tuple[str | None, str, str]:
    """(name of the ReplicationController to go back to, problem, reason to wait)."""
    found = way_back(session or one_session(CHANGED, CLIENTS), config, controllers, PATTERN)
    assert (found.config is None) == bool(found.problem or found.wait)
    return found.source["metadata"]["name"] if found.source else None, found.problem, found.wait


def with_encoded(change: t.Callable[[Object], t.Any]) -> Object:
    """The rollout before the client's, with another definition kept: changed in place, or what is returned instead."""
    stored = json.loads(BEFORE["metadata"]["annotations"][ENCODED])
    result = change(stored)
    text = result if isinstance(result, str) else json.dumps(stored)
    return changed(BEFORE, annotations={**BEFORE["metadata"]["annotations"], ENCODED: text})


def test_back_to_the_rollout_before() -> None:
    assert way() == ("web-3", "", "")


def test_what_comes_back() -> None:
    found = way_back(one_session(CHANGED, CLIENTS), CHANGED, [BEFORE, CLIENTS], PATTERN)
    assert found.source and found.definition
    annotated = changed(
        CHANGED,
        labels={"team": "a", "telepresence": SID},
        annotations={"note": "kept"},
        resourceVersion="77",
        managedFields=[{"manager": "oc"}],
    )
    body = Rollback(annotated, found.source, found.definition, 5).body()
    assert body["spec"] == {**ORIGINAL["spec"], "replicas": 5}
    assert (body["metadata"]["labels"], body["metadata"]["annotations"]) == ({"team": "a"}, {"note": "kept"})
    assert (body["metadata"]["uid"], body["metadata"]["resourceVersion"]) == (CHANGED["metadata"]["uid"], "77")
    assert "managedFields" not in body["metadata"]
    assert annotated["metadata"]["labels"]["telepresence"] == SID


def applied_by_client() -> dict[str, str]:
    """What ``oc replace`` stores of the client's replacement, where its owner had applied it before."""
    return applied({"metadata": {"labels": {"telepresence": SID}}, "spec": {"replicas": 1}})


@pytest.mark.parametrize("kept", [applied({"spec": {"replicas": 3}}), {}], ids=["applied-before", "not-applied"])
def test_what_its_owner_had_applied_comes_back_as_well(kept: dict[str, str]) -> None:
    stored = with_encoded(lambda one: one["metadata"].update(annotations=kept))
    config = changed(CHANGED, annotations={**applied_by_client(), "note": "kept"})
    found = way_back(one_session(config, CLIENTS), config, [stored, CLIENTS], PATTERN)
    assert found.source and found.definition
    body = Rollback(config, found.source, found.definition, 3).body()
    assert body["metadata"]["annotations"] == {"note": "kept", **kept}


def test_what_the_client_applied_says_nothing_of_the_count() -> None:
    config = changed(CHANGED, annotations=applied_by_client())
    mine = decided(config=config, session=one_session(config, CLIENTS))
    assert [(one.source, one.value) for one in mine.evidence] == [("kept_definition", 3)]


BAD_DEFINITIONS: dict[str, t.Callable[[Object], t.Any]] = {
    "none": lambda stored: "",
    "broken": lambda stored: "{",
    "deep": lambda stored: "[" * 60000,
    "list": lambda stored: "[]",
    "text": lambda stored: '"x"',
    "no metadata": lambda stored: stored.pop("metadata"),
    "metadata of another kind": lambda stored: stored.update(metadata="x"),
    "another kind": lambda stored: stored.update(kind="Deployment"),
    "another name": lambda stored: stored["metadata"].update(name="api"),
    "another uid": lambda stored: stored["metadata"].update(uid="uid-of-an-older-web"),
    "no template": lambda stored: stored["spec"].pop("template"),
    "no containers": lambda stored: stored["spec"]["template"]["spec"].update(containers=[]),
    "containers of another kind": lambda stored: stored["spec"]["template"]["spec"].update(containers=["x"]),
}


@pytest.mark.parametrize("bad", BAD_DEFINITIONS)
def test_a_definition_that_cannot_be_read(bad: str) -> None:
    source, problem, _ = way(controllers=[with_encoded(BAD_DEFINITIONS[bad]), CLIENTS])
    assert source is None
    assert problem.startswith("ReplicationController shop/web-3 keeps no definition of DeploymentConfig shop/web")


HOSTILE: dict[str, t.Callable[[Object], t.Any]] = {
    "labels": lambda stored: stored["metadata"].update(labels="x"),
    "template without metadata": lambda stored: stored["spec"]["template"].update(metadata=None),
    "env": lambda stored: stored["spec"]["template"]["spec"]["containers"][0].update(env=7),
    "variables": lambda stored: stored["spec"]["template"]["spec"]["containers"][0].update(env=["x", None]),
}


@pytest.mark.parametrize("odd", HOSTILE)
def test_odd_parts_of_a_definition_are_no_proxy(odd: str) -> None:
    assert way(controllers=[with_encoded(HOSTILE[odd]), CLIENTS]) == ("web-3", "", "")


PROXIES: dict[str, t.Callable[[Object], t.Any]] = {
    "label": lambda stored: stored["metadata"].update(labels={"telepresence": OTHER_SID}),
    "label of its pods": lambda stored: stored["spec"]["template"]["metadata"].update(labels={"telepresence": "x"}),
    "image": lambda stored: stored["spec"]["template"]["spec"].update(containers=[container(image=PROXY["image"])]),
    "variable": lambda stored: stored["spec"]["template"]["spec"].update(containers=[{**PROXY, "image": "mirror/x"}]),
}


@pytest.mark.parametrize("part", PROXIES)
def test_there_is_no_way_back_to_another_proxy(part: str) -> None:
    source, problem, _ = way(controllers=[with_encoded(PROXIES[part]), CLIENTS])
    assert source is None and "itself" in problem


def phase(controller: Object, name: str) -> Object:
    """A rollout in another phase."""
    return changed(
        controller, annotations={**controller["metadata"]["annotations"], "openshift.io/deployment.phase": name}
    )


@pytest.mark.parametrize("name", ["New", "Pending", "Running"])
@pytest.mark.parametrize("session", [one_session(CHANGED, CLIENTS), one_session(CLIENTS)], ids=["config", "controller"])
def test_a_rollout_that_goes_on_is_waited_for(session: Session, name: str) -> None:
    config = CHANGED if session.proxies == (CHANGED,) else BACK
    source, problem, wait = way(session, config, [BEFORE, phase(CLIENTS, name)])
    assert (source, problem) == (None, "") and "goes on" in wait


def test_a_rollout_that_failed_is_no_reason_to_wait() -> None:
    assert way(controllers=[BEFORE, phase(CLIENTS, "Failed")]) == ("web-3", "", "")


NOT_THE_CLIENTS: dict[str, tuple[Object, list[Object]]] = {
    "not rolled out": (replaced(version=3), [BEFORE]),
    "gone": (CHANGED, [BEFORE]),
    "of another session": (CHANGED, [BEFORE, rollout(replaced(OTHER_SID), 4, 1)]),
    "of another config": (CHANGED, [BEFORE, rollout(CHANGED, 4, 1, owner="uid-of-an-older-web")]),
    "never": ({**CHANGED, "status": {}}, [BEFORE, CLIENTS]),
}


@pytest.mark.parametrize("why", NOT_THE_CLIENTS)
def test_the_latest_rollout_must_be_the_clients(why: str) -> None:
    config, controllers = NOT_THE_CLIENTS[why]
    source, problem, _ = way(config=config, controllers=controllers)
    assert source is None and "latest rollout is not the client's" in problem


@pytest.mark.parametrize(
    "controllers",
    [[CLIENTS], [CLIENTS, rollout(ORIGINAL, 2)], [CLIENTS, rollout(ORIGINAL, 3, owner="uid-of-an-older-web")]],
    ids=["gone", "older", "of-another"],
)
def test_only_the_rollout_before_the_clients_knows(controllers: list[Object]) -> None:
    source, problem, _ = way(controllers=controllers)
    assert source is None and "is gone" in problem


def test_one_that_has_its_definition_back_is_only_rolled_out() -> None:
    found = way_back(one_session(CLIENTS), BACK, [BEFORE, CLIENTS], PATTERN)
    assert (found.config, found.source, found.problem, found.wait) == (BACK, None, "", "")


def test_one_that_lost_its_label_alone_is_not_rolled_out() -> None:
    unlabelled = changed(CHANGED, labels={})
    _, problem, _ = way(one_session(CLIENTS), unlabelled)
    assert "still has a session's label" in problem


def test_what_a_newer_rollout_has_replaced_is_left_to_go() -> None:
    newer = rollout(ORIGINAL, 5, 3)
    _, problem, wait = way(one_session(CLIENTS), {**ORIGINAL, "status": {"latestVersion": 5}}, [CLIENTS, newer])
    assert problem == "" and "has taken its place" in wait


def test_a_newer_rollout_that_failed_is_tried_again() -> None:
    newer = phase(rollout(ORIGINAL, 5), "Failed")
    config = {**ORIGINAL, "status": {"latestVersion": 5}}
    assert way_back(one_session(CLIENTS), config, [CLIENTS, newer], PATTERN).config == config


def test_a_controller_that_a_client_changed_itself_has_no_way_back() -> None:
    """Clients up to 0.96 labelled the ReplicationController; what it keeps is the DeploymentConfig, which they left alone."""
    mutated = rollout(ORIGINAL, 3, 1)
    mutated["metadata"]["labels"]["telepresence"] = SID
    mutated["spec"]["template"]["spec"]["containers"] = [proxy_container(image="datawire/telepresence-k8s:0.96")]
    session = one_session(mutated)
    assert (session.mode, session.client_version) == ("swap_in_place", "0.96")
    _, problem, _ = way(session, ORIGINAL, [mutated])
    assert "oc rollout latest dc/web -n shop" in problem


# Deciding


def decided(*others: Case, told: int | None = None, obstacle: str = "", trust: str = "declared", **of: t.Any) -> Case:
    """The orphaned session on a changed config, decided beside others. ``of``: config, controllers, session."""
    session = of.get("session") or one_session(CHANGED, CLIENTS, BEHIND)
    config, controllers = of.get("config", CHANGED), of.get("controllers", [BEFORE, CLIENTS])
    numbers = {} if told is None else {"shop/web": told}
    mine = case(session, of.get("verdict", "stale"), config)
    mine.way_back = way_back(session, config, controllers, PATTERN)
    mine.evidence = gather(session, config, Witnesses(controllers=controllers), numbers) + kept_count(mine.way_back)
    mine.obstacle = obstacle
    decide_all([mine, *others], POLICY.__class__(POLICY.restorable, trust, POLICY.replicas_limit))
    return mine


def test_plan() -> None:
    mine = decided()
    back, out = mine.plan
    assert isinstance(back, Rollback) and isinstance(out, Rollout)
    assert (mine.outcome, mine.replicas) == ("restorable", 3)
    assert back.as_dict() == {
        "action": "rollback",
        "object": "DeploymentConfig shop/web",
        "to": "ReplicationController shop/web-3",
        "before": 1,
        "after": 3,
    }
    assert out.as_dict() == {"action": "rollout", "object": "DeploymentConfig shop/web"}
    assert [(one.source, one.cls, one.value, one.object) for one in mine.evidence] == [
        ("kept_definition", "declared", 3, "ReplicationController shop/web-3")
    ]


def test_what_the_clients_own_rollout_had_is_no_evidence() -> None:
    assert {one.value for one in decided(trust="historic").evidence} == {3}


def test_what_was_applied_once_is_no_evidence_of_the_swap() -> None:
    status = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 9)
    stored = applied({"metadata": {"uid": CHANGED["metadata"]["uid"]}, "status": status})
    mine = decided(
        config=changed(CHANGED, annotations=stored), session=one_session(changed(CHANGED, annotations=stored))
    )
    assert {one.cls for one in mine.evidence} == {"declared"}


@pytest.mark.parametrize(
    ("how", "replicas", "said"),
    [
        ({"told": 7}, 7, ""),
        ({"told": 0}, 0, ""),
        ({"trust": "recorded"}, None, "only declared evidence speaks of 3 replicas"),
        ({"controllers": [rollout(deployment_config(replicas=51), 3), CLIENTS]}, None, "replicas_limit"),
        ({"controllers": [rollout(deployment_config(replicas=0), 3), CLIENTS]}, None, "declared 0 replicas"),
        (
            {"config": changed(CHANGED, annotations=applied({"spec": {"replicas": 2}}))},
            None,
            "disagrees (last_applied 2, kept_definition 3)",
        ),
        ({"config": changed(CHANGED, annotations=applied({"spec": {"replicas": 3}}))}, 3, ""),
    ],
    ids=["told", "told-0", "less-trust", "too-many", "zero", "two-values", "one-value"],
)
def test_the_count_that_comes_back(how: dict[str, t.Any], replicas: int | None, said: str) -> None:
    mine = decided(**how)
    assert mine.replicas == replicas
    assert (mine.outcome, len(mine.plan)) == (("restorable", 2) if replicas is not None else ("needs_decision", 0))
    assert said in mine.message
    if replicas is None:
        assert "stays as the client left it" in mine.message and "replicas: {shop/web: N}" in mine.message


def test_without_the_means_to_roll_out_nothing_is_changed() -> None:
    mine = decided(obstacle="There is no program oc.")
    assert (mine.outcome, mine.plan) == ("needs_decision", [])
    assert mine.message.startswith("Nothing was changed: ") and mine.message.endswith("There is no program oc.")


@pytest.mark.parametrize("verdict", ["alive", "starting", "suspended", "clientless", "unknown"])
def test_a_session_that_is_not_over_is_left_alone(verdict: str) -> None:
    assert (decided(verdict=verdict).outcome, decided(verdict=verdict).plan) == ("none", [])


def swapped_again(verdict: str) -> Case:
    """A later client's session that scaled the same DeploymentConfig down."""
    session = one_session(pod(f"web-{OTHER_SID}", OTHER_SID, created=later(600)))
    return Case(session, case(session, verdict).judgement, match=Match(CHANGED, "name", (CHANGED,)))


@pytest.mark.parametrize("verdict", ["alive", "starting", "suspended", "clientless", "unknown"])
def test_another_session_that_is_not_over_holds_it(verdict: str) -> None:
    mine = decided(swapped_again(verdict))
    assert (mine.outcome, mine.plan) == ("held", [])
    assert OTHER_SID in mine.message


def test_of_two_that_are_over_the_change_in_place_comes_first() -> None:
    other = swapped_again("stale")
    other.evidence = [evidence("swap", 1)]
    mine = decided(other)
    assert (mine.outcome, other.outcome, other.plan) == ("restorable", "held", [])


def test_only_the_rollout_is_lacking() -> None:
    mine = decided(session=one_session(CLIENTS, BEHIND), config=BACK)
    assert [action.as_dict()["action"] for action in mine.plan] == ["rollout"]
    assert (mine.outcome, mine.replicas) == ("restorable", None)


def test_waiting_is_held_and_no_way_is_for_a_person() -> None:
    going_on = decided(controllers=[BEFORE, phase(CLIENTS, "Running")])
    assert (going_on.outcome, going_on.plan) == ("held", [])
    gone = decided(controllers=[CLIENTS])
    assert (gone.outcome, gone.plan) == ("needs_decision", [])
    assert gone.message.startswith("Nothing was changed: ")


def test_summary_for_people() -> None:
    assert summary_of(CHANGED) == {"session": SID, "replicas": 1, "images": [PROXY["image"]], "triggers": []}
    assert summary_of(ORIGINAL) == {
        "session": None,
        "replicas": 3,
        "images": ["shop/web:1"],
        "triggers": ["ConfigChange"],
    }
