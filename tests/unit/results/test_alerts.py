"""The alert rules of the documentation, played on metrics as a run writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.metrics import metrics

from tests.blocks import blocks
from tests.lab.paths import ROOT
from tests.monitoring import told

from . import sample

PAGE = ROOT / "docs/docsite/rst/monitoring.rst"
RULES = next(block.text for block in blocks(PAGE.name, PAGE.read_text()) if block.text.startswith("groups:"))
ALERTS = {rule["alert"]: rule for rule in yaml.safe_load(RULES)["groups"][0]["rules"]}

WELL = sample.result(*(one for one in sample.sessions() if one["outcome"] in ("none", "restored")))
DOWN = {"msg": "Cluster https://10.0.0.9:6443 cannot be reached."}
CASES: list[tuple[str, dict[str, Any], str, dict[str, str]]] = [
    ("all is well", WELL, "1h", {}),
    (
        "one of each",
        sample.result(*sample.sessions()),
        "1h",
        {"TelepresenceNeedsDecision": "3", "TelepresenceOrphans": "1"},
    ),
    ("cannot be reached", DOWN, "1h", {"TelepresenceRunFailed": "1"}),
    ("a run each day", WELL, "26h", {}),
    ("no run since yesterday", WELL, "27h", {"TelepresenceRunOverdue": "97200"}),
]
"""What a run found at the start of time, the time of a look at it, and the alerts of that time with their values."""


def case(result: dict[str, Any], time: str, firing: dict[str, str]) -> dict[str, Any]:
    """A test for promtool: the series of a report, for as long as it takes, and what fires."""
    text = metrics({"generated": "1970-01-01T00:00:00Z", "clusters": {"eu": result}})
    series = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {
        "interval": "1h",
        "input_series": [{"series": name, "values": f"{value}x36"} for name, _space, value in series],
        "alert_rule_test": [
            {
                "alertname": name,
                "eval_time": time,
                "exp_alerts": [expected(name, firing[name])] if name in firing else [],
            }
            for name in ALERTS
        ],
    }


def expected(name: str, value: str) -> dict[str, Any]:
    """The alert of this name as it has to come out for cluster eu."""
    rule = ALERTS[name]
    labels = {"cluster": "eu", **rule["labels"], **({"outcome": "restorable"} if name == "TelepresenceOrphans" else {})}
    texts = {
        key: text.replace("{{ $value }}", value).replace("{{ $labels.cluster }}", "eu")
        for key, text in rule["annotations"].items()
    }
    return {"exp_labels": labels, "exp_annotations": texts}


def verdict(tmp_path: Path, test: dict[str, Any]) -> str:
    """What promtool says against the rules, played on this test."""
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "test.yml").write_text(yaml.safe_dump({"rule_files": ["rules.yml"], "tests": [test]}))
    return told("test", "rules", str(tmp_path / "test.yml"))


@pytest.mark.parametrize(("result", "time", "firing"), [one[1:] for one in CASES], ids=[one[0] for one in CASES])
def test_the_rules_fire_when_they_should(
    result: dict[str, Any], time: str, firing: dict[str, str], tmp_path: Path
) -> None:
    assert verdict(tmp_path, case(result, time, firing)) == ""


def test_every_rule_is_seen_to_fire() -> None:
    assert {name for one in CASES for name in one[3]} == ALERTS.keys()


def test_promtool_does_find_a_rule_that_does_not_fire(tmp_path: Path) -> None:
    assert "FAILED" in verdict(tmp_path, case(WELL, "1h", {"TelepresenceOrphans": "1"}))
