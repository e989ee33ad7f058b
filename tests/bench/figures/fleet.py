"""An inventory of several clusters: what each one more costs."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..bench import Bench
from ..clusters import check, clusters, hosts
from ..crowd import add_orphans, add_pods
from ..lines import Line, Target, each_more, lines, ratio

SIZES = (1, 4, 8)
PODS, ORPHANS, NAMESPACES = 50, 4, 2
"""Of each cluster."""
EIGHT_TO_ONE = Target(5.0)


def run(bench: Bench) -> Iterator[Line]:
    """The playbook that restores, in check mode so that every repeat finds the same, over one, four and eight clusters."""
    with clusters(bench.directory / "fleet-clusters", max(SIZES)) as servers:
        bench.say(f"making {PODS} pods and {ORPHANS} orphaned sessions in each cluster")
        for server in servers:
            add_pods(server, PODS, NAMESPACES)
            add_orphans(server, ORPHANS, NAMESPACES)
        samples = {}
        for size in SIZES:
            name = f"fleet-{size}"
            inventory = bench.inventory(name, hosts(servers[:size]))
            samples[size] = bench.repeat(
                f"{size} clusters", partial(bench.play, name, "recover.yml", inventory, "--check")
            )
            check(bench.reports(name) / "recover.json", {"stale": ORPHANS})
            yield from lines(name, samples[size])
        yield from each_more("fleet", samples)
        yield ratio("fleet-8 to fleet-1", samples[8], samples[1], EIGHT_TO_ONE)
