"""What a cluster of the lab has used of the machine: its programs, its pods, and what they run."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Callable, Sequence

from tests.lab.cgroups import find_hierarchies
from tests.lab.cluster import PREFIX
from tests.lab.say import LabError

from .measure import Sample

QUIET = 5.0
"""Seconds in which to see what a cluster uses by itself."""


def cpu_seconds(context: str) -> float:
    """User and system time since the cluster was started, of all its processes. Raises LabError where nothing counts it."""
    mounts = find_hierarchies(pathlib.Path("/proc/self/mountinfo").read_text()).mounts
    return used([mount / (PREFIX + context) for mount in mounts])


def used(groups: Sequence[pathlib.Path]) -> float:
    """The CPU seconds in the first of these cgroups that counts them, v1 (in nanoseconds) or v2 (in microseconds)."""
    for group in groups:
        if (group / "cpuacct.usage").exists():
            return int((group / "cpuacct.usage").read_text()) / 1e9
    for group in groups:
        if (group / "cpu.stat").exists():
            fields = dict(line.split() for line in (group / "cpu.stat").read_text().splitlines())
            return int(fields["usage_usec"]) / 1e6
    raise LabError(f"No cgroup counts the CPU time of {' or '.join(map(str, groups))}.")


def idle_rate(context: str) -> float:
    """CPU seconds per second that a cluster uses by itself, as it is now."""
    began, before = time.monotonic(), cpu_seconds(context)
    time.sleep(QUIET)
    return (cpu_seconds(context) - before) / (time.monotonic() - began)


def beside(context: str, idle: float, once: Callable[[], Sample]) -> tuple[Sample, float]:
    """Measures a command, and the CPU seconds that the cluster spent meanwhile beyond its ``idle`` rate."""
    before = cpu_seconds(context)
    sample = once()
    return sample, max(0.0, cpu_seconds(context) - before - idle * sample.seconds)
