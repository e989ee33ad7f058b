"""The CPU time of a cluster, from what the kernel keeps of its cgroup."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from tests.bench import cluster
from tests.bench.figures import probe_burst
from tests.bench.measure import Sample
from tests.lab.say import LabError


def test_the_time_of_a_cgroup_of_either_version(tmp_path: Path) -> None:
    memory, cpuacct, unified = (tmp_path / name for name in ("memory", "cpuacct", "unified"))
    for directory in (memory, cpuacct, unified):
        directory.mkdir()
    (unified / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    assert cluster.used([memory, unified]) == 2.5
    (cpuacct / "cpuacct.usage").write_text("1500000000\n")
    assert cluster.used([unified, memory, cpuacct]) == 1.5
    with pytest.raises(LabError, match="No cgroup counts"):
        cluster.used([memory])


@pytest.mark.parametrize(("idle", "beyond"), [(0.5, 6.0), (5.0, 0.0)])
def test_what_a_cluster_uses_by_itself_is_left_out(monkeypatch: pytest.MonkeyPatch, idle: float, beyond: float) -> None:
    readings = iter([100.0, 108.0])
    monkeypatch.setattr(cluster, "cpu_seconds", lambda _context: next(readings))
    sample = Sample(4.0, 1.0, 1e6)
    assert cluster.beside("alpha", idle, lambda: sample) == (sample, beyond)


def test_the_time_of_a_process() -> None:
    before = probe_burst.cpu_seconds(os.getpid())
    began = time.process_time()
    while time.process_time() - began < 0.2:
        pass
    assert 0.15 < probe_burst.cpu_seconds(os.getpid()) - before < 1.0
