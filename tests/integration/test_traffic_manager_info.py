"""telepresence_traffic_manager_info on a real traffic-manager, with agents that it injected and a client that is killed."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible_collections.devclusters.telepresence.plugins.modules import telepresence_traffic_manager_info

from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl
from tests.lab.telepresence2.client import Client
from tests.lab.telepresence2.manager import TrafficManager
from tests.lab.telepresence2.shop import open_shop
from wire.play import run_module

Result = dict[str, Any]
NAMESPACE = "manager-info"
SHOP = "manager-info-shop"
CLIENT = "dev@laptop"
ENOUGH = [
    {"apiGroups": [""], "resources": ["namespaces", "pods", "services", "configmaps"], "verbs": ["get", "list"]},
    {"apiGroups": ["apps"], "resources": ["deployments", "replicasets", "statefulsets"], "verbs": ["list"]},
]
"""The rights without which the module does not work at all."""


@pytest.fixture(scope="module")
def manager() -> Iterator[TrafficManager]:
    """A traffic-manager on the first cluster; of the workloads of its other namespace, web asks for an agent and plain does not."""
    kubeconfig, contexts = clusters()
    manager = TrafficManager(Kubectl(contexts[0], NAMESPACE, kubeconfig), (SHOP,))
    manager.install()
    try:
        open_shop(Kubectl(contexts[0], SHOP, kubeconfig), "web", "plain", injected=["web"], numbered=["plain"])
        yield manager
    finally:
        manager.remove()


def look(kubectl: Kubectl, **options: Any) -> Result:
    """What the module finds in the namespaces of this test."""
    where = {"kubeconfig": str(kubectl.kubeconfig), "context": kubectl.context}
    return run_module(
        telepresence_traffic_manager_info.main, {**where, "namespaces": [f"{NAMESPACE}*"], **options}, check=True
    )


def ours(result: Result, key: str) -> list[dict[str, Any]]:
    """Of what belongs to the whole cluster, that of the manager of this test."""
    return [one for one in result[key] if one["namespace"] == NAMESPACE]


def test_what_stands_in_the_cluster(manager: TrafficManager) -> None:
    result = look(manager.kubectl)
    (found,) = ours(result, "managers")
    assert {
        key: found[key] for key in ("version", "answers_as", "band", "mode", "ready", "release", "release_status")
    } == {
        "version": "2.20.2",
        "answers_as": "v2.20.2",
        "band": "2.6-2.21",
        "mode": "namespaced",
        "ready": 1,
        "release": "traffic-manager",
        "release_status": "deployed",
    }
    assert found["namespaces"] == [NAMESPACE, SHOP]
    (webhook,) = ours(result, "webhooks")
    assert (webhook["works"], webhook["failure_policy"]) == (True, "Ignore")
    # The chart makes both for 365 days.
    assert found["certificate_ends"][:4] == webhook["authority_ends"][:4] > "2026"
    assert [
        (one["name"], one["band"], one["annotated"], one["manual"], one["manager"]) for one in result["agents"]
    ] == [("web", "2.6-2.21", True, False, NAMESPACE)]
    assert [(one["namespace"], one["name"]) for one in result["workloads"]] == [(SHOP, "plain"), (SHOP, "web")]
    assert result["workloads"][0]["state"] == "no_agent"
    assert [one["holds"] for one in result["state_objects"] if one["namespace"] == SHOP] == [["web"], [NAMESPACE]]
    assert result["leftovers"] == []


def test_an_intercept_is_found_with_its_client_even_when_that_was_killed(manager: TrafficManager) -> None:
    client = Client(manager, SHOP, "plain", CLIENT)
    try:
        (living,) = look(manager.kubectl)["intercepts"]
    finally:
        client.kill()
    time.sleep(20)  # four times the interval at which a client of 2.20 says that it is there
    result = look(manager.kubectl)
    (killed,) = result["intercepts"]
    for one in (living, killed):
        assert (one["id"], one["client"], one["namespace"], one["agent"]) == (client.id, CLIENT, SHOP, "plain")
        assert (one["disposition"], one["replace"], one["wiretap"]) == ("ACTIVE", False, False)
    (agent,) = [one for one in result["agents"] if one["name"] == "plain"]
    assert (agent["intercepted"], agent["pods"]) == (True, [killed["pod"]])
    assert [one["state"] for one in result["workloads"] if one["name"] == "plain"] == ["intercepted"]


def test_with_the_least_rights_what_needs_others_is_unknown(manager: TrafficManager, tmp_path: Any) -> None:
    kubectl = manager.kubectl
    name = "manager-info-least"
    subject = {"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}
    group = "rbac.authorization.k8s.io"
    role = {"apiVersion": f"{group}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": ENOUGH}
    binding = {
        **role,
        "kind": "ClusterRoleBinding",
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": name},
    }
    del binding["rules"]
    try:
        kubectl.run("create", "serviceaccount", name)
        for obj in (role, {**binding, "subjects": [subject]}):
            kubectl.run("apply", "--filename=-", stdin=obj)
        config = yaml.safe_load(kubectl.run("config", "view", "--raw", "--minify"))
        config["users"][0]["user"] = {"token": kubectl.run("create", "token", name).strip()}
        path = tmp_path / "kubeconfig"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(config))
        result = look(kubectl, kubeconfig=str(path))
        kubectl.run("delete", "clusterrolebinding", name)
        refused = look(kubectl, kubeconfig=str(path))
    finally:
        kubectl.run("delete", "clusterrole,clusterrolebinding", name, "--ignore-not-found")
    (found,) = ours(result, "managers")
    assert (found["intercepts"], found["release_status"], result["intercepts"], result["webhooks"]) == (
        None,
        None,
        [],
        [],
    )
    assert [one["name"] for one in result["agents"]] == ["plain", "web"]
    assert len(result["unknown"]) == 7 + len(result["managers"])
    assert "it may not list namespaces; not list pods;" in refused["msg"]


def test_what_is_left_after_the_namespace_was_deleted_by_hand(manager: TrafficManager) -> None:
    manager.kubectl.run("delete", "namespace", NAMESPACE)
    result = look(manager.kubectl)
    assert (ours(result, "managers"), result["workloads"]) == ([], [])
    # Of other managers that there may be, nothing is said here.
    found = {(one["class"], *one["objects"]): one["safe"] for one in result["leftovers"] if _here(one)}
    assert found == {
        ("dead_webhook", f"MutatingWebhookConfiguration agent-injector-webhook-{NAMESPACE}"): True,
        ("agent_without_manager", f"Deployment {SHOP}/plain"): True,
        ("agent_without_manager", f"Deployment {SHOP}/web"): True,
        ("orphan_agents_config", f"ConfigMap {SHOP}/telepresence-agents"): False,
        ("orphan_claim", f"ConfigMap {SHOP}/traffic-manager-claim"): True,
    }


def _here(leftover: dict[str, Any]) -> bool:
    return leftover["namespace"] in (NAMESPACE, SHOP)
