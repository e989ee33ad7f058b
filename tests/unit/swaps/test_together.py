"""What several threads want done at once is done once, and never before the thread asked that is told of it."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.together import Together


class Deed:
    """Each call waits to be let go, and returns its number; ``begun`` is released when one begins."""

    def __init__(self) -> None:
        self.calls = 0
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.error: Exception | None = None

    def __call__(self) -> int:
        self.calls += 1
        number = self.calls
        self.begun.release()
        assert self.go.acquire(timeout=10)
        if self.error:
            raise self.error
        return number


class Turn:
    """The lock of one that is called together; ``asked`` is released when a thread is about to wait for it."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.lock = threading.Lock()

    def __enter__(self) -> None:
        self.asked.release()
        self.lock.acquire()

    def __exit__(self, *_what: object) -> None:
        self.lock.release()


def calls(deed: Deed) -> tuple[Together[int], Turn]:
    """The deed, done together, and its lock."""
    together, turn = Together(deed), Turn()
    together._turn = turn  # type: ignore[assignment]
    return together, turn


def waiting(pool: ThreadPoolExecutor, together: Together[int], turn: Turn, many: int) -> list[Future[int]]:
    """So many threads that have asked, and wait."""
    futures = [pool.submit(together) for _number in range(many)]
    for _number in range(many):
        assert turn.asked.acquire(timeout=10)
    return futures


def test_who_comes_while_it_is_under_way_shares_the_next_call() -> None:
    deed = Deed()
    together, turn = calls(deed)
    with ThreadPoolExecutor(9) as pool:
        (first,) = waiting(pool, together, turn, 1)
        assert deed.begun.acquire(timeout=10)
        others = waiting(pool, together, turn, 8)
        deed.go.release(9)
        assert first.result(10) == 1
        assert {other.result(10) for other in others} == {2}
    assert deed.calls == 2


def test_each_call_one_after_another_is_made_anew() -> None:
    deed = Deed()
    deed.go.release(3)
    together = Together(deed)
    assert [together() for _time in range(3)] == [1, 2, 3]


def test_an_error_is_everybodys_and_is_not_kept() -> None:
    deed = Deed()
    together, turn = calls(deed)
    with ThreadPoolExecutor(4) as pool:
        (first,) = waiting(pool, together, turn, 1)
        assert deed.begun.acquire(timeout=10)
        others = waiting(pool, together, turn, 3)
        deed.error = RuntimeError("no answer")
        deed.go.release(2)
        for one in (first, *others):
            with pytest.raises(RuntimeError, match="no answer"):
                one.result(10)
    deed.error = None
    deed.go.release()
    assert together() == 3
