"""The lines of recover-40: who is compared with whom, and that what others left undone is no number."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bench.figures import recover_40
from tests.bench.measure import Sample
from tests.bench.orphans import Orphans
from tests.lab.say import LabError, Say
from tests.lab.telepresence1.kubectl import Kubectl

SECONDS = {"ours": 4.0, "wait": 6.0, "shell": 20.0, "kubernetes-core": 100.0, "floor": 1.5}


def test_each_way_has_its_lines_and_each_target_its_ratio() -> None:
    samples = {way: [Sample(seconds, 1.0, 1e6)] for way, seconds in SECONDS.items()}
    found = [*recover_40.report(samples, [Sample(0.5, 0.5, 9e6)])]
    assert [line.name for line in found if line.unit == "s"] == [
        "recover-40",
        *(f"recover-40-{way}" for way in ("wait", "shell", "kubernetes-core", "floor", "empty-play")),
    ]
    assert {
        line.name: (line.value, line.target and line.target.met(line.value)) for line in found if not line.unit
    } == {
        "recover-40 shell loop": (5.0, True),
        "recover-40 kubernetes.core": (25.0, False),
        "recover-40 over floor and empty play": (2.0, False),
    }


def test_the_floor_and_the_empty_play_are_added_run_by_run() -> None:
    samples = {way: [Sample(seconds, 1.0, 1e6)] * 3 for way, seconds in SECONDS.items()}
    samples["floor"] = [Sample(seconds, 1.0, 1e6) for seconds in (1.0, 2.0, 9.0)]
    empty = [Sample(seconds, 1.0, 1e6) for seconds in (1.0, 6.0, 1.0)]
    (over,) = (line for line in recover_40.report(samples, empty) if line.name.endswith("empty play"))
    assert over.value == 4.0 / 8.0


class Cluster:
    """What a namespace holds, to `Orphans`."""

    def __init__(self, replicas: list[int], proxies: list[dict[str, Any]]) -> None:
        self.deployments = [{"spec": {"replicas": count}} for count in replicas]
        self.proxies = [{"metadata": metadata} for metadata in proxies]

    def call(self, method: str, path: str) -> dict[str, Any]:
        assert (method, path) == ("GET", "/api/v1/namespaces/bench-x/pods?labelSelector=telepresence")
        return {"items": self.proxies}


@pytest.mark.parametrize(
    ("replicas", "proxies", "complaint"),
    [
        ([1, 1], [], ""),
        ([1, 1], [{"deletionTimestamp": "2026-11-24T20:00:00Z"}], ""),
        ([1, 0], [], "1 of 2 workloads have 1 replicas"),
        ([1, 2], [], "1 of 2 workloads have 1 replicas"),
        ([1], [], "1 of 2 workloads have 1 replicas"),
        ([1, 1], [{}], "1 proxies are left"),
    ],
)
def test_what_was_not_recovered_ends_the_bench(
    monkeypatch: pytest.MonkeyPatch, replicas: list[int], proxies: list[dict[str, Any]], complaint: str
) -> None:
    cluster = Cluster(replicas, proxies)
    monkeypatch.setattr(Kubectl, "get", lambda *_: {"items": cluster.deployments})
    stage = Orphans(cluster, Kubectl("alpha", "bench-x"), 2, Say())  # type: ignore[arg-type]
    if complaint:
        with pytest.raises(LabError, match=complaint):
            stage.expect_restored()
    else:
        stage.expect_restored()
