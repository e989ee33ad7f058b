"""One cluster with thousands of pods: no proxy among them, and then hundreds."""

from __future__ import annotations

from collections.abc import Iterator

from ..bench import EMPTY_PLAY, Bench
from ..clusters import check, clusters, hosts
from ..crowd import add_orphans, add_pods
from ..lines import Line, Target, lines
from ..measure import median

PODS, ORPHANS, NAMESPACES = 5000, 500, 50
OVER_EMPTY = Target(2.0)
"""Seconds."""
MEMORY = Target(150.0)
"""MB, of the largest process; the module's is the only one that grows with a cluster."""


def run(bench: Bench) -> Iterator[Line]:
    """The playbook that only looks: over 5,000 pods without a proxy, and once more with 500 whose clients are gone."""
    with clusters(bench.directory / "orphans-clusters", 1) as servers:
        inventory = bench.inventory("orphans", hosts(servers))
        bench.say(f"making {PODS} pods")
        add_pods(servers[0], PODS, NAMESPACES)
        empty = bench.repeat("an empty play", lambda: bench.play("orphans-empty", EMPTY_PLAY, inventory))
        idle = bench.repeat("no proxy", lambda: bench.play("orphans-idle", "orphans.yml", inventory))
        check(bench.reports("orphans-idle") / "orphans.json", {})
        yield from lines("orphans-idle", idle, MEMORY)
        yield Line("orphans-idle-over-empty", median(idle).seconds - median(empty).seconds, "s", target=OVER_EMPTY)
        bench.say(f"making {ORPHANS} orphaned sessions")
        add_orphans(servers[0], ORPHANS, NAMESPACES)
        many = bench.repeat(f"{ORPHANS} orphans", lambda: bench.play("orphans-500", "orphans.yml", inventory))
        check(bench.reports("orphans-500") / "orphans.json", {"stale": ORPHANS})
        yield from lines("orphans-500", many, MEMORY)
