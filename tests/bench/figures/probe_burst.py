"""Five hundred execs against a scripted server that answers after 100 ms: what our own code for them can do, and what it costs."""

from __future__ import annotations

import json
import os
import pathlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from tests.lab.say import LabError

from ..bench import Bench
from ..burst import EXECS
from ..lines import Line
from ..serving import serving

CONCURRENCY = (8, 16, 32)
DEFAULT = 16


@dataclass
class Burst:
    """What the bursts of one concurrency came to."""

    rates: list[float] = field(default_factory=list)
    ours: list[float] = field(default_factory=list)
    servers: list[float] = field(default_factory=list)

    def lines(self, name: str) -> Iterator[Line]:
        """Execs per second, and the CPU of each side."""
        yield Line(name, median(self.rates), "execs/s", tuple(self.rates))
        yield Line(f"{name}-client", median(self.ours), "CPU-s", tuple(self.ours))
        yield Line(f"{name}-server", median(self.servers), "CPU-s", tuple(self.servers))


def run(bench: Bench) -> Iterator[Line]:
    """Bursts with the default bound of concurrent execs, and with half and twice as many."""
    kubeconfig = bench.directory / "burst-kubeconfig"
    bursts = {concurrency: Burst() for concurrency in CONCURRENCY}
    with serving("tests.bench.burst", "serve", str(kubeconfig)) as pid:
        for number in range(1, bench.repeats + 1):
            for concurrency, burst in bursts.items():
                name = _name(concurrency)
                before = cpu_seconds(pid)
                bench.measure(
                    name, [sys.executable, "-m", "tests.bench.burst", "ask", str(kubeconfig), str(concurrency)]
                )
                cost = json.loads(bench.log(name).read_text().splitlines()[-1])
                if cost["answered"] != EXECS:
                    raise LabError(f"{name}: {cost['answered']} of {EXECS} execs were answered.")
                burst.rates.append(EXECS / cost["seconds"])
                burst.ours.append(cost["cpu_seconds"])
                burst.servers.append(cpu_seconds(pid) - before)
                bench.say(f"{name}: {burst.rates[-1]:.0f} execs/s ({number} of {bench.repeats})")
    for concurrency, burst in bursts.items():
        yield from burst.lines(_name(concurrency))


def _name(concurrency: int) -> str:
    return "probe-burst" if concurrency == DEFAULT else f"probe-burst-{concurrency}"


def cpu_seconds(pid: int) -> float:
    """User and system time of a process until now."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
