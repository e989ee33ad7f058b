"""What is done about each session: tables for the cases that have a name, and invariants over the product of all others."""

from __future__ import annotations

import dataclasses
import itertools
import time
import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object, uid
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.counts import Evidence
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.originals import Match
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.plan import (
    Case,
    Delete,
    Policy,
    Scale,
    decide_all,
    rivals,
)
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.sessions import Session

from . import builders
from .builders import (
    OTHER_SID,
    POLICY,
    SID,
    case,
    deployment,
    evidence,
    later,
    one_session,
    owned_replicas,
    pod,
    proxy_container,
    proxy_deployment,
    service,
)

WEB = deployment()
RUNNING = deployment(replicas=3)
KEPT_AT_ZERO = deployment(managed=[owned_replicas("kube-green", later(300))])
SWAP_3, SWAP_2, DECLARED_2, TOLD_0, TOLD_5 = (
    evidence("swap", 3),
    evidence("swap", 2, "proxy_last_applied"),
    evidence("declared", 2, "last_applied"),
    evidence("told", 0, "told"),
    evidence("told", 5, "told"),
)
LIVING = ("alive", "starting", "suspended", "clientless", "unknown")


def older(*objects: Object) -> Session:
    """The session that swapped first: a Pod, if nothing else is given."""
    return one_session(*(objects or [pod()]))


def younger(**changes: t.Any) -> Session:
    """One that swapped ten minutes later."""
    return one_session(pod(f"web-{OTHER_SID}", OTHER_SID, created=later(600), **changes))


def deleted(session: Session) -> Session:
    """The same session, its proxies being deleted."""
    gone = tuple(builders.changed(proxy, deletionTimestamp=later(900)) for proxy in session.proxies)
    return dataclasses.replace(session, proxies=gone)


def actions(one: Case) -> list[str]:
    """A plan in words."""
    return [
        f"{action.after}" if isinstance(action, Scale) else str(action.obj["metadata"]["name"]) for action in one.plan
    ]


def decided(*cases: Case, policy: Policy = POLICY) -> t.Sequence[Case]:
    """The cases, settled."""
    decide_all(cases, policy)
    return cases


POD_NAME = f"web-{SID}"
NEW = (pod("mydev", containers=[proxy_container(swapped=False)]), service())
IN_PLACE = proxy_deployment("web", uid="uid-proxy")

