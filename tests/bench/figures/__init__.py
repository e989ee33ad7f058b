"""The figures by their names, in the order in which they are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..bench import Bench
from ..lines import Line
from . import alive_40, empty_play, fleet, many_clusters, orphans, probe_burst, recover_40, slow_cluster


@dataclass(frozen=True)
class Figure:
    """What is measured, in a few words for the page, and how."""

    what: str
    run: Callable[[Bench], Iterator[Line]]


FIGURES = {
    "empty-play": Figure("what ansible-playbook takes to do nothing on one cluster", empty_play.run),
    "recover-40": Figure(
        "40 orphans on one cluster: recover.yml without and with waiting for readiness, a shell loop, a playbook of"
        " kubernetes.core's modules in loops, and a bare client that makes the same execs, reads of logs, and writes",
        recover_40.run,
    ),
    "alive-40": Figure(
        "40 living sessions on one cluster, asked through the pod proxy first (auto) and by exec alone, the latter with"
        " several values of recover_node_concurrency; the cluster's CPU is what it spent beyond its own rate",
        alive_40.run,
    ),
    "orphans": Figure(
        "a cluster of 5,000 pods, without an orphan (orphans-idle) and with 500 (orphans-500)", orphans.run
    ),
    "fleet": Figure("one, four and eight clusters", fleet.run),
    "many-clusters": Figure(
        "ten and a hundred clusters without a session, of the tests' scripted API server", many_clusters.run
    ),
    "probe-burst": Figure(
        "500 execs of the product's own code against a scripted server that answers after 100 ms, 8, 16 or 32 at once",
        probe_burst.run,
    ),
    "slow-cluster": Figure("what six clusters wait for a slow one and a dead one beside them", slow_cluster.run),
}
