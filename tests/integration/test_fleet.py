"""Runs over several clusters, some of which are dead or turn out to be one: nobody waits for them, and nobody takes them for two."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.bench.clusters import clusters, hosts
from tests.bench.crowd import add_orphans
from tests.faults.proxy import FaultProxy
from tests.integration.conftest import Place, written
from tests.lab.control_plane import ApiServer

ORPHANS = 2
"""In each cluster."""
Hosts = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[ApiServer]]:
    """Two clusters with orphans in them."""
    with clusters(tmp_path_factory.mktemp("fleet") / "clusters", 2) as found:
        for server in found:
            add_orphans(server, ORPHANS, 1)
        yield found


def tasks(output: str) -> dict[str, str]:
    """The lines of each task of a run, by its name without the role."""
    parts = re.split(r"^TASK \[(?:\S+ : )?(.+)\] \**$", output, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_no_cluster_is_asked_anything_before_the_others_may_begin(
    checkout: Place, servers: list[ApiServer], tmp_path: pathlib.Path
) -> None:
    """The dead one refuses connections, so that it fails at once."""
    fleet = hosts(servers, {1: 9})
    ran = checkout.play("recover", written(tmp_path, fleet), "--check")
    assert ran.code == 2
    assert "connection was refused" in ran.report["cluster-1"]["msg"]
    assert len(ran.report["cluster-0"]["sessions"]) == ORPHANS
    asked = tasks(ran.output)["Identify the cluster"].splitlines()
    assert {line for line in asked if line} == {f"skipping: [{name}]" for name in fleet}


def test_one_doubt_has_all_clusters_identified(
    checkout: Place, servers: list[ApiServer], tmp_path: pathlib.Path
) -> None:
    """The options of the third lead to the first, and do not say whose certificate that must show."""
    fleet: Hosts = hosts(servers)
    pki = servers[0].directory / "pki"
    fleet["twin"] = {
        "telepresence_auth": {
            "host": servers[0].access.server,
            "ca_cert": str(servers[0].authority),
            "client_cert": str(pki / "admin.crt"),
            "client_key": str(pki / "admin.key"),
        }
    }
    ran = checkout.play("recover", written(tmp_path, fleet), "--check")
    assert ran.code == 2
    for name in ("cluster-0", "twin"):
        assert "The hosts cluster-0, twin of the inventory are one and the same" in ran.report[name]["msg"]
        assert (ran.report[name]["sessions"], ran.report[name]["changed"]) == ([], False)
    assert len(ran.report["cluster-1"]["sessions"]) == ORPHANS


def test_a_cluster_that_shows_another_certificate_is_noticed_afterwards(
    checkout: Place, servers: list[ApiServer], tmp_path: pathlib.Path
) -> None:
    """As behind a proxy that ends TLS."""
    proxy = FaultProxy(servers[0].client())
    kubeconfig = proxy.kubeconfig(tmp_path / "proxy.kubeconfig")
    fleet: Hosts = hosts(servers)
    fleet["proxied"] = {"telepresence_kubeconfig": kubeconfig, "telepresence_context": "faults"}
    ran = checkout.play("orphans", written(tmp_path, fleet))
    assert ran.code == 2
    assert "skipping" in tasks(ran.output)["Identify the cluster"]
    for name in ("cluster-0", "proxied"):
        assert ran.report[name]["msg"].endswith("which was worked on from each of them. Keep one.")
        assert "The hosts cluster-0, proxied of" in ran.report[name]["msg"]
        assert len(ran.report[name]["sessions"]) == ORPHANS
    assert "msg" not in ran.report["cluster-1"]
