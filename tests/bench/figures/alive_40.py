"""Forty living sessions on one cluster: what it costs to see that they live, for whoever asks and for the cluster."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.options import SPEC

from tests.lab.paths import KUBECONFIG
from tests.lab.say import LabError
from tests.lab.scenes import Scene, clear, set_up
from tests.lab.swap import plant
from tests.lab.telepresence1.kubectl import Kubectl

from ..bench import Bench
from ..cluster import beside, idle_rate
from ..lines import Line, lines
from ..measure import Sample

CONTEXT = "alpha"
NAMESPACE = "bench-alive"
SIZE = 40
STARTED_AT_ONCE = 10
"""Clients; each is four processes, and starts kubectl some twenty times."""
SWEEP = (1, 2, 4, 8, 16)
"""Values of recover_node_concurrency; all sessions are on one node."""
DEFAULT = SPEC["node_concurrency"]["default"]


@dataclass
class Way:
    """One way to ask: the role's options, what each run took, and the CPU seconds of the cluster for it."""

    name: str
    probe: str
    at_once: int
    samples: list[Sample] = field(default_factory=list)
    cluster: list[float] = field(default_factory=list)

    def measure(self, bench: Bench, inventory: pathlib.Path) -> None:
        """Recovers once. Raises LabError unless that found every session alive."""
        options: dict[str, Any] = {
            "recover_namespaces": [NAMESPACE],
            "recover_probe": self.probe,
            "recover_node_concurrency": self.at_once,
        }
        sample, cluster = beside(
            CONTEXT, idle_rate(CONTEXT), lambda: bench.play(self.name, "recover.yml", inventory, **options)
        )
        report = json.loads((bench.reports(self.name) / "recover.json").read_text())
        verdicts = [session["verdict"] for session in report["clusters"][CONTEXT]["sessions"]]
        if verdicts != ["alive"] * SIZE:
            raise LabError(
                f"{self.name} found {verdicts.count('alive')} of {SIZE} sessions alive (output: {bench.log(self.name)})."
            )
        self.samples.append(sample)
        self.cluster.append(cluster)

    def lines(self) -> Iterator[Line]:
        """By the clock, CPU and memory here, CPU of the cluster."""
        yield from lines(self.name, self.samples)
        yield Line(f"{self.name}-cluster", median(self.cluster), "CPU-s", tuple(self.cluster))


def run(bench: Bench) -> Iterator[Line]:
    """Recovers a namespace in which there is nothing to recover, by `auto` and by `exec`, with several bounds for the latter."""
    kubectl = Kubectl(CONTEXT, NAMESPACE)
    ways = [Way("alive-40-auto", "auto", DEFAULT)]
    ways += [Way(f"alive-40-exec{'' if one == DEFAULT else f'-{one}'}", "exec", one) for one in SWEEP]
    host = {"telepresence_context": CONTEXT, "telepresence_kubeconfig": str(KUBECONFIG)}
    inventory = bench.inventory("alive", {CONTEXT: host})
    scenes = [Scene(f"app-{number:02}", 1) for number in range(SIZE)]
    try:
        set_up([kubectl], scenes)
        bench.say(f"starting {SIZE} clients")
        with ThreadPoolExecutor(STARTED_AT_ONCE) as pool:
            sessions = [*pool.map(lambda scene: plant(kubectl, scene.name, "pod", checkpoint=False), scenes)]
        for number in range(1, bench.repeats + 1):
            for way in ways:
                way.measure(bench, inventory)
                bench.say(f"{way.name}: {way.samples[-1].seconds:.2f} s ({number} of {bench.repeats})")
        silent = [session.name for session in sessions if not session.client_answers()]
        if silent:
            raise LabError(
                f"The clients of {', '.join(silent)} no longer answer: what was measured were not {SIZE} living sessions."
            )
    finally:
        clear(kubectl)
    for way in ways:
        yield from way.lines()
    auto, by_exec = ways[0], next(way for way in ways if way.probe == "exec" and way.at_once == DEFAULT)
    if median(auto.cluster):  # beside a busy cluster it may vanish
        yield Line("alive-40 cluster CPU by exec over auto", median(by_exec.cluster) / median(auto.cluster))
