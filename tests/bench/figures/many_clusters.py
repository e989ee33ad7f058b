"""An inventory of a hundred clusters: whether each still costs what it costs among ten, and what the whole run takes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from ..bench import Bench
from ..clusters import check
from ..lines import Line, each_more, lines
from ..scripted import hosts
from ..serving import serving

SIZES = (10, 100)
AT_ONCE = 10
"""Hosts; for ansible-playbook's option --forks."""


def run(bench: Bench) -> Iterator[Line]:
    """The playbook that restores, over ten and over a hundred clusters in which nothing is to be done."""
    directory = bench.directory / "many-clusters"
    # A hundred take minutes, and are a hundred of the same.
    repeats = {min(SIZES): bench.repeats, max(SIZES): 1}
    with serving("tests.bench.scripted", str(directory), str(max(SIZES))):
        samples = {}
        for size in SIZES:
            name = f"many-clusters-{size}"
            inventory = bench.inventory(name, hosts(directory, size))
            samples[size] = replace(bench, repeats=repeats[size]).repeat(
                f"{size} clusters", partial(bench.play, name, "recover.yml", inventory, f"--forks={AT_ONCE}")
            )
            check(bench.reports(name) / "recover.json", {})
            yield from lines(name, samples[size])
    yield from each_more("many-clusters", samples)
