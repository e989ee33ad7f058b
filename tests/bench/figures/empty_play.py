"""What Ansible takes by itself, which every run pays."""

from __future__ import annotations

from collections.abc import Iterator

from ..bench import EMPTY_PLAY, Bench
from ..lines import Line, lines


def run(bench: Bench) -> Iterator[Line]:
    """An empty play over an inventory of one host."""
    inventory = bench.inventory("one-cluster", {"alpha": {}})
    yield from lines(
        "empty-play", bench.repeat("an empty play", lambda: bench.play("empty-play", EMPTY_PLAY, inventory))
    )
