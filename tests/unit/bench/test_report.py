"""The page and the JSON of the bench, and what they say of the machine."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.bench import machine, report
from tests.bench.lines import Line, Target

LINES = [
    Line("ours", 5.0, "s", (4.0, 5.0, 20.0)),
    Line("theirs", 10.0, "s", (10.0,)),
    Line("ours-memory", 60.0, "MB", target=Target(150)),
    Line("theirs", 2.0, target=Target(4, at_least=True)),
    Line("other", 3.0),
]


def test_bars_of_one_unit_share_a_scale_that_holds_every_run() -> None:
    seconds, memory = report.view(LINES)["plots"]
    assert (seconds["unit"], [bar["width"] for bar in seconds["bars"]]) == ("s", [25.0, 50.0])
    assert [bar["marks"] for bar in seconds["bars"]] == [[20.0, 25.0, 100.0], [50.0]]
    assert (memory["unit"], [bar["width"] for bar in memory["bars"]]) == ("MB", [100.0])


def test_nothing_measured_is_no_division_by_zero() -> None:
    (plot,) = report.view([Line("idle", 0.0, "CPU-s", (0.0,))])["plots"]
    assert plot["bars"][0]["width"] == 0.0


def test_ratios_and_targets_are_in_the_table() -> None:
    assert [(one["name"], one["value"], one["target"], one["met"]) for one in report.view(LINES)["targets"]] == [
        ("ours-memory", "60.0 MB", "at most 150", True),
        ("theirs ratio", "2.00", "at least 4", False),
        ("other ratio", "3.00", "", None),
    ]


def test_the_page_escapes_what_it_shows_and_needs_nothing_from_elsewhere() -> None:
    evil = "<script>alert('&')</script>"
    page = report.page("now", {evil: evil}, 5, {evil: evil}, {evil: [Line(evil, 1.0, evil, (1.0,)), Line(evil, 1.0)]})
    assert "<script" not in page
    assert page.count("&lt;script&gt;") == 9
    assert not re.search(r"(src|href)=|url\(|@import", page)


def test_the_page_says_what_was_missed() -> None:
    page = report.page("now", {}, 5, {"figure": "what it is"}, {"figure": LINES})
    assert '<td class="met">at most 150, met</td>' in page
    assert '<td class="missed">at least 4, missed</td>' in page
    assert page.count("<svg") == 3
    assert page.count("<circle") == 4


def test_both_files_are_written(tmp_path: Path) -> None:
    as_json, as_page = report.write(
        tmp_path / "reports", {"cores": "2"}, 3, {"figure": "what it is"}, {"figure": LINES}
    )
    data = json.loads(as_json.read_text())
    assert (data["repeats"], data["machine"]) == (3, {"cores": "2"})
    assert data["figures"]["figure"][0] == {
        "name": "ours",
        "value": 5.0,
        "unit": "s",
        "values": [4.0, 5.0, 20.0],
        "target": None,
    }
    assert "what it is" in as_page.read_text()


def test_the_machine() -> None:
    assert machine.model("processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nflags\t: a b\n") == "Some CPU @ 2 GHz"
    assert machine.model("processor\t: 0\n") == "of an unknown kind"
    assert machine.memory("MemTotal:       16000000 kB\nMemFree: 1 kB\n") == 16.384
    assert machine.memory("") == 0.0
    assert {"processor", "memory", "kernel", "Python", "ansible-core", "Kubernetes"} <= machine.describe().keys()
