"""How many replicas an original had: what the readings together say."""

from __future__ import annotations

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.counts import (
    CLASSES,
    Evidence,
    decide,
    deliberate_zero,
    replicas,
)

from .builders import (
    SWAPPED_AT,
    at,
    deployment,
    evidence,
    later,
    owned_replicas,
)

TOLD, SWAP, RECORDED, DECLARED, HISTORIC = CLASSES
DECIDE: dict[str, tuple[list[Evidence], str, int, int | None, int | None]] = {
    "nothing": ([], "historic", 50, None, None),
    "swap": ([evidence(SWAP, 3)], "recorded", 50, 3, None),
    "swap beats declared": ([evidence(SWAP, 3), evidence(DECLARED, 2)], "declared", 50, 3, None),
    "the order of the list is nothing": ([evidence(DECLARED, 2), evidence(SWAP, 3)], "declared", 50, 3, None),
    "recorded beats declared": ([evidence(DECLARED, 2), evidence(RECORDED, 4)], "recorded", 50, 4, None),
    "of the session beats of the workload": (
        [evidence(RECORDED, 3, "session_record"), evidence(RECORDED, 4, "baseline")],
        "recorded",
        50,
        3,
        None,
    ),
    "two sessions of one mind": (
        [evidence(RECORDED, 3, "session_record"), evidence(RECORDED, 3, "session_record")],
        "recorded",
        50,
        3,
        None,
    ),
    "two sessions of two minds": (
        [evidence(RECORDED, 3, "session_record"), evidence(RECORDED, 2, "session_record")],
        "historic",
        50,
        None,
        None,
    ),
    "noted with 0 before the swap": (
        [evidence(RECORDED, 0, "baseline"), evidence(DECLARED, 2)],
        "declared",
        50,
        None,
        None,
    ),
    "recorded above the limit": ([evidence(RECORDED, 51)], "recorded", 50, None, 51),
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


# Zeros on purpose


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
