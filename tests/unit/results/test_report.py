"""The action that writes a report: files whole or not at all, and nothing forgotten that was not reported."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.short import details, short
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.text import (
    digest,
    session_lines,
    session_problem,
)
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.journal import Journal
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.plan import Scale

from . import sample

REPOSITORY = Path(__file__).resolve().parents[3]
ORIGINAL = {"kind": "Deployment", "metadata": {"name": "web", "namespace": "shop", "uid": "u1"}}
TEMPLATES = {
    "data.j2": "{{ said | to_json }}",
    "page.j2": "Zoë says {{ said.text }}",
    "broken.j2": "{{ nowhere.at.all }}",
    "report.j2": "{{ report | to_json }}",
    "results.j2": """{{
        {'whole': whole, 'half': half, 'half_detailed': half_detailed, 'detailed': detailed, 'uncounted': uncounted,
         'nothing_to_count': nothing_to_count, 'nowhere': nowhere_to_write}
        | to_json
    }}""",
}
FULL = sample.result(sample.session(message="{{ 7 * 7 }}"))
SHORT = short(FULL)
UNREACHED = {"msg": "No {{ 7 * 7 }}.", "sessions": []}
UNUSABLE = {
    "missing": "No such file or directory",
    "other": "it holds the records of another run",
    "text": "it is no JSON",
    "directory": "it is no file",
    "pipe": "it is no file",
    "link": "Too many levels of symbolic links",
}
"""What is at the place of a file of details, and why it is not used."""
PLAY = """
- hosts: localhost
  gather_facts: false
  check_mode: true
  vars:
    said: {text: !unsafe "{{ 7 * 7 }}"}
  tasks:
    - devclusters.telepresence.telepresence_report: &report
        path: made/reports
        templates: {data.json: data.j2, page.html: page.j2}
        journal: whole.part
        reported: "{{ lookup('file', 'whole.key').split() }}"
      register: whole
    - devclusters.telepresence.telepresence_report:
        <<: *report
        path: half
        templates: {page.html: broken.j2, data.json: data.j2}
        journal: half.part
        reported: "{{ lookup('file', 'half.key').split() }}"
      register: half
      ignore_errors: true
    - devclusters.telepresence.telepresence_report:
        path: half
        report: "{{ lookup('file', 'half.details') | from_json }}"
        templates: {page.html: broken.j2, report.json: report.j2}
      register: half_detailed
      ignore_errors: true
    - devclusters.telepresence.telepresence_report:
        path: detailed
        report: "{{ lookup('file', 'detailed.details') | from_json }}"
        templates: {report.json: report.j2, again.json: report.j2}
        metrics: detailed.prom
      register: detailed
    - devclusters.telepresence.telepresence_report:
        path: detailed
        report: "{{ lookup('file', 'uncounted.details') | from_json }}"
        templates: {uncounted.json: report.j2}
        metrics: missing/one.prom
      register: uncounted
      ignore_errors: true
    - devclusters.telepresence.telepresence_report:
        <<: *report
        path: detailed
        metrics: one.prom
      register: nothing_to_count
      ignore_errors: true
    - devclusters.telepresence.telepresence_report:
        <<: *report
        path: file/reports
      register: nowhere_to_write
      ignore_errors: true
    - devclusters.telepresence.telepresence_report:
        path: .
        templates: {results.json: results.j2}
