"""At most so many at once on one node, and nobody waits in a thread for a busy one."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.turns import Turns

PATIENCE = 10.0
"""Seconds; only a test that fails waits so long."""


class Work:
    """Work that lasts until it is let go: what is at work, and what was."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.now: list[str] = []
        self.most: Counter[str] = Counter()
        self.free = False

    def __call__(self, item: str) -> None:
        with self.changed:
            self.now.append(item)
            for node in nodes(item):
                self.most[node] = max(self.most[node], sum(node in nodes(one) for one in self.now))
            self.changed.notify_all()
            assert self.changed.wait_for(lambda: self.free, PATIENCE)
            self.now.remove(item)

    def at_work(self, expected: set[str]) -> bool:
        """Whether just these come to be at work."""
        with self.changed:
            return self.changed.wait_for(lambda: set(self.now) == expected, PATIENCE)

    def let_go(self) -> None:
        """Ends all that is at work, and that comes to be."""
        with self.changed:
            self.free = True
            self.changed.notify_all()


def nodes(item: str) -> list[str]:
    """``a+b-1`` has to do with the nodes a and b, ``-1`` with none."""
    return [one for one in item.partition("-")[0].split("+") if one]


@pytest.mark.parametrize(
    ("callers", "begin"),
    [
        ([["a-1", "a-2", "a-3", "a-4"]], {"a-1", "a-2"}),
        # Four threads: a node that has many does not keep another's from its turn.
        ([["a-1", "a-2", "a-3", "a-4", "a-5", "b-1", "b-2"]], {"a-1", "a-2", "b-1", "b-2"}),
        ([["a-1", "a-2", "a-3", "-1", "-2"]], {"a-1", "a-2", "-1", "-2"}),
        # Pods on two nodes need a place on both.
        ([["a-1", "a-2", "a+b-1", "b-1"]], {"a-1", "a-2", "b-1"}),
        ([["a+b-1", "a+b-2", "b-1", "c-1"]], {"a+b-1", "a+b-2", "c-1"}),
        # One bound for all who ask.
        ([["a-1", "a-2", "a-3"], ["a-4", "b-1"]], {"a-1", "a-2", "b-1"}),
    ],
)
def test_what_begins_at_once(callers: list[list[str]], begin: set[str]) -> None:
    work = Work()
    with ThreadPoolExecutor(4) as pool, ThreadPoolExecutor(len(callers)) as calling:
        turns = Turns(pool, 2)
        began = []
        for items in callers:
            began.append(calling.submit(turns.each, work, items, nodes))
            assert work.at_work({one for one in begin if one in work.now or one in items})
        assert work.at_work(begin)
        # A thread is left for others, whoever waits.
        if len(begin) < 4:
            assert pool.submit(lambda: True).result(PATIENCE)
        work.let_go()
        for one in began:
            one.result(PATIENCE)
    assert work.now == []
    assert max(work.most.values()) == 2


def test_a_failure_is_raised_and_gives_its_place_back() -> None:
    def fail(item: str) -> None:
        raise ValueError(item)

    done: list[str] = []
    with ThreadPoolExecutor(2) as pool:
        turns = Turns(pool, 1)
        with pytest.raises(ValueError, match="a-1"):
            turns.each(fail, ["a-1", "a-2"], nodes)
        turns.each(done.append, ["a-3", "a-4"], nodes)
    assert done == ["a-3", "a-4"]


def test_nothing_to_do() -> None:
    with ThreadPoolExecutor(1) as pool:
        Turns(pool, 1).each(pytest.fail, [], nodes)
