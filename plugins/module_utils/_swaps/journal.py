# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""A file in which a run notes each write before it makes it, so that the next run can say what an interrupted one has begun.

Nothing is decided by it: what is true is read from the cluster. What stands in it: :mod:`notes`.
"""

from __future__ import annotations

import errno
import json
import os
import threading
import typing as t
import uuid
from dataclasses import asdict

from .._cluster import clock
from .._cluster.kinds import uid
from .in_place import Rollback
from .notes import END, Begun, Note, at_work, begun, lock, open_notes, parse, read_notes
from .plan import Action, Scale
from .together import Together


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
            file = open_notes(self._path, os.O_RDWR)
            try:
                notes, foreign = parse(read_notes(file))
                working = {run for run in {note.run for note in notes} if at_work(file, run)}
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
            file = open_notes(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
            try:
                lock(file, self._run)
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
