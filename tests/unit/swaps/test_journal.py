"""The journal: what is noted, what is read back, who is at work, and that whatever else is in the file does no harm."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster import clock
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps import journal as journals
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps import notes
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.journal import Journal
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.notes import forget, parse
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.plan import Delete, Scale

from .builders import NOW, OTHER_SID, SID, deployment, pod

SCALE = Scale(deployment(), 0, 3)
DELETE = Delete(pod())

# Notes a scale as another process does, says so, and waits to be killed or told to end.
OTHER_RUN = """
import sys
sys.path[:0] = {path!r}
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.journal import Journal
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.plan import Scale
journal = Journal({file!r}, {cluster!r}, lambda: {now!r}, print)
meta = {{"name": "web", "namespace": "shop", "uid": "u1"}}
journal.note({session!r}, Scale({{"kind": "Deployment", "metadata": meta}}, 0, 3))
print("noted", flush=True)
if sys.stdin.readline():
    journal.end()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is; the directory is not there yet."""
    return tmp_path / "reports" / "recover.json.part"


def of(path: Path, warnings: list[str] | None = None, cluster: str = "alpha") -> Journal:
    """The journal of one run."""
    return Journal(str(path), cluster, lambda: NOW, (warnings if warnings is not None else []).append)


def other_run(path: Path, cluster: str = "alpha", session: str = SID) -> subprocess.Popen[str]:
    """A run in another process, which has noted a scale and is at work."""
    text = OTHER_RUN.format(path=sys.path, file=str(path), cluster=cluster, now=NOW, session=session)
    other = subprocess.Popen([sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout and other.stdout.readline() == "noted\n"
    return other


def killed(path: Path, **options: str) -> None:
    """A run that was killed after it had noted a scale."""
    other = other_run(path, **options)
    other.kill()
    other.communicate()


def ended(path: Path) -> None:
    """A run that has ended by itself and is not reported."""
    other_run(path).communicate("end\n")


def lines(path: Path) -> list[dict[str, Any]]:
    """What is in the file."""
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def test_each_write_is_a_line_and_on_the_disk_before_it_is_made(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_size))
    journal = of(path)
    journal.note(SID, SCALE)
    assert synced == [path.stat().st_size]
    journal.note(SID, DELETE)
    scale, delete = lines(path)
    assert (scale["action"], scale["count"], scale["kind"], scale["name"]) == ("scale", 3, "Deployment", "web")
    assert (delete["action"], delete["kind"], delete["namespace"], delete["session"]) == ("delete", "Pod", "shop", SID)
    assert scale["cluster"] == "alpha" and scale["time"] == clock.text(NOW)
    assert journal.keys == {f"{scale['run']}/shop/{SID}"}


def test_no_line_is_long_enough_to_be_torn(path: Path) -> None:
    long = deployment("a" * 253, namespace="n" * 63)
    of(path).note("0" * 36, Scale(long, 0, 2**31 - 1))
    assert path.stat().st_size < 4096  # PIPE_BUF of Linux


def test_a_run_without_a_journal_notes_nothing(tmp_path: Path) -> None:
    journal = Journal(None, "alpha", lambda: NOW, lambda text: pytest.fail(text))
    journal.note(SID, SCALE)
    journal.end()
    assert (journal.earlier(), journal.keys, list(tmp_path.iterdir())) == ([], set(), [])


def test_a_thread_that_waits_while_another_gives_the_journal_up_notes_nothing(path: Path) -> None:
    journal = of(path)

    class GivenUpMeanwhile:
        def __enter__(self) -> None:
            journal._path = None

        def __exit__(self, *_what: object) -> None:
            pass

    journal._lock = GivenUpMeanwhile()  # type: ignore[assignment]
    journal.note(SID, SCALE)
    assert journal.keys == set() and not path.exists()


def test_nothing_is_made_where_nothing_is_noted(path: Path) -> None:
    journal = of(path)
    assert journal.earlier() == []
    journal.end()
    assert not path.parent.exists()


def test_a_run_that_was_killed_is_told_of(path: Path) -> None:
    killed(path)
    (begun,) = of(path).earlier()
    assert (begun.key, begun.ended, begun.time) == (("shop", SID), False, clock.text(NOW))
    assert [(note.action, note.count) for note in begun.notes] == [("scale", 3)]


def test_a_run_that_ended_without_a_report_is_told_of_as_such(path: Path) -> None:
    ended(path)
    (begun,) = of(path).earlier()
    assert (begun.key, begun.ended) == (("shop", SID), True)


def test_a_run_that_is_at_work_is_not_told_of(path: Path) -> None:
    other = other_run(path)
    assert of(path).earlier() == []
    other.kill()
    other.communicate()
    assert len(of(path).earlier()) == 1


def test_a_run_on_another_cluster_is_none_of_ours(path: Path) -> None:
    killed(path, cluster="beta")
    assert of(path).earlier() == []
    assert len(of(path, cluster="beta").earlier()) == 1


def test_what_is_reported_is_removed_and_nothing_else(path: Path) -> None:
    killed(path)
    killed(path, session=OTHER_SID)
    killed(path, cluster="beta")
    first, second = of(path).earlier()
    assert forget(str(path), {first.notes[0].key}) is True
    assert [one.key for one in of(path).earlier()] == [second.key]
    assert len(of(path, cluster="beta").earlier()) == 1
    assert forget(str(path), {first.notes[0].key}) is False


def test_the_file_goes_with_the_last_note(path: Path) -> None:
    ended(path)
    (begun,) = of(path).earlier()
    assert forget(str(path), {begun.notes[0].key}) is True
    assert not path.exists() and path.parent.exists()
    assert forget(str(path), {begun.notes[0].key}) is False


def test_the_file_stays_while_a_run_is_at_work_and_its_next_note_is_not_lost(path: Path) -> None:
    other = other_run(path)
    (note,) = parse(path.read_bytes())[0]
    assert forget(str(path), {note.key}) is True
    assert path.exists() and path.read_text().strip() == ""
    other.communicate("end\n")
    assert [line["action"] for line in lines(path)] == ["end"]
    assert forget(str(path), set()) is True
    assert not path.exists()


def test_a_file_that_was_removed_meanwhile_is_made_anew(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended(path)
    opened: list[str] = []

    def remove_first(name: str, flags: int) -> int:
        file = real(name, flags)
        opened.append(name)
        if len(opened) == 1:
            path.unlink()
        return file

    real = notes.open_notes
    monkeypatch.setattr(journals, "open_notes", remove_first)
    of(path).note(SID, SCALE)
    assert (len(opened), len(lines(path))) == (2, 1)


GOOD = {
    "run": "0" * 32,
    "cluster": "alpha",
    "time": "2026-11-24T14:00:00Z",
    "action": "scale",
    "namespace": "shop",
    "session": SID,
    "kind": "Deployment",
    "name": "web",
    "uid": "u1",
    "count": 3,
}

FOREIGN: dict[str, Any] = {
    "no JSON": b"telepresence",
    "half a line": json.dumps(GOOD).encode()[:60],
    "a list": [GOOD],
    "a number": 3,
    "null": None,
    "another key": {**GOOD, "replicas": 5},
    "a path for a name": {**GOOD, "name": "../../secrets"},
    "a path for a namespace": {**GOOD, "namespace": "shop/pods"},
    "an escape sequence": {**GOOD, "session": "\x1b[2J"},
    "a template": {**GOOD, "kind": "{{ x }}"},
    "another action": {**GOOD, "action": "patch"},
    "no count": {key: value for key, value in GOOD.items() if key != "count"},
    "true for a count": {**GOOD, "count": True},
    "a text for a count": {**GOOD, "count": "3"},
    "a count of a delete": {**GOOD, "action": "delete"},
    "no run": {key: value for key, value in GOOD.items() if key != "run"},
    "a nest": b"[" * 100_000,
    "bytes": bytes(range(128, 256)).replace(b"\x85", b""),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_what_is_no_note_is_ignored_with_a_warning(path: Path, what: str) -> None:
    killed(path)
    line = FOREIGN[what] if isinstance(FOREIGN[what], bytes) else json.dumps(FOREIGN[what]).encode()
    path.write_bytes(line + path.read_bytes())
    warnings: list[str] = []
    assert len(of(path, warnings).earlier()) == 1
    assert len(warnings) == 1 and "1 lines that are no notes of this collection" in warnings[0]
    assert parse(json.dumps(GOOD).encode())[1] == 0


def spoil(path: Path, how: str) -> None:
    """Puts something in the place of the journal."""
    path.parent.mkdir()
    if how == "a directory":
        path.mkdir()
    elif how == "a link":
        (path.parent / "other").write_text("precious\n")
        path.symlink_to(path.parent / "other")
    elif how == "a pipe":
        os.mkfifo(path)
    elif how == "too large":
        path.write_bytes(b"x" * 100 + b"\n")
        os.truncate(path, notes.LONGEST + 1)


@pytest.mark.parametrize("how", ["a directory", "a link", "a pipe"])
def test_what_is_no_file_is_warned_of_and_never_written_to(path: Path, how: str) -> None:
    spoil(path, how)
    warnings: list[str] = []
    journal = of(path, warnings)
    assert journal.earlier() == []
    journal.note(SID, SCALE)
    journal.note(SID, DELETE)
    journal.end()
    assert len(warnings) == 1 and "cannot be used" in warnings[0]
    assert how != "a link" or (path.parent / "other").read_text() == "precious\n"


def test_a_file_that_is_too_large_is_not_read(path: Path) -> None:
    spoil(path, "too large")
    warnings: list[str] = []
    assert of(path, warnings).earlier() == []
    assert "it is larger than" in warnings[0]


def test_a_directory_that_cannot_be_made_is_one_warning(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    warnings: list[str] = []
    journal = of(tmp_path / "file" / "recover.json.part", warnings)
    for action in (SCALE, DELETE):
        journal.note(SID, action)
    assert len(warnings) == 1 and journal.keys == set()


def test_a_torn_line_spoils_no_other(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(json.dumps(GOOD).encode()[:40] + b"\0" * 50)
    killed(path)
    assert len(of(path).earlier()) == 1
