"""The reports of several runs as one."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.merged import merge

WELL = {"sessions": [], "changed": False}


def result(identity: str | None, **more: Any) -> dict[str, Any]:
    return {"cluster": {"identity": identity}, **WELL, **more}


def report(check_mode: bool = False, generated: str = "2026-11-24T20:00:00Z", **clusters: Any) -> dict[str, Any]:
    return {"format": 1, "generated": generated, "check_mode": check_mode, "clusters": clusters}


def test_the_clusters_of_all_reports_and_the_time_of_the_newest() -> None:
    first = report(alpha=result("a"), beta=result("b"))
    second = report(generated="2026-11-24T20:01:00Z", gamma=result("c"))
    assert merge([first, second]) == report(
        generated="2026-11-24T20:01:00Z", alpha=result("a"), beta=result("b"), gamma=result("c")
    )
    assert merge([first]) == first


def test_check_mode_stays_check_mode() -> None:
    assert merge([report(True, alpha=result("a")), report(True, beta=result("b"))])["check_mode"] is True


@pytest.mark.parametrize(
    ("reports", "complaint"),
    [
        ([], "There is no report to merge"),
        ([{}], "is no report of the role recover in format 1"),
        ([{**report(), "format": 2}], "is no report of the role recover in format 1"),
        ([{**report(), "clusters": []}], "is no report of the role recover in format 1"),
        ([report(alpha=WELL), report(alpha=WELL)], "Host alpha is in two of the reports"),
        ([report(True, alpha=WELL), report(beta=WELL)], "Some of the reports are of check mode"),
    ],
)
def test_what_is_not_of_one_run(reports: list[dict[str, Any]], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        merge(reports)


def test_two_hosts_that_are_one_cluster_are_told_of_across_reports() -> None:
    session = {"outcome": "restored"}
    found = merge([report(alpha=result("a"), beta=result("b")), report(twin=result("a", sessions=[session]))])[
        "clusters"
    ]
    for host in ("alpha", "twin"):
        assert found[host]["msg"].startswith("The hosts alpha, twin of the inventory are one and the same cluster (a)")
    assert found["twin"]["sessions"] == [session]
    assert found["beta"] == result("b")


@pytest.mark.parametrize(
    "other",
    [
        result("a", msg="The hosts alpha, other are one, so nothing was done there."),
        result(None),
        result("b"),
        {"msg": "The run ended early for this cluster."},
    ],
)
def test_a_cluster_that_was_worked_on_once_needs_no_word(other: dict[str, Any]) -> None:
    found = merge([report(alpha=result("a")), report(other=other)])["clusters"]
    assert found == {"alpha": result("a"), "other": other}


def test_two_clusters_without_an_identity_are_not_one() -> None:
    whole = report(alpha=result(None), beta=result(None), gamma={"cluster": None, **WELL})
    assert merge([whole]) == whole
