# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""A file in which a run notes each write before it makes it, so that the next run can say what an interrupted one has begun.

Nothing is decided by it: what is true is read from the cluster. One JSON object per line; runs on several clusters, and several at
once, share one file. A run that is still at work holds a lock on one byte far behind the end of the file, which the kernel
takes back whatever ends the process.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import threading
import typing as t
import uuid
from dataclasses import asdict, dataclass, fields

from .._cluster import clock
from .._cluster.kinds import uid
from .._files import open_file, read_file
from .in_place import Rollback
from .plan import Action, Scale
from .together import Together

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


class Journal:
    """The journal of one run on one cluster. Nothing of it raises: what goes wrong with it is warned of, and the run goes on.

    ``path``: None where none is kept. ``cluster``: its identity. ``now``: the API server's clock. Safe to use from several threads.
    """

    def __init__(self, path: str | None, cluster: str, now: t.Callable[[], float], warn: t.Callable[[str], None]):
        self.keys: set[str] = set()
        self._path, self._cluster, self._now, self._warn = path, cluster, now, warn
        self._run = uuid.uuid4().hex
        self._file: int | None = None
        self._lock = threading.Lock()
        self._synced = Together(self._sync)

    def earlier(self) -> list[Begun]:
        """What earlier runs have begun on this cluster and nobody has reported, by session and run, in the order of their notes."""
        if self._path is None or not os.path.lexists(self._path):
            return []
        try:
            file = _open(self._path, os.O_RDWR)
            try:
                notes, foreign = parse(_read(file))
                working = {run for run in {note.run for note in notes} if _at_work(file, run)}
            finally:
                os.close(file)
        except (OSError, ValueError) as error:
            self._off(error)
            return []
        if foreign:
            self._warn(
                f"The journal {self._path} has {foreign} lines that are no notes of this collection: they are ignored. "
                "Remove the file while no run is at work, to be rid of this warning."
            )
        return begun([note for note in notes if note.cluster == self._cluster and note.run not in working])

    def note(self, session: str, action: Action) -> None:
        """Notes an action that comes next; it is on the disk when this returns."""
        meta = action.obj["metadata"]
        count = action.after if isinstance(action, (Scale, Rollback)) else None
        self._append(
            action.as_dict()["action"],
            meta["namespace"],
            session,
            action.obj["kind"],
            meta["name"],
            uid(action.obj),
            count,
        )

    def end(self) -> None:
        """Notes that the run ends by itself; only where it has noted anything."""
        if self.keys:
            self._append(END)

    def _append(self, action: str, *what: t.Any) -> None:
        note = Note(self._run, self._cluster, clock.text(self._now()) or "", action, *what)
        # It begins a line of its own, whatever an interrupted write has left.
        line = f"\n{json.dumps({key: value for key, value in asdict(note).items() if value not in ('', None)})}\n"
        with self._lock:
            if self._path is None:
                return
            try:
                self._file = self._opened(self._path) if self._file is None else self._file
                os.write(self._file, line.encode())
            except OSError as error:
                self._off(error)
                return
        # Not under the lock: a disk takes some milliseconds for it, and one time does for all threads that have written.
        if self._synced() and action != END:
            self.keys.add(note.key)

    def _sync(self) -> bool:
        """Brings what was written to the disk; whether the journal is still in use."""
        try:
            if self._file is not None:
                os.fsync(self._file)
        except OSError as error:
            with self._lock:
                self._off(error)
        return self._path is not None

    def _opened(self, path: str) -> int:
        """The file, open for the rest of the run, with the lock that shows it to be at work."""
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        for _attempt in range(100):
            file = _open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
            try:
                _lock(file, self._run)
                if os.fstat(file).st_nlink:
                    return file
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EAGAIN):
                    os.close(file)
                    raise
            # It is just being removed, for all that it held was reported.
            os.close(file)
        raise OSError(errno.EAGAIN, "it is locked by another process")

    def _off(self, error: Exception) -> None:
        self._warn(
            f"The journal {self._path} cannot be used, so what this run does is noted nowhere if it is interrupted: {error}."
        )
        self._path = None


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
        file = _open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        lines = _read(file).splitlines(keepends=True)
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
    if not _read(file).strip():
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


def _open(path: str, flags: int) -> int:
    return open_file(path, flags, 0o644)


def _read(file: int) -> bytes:
    return read_file(file, LONGEST)


def _lock(file: int, run: str) -> None:
    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, FAR + int(run[:12], 16))


def _at_work(file: int, run: str) -> bool:
    try:
        _lock(file, run)
    except OSError as error:
        if error.errno not in (errno.EACCES, errno.EAGAIN):
            raise
        return True
    fcntl.lockf(file, fcntl.LOCK_UN, 1, FAR + int(run[:12], 16))
    return False
