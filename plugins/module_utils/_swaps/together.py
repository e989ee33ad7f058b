# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""One deed for all threads that wait for it, where each of them would else do the same again."""

from __future__ import annotations

import threading
import typing as t
from concurrent.futures import Future

T = t.TypeVar("T")


class Together(t.Generic[T]):
    """Calls ``deed`` for several threads at once, and never for one before it has asked.

    A thread gets the result, or the error, of a call that began after it asked: what it was told is as fresh, and what it wrote
    before is as safe, as if it had called by itself. While one call is under way, all who come wait for the next one.
    """

    def __init__(self, deed: t.Callable[[], T]):
        self._deed = deed
        self._turn = threading.Lock()
        self._next: Future[T] = Future()

    def __call__(self) -> T:
        mine = self._next
        with self._turn:
            if not mine.done():
                # Whoever comes from here on has to wait for the call after this one.
                self._next = Future()
                try:
                    mine.set_result(self._deed())
                except Exception as error:  # it is everybody's
                    mine.set_exception(error)
        return mine.result()
