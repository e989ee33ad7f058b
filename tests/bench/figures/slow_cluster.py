"""One of eight clusters answers late, and one not at all: what the others wait."""

from __future__ import annotations

import os
import re
import statistics
import time
from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.lab.say import LabError

from ..bench import Bench
from ..clusters import clusters, hosts
from ..crowd import add_orphans, add_pods
from ..lines import Line, Target, lines
from ..measure import Sample
from ..slow import delayed, silent

WELL = 6
"""How many clusters are well in either run."""
PODS, ORPHANS, NAMESPACES = 50, 4, 2
"""Of each cluster."""
DELAY = 5.0
"""Seconds after which the slow cluster answers."""
WAITED = Target(1.0)
"""Seconds that the others may be later, which is what the clock of a busy machine is good for."""
DONE = re.compile(r"^(\S+ \S+),(\d+) .*\| (?:ok|changed|fatal): \[(cluster-\d)\]")
"""A line of Ansible's own log: its time, and the cluster that a task is done for."""


def run(bench: Bench) -> Iterator[Line]:
    """When the line of the last of six clusters comes that are well, behind two more of the same or behind a slow and a dead one.

    Ansible begins with the first hosts of an inventory, so that the two take two of its five forks from the beginning.
    """
    with clusters(bench.directory / "slow-clusters", WELL + 2) as servers:
        for server in servers:
            add_pods(server, PODS, NAMESPACES)
            add_orphans(server, ORPHANS, NAMESPACES)
        well = _backwards(hosts(servers))
        with delayed(servers[WELL].port, DELAY) as late, silent() as dead:
            ill = _backwards(hosts(servers, {WELL: late, WELL + 1: dead}))
            beside_well: list[float] = []
            beside_ill: list[float] = []
            bench.repeat("all well", lambda: _play(bench, bench.inventory("all-well", well), (0,), beside_well))
            samples = bench.repeat(
                "one slow, one dead", lambda: _play(bench, bench.inventory("slow-cluster", ill), (2,), beside_ill)
            )
        yield from lines("slow-cluster", samples)
        waited = statistics.median(beside_ill) - statistics.median(beside_well)
        yield Line("slow-cluster-others", statistics.median(beside_ill), "s", tuple(beside_ill))
        yield Line("slow-cluster-others-wait", waited, "s", target=WAITED)


def _backwards(inventory: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return dict(reversed(inventory.items()))


def _play(bench: Bench, inventory: Path, codes: Collection[int], through: list[float]) -> Sample:
    """One run; adds to ``through`` after how many seconds the last of the clusters that are well was through."""
    log = bench.directory / "ansible.log"
    log.unlink(missing_ok=True)
    os.environ["ANSIBLE_LOG_PATH"] = str(log)
    began = time.time()
    try:
        sample = bench.play(inventory.stem, "recover.yml", inventory, "--check", codes=codes)
    finally:
        del os.environ["ANSIBLE_LOG_PATH"]
    done = finished(log.read_text())
    missing = [f"cluster-{number}" for number in range(WELL) if f"cluster-{number}" not in done]
    if missing:
        raise LabError(f"nothing was done for {missing[0]} (output: {bench.log(inventory.stem)}).")
    through.append(max(done[f"cluster-{number}"] for number in range(WELL)) - began)
    return sample


def finished(log: str) -> dict[str, float]:
    """Host -> when the work on its cluster was done (seconds since the epoch), in Ansible's log of a run of recover.yml."""
    work = log.partition("Restore the workloads of orphaned sessions]")[2].partition("TASK [")[0]
    found = (match.groups() for line in work.splitlines() if (match := DONE.match(line)))
    return {
        host: datetime.strptime(at, "%Y-%m-%d %H:%M:%S").timestamp() + int(milliseconds) / 1000
        for at, milliseconds, host in found
    }
