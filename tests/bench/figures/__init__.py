"""The figures by their names, in the order in which they are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..bench import Bench
from ..lines import Line
from . import empty_play, fleet, orphans, slow_cluster


@dataclass(frozen=True)
class Figure:
    """What is measured, in a few words for the page, and how."""

    what: str
    run: Callable[[Bench], Iterator[Line]]


FIGURES = {
    "empty-play": Figure("what ansible-playbook takes to do nothing on one cluster", empty_play.run),
    "orphans": Figure(
        "a cluster of 5,000 pods, without an orphan (orphans-idle) and with 500 (orphans-500)", orphans.run
    ),
    "fleet": Figure("one, four and eight clusters", fleet.run),
    "slow-cluster": Figure("what six clusters wait for a slow one and a dead one beside them", slow_cluster.run),
}