ALONE: dict[str, tuple[Case, str, list[str]]] = {
    "stale, event": (case(older(), "stale", WEB, SWAP_3), "restorable", ["3", POD_NAME]),
    "ended, event": (case(older(), "ended", WEB, SWAP_3), "restorable", ["3", POD_NAME]),
    "stale, not firm": (case(older(), "stale", WEB, SWAP_3, firm=False), "none", []),
    "stale, runs already": (case(older(), "stale", RUNNING), "restorable", [POD_NAME]),
    "stale, runs already, evidence": (case(older(), "stale", RUNNING, evidence("swap", 5)), "restorable", [POD_NAME]),
    "stale, no evidence": (case(older(), "stale", WEB), "needs_decision", []),
    "stale, evidence of zero": (case(older(), "stale", WEB, evidence("swap", 0)), "needs_decision", []),
    "stale, disagreement": (case(older(), "stale", WEB, SWAP_3, SWAP_2), "needs_decision", []),
    "stale, declared": (case(older(), "stale", WEB, DECLARED_2), "restorable", ["2", POD_NAME]),
    "stale, historic": (case(older(), "stale", WEB, evidence("historic", 2)), "needs_decision", []),
    "stale, above the limit": (case(older(), "stale", WEB, evidence("swap", 51)), "needs_decision", []),
    "stale, told": (case(older(), "stale", WEB, TOLD_5, SWAP_3), "restorable", ["5", POD_NAME]),
    "stale, told 0": (case(older(), "stale", WEB, TOLD_0, SWAP_3), "restorable", [POD_NAME]),
    "stale, zero on purpose": (case(older(), "stale", KEPT_AT_ZERO, SWAP_3), "restorable", [POD_NAME]),
    "stale, no original": (case(older(), "stale", None, SWAP_3), "needs_decision", []),
    "stale, no original, being deleted": (case(deleted(older()), "terminating", None), "needs_decision", []),
    "in place": (case(older(IN_PLACE), "stale", None), "needs_decision", []),
    "in place, original known": (case(older(IN_PLACE), "stale", WEB, SWAP_3), "needs_decision", []),
    "owned, runs already": (case(older(pod(owners=[builders.owner("Job")])), "ended", RUNNING), "needs_decision", []),
    "in place, alive": (case(older(IN_PLACE), "alive", None), "none", []),
    "being deleted, event": (case(deleted(older()), "terminating", WEB, SWAP_3), "restorable", ["3"]),
    "being deleted, no evidence": (case(deleted(older()), "terminating", WEB), "needs_decision", []),
    "being deleted, runs already": (case(deleted(older()), "terminating", RUNNING), "none", []),
    "new": (case(older(*NEW), "stale"), "restorable", ["mydev", "mydev"]),
    "new, alive": (case(older(*NEW), "alive"), "none", []),
    "new, being deleted": (case(deleted(older(*NEW)), "terminating"), "restorable", ["mydev"]),
    "service alone": (case(older(service()), "ended"), "restorable", ["mydev"]),
    "with a service": (case(older(pod(), service()), "stale", WEB, SWAP_3), "restorable", ["3", POD_NAME, "mydev"]),
    "deployment": (case(older(proxy_deployment()), "stale", WEB, SWAP_3), "restorable", ["3", POD_NAME]),
    **{f"{verdict}": (case(older(), verdict, WEB, SWAP_3), "none", []) for verdict in LIVING},
    **{f"{verdict}, told": (case(older(), verdict, WEB, TOLD_5), "none", []) for verdict in LIVING},
    **{f"{verdict}, runs already": (case(older(), verdict, RUNNING), "none", []) for verdict in LIVING},
}


@pytest.mark.parametrize(("one", "outcome", "plan"), ALONE.values(), ids=ALONE.keys())
def test_one_session(one: Case, outcome: str, plan: list[str]) -> None:
    decide_all([one], POLICY)
    assert (one.outcome, actions(one)) == (outcome, plan)
    assert one.message.endswith(".")


def test_scaling_comes_first_then_the_proxy_then_its_service() -> None:
    (one,) = decided(case(older(pod(), service()), "stale", WEB, SWAP_3))
    assert [action.as_dict() for action in one.plan] == [
        {"action": "scale", "object": "Deployment shop/web", "before": 0, "after": 3},
        {"action": "delete", "object": f"Pod shop/{POD_NAME}"},
        {"action": "delete", "object": "Service shop/mydev"},
    ]
    assert one.replicas == 3


@pytest.mark.parametrize("verdict", ["clientless", "suspended"])
def test_what_the_user_asks_for_is_restored_once_it_is_firm(verdict: str) -> None:
    policy = dataclasses.replace(POLICY, restorable=frozenset({"stale", "ended", verdict}))
    (unsure,) = decided(case(older(), verdict, WEB, SWAP_3, firm=False), policy=policy)
    (sure,) = decided(case(older(), verdict, WEB, SWAP_3), policy=policy)
    assert (actions(unsure), actions(sure)) == ([], ["3", POD_NAME])


def test_a_verdict_that_is_not_asked_for_is_left_alone() -> None:
    policy = dataclasses.replace(POLICY, restorable=frozenset({"ended"}))
    (one,) = decided(case(older(), "stale", WEB, SWAP_3), policy=policy)
    assert (one.outcome, one.plan) == ("none", [])


@pytest.mark.parametrize(
    ("trust", "count", "outcome"),
    [
        ("recorded", DECLARED_2, "needs_decision"),
        ("declared", DECLARED_2, "restorable"),
        ("declared", evidence("historic", 2), "needs_decision"),
        ("historic", evidence("historic", 2), "restorable"),
        ("recorded", SWAP_3, "restorable"),
    ],
)
def test_trust(trust: str, count: Evidence, outcome: str) -> None:
    (one,) = decided(case(older(), "stale", WEB, count), policy=dataclasses.replace(POLICY, trust=trust))
    assert one.outcome == outcome