"""


def noted(place: Path, name: str) -> None:
    """A journal with the note of a run that has ended, and the key of that note."""
    journal = Journal(str(place / f"{name}.part"), "alpha", lambda: 1e9, pytest.fail)
    journal.note("9bdd4ff98a184820b2d4027b00a9af39", Scale(ORIGINAL, 0, 3))
    journal.end()
    assert journal._file is not None
    os.close(journal._file)
    (place / f"{name}.key").write_text("\n".join(journal.keys))


def shortened(place: Path, name: str, *hosts: str) -> None:
    """A report of short results, whose details are where it says, and of a cluster that was not reached."""
    clusters = {host: {**SHORT, "details": str(place / f"{name}.{host}")} for host in hosts} | {"us": UNREACHED}
    (place / f"{name}.details").write_text(
        json.dumps({"format": 1, "generated": "2026-11-24T14:00:00Z", "clusters": clusters})
    )
    (place / f"{name}.eu").write_text(json.dumps(details(FULL)))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the playbook ran."""
    place = tmp_path_factory.mktemp("report")
    (place / "templates").mkdir()
    for name, text in TEMPLATES.items():
        (place / "templates" / name).write_text(text)
    (place / "file").write_text("no directory")
    (place / "play.yml").write_text(PLAY)
    noted(place, "whole")
    noted(place, "half")
    shortened(place, "half", "eu")
    shortened(place, "detailed", "eu", *UNUSABLE)
    shortened(place, "uncounted", "eu")
    (place / "detailed.other").write_text(json.dumps(details(sample.result(sample.session("other")))))
    (place / "detailed.text").write_text("no JSON")
    (place / "detailed.directory").mkdir()
    os.mkfifo(place / "detailed.pipe")
    (place / "detailed.link").symlink_to(place / "detailed.eu")
    environment = {**os.environ, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "PWD": str(place / "elsewhere")}
    (place / "elsewhere").mkdir()
    command = [f"{Path(sys.executable).parent}/ansible-playbook", "../play.yml"]
    done = subprocess.run(command, cwd=place / "elsewhere", env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return place


@pytest.fixture(scope="module")
def results(place: Path) -> dict[str, dict[str, Any]]:
    """What the tasks of the playbook returned."""
    found: dict[str, dict[str, Any]] = json.loads((place / "results.json").read_text())
    return found


def test_the_files_are_there_and_nothing_else(place: Path, results: dict[str, dict[str, Any]]) -> None:
    """Also in check mode: what a run would do is reported as well."""
    reports = place / "made" / "reports"
    assert sorted(path.name for path in reports.iterdir()) == ["data.json", "page.html"]
    assert json.loads((reports / "data.json").read_text()) == {"text": "{{ 7 * 7 }}"}
    assert (reports / "page.html").read_text(encoding="utf-8") == "Zoë says {{ 7 * 7 }}"
    assert {stat.S_IMODE(path.stat().st_mode) for path in reports.iterdir()} == {0o644}
    assert (results["whole"]["changed"], results["whole"]["failed"]) == (True, False)


def test_what_is_reported_is_forgotten(place: Path, results: dict[str, dict[str, Any]]) -> None:
    assert results["whole"]["forgotten"] is True
    assert not (place / "whole.part").exists()


def test_a_file_that_fails_stops_no_other_and_nothing_is_forgotten(
    place: Path, results: dict[str, dict[str, Any]]
) -> None:
    assert sorted(path.name for path in (place / "half").iterdir()) == ["data.json", "report.json"]
    assert (results["half"]["failed"], results["half"]["forgotten"]) == (True, False)
    said = results["half"]["msg"]
    assert said.startswith(f"Not written: {place}/half/page.html (") and "nowhere" in said and "data.json" not in said
    assert (place / "half.part").read_text().strip()


def test_full_records_come_back_and_their_file_goes(place: Path) -> None:
    """And what stands in them is no template."""
    texts = [(place / "detailed" / name).read_text() for name in ("report.json", "again.json")]
    assert texts[0] == texts[1] and json.loads(texts[0])["clusters"]["eu"] == FULL
    assert not (place / "detailed.eu").exists()


def test_the_outcomes_of_the_clusters_come_back_whatever_fails(results: dict[str, dict[str, Any]]) -> None:
    """And what stands in them is no template."""
    assert results["whole"]["outcomes"] == results["half"]["outcomes"] == results["nowhere"]["outcomes"] == {}
    eu = {"lines": session_lines(FULL), "problem": session_problem(FULL), "digest": digest(FULL)}
    us = {"lines": [UNREACHED["msg"]], "problem": UNREACHED["msg"], "digest": digest(UNREACHED)}
    assert "{{ 7 * 7 }}" in us["problem"]
    assert results["half_detailed"]["outcomes"] == {"eu": eu, "us": us}
    found = results["detailed"]["outcomes"]
    assert found.keys() == {"eu", "us", *UNUSABLE} and (found["eu"], found["us"]) == (eu, us)
    assert found["pipe"]["lines"][-2].startswith("The full records are missing")


def test_metrics_are_no_part_of_the_report(place: Path, results: dict[str, dict[str, Any]]) -> None:
    """Where they cannot be written, what was reported is forgotten all the same; where there are none to write, that is said."""
    assert 'telepresence_run_failed{cluster="us"} 1' in (place / "detailed.prom").read_text()
    assert results["uncounted"]["msg"] == f"Not written: {place}/missing/one.prom (No such file or directory)."
    assert (results["uncounted"]["changed"], (place / "uncounted.eu").exists()) == (True, False)
    assert "needs a report with generated and clusters" in results["nothing_to_count"]["msg"]


@pytest.mark.parametrize("host", UNUSABLE)
def test_details_that_cannot_be_used_are_told_of_and_stay(place: Path, host: str) -> None:
    found = json.loads((place / "detailed" / "report.json").read_text())["clusters"][host]
    path = place / f"detailed.{host}"
    notice = f"The full records are missing, because their file {path} cannot be used: {UNUSABLE[host]}."
    assert found == {**SHORT, "details": str(path), "notices": [notice]}
    assert host == "missing" or os.path.lexists(path)


def test_details_stay_where_a_file_of_the_report_fails(place: Path) -> None:
    assert json.loads((place / "half" / "report.json").read_text())["clusters"]["eu"] == FULL
    assert json.loads((place / "half.eu").read_text()) == details(FULL)


def test_a_directory_that_cannot_be_made_is_named(results: dict[str, dict[str, Any]]) -> None:
    said = results["nowhere"]["msg"]
    assert results["nowhere"]["failed"] and "file/reports/data.json (Not a directory)" in said
