# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The notes of runs in a journal: what a line holds, which of them belong together, and how they are removed when they were reported.

One JSON object per line; runs on several clusters, and several at once, share one file. A run that is still at work holds a lock on one
byte far behind the end of the file, which the kernel takes back whatever ends the process.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import typing as t
from dataclasses import dataclass, fields

from .._files import open_file, read_file

LONGEST = 8 * 1024 * 1024
"""Bytes. A larger file is no journal of ours."""
FAR = 1 << 32
"""Where the bytes that are locked begin."""
END = "end"
"""The action of the note that a run makes last: it has ended by itself, whatever became of its report."""
COUNTED = ("scale", "rollback")
"""The actions that set a number of replicas."""
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,252}")
_FORM = {
    "run": re.compile(r"[0-9a-f]{32}"),
    "time": re.compile(r"[0-9TZ:-]{20}"),
    "namespace": _NAME,
    "session": re.compile(r"[0-9a-z-]{1,64}"),
    "action": re.compile(f"scale|rollback|rollout|delete|{END}"),
    "kind": re.compile(r"[A-Za-z]{1,64}"),
    "name": _NAME,
}


@dataclass(frozen=True)
class Note:
    """One line. ``cluster`` is its identity, ``session`` the id of a session, or the uid of a lost original; ``count`` the replicas that it sets."""

    run: str
    cluster: str
    time: str
    action: str
    namespace: str = "-"
    session: str = "-"
    kind: str = ""
    name: str = ""
    uid: str = ""
    count: int | None = None

    @property
    def key(self) -> str:
        """By this the notes of one run about one session are removed, when they have been reported."""
        return f"{self.run}/{self.namespace}/{self.session}"


@dataclass(frozen=True)
class Begun:
    """What a run that is no longer at work noted about one session. ``time``: of its last note; ``ended``: whether it ended by itself."""

    notes: tuple[Note, ...]
    time: str
    ended: bool

    @property
    def key(self) -> tuple[str, str]:
        """(namespace, session id)."""
        return self.notes[0].namespace, self.notes[0].session


def parse(data: bytes) -> tuple[list[Note], int]:
    """The notes in a journal, and how many of its lines are none."""
    notes, foreign = [], 0
    for line in data.splitlines():
        if line.strip(b" \0"):
            note = _note(line)
            notes += [note] if note else []
            foreign += 0 if note else 1
    return notes, foreign


def begun(notes: t.Sequence[Note]) -> list[Begun]:
    """The notes of runs that are no longer at work, by session and run."""
    ended = {note.run for note in notes if note.action == END}
    last = {note.run: note.time for note in notes}
    found: dict[str, list[Note]] = {}
    for note in notes:
        if note.action != END:
            found.setdefault(note.key, []).append(note)
    return [Begun(tuple(mine), last[mine[0].run], mine[0].run in ended) for mine in found.values()]


def forget(path: str, reported: t.Container[str]) -> bool:
    """Removes the notes with these keys from a journal, and the journal when nothing is left. Whether it did anything. Raises OSError.

    Lines are blanked where they stand, so that runs which note something at this moment lose nothing.
    """
    try:
        file = open_notes(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        lines = read_notes(file).splitlines(keepends=True)
        notes = [_note(line) for line in lines]
        left = {note.run for note in notes if note and note.action != END and note.key not in reported}
        done, offset = False, 0
        for line, note in zip(lines, notes, strict=True):
            if note and (note.key in reported or (note.action == END and note.run not in left)):
                os.pwrite(file, b" " * (len(line) - 1) + b"\n", offset)
                done = True
            offset += len(line)
        os.fsync(file)
        _remove_if_empty(file, path)
    finally:
        os.close(file)
    return done


def _remove_if_empty(file: int, path: str) -> None:
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return  # a run is at work
    if not read_notes(file).strip():
        os.unlink(path)


def _note(line: bytes) -> Note | None:
    """The note in a line, None where it is none: whoever may write to the file may have put anything there."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or not set(value) <= {field.name for field in fields(Note)}:
        return None
    count = value.pop("count", None)
    if not all(isinstance(one, str) for one in value.values()) or isinstance(count, bool):
        return None
    if not (count is None or isinstance(count, int)) or not {"run", "cluster", "time", "action"} <= set(value):
        return None
    wanted = ("run", "time", "action") if value["action"] == END else tuple(_FORM)
    if not all(_FORM[key].fullmatch(value.get(key, "")) for key in wanted):
        return None
    return Note(**value, count=count) if (count is not None) == (value["action"] in COUNTED) else None


def open_notes(path: str, flags: int) -> int:
    """A journal, opened. Raises OSError."""
    return open_file(path, flags, 0o644)


def read_notes(file: int) -> bytes:
    """All of an opened journal. Raises OSError."""
    return read_file(file, LONGEST)


def lock(file: int, run: str) -> None:
    """Shows a run to be at work. Raises OSError, EACCES or EAGAIN where another process holds the lock."""
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, FAR + int(run[:12], 16))


def at_work(file: int, run: str) -> bool:
    """Whether a run of another process is at work."""
    try:
        lock(file, run)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            raise
        return True
    fcntl.lockf(file, fcntl.LOCK_UN, 1, FAR + int(run[:12], 16))
    return False