def test_what_is_missing_is_asked_for_by_name() -> None:
    (one,) = decided(case(older(), "stale", WEB))
    assert "shop/web: N" in one.message


@pytest.mark.parametrize("verdict", ["stale", "ended", "alive", "terminating"])
def test_opted_out(verdict: str) -> None:
    one = case(older(), verdict, WEB, SWAP_3)
    one.opted_out = "Namespace shop"
    decide_all([one], POLICY)
    assert (one.outcome, one.plan) == ("none", [])
    assert "Namespace shop" in one.message


def test_a_pod_that_is_replaced_is_not_the_end_of_its_proxy() -> None:
    """Its one Pod is being drained from a node; the proxy Deployment stands and makes another: nobody has asked a client."""
    (one,) = decided(case(older(proxy_deployment()), "terminating", WEB, SWAP_3, firm=False))
    assert (one.outcome, one.plan) == ("none", [])


def test_what_is_being_deleted_is_not_deleted_again() -> None:
    session = older(pod(f"web-{SID}"), pod(f"api-{SID}", uid="2", deletionTimestamp=1), service())
    half = dataclasses.replace(
        session, proxies=(session.proxies[0], builders.changed(session.proxies[1], deletionTimestamp=later(1)))
    )
    (one,) = decided(case(half, "stale", WEB, SWAP_3))
    assert actions(one) == ["3", POD_NAME, "mydev"]


# Two sessions on one original


@pytest.mark.parametrize("living", [*LIVING, "opted out", "not firm"])
@pytest.mark.parametrize("which", ["older", "younger"])
@pytest.mark.parametrize("original", [WEB, RUNNING], ids=["at 0", "at 3"])
def test_a_session_that_may_live_holds_the_other(living: str, which: str, original: Object) -> None:
    verdict = "stale" if living in ("opted out", "not firm") else living
    sessions = [older(), younger()]
    if which == "younger":
        sessions.reverse()
    alive = case(sessions[0], verdict, original, SWAP_3, firm=living != "not firm")
    alive.opted_out = "Pod shop/web" if living == "opted out" else ""
    stale = case(sessions[1], "stale", original, SWAP_3)
    decide_all([alive, stale], POLICY)
    assert (stale.outcome, stale.plan, alive.plan) == ("held", [], [])
    assert alive.session.session_id in stale.message


ALL = (*LIVING, "stale", "ended", "terminating")


def expected_of(mine: str, other: str, present: int, name: str) -> tuple[str, list[str]]:
    """Outcome and plan of a session beside another on an original with 0 or 3, by the rules and not by the code.

    A session that may live is left alone, and holds every other one. One that is over (its proxy being deleted counts) puts back
    what the oldest proxy knows where the original is at 0, then its proxy goes unless it is going already.
    """
    if mine in LIVING:
        return "none", []
    if other in LIVING:
        return "held", []
    deletes = [] if mine == "terminating" else [name]
    if present:
        return ("restorable", deletes) if deletes else ("none", [])
    return "restorable", ["3", *deletes]


@pytest.mark.parametrize("original", [WEB, RUNNING], ids=["at 0", "at 3"])
@pytest.mark.parametrize(("first", "second"), [*itertools.product(ALL, ALL)])
def test_every_pair_of_sessions(first: str, second: str, original: Object) -> None:
    """The verdict on the older one beside that on the younger."""
    sessions = [older(), younger()]
    cases = []
    for session, verdict, counts in zip(sessions, (first, second), ((SWAP_3,), (evidence("swap", 1),)), strict=True):
        standing = deleted(session) if verdict == "terminating" else session
        cases.append(case(standing, verdict, original, *counts, firm=verdict not in ("unknown", "terminating")))
    decided(*cases)
    present = 0 if original is WEB else 3
    names = (POD_NAME, f"web-{OTHER_SID}")
    assert [(one.outcome, actions(one)) for one in cases] == [
        expected_of(first, second, present, names[0]),
        expected_of(second, first, present, names[1]),
    ]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["oldest-first", "youngest-first"])
