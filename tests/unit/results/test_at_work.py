"""Who is at work on a cluster: what a rebuild of its traffic-manager stops for."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.at_work import at_work

from . import sample

MANAGER = {"namespace": "ambassador", "intercepts": 1}
INTERCEPT = {
    "manager": "ambassador",
    "id": "0c28e0e5:web",
    "client": "dev@laptop",
    "namespace": "shop",
    "agent": "web",
    "disposition": "ACTIVE",
}
AGENT = {"namespace": "shop", "name": "web", "manager": "ambassador", "intercepted": True}


def info(**changes: t.Any) -> dict[str, t.Any]:
    """A cluster with a traffic-manager that nobody uses; ``changes`` replace whole keys."""
    return {"managers": [MANAGER], "agents": [], "intercepts": [], "unknown": [], **changes}


def people(*sessions: dict[str, t.Any], ending: t.Sequence[dict[str, t.Any]] = (), **changes: t.Any) -> list[str]:
    """Who is at work in namespace ambassador."""
    return at_work(sample.result(*sessions), info(**changes), "ambassador", ending)


@pytest.mark.parametrize(
    ("verdict", "outcome", "lives"),
    [
        ("alive", "none", True),
        ("starting", "none", True),
        ("suspended", "none", True),
        ("clientless", "none", True),
        ("unknown", "none", True),
        ("suspended", "restorable", False),  # the user added it to the verdicts of the recovery
        ("suspended", "needs_decision", True),
        ("stale", "restorable", False),
        ("stale", "needs_decision", False),
        ("stale", "held", False),
        ("ended", "restorable", False),
        ("terminating", "none", False),
    ],
)
def test_sessions_that_may_live(verdict: str, outcome: str, lives: bool) -> None:
    found = people(sample.session("web", verdict=verdict, outcome=outcome, reason="So it is."))
    assert found == ([f"shop/web: a session of Telepresence 1 is {verdict}. So it is."] if lives else [])


@pytest.mark.parametrize("disposition", ["ACTIVE", "WAITING", "AGENT_ERROR", "UNSPECIFIED"])
def test_an_intercept_that_its_manager_holds(disposition: str) -> None:
    (sentence,) = people(intercepts=[{**INTERCEPT, "disposition": disposition}])
    assert "dev@laptop" in sentence and "shop/web" in sentence


@pytest.mark.parametrize("disposition", ["REMOVED", "NO_CLIENT"])
def test_an_intercept_whose_client_left(disposition: str) -> None:
    assert people(intercepts=[{**INTERCEPT, "disposition": disposition}]) == []


def test_an_intercept_that_the_policy_names_counts_for_nobody() -> None:
    other = {**INTERCEPT, "id": "7f1c3f0e:api", "agent": "api"}
    (sentence,) = people(intercepts=[INTERCEPT, other], ending=[INTERCEPT])
    assert "shop/api" in sentence
    # Another manager may give the same id: that one is not meant.
    elsewhere = {**INTERCEPT, "manager": "team-b"}
    assert len(people(intercepts=[INTERCEPT], ending=[elsewhere])) == 1


def test_another_manager_is_not_rebuilt() -> None:
    assert people(managers=[{**MANAGER, "namespace": "team-b"}], intercepts=[{**INTERCEPT, "manager": "team-b"}]) == []


def test_what_a_manager_does_not_say_may_be_somebody_at_work() -> None:
    unknown = ["The intercepts of the manager in namespace ambassador are not known: none of its pods is ready."]
    found = people(managers=[{**MANAGER, "intercepts": None}], unknown=unknown)
    assert "none of its pods is ready" in found[-1]
    found = people(agents=[{**AGENT, "intercepted": None}], unknown=["It began less than 180 s ago."])
    assert "shop/web" in found[0]


def test_what_others_wrote_steers_no_terminal() -> None:
    (sentence,) = people(intercepts=[{**INTERCEPT, "client": "\x1b[2Jdev\n@" + "x" * 2000}])
    assert "\x1b" not in sentence and "\n" not in sentence and len(sentence) <= 1000


def test_a_result_that_failed_is_nobodys_absence() -> None:
    with pytest.raises(KeyError):
        at_work({"msg": "Cluster https://10.0.0.9:6443 cannot be reached."}, info(), "ambassador", [])
    with pytest.raises(KeyError):
        at_work(sample.result(), {"msg": "Cluster https://10.0.0.9:6443 cannot be reached."}, "ambassador", [])
