"""Counts that the user gave in vain."""

from __future__ import annotations

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.told import told_in_vain

from .builders import case, deployment, one_session, pod


@pytest.mark.parametrize(
    ("here", "existing", "said"),
    [
        (0, {"shop/web"}, ""),
        (2, {"shop/web"}, "it runs with 2 already"),
        (None, {"shop/web"}, "no session has replaced it"),
        (None, {"shop/wbe"}, "this cluster has no such workload"),
        (None, set(), "this cluster has no such workload"),
    ],
)
@pytest.mark.parametrize("verdict", ["stale", "alive", "unknown"])
def test_why_a_count_is_not_used(here: int | None, existing: set[str], said: str, verdict: str) -> None:
    cases = [] if here is None else [case(one_session(pod()), verdict, deployment(replicas=here))]
    found = told_in_vain({"shop/web": 3}, cases, existing)
    assert len(found) == (1 if said else 0)
    assert not said or (found[0].startswith("Option replicas has shop/web: 3, but ") and said in found[0])


def test_each_is_told_once_in_order() -> None:
    found = told_in_vain({"shop/b": 1, "shop/a": 2}, [], set())
    assert [sentence.split()[3] for sentence in found] == ["shop/a:", "shop/b:"]