def test_the_oldest_proxy_knows_the_count(order: tuple[int, int]) -> None:
    """The younger session found the original at 0, or at what someone had made of it meanwhile."""
    cases = [case(older(), "stale", WEB, SWAP_3), case(younger(), "ended", WEB, evidence("swap", 1))]
    decide_all([cases[number] for number in order], POLICY)
    assert [actions(one) for one in cases] == [["3", POD_NAME], ["3", f"web-{OTHER_SID}"]]


def test_evidence_of_the_younger_session_does_not_stand_in_for_the_oldest() -> None:
    for one in decided(case(older(), "stale", WEB), case(younger(), "stale", WEB, SWAP_3)):
        assert (one.outcome, one.plan) == ("needs_decision", [])


def test_the_oldest_proxy_dates_the_swap() -> None:
    """Somebody set the original to 0 after the first swap and before the second: on purpose."""
    between = deployment(managed=[owned_replicas("kube-green", later(300))])
    cases = decided(case(older(), "stale", between, SWAP_3), case(younger(), "stale", between, SWAP_3))
    assert [actions(one) for one in cases] == [[POD_NAME], [f"web-{OTHER_SID}"]]


def test_sessions_on_other_originals_do_not_hold() -> None:
    api = deployment("api", uid="uid-api")
    cases = decided(case(older(), "stale", WEB, SWAP_3), case(younger(), "alive", api))
    assert [one.outcome for one in cases] == ["restorable", "none"]


def test_a_session_that_may_be_on_the_original_holds_too() -> None:
    ambiguous = case(younger(), "alive")
    ambiguous.match = Match(candidates=(WEB, deployment("web2")), problem="more than one")
    cases = decided(case(older(), "stale", WEB, SWAP_3), ambiguous)
    assert [one.outcome for one in cases] == ["held", "none"]
    assert rivals([cases[0]], cases) == [ambiguous] and rivals([ambiguous], cases) == [cases[0]]


@pytest.mark.parametrize("ambiguous_is", ["older", "younger"])
def test_told_always_acts(ambiguous_is: str) -> None:
    """The user's word for a workload needs no evidence, whoever else may have swapped it."""
    sessions = [older(), younger()]
    if ambiguous_is == "younger":
        sessions.reverse()
    ambiguous = case(sessions[0], "stale")
    ambiguous.match = Match(candidates=(WEB, deployment("web2")), problem="more than one")
    known = case(sessions[1], "stale", WEB, TOLD_5)
    decide_all([ambiguous, known], POLICY)
    assert actions(known)[:1] == ["5"]
    assert (ambiguous.outcome, ambiguous.plan) == ("needs_decision", [])


def test_told_beats_a_zero_on_purpose() -> None:
    (one,) = decided(case(older(), "stale", KEPT_AT_ZERO, TOLD_5))
    assert actions(one) == ["5", POD_NAME]


@pytest.mark.parametrize(("age", "young"), [(0.0, True), (9.0, True), (10.0, False), (3600.0, False)])
def test_how_long_a_verdict_holds(age: float, young: bool) -> None:
    one = case(older(), "stale", WEB)
    one.asked_at = time.monotonic() - age
    assert one.young is young


# Over everything

SESSIONS: dict[str, tuple[Session, Session]] = {
    "pods": (older(), younger()),
    "with services": (older(pod(), service()), younger()),
    "first in place": (older(IN_PLACE), younger()),
    "second owned": (older(), younger(owners=[builders.owner("ReplicaSet")])),
    "deployment and pod": (older(proxy_deployment()), younger()),
}
VERDICTS = [
    *((verdict, True) for verdict in ("alive", "starting", "suspended", "clientless", "stale", "ended", "terminating")),
    ("unknown", False),
    ("stale", False),
]
EVIDENCE: list[tuple[Evidence, ...]] = [
    (),
    (SWAP_3,),
    (DECLARED_2,),
    (SWAP_3, SWAP_2),
    (evidence("swap", 99),),
    (TOLD_0,),
]


def expected_count(found: tuple[Evidence, ...]) -> int | None:
    """What each of EVIDENCE allows, said once more by hand."""
    return {(): None, (SWAP_3,): 3, (DECLARED_2,): 2, (TOLD_0,): 0}.get(found)


