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
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.journal import Journal
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.plan import Scale

REPOSITORY = Path(__file__).resolve().parents[3]
ORIGINAL = {"kind": "Deployment", "metadata": {"name": "web", "namespace": "shop", "uid": "u1"}}
TEMPLATES = {
    "data.j2": "{{ said | to_json }}",
    "page.j2": "Zoë says {{ said.text }}",
    "broken.j2": "{{ nowhere.at.all }}",
    "results.j2": "{{ {'whole': whole, 'half': half, 'nowhere': nowhere_to_write} | to_json }}",
}
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
    environment = {**os.environ, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "PWD": str(place)}
    command = [f"{Path(sys.executable).parent}/ansible-playbook", "play.yml"]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True)
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
    assert [path.name for path in (place / "half").iterdir()] == ["data.json"]
    assert (results["half"]["failed"], results["half"]["forgotten"]) == (True, False)
    assert results["half"]["msg"].startswith("page.html: ") and "nowhere" in results["half"]["msg"]
    assert (place / "half.part").read_text().strip()


def test_a_directory_that_cannot_be_made_is_named(results: dict[str, dict[str, Any]]) -> None:
    said = results["nowhere"]["msg"]
    assert results["nowhere"]["failed"] and "data.json: " in said and "Not a directory" in said
