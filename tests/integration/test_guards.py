"""What ansible-playbook does before it touches anything: wrong inventories, wrong credentials, missing rights, dead clusters."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.integration.conftest import Place
from tests.lab.scenes import Scene, clear, play, set_up
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl

READ_ONLY = [
    {"apiGroups": [""], "resources": ["namespaces", "pods", "services", "events"], "verbs": ["get", "list"]},
    {"apiGroups": ["apps"], "resources": ["deployments", "replicasets"], "verbs": ["list"]},
    {"apiGroups": ["autoscaling"], "resources": ["horizontalpodautoscalers"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["pods/log", "pods/exec", "pods/proxy"], "verbs": ["get"]},
]
"""The rights that orphans.yml asks for on Kubernetes before 1.35."""


@pytest.fixture(scope="module")
def kubectl() -> Iterator[Kubectl]:
    """A namespace on the first cluster with one orphan in it: web, 2 replicas before its swap."""
    kubeconfig, contexts = clusters()
    kubectl = Kubectl(contexts[0], "recovery-guards", kubeconfig)
    scene = Scene("web", 2, (("pod", "gone"),))
    set_up([kubectl], [scene])
    play([(kubectl, scene)])
    yield kubectl
    kubectl.run("delete", "clusterrole,clusterrolebinding", "recovery-guards", "--ignore-not-found")
    clear(kubectl)


@pytest.fixture
def hosts(tmp_path: pathlib.Path, contexts: list[str]) -> dict[str, dict[str, Any]]:
    """Variables of the two clusters, for a test to spoil."""
    kubeconfig = str(clusters()[0])
    return {name: {"telepresence_context": name, "telepresence_kubeconfig": kubeconfig} for name in contexts}


def written(tmp_path: pathlib.Path, hosts: dict[str, dict[str, Any]]) -> pathlib.Path:
    """An inventory of these hosts."""
    path = tmp_path / "hosts.json"
    path.write_text(json.dumps({"all": {"hosts": hosts}}))
    return path


def restricted(tmp_path: pathlib.Path, kubectl: Kubectl, rules: list[dict[str, Any]]) -> dict[str, Any]:
    """Host variables for a ServiceAccount that has just these rights in the whole cluster."""
    name = kubectl.namespace
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": name},
        "rules": rules,
    }
    kubectl.run("apply", "--filename=-", stdin=role)
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
    kubectl.run("apply", "--filename=-", stdin=account)
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": kubectl.namespace}],
    }
    kubectl.run("apply", "--filename=-", stdin=binding)
    config = yaml.safe_load(kubectl.kubeconfig.read_text())
    context = next(one["context"] for one in config["contexts"] if one["name"] == kubectl.context)
    config["users"] = [{"name": name, "user": {"token": kubectl.run("create", "token", name).strip()}}]
    config["contexts"] = [{"name": name, "context": {"cluster": context["cluster"], "user": name}}]
    path = tmp_path / "restricted.kubeconfig"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config))
    return {"telepresence_context": name, "telepresence_kubeconfig": str(path)}


def replicas(kubectl: Kubectl) -> int:
    """The replicas that web wants."""
    return int(kubectl.get("deployment", "web")["spec"].get("replicas", 0))


@pytest.mark.parametrize("where", ["checkout", "installed"])
def test_a_misspelt_inventory_is_an_error(where: str, request: pytest.FixtureRequest, tmp_path: pathlib.Path) -> None:
    place: Place = request.getfixturevalue(where)
    ran = place.play("recover", tmp_path / "dev-clusterz", quiet=False)
    assert ran.code != 0
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


def test_orphans_needs_read_rights_only_and_recover_names_what_it_lacks(
    checkout: Place, tmp_path: pathlib.Path, kubectl: Kubectl
) -> None:
    inventory = written(tmp_path, {"limited": restricted(tmp_path, kubectl, READ_ONLY)})
    ran = checkout.play("orphans", inventory, recover_namespaces=["recovery-g*"])
    assert ran.code == 0
    (session,) = ran.report["limited"]["orphans"]
    assert (session["verdict"], session["replicas"]) == ("stale", 2)
    ran = checkout.play("recover", inventory, recover_namespaces=["recovery-g*"])
    assert ran.code == 2
    for right in ("update deployments/scale (apps)", "delete deployments (apps)", "delete pods", "delete services"):
        assert f"{right} in all namespaces" in ran.report["limited"]["msg"]
    assert replicas(kubectl) == 0


def test_one_workload_by_hand(checkout: Place, inventory: pathlib.Path, contexts: list[str], kubectl: Kubectl) -> None:
    ran = checkout.play("recover", inventory, "--limit", contexts[0], recover_workload=f"{kubectl.namespace}/other")
    assert (ran.code, ran.report[contexts[0]]["changed"], replicas(kubectl)) == (0, False, 0)
    ran = checkout.play("recover", inventory, "--limit", contexts[0], recover_workload=f"{kubectl.namespace}/web")
    assert (ran.code, replicas(kubectl)) == (0, 2)
    (session,) = ran.report[contexts[0]]["sessions"]
    assert session["outcome"] == "restored"
