"""What a run fetches of the pods that are no proxies: nothing, so their number costs neither requests nor memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from wire.server import ApiServer

from .cluster import POD_3, Cluster
from .fake_time import RealTime

PODS = 2000
PADDING = 10_000
"""Characters in each other pod, which real ones have in their volumes, variables and conditions: 20 MB in all."""
MARGIN_MB = 8
"""How much more a run may take beside the other pods. The text of the pods alone is more than twice that."""

RUN = """
import json, re, sys
sys.path[:0] = {path!r}
from ansible_collections.devclusters.telepresence.plugins.modules import telepresence_{module}
from wire.play import run_module
result = run_module(telepresence_{module}.main, {options!r})
peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1]) / 1024
print(json.dumps([peak, [one["outcome"] for one in result["sessions"]]]))
"""
"""Prints its peak in MB, by VmHWM: ru_maxrss would begin with that of the process that started this one, which has all the pods."""


def others(cluster: Cluster, count: int) -> None:
    """Plants pods of other workloads, in the namespace of the session and in another."""
    for number in range(count):
        metadata = {
            "name": f"other-{number}",
            "namespace": ("default", "shop")[number % 2],
            "labels": {"app": "other"},
            "annotations": {"padding": "x" * PADDING},
        }
        spec = {"containers": [{"name": "other", "image": "registry.k8s.io/pause:3.10"}]}
        cluster.store.load({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


@pytest.mark.parametrize("module", ["orphans", "restore"])
@pytest.mark.parametrize("state", ["alive", "gone"])
def test_pods_are_listed_by_labels_only(cluster: Cluster, module: str, state: str) -> None:
    cluster.stage(state=state)
    cluster.run(module)
    listed = cluster.seen("list", "pods")
    assert listed and all(request.param("labelSelector") for request in listed)


@pytest.mark.parametrize("module", ["orphans", "restore"])
def test_the_peak_of_memory_does_not_grow_with_other_pods(tmp_path: Path, module: str) -> None:
    peaks = []
    for count in (0, PODS):
        with ApiServer() as server:
            cluster = Cluster(server, str(server.kubeconfig(tmp_path / f"kubeconfig-{count}")), RealTime())  # type: ignore[arg-type]
            cluster.client(cluster.stage(POD_3), "gone")
            others(cluster, count)
            options = {"kubeconfig": cluster.kubeconfig, **({"wait": False} if module == "restore" else {})}
            text = RUN.format(path=sys.path, module=module, options=options)
            done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=120, check=True)
        peak, outcomes = json.loads(done.stdout)
        assert outcomes == ["restored" if module == "restore" else "restorable"]
        peaks.append(peak)
    print(f"{module}: peak of {peaks[0]:.1f} MB without other pods, {peaks[1]:.1f} MB with {PODS}")
    assert peaks[1] - peaks[0] < MARGIN_MB
