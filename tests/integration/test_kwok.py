"""The clusters of the bench: kwok in the place of a kubelet, and the product's verdicts on what it says."""

from __future__ import annotations

import pathlib

from tests.bench.clusters import check, clusters, hosts
from tests.bench.crowd import add_orphans, add_pods
from tests.integration.conftest import Place, written
from tests.lab.processes import PROC


def test_two_clusters_with_orphans_in_one(checkout: Place, tmp_path: pathlib.Path) -> None:
    with clusters(tmp_path / "clusters", 2) as servers:
        add_pods(servers[0], 30, 3)
        add_orphans(servers[0], 4, 2)
        with_pods, empty = hosts(servers).items()
        for (name, variables), verdicts in ((with_pods, {"stale": 4}), (empty, {})):
            ran = checkout.play("recover", written(tmp_path, {name: variables}), recover_wait=False)
            assert ran.code == 0
            check(checkout.reports / "recover.json", verdicts)
            assert [one["replicas"] for one in ran.report[name]["restored"]] == [3] * sum(verdicts.values())
        paths = "/api/v1/pods", "/apis/apps/v1/deployments"
        pods, deployments = (servers[0].client().call("GET", path)["items"] for path in paths)
        assert len(pods) == 30
        assert [one["spec"]["replicas"] for one in deployments] == [3] * 4
    assert not [line for line in _commands() if str(tmp_path) in line], "a process of the clusters still runs"


def _commands() -> list[str]:
    """The command lines of all processes."""
    found = []
    for path in PROC.glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_text(errors="replace"))
        except OSError:
            continue
    return found
