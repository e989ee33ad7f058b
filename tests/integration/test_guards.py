"""What ansible-playbook does before it touches anything: wrong inventories, wrong credentials, dead clusters."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.integration.conftest import Place, written
from tests.lab.scenes import Scene, clear, play, set_up
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl


@pytest.fixture(scope="module")
def kubectl() -> Iterator[Kubectl]:
    """A namespace on the first cluster with one orphan in it: web, 2 replicas before its swap."""
    kubeconfig, contexts = clusters()
    kubectl = Kubectl(contexts[0], "recovery-guards", kubeconfig)
    scene = Scene("web", 2, (("pod", "gone"),))
    set_up([kubectl], [scene])
    play([(kubectl, scene)])
    yield kubectl
    clear(kubectl)


@pytest.fixture
def hosts(tmp_path: pathlib.Path, contexts: list[str]) -> dict[str, dict[str, Any]]:
    """Variables of the two clusters, for a test to spoil."""
    kubeconfig = str(clusters()[0])
    return {name: {"telepresence_context": name, "telepresence_kubeconfig": kubeconfig} for name in contexts}


def replicas(kubectl: Kubectl) -> int:
    """The replicas that web wants."""
    return int(kubectl.get("deployment", "web")["spec"].get("replicas", 0))


@pytest.mark.parametrize(("where", "code"), [("checkout", 1), ("installed", 2)])
def test_a_misspelt_inventory_is_an_error(
    where: str, code: int, request: pytest.FixtureRequest, tmp_path: pathlib.Path
) -> None:
    place: Place = request.getfixturevalue(where)
    ran = place.play("recover", tmp_path / "dev-clusterz", quiet=False)
    assert ran.code == code
    assert "dev-clusterz" in ran.output


def test_a_limit_that_names_no_host_is_an_error(installed: Place, inventory: pathlib.Path) -> None:
    ran = installed.play("recover", inventory, "--limit", "dev-clusterz", quiet=False)
    assert ran.code == 1
    assert "dev-clusterz" in ran.output


@pytest.mark.parametrize("name", ["telepresence_contxt", "recover_namspaces"])
def test_a_misspelt_variable_is_an_error(checkout: Place, inventory: pathlib.Path, name: str) -> None:
    misspelt: dict[str, Any] = {name: "shop"}
    ran = checkout.play("recover", inventory, **misspelt)
    assert ran.code == 2
    assert f"These variables are none of the role recover: {name}." in " ".join(ran.output.split())


def test_two_hosts_that_are_one_cluster_are_an_error(
    checkout: Place, hosts: dict[str, dict[str, Any]], tmp_path: pathlib.Path, contexts: list[str], kubectl: Kubectl
) -> None:
    hosts["twin"] = hosts[contexts[0]]
    ran = checkout.play("recover", written(tmp_path, hosts), recover_namespaces=["recovery-g*"])
    assert ran.code == 2
    for host in (contexts[0], "twin"):
        assert "one and the same cluster" in ran.report[host]["msg"]
        assert contexts[0] in ran.report[host]["msg"]
        assert "twin" in ran.report[host]["msg"]
    assert ran.report[contexts[1]]["sessions"] == []
    assert replicas(kubectl) == 0


def test_a_dead_cluster_fails_alone(
    checkout: Place, hosts: dict[str, dict[str, Any]], tmp_path: pathlib.Path, contexts: list[str]
) -> None:
    hosts["dead"] = {"telepresence_auth": {"host": "https://127.0.0.1:9", "api_key": "no-secret"}}
    ran = checkout.play("orphans", written(tmp_path, hosts), recover_namespaces=["recovery-none*"])
    assert ran.code == 2
    assert "the connection was refused" in ran.report["dead"]["msg"]
    assert [ran.report[context]["sessions"] for context in contexts] == [[], []]


def test_credentials_in_the_environment_never_win_over_the_inventory(
    checkout: Place, inventory: pathlib.Path, contexts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("K8S_AUTH_HOST", "https://127.0.0.1:9")
    monkeypatch.setenv("K8S_AUTH_API_KEY", "no-secret")
    ran = checkout.play("recover", inventory)
    assert ran.code == 2
    assert all("The credentials are ambiguous" in ran.report[context]["msg"] for context in contexts)


def test_a_credential_plugin_that_fails_is_named(
    checkout: Place, hosts: dict[str, dict[str, Any]], tmp_path: pathlib.Path, contexts: list[str]
) -> None:
    config = yaml.safe_load(clusters()[0].read_text())
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "false", "interactiveMode": "Never"}
    for user in config["users"]:
        user["user"] = {"exec": plugin}
    path = tmp_path / "plugin.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    ran = checkout.play(
        "recover", written(tmp_path, {contexts[0]: {**hosts[contexts[0]], "telepresence_kubeconfig": str(path)}})
    )
    assert ran.code == 2
    assert "the credential plugin false gave none" in ran.report[contexts[0]]["msg"]


def test_one_workload_by_hand(checkout: Place, inventory: pathlib.Path, contexts: list[str], kubectl: Kubectl) -> None:
    ran = checkout.play("recover", inventory, "--limit", contexts[0], recover_workload=f"{kubectl.namespace}/other")
    assert (ran.code, ran.report[contexts[0]]["changed"], replicas(kubectl)) == (0, False, 0)
    ran = checkout.play("recover", inventory, "--limit", contexts[0], recover_workload=f"{kubectl.namespace}/web")
    assert (ran.code, replicas(kubectl)) == (0, 2)
    (session,) = ran.report[contexts[0]]["sessions"]
    assert session["outcome"] == "restored"
