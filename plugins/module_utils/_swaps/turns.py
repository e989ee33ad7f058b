# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Whose turn it is to be asked: all that is asked in the pods of one node goes through its one kubelet."""

from __future__ import annotations

import threading
import typing as t
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor, wait

Item = t.TypeVar("Item")


class Turns:
    """Does work on a pool, for at most ``most`` items of one node at once, whoever hands the items in.

    What waits for its node takes no thread: other nodes, and the lists of other callers, go on meanwhile, and no time is measured.
    """

    def __init__(self, pool: ThreadPoolExecutor, most: int):
        self._pool = pool
        self._most = most
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()
        self._waiting: list[tuple[frozenset[str], t.Callable[[], None], Future[None]]] = []

    def each(
        self, work: t.Callable[[Item], None], items: t.Iterable[Item], nodes: t.Callable[[Item], t.Iterable[str]]
    ) -> None:
        """Does ``work`` for every item when each of its ``nodes`` has a place; returns, or raises what was raised first, when all is done."""
        done: list[Future[None]] = []
        with self._lock:
            for item in items:
                done.append(Future())
                self._waiting.append((frozenset(nodes(item)), lambda item=item: work(item), done[-1]))  # type: ignore[misc]
            self._begin()
        wait(done)
        for one in done:
            one.result()

    def _begin(self) -> None:
        """Begins whatever has its places, in the order in which it came. To be called with the lock."""
        later = []
        for one in self._waiting:
            nodes, work, done = one
            if any(self._busy[node] >= self._most for node in nodes):
                later.append(one)
            else:
                self._busy.update(nodes)
                self._pool.submit(self._do, nodes, work, done)
        self._waiting = later

    def _do(self, nodes: t.Collection[str], work: t.Callable[[], None], done: Future[None]) -> None:
        failure: BaseException | None = None
        try:
            work()
        except BaseException as error:  # handed on to who waits for it
            failure = error
        with self._lock:
            self._busy.subtract(nodes)
            self._begin()
        if failure is None:
            done.set_result(None)
        else:
            done.set_exception(failure)