@pytest.mark.parametrize("kind", SESSIONS)
@pytest.mark.parametrize("original", [WEB, RUNNING, KEPT_AT_ZERO], ids=["at 0", "at 3", "0 on purpose"])
def test_invariants(kind: str, original: Object) -> None:
    """Whatever two sessions on one original are like, these hold."""
    for first, second, counts, opted in itertools.product(VERDICTS, VERDICTS, EVIDENCE, (None, 0, 1)):
        cases = []
        for session, (verdict, firm) in zip(SESSIONS[kind], (first, second), strict=True):
            standing = deleted(session) if verdict == "terminating" else session
            known = counts if session is SESSIONS[kind][0] else (evidence("swap", 1),)
            cases.append(case(standing, verdict, original, *known, firm=firm))
        if opted is not None:
            cases[opted].opted_out = "Namespace shop"
        decide_all(cases, POLICY)
        for one, other in (cases, cases[::-1]):
            _holds(one, other, original, expected_count(counts))


def _ended(one: Case) -> bool:
    return one.verdict == "terminating" or (one.verdict in ("stale", "ended") and one.judgement.firm)


def _holds(one: Case, other: Case, original: Object, count: int | None) -> None:
    about = f"{one}\n{other}"
    scales = [action for action in one.plan if isinstance(action, Scale)]
    deletes = [action for action in one.plan if isinstance(action, Delete)]
    assert bool(one.plan) == (one.outcome == "restorable"), about
    assert one.outcome in ("none", "restorable", "held", "needs_decision") and one.message, about
    if not one.plan:
        return
    # Nothing happens to a session that may live, that asks to be left alone, or whose proxy may be the original itself,
    # nor to any beside one that may live.
    assert _ended(one) and not one.opted_out and one.session.deletable, about
    assert _ended(other) and not other.opted_out, about
    # Only its own proxies and Services go, and none that goes already.
    own = {uid(obj) for obj in (*one.session.proxies, *one.session.services)}
    assert {uid(action.obj) for action in deletes} <= own, about
    assert not any(action.obj["metadata"].get("deletionTimestamp") for action in deletes), about
    # The original is scaled first, once, from 0, to what the oldest one's evidence says.
    for scale in scales:
        assert one.plan[0] is scale and len(scales) == 1, about
        assert scale.obj is original and original is WEB, about
        assert (scale.before, scale.after) == (0, count) and count, about
    # The evidence goes only if the original is up, comes up in the same plan, or is to stay at 0.
    assert scales or original is RUNNING or original is KEPT_AT_ZERO or count == 0, about


def test_the_product_reaches_every_outcome() -> None:
    """The invariants would hold of nothing, too."""
    outcomes = set()
    for first, second, counts in itertools.product(VERDICTS, VERDICTS, EVIDENCE):
        sessions = zip(SESSIONS["pods"], (first, second), strict=True)
        cases = [case(session, verdict, WEB, *counts, firm=firm) for session, (verdict, firm) in sessions]
        outcomes |= {(one.outcome, len(one.plan)) for one in decided(*cases)}
    assert outcomes >= {("none", 0), ("restorable", 2), ("restorable", 1), ("held", 0), ("needs_decision", 0)}


def test_a_living_session_whose_original_was_changed_holds_it() -> None:
    living = case(older(), "alive")
    living.match = Match(candidates=(WEB,), problem="nothing fits it")
    stale = case(younger(), "stale", WEB, SWAP_3)
    decided(living, stale)
    assert (stale.outcome, stale.plan) == ("held", [])


def test_the_evidence_of_a_count_is_shown_with_every_session_that_it_decides() -> None:
    first, second = case(older(), "stale", WEB, SWAP_3), case(younger(), "stale", WEB, DECLARED_2)
    decided(first, second)
    assert (second.replicas, second.evidence) == (3, [SWAP_3])


def test_pods_that_outlive_their_deployment_need_no_decision() -> None:
    lingering = pod(owners=[builders.owner("ReplicaSet")])
    (settled,) = decided(case(deleted(older(lingering)), "terminating"))
    assert (settled.outcome, settled.plan) == ("none", [])
