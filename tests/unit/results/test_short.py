"""Short records: enough for everything but the report, and made whole again by nothing but their own details."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._results import merged, metrics, records, text
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.short import details, short, whole

from . import sample

Result = dict[str, Any]
SID = "9bdd4ff98a184820b2d4027b00a9af39"
WEB = {"kind": "Deployment", "namespace": "shop", "name": "web"}
RESTORED = "Deployment shop/web was put back to 3 replicas and its proxy was removed."


def record(verdict: str, outcome: str, original: Result | None, replicas: int | None, **proxy: Result | None) -> Result:
    """A short record as it stands in a list that repeats sessions."""
    kept = {"session_id": SID, "namespace": "shop", "verdict": verdict, "outcome": outcome}
    return {**kept, "original": original, **proxy, "replicas": replicas}


SHORT: dict[str, tuple[Result, Result, str, str]] = {
    "restored": (
        sample.session(),
        record("stale", "restored", WEB, 3),
        RESTORED,
        "shop/web: restored to 3 (stale, last alive 2 h ago; the scaling event says 3)",
    ),
    "left alone": (
        sample.idle("web", "suspended", "The laptop sleeps."),
        record("suspended", "none", WEB, None),
        "",
        "shop/web: suspended, left alone - The laptop sleeps.",
    ),
    "without an original": (
        sample.session("web", original=None, plan=[], replicas=None, message="Removed."),
        record("stale", "restored", None, None, proxy={"kind": "Pod", "namespace": "shop", "name": f"web-{SID}"}),
        "Removed.",
        f"shop/web-{SID} (proxy): proxy removed (stale, last alive 2 h ago)",
    ),
    "without an original and a proxy": (
        sample.session("web", original=None, proxy=None, plan=[], replicas=None, message="Gone."),
        record("stale", "restored", None, None, proxy=None),
        "Gone.",
        f"shop/{SID} (proxy): proxy removed (stale, last alive 2 h ago)",
    ),
}
"""A full record; the short one; its message and its line, which are under sessions."""


def restore(*sessions: Result, lost: tuple[Result, ...] = ()) -> Result:
    """A result of telepresence_restore."""
    result = sample.result(*sessions)
    return {**result, "lost": list(lost), **records.by_outcome(result["sessions"]), "notices": [], "journal": []}


def everything() -> Result:
    """One with every verdict and outcome, lost workloads, and hostile texts."""
    return restore(*sample.sessions(), sample.hostile(), lost=(sample.lost(), sample.lost("old", outcome="failed")))


@pytest.mark.parametrize("case", SHORT)
def test_a_session_in_short(case: str) -> None:
    full, repeated, message, line = SHORT[case]
    found = short(restore(full))
    assert found["sessions"] == [{**repeated, "message": message, "line": line}]
    assert found["orphans"] == ([repeated] if repeated["verdict"] == "stale" else [])
    assert found["restored"] == ([repeated] if repeated["outcome"] == "restored" else [])


def test_a_lost_workload_in_short() -> None:
    (found,) = short(restore(lost=(sample.lost(),)))["lost"]
    assert found == {
        "namespace": "shop",
        "outcome": "none",
        "original": {**WEB, "name": "api"},
        "replicas": 2,
        "message": "Deployment shop/api is at 0 without a session.",
        "line": "shop/api: lost, left alone - Deployment shop/api is at 0 without a session.",
    }


def test_everything_else_stays_and_the_full_result_too() -> None:
    full = everything()
    before = copy.deepcopy(full)
    found = short(full)
    assert full == before
    others = full.keys() - details(full).keys()
    assert found.keys() == full.keys() and others == {"cluster", "summary", "changed", "journal", "notices"}
    assert {key: found[key] for key in others} == {key: full[key] for key in others}


def test_orphans_has_fewer_lists() -> None:
    assert set(details(sample.result())) == {"sessions", "orphans", "lost"}
    assert set(short(sample.result())) == set(sample.result())


def _metrics(result: Result) -> str:
    return metrics.metrics({"generated": "2026-11-24T20:00:00Z", "clusters": {"eu": result}})


def _twins(result: Result) -> Any:
    report = {"format": 1, "clusters": {"eu": result, "us": result}}
    return [one["msg"] for one in merged.merge([report])["clusters"].values()]


@pytest.mark.parametrize(
    "shown", [text.session_lines, text.digest, text.session_problem, _metrics, _twins], ids=lambda shown: shown.__name__
)
@pytest.mark.parametrize(
    "msg", [{}, {"msg": "Cluster https://10.0.0.9:6443 cannot be reached."}], ids=["well", "failed"]
)
def test_all_but_the_report_is_made_of_the_short_result(shown: Callable[[Result], Any], msg: Result) -> None:
    full = {**everything(), **msg}
    assert shown({**short(full), "details": "/reports/eu"}) == shown(full)


def test_a_result_and_its_details_are_whole() -> None:
    full = everything()
    read = json.loads(json.dumps(details(full)))
    assert whole({**short(full), "details": "/reports/eu"}, read) == full


def _other() -> Result:
    return details(restore(sample.session("other")))


FOREIGN: dict[str, tuple[Any, str]] = {
    "of another run": (_other(), "records of another run"),
    "of telepresence_orphans": ({key: _other()[key] for key in ("sessions", "orphans", "lost")}, "another run"),
    "with more lists": ({**details(restore(sample.session())), "more": []}, "another run"),
    "no lists": ({key: {} for key in _other()}, "no records"),
    "no records": ({**_other(), "sessions": ["web"]}, "no records"),
    "records of something else": ({**_other(), "sessions": [{}]}, "no records"),
    "a list": ([], "no records"),
    "nothing": (None, "no records"),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_what_is_not_its_details(case: str) -> None:
    found, reason = FOREIGN[case]
    with pytest.raises(ValueError, match=reason):
        whole(short(restore(sample.session())), found)
