"""Inventories that are made, not written: the same clusters, reached by the same playbooks."""

from __future__ import annotations

import pathlib

import yaml

from tests.integration.conftest import Place
from tests.lab.target import clusters


def test_the_contexts_of_a_kubeconfig_are_the_clusters(checkout: Place, tmp_path: pathlib.Path) -> None:
    kubeconfig, contexts = clusters()
    source = tmp_path / "kubeconfig_contexts.yml"
    plugin = "devclusters.telepresence.kubeconfig_contexts"
    source.write_text(yaml.safe_dump({"plugin": plugin, "kubeconfig": [str(kubeconfig)], "include": contexts}))
    ran = checkout.play("orphans", source, recover_namespaces=["recovery-none*"])
    assert ran.code == 0
    assert {host: one["sessions"] for host, one in ran.report.items()} == {context: [] for context in contexts}
    assert len({one["cluster"]["identity"] for one in ran.report.values()}) == len(contexts)
