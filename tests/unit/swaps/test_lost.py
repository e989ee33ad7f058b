"""Which originals are lost, and what is decided about them."""

from __future__ import annotations

import typing as t
from dataclasses import replace

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.lost import Lost, decide_lost, find_lost
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.record import Autoscaler, Note, Record

from .builders import OTHER_SID, POLICY, SID, autoscaler, deployment, evidence, later, owned_replicas

WEB = "Deployment/web"
NOTED = Note(WEB, "uid-web", 3, "running", later(-3600))
RECORD = Record({WEB: NOTED})
OF_SESSION = replace(NOTED, source="scaling_event", replicas=5, time=later(0))


def found(
    web: Object, record: Record = RECORD, in_use: t.Container[str] = (), *scalers: Object
) -> list[tuple[str, int]]:
    """(source, value) of the evidence on web where it is lost."""
    return [(one.source, one.value) for lost in find_lost([web], record, in_use, scalers) for one in lost.evidence]


@pytest.mark.parametrize(
    ("web", "record"),
    [
        (deployment(replicas=1), RECORD),
        (deployment(), Record()),
        (deployment(), Record({WEB: replace(NOTED, replicas=0)})),
        (deployment(), Record({WEB: replace(NOTED, replicas=0)}, {SID: OF_SESSION})),
        (deployment(uid="uid-later"), RECORD),
        (deployment(managed=[owned_replicas("kubectl-patch", later(60))]), RECORD),
        (deployment(annotations={"devclusters.telepresence/ignore": "true"}), RECORD),
        (deployment(labels={"telepresence": SID}), RECORD),
        (deployment(), Record({WEB: replace(NOTED, autoscaler=Autoscaler("keda-hpa-web", 1, 5, 2))})),
        (deployment(), Record({}, {SID: replace(OF_SESSION, uid="uid-earlier")})),
    ],
    ids=[
        "it-runs",
        "nothing-is-noted",
        "noted-with-0",
        "told-to-be-at-0-after-the-session",
        "made-anew",
        "an-owned-0",
        "it-asks-to-be-left-alone",
        "changed-in-place",
        "an-autoscaler-paused-it",
        "a-session-of-an-earlier-one",
    ],
)
def test_not_lost(web: Object, record: Record) -> None:
    assert found(web, record) == []


def test_lost() -> None:
    assert found(deployment()) == [("baseline", 3)]
    assert found(deployment(), Record({}, {SID: OF_SESSION})) == [("session_record", 5)]
    assert found(deployment(), Record({WEB: NOTED}, {SID: OF_SESSION})) == [("session_record", 5), ("baseline", 3)]
    assert found(deployment(managed=[owned_replicas("helm", later(-7200))])) == [("baseline", 3)]


def test_one_in_use_is_not_lost() -> None:
    assert found(deployment(), RECORD, {"uid-web"}) == []
    assert found(deployment(), RECORD, {"uid-api"}) == [("baseline", 3)]


def test_one_with_an_autoscaler_is_not_lost() -> None:
    assert found(deployment(), RECORD, (), autoscaler()) == []
    assert found(deployment(), RECORD, (), autoscaler(name="api")) == [("baseline", 3)]


DECIDED: dict[str, tuple[Record, dict[str, int], bool, str, int | None, str]] = {
    "not wanted": (RECORD, {}, False, "none", 3, "option lost, variable recover_restore_lost"),
    "wanted": (RECORD, {}, True, "restorable", 3, "was noted with 3"),
    "told": (RECORD, {"shop/web": 2}, True, "restorable", 2, "it goes to 2"),
    "told of another": (RECORD, {"shop/api": 2}, True, "restorable", 3, "it goes to 3"),
    "told to stay": (RECORD, {"shop/web": 0}, True, "none", 0, "is to stay at 0, as told"),
    "too many": (Record({WEB: replace(NOTED, replicas=51)}), {}, True, "needs_decision", None, "replicas_limit (50)"),
    "too many, not wanted": (
        Record({WEB: replace(NOTED, replicas=51)}),
        {},
        False,
        "none",
        None,
        "replicas_limit (50)",
    ),
    "two minds": (
        Record({}, {SID: OF_SESSION, OTHER_SID: replace(OF_SESSION, replicas=2)}),
        {},
        True,
        "needs_decision",
        None,
        "disagrees",
    ),
    "of the session before of itself": (
        Record({WEB: NOTED}, {SID: OF_SESSION}),
        {},
        True,
        "restorable",
        5,
        "it goes to 5",
    ),
}


@pytest.mark.parametrize("case", DECIDED)
def test_decided(case: str) -> None:
    record, told, wanted, outcome, count, said = DECIDED[case]
    (lost,) = find_lost([deployment()], record, (), ())
    decide_lost(lost, told, wanted, POLICY)
    assert (lost.outcome, lost.replicas) == (outcome, count)
    assert said in lost.message
    assert [action.as_dict() for action in lost.plan] == (
        [{"action": "scale", "object": "Deployment shop/web", "before": 0, "after": count}]
        if outcome == "restorable"
        else []
    )


def test_what_is_settled_is_noted() -> None:
    lost = Lost(deployment(), [evidence("recorded", 3)])
    lost.settle("held", "Later.")
    assert (lost.outcome, lost.message, lost.plan) == ("held", "Later.", [])
