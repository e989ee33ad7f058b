"""telepresence_leftovers on what a real traffic-manager leaves when its namespace is deleted by hand: all is found and put right."""

from __future__ import annotations

import json
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.agents import ACTIONS
from ansible_collections.devclusters.telepresence.plugins.modules import telepresence_leftovers

from tests.integration.conftest import kubeconfig_of
from tests.lab.scenes import workload
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl
from tests.lab.telepresence2.client import Client
from tests.lab.telepresence2.manager import TrafficManager
from tests.lab.telepresence2.shop import open_shop
from tests.rights import read
from wire.play import run_module

Result = dict[str, Any]
NAMESPACE = "leftover-tel"
SHOP = "leftover-shop"
ACCOUNT = "leftover-account"
WEBHOOK = f"MutatingWebhookConfiguration agent-injector-webhook-{NAMESPACE}"
WEB, HELD, PLAIN = (f"Deployment {SHOP}/{name}" for name in ("web", "held", "plain"))
CONFIG, CLAIM = f"ConfigMap {SHOP}/telepresence-agents", f"ConfigMap {SHOP}/traffic-manager-claim"


@pytest.fixture(scope="module")
def shop() -> Iterator[Kubectl]:
    """A traffic-manager with agents: web asks for one, held has an intercept of a client that was killed, and so had plain.

    Of plain the container was replaced. A manager that restarts forgets its intercepts, and leaves the container replaced.
    """
    kubeconfig, contexts = clusters()
    manager = TrafficManager(Kubectl(contexts[1], NAMESPACE, kubeconfig), (SHOP,))
    shop = Kubectl(contexts[1], SHOP, kubeconfig)
    manager.install()
    try:
        plant(shop)
        Client(manager, SHOP, "plain", "dev@laptop", "-replace").kill()
        manager.restart()
        Client(manager, SHOP, "held", "dev@laptop").kill()
        # Until then there is a pod without an agent as well.
        shop.run("rollout", "status", "deployment/held", "--timeout=120s")
        yield shop
    finally:
        manager.remove()
        shop.run("delete", "clusterrole,clusterrolebinding", ACCOUNT, "--ignore-not-found")


def plant(shop: Kubectl) -> None:
    """Workloads with Services; of web no pod may be disrupted."""
    open_shop(shop, "web", "held", "plain", injected=["web"], replicas={"web": 2})
    budget = {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}}
    shop.run("apply", "--filename=-", stdin={**named("policy/v1", "PodDisruptionBudget", "web"), "spec": budget})


def named(api_version: str, kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}}


def clean(shop: Kubectl, check: bool = False, **options: Any) -> Result:
    """Runs the module in the namespaces of this test."""
    where = {"kubeconfig": str(shop.kubeconfig), "context": shop.context, "namespaces": [NAMESPACE, SHOP]}
    return run_module(telepresence_leftovers.main, {**where, **options}, check=check, diff=True)


def classes(records: list[Result]) -> list[tuple[str, ...]]:
    return [(one["class"], *one["objects"]) for one in records]


AGENT, ALONE = {("app", "traffic-agent")}, {("app",)}


def containers(shop: Kubectl) -> dict[str, set[tuple[str, ...]]]:
    """By workload, the containers that its pods have, of those that stay, and that run what they shall.

    There may be one pod more than is wanted: the manager has plain rolled out when it forgets its intercept.
    """
    found: dict[str, set[tuple[str, ...]]] = {}
    for pod in shop.get("pods")["items"]:
        wanted = tuple(one["name"] for one in pod["spec"]["containers"] if one["image"] != "alpine:latest")
        if not pod["metadata"].get("deletionTimestamp"):
            found.setdefault(pod["metadata"]["labels"]["app"], set()).add(wanted)
    return found


def objects(shop: Kubectl) -> list[tuple[str, str]]:
    """What a run could have changed, with its version."""
    kinds = "pods,configmaps,deployments,replicasets,mutatingwebhookconfigurations,clusterroles"
    found = shop.get(kinds)["items"]
    return [(one["metadata"]["uid"], one["metadata"]["resourceVersion"]) for one in found]


def test_while_the_manager_stands_only_what_nobody_intercepts_is_put_right(shop: Kubectl) -> None:
    result = clean(shop)
    assert [(one["class"], one["objects"][-1]) for one in result["removed"]] == [("replaced_container", PLAIN)], result
    assert containers(shop) == {"web": AGENT, "held": AGENT, "plain": ALONE}
    assert (result["failed_leftovers"], result["unknown"]) == ([], [])


def test_a_manager_that_was_deleted_by_hand_and_a_budget_that_blocks(shop: Kubectl) -> None:
    shop.run("delete", "namespace", NAMESPACE)
    before = objects(shop)
    planned = clean(shop, check=True)
    assert objects(shop) == before
    assert classes(planned["removed"]) == [
        ("dead_webhook", WEBHOOK),
        ("agent_without_manager", HELD),
        ("agent_without_manager", WEB),
        ("orphan_agents_config", CONFIG),
        ("orphan_claim", CLAIM),
    ]
    # Of web nothing may be evicted, so that its pods go on mounting the ConfigMap.
    result = clean(shop, wait_timeout=8)
    assert classes(result["failed_leftovers"]) == [("agent_without_manager", WEB)]
    for part in (
        f"Failed to evict Pod {SHOP}/web-",
        "The disruption budget web needs 2 healthy pods and has 2 currently",
    ):
        assert part in result["msg"]
    assert classes(result["removed"]) == [
        ("dead_webhook", WEBHOOK),
        ("agent_without_manager", HELD),
        ("orphan_claim", CLAIM),
    ]
    assert classes(result["skipped_leftovers"]) == [("orphan_agents_config", CONFIG)]
    assert containers(shop) == {"web": AGENT, "held": ALONE, "plain": ALONE}


def test_the_rest_goes_with_the_rights_of_the_manifest_when_the_budget_allows_it(
    shop: Kubectl, tmp_path: pathlib.Path
) -> None:
    shop.run("patch", "poddisruptionbudget", "web", "--type=merge", '--patch={"spec":{"minAvailable":1}}')
    role, binding = read("leftovers")
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": SHOP}
    for one in (role, binding):
        one["metadata"]["name"] = ACCOUNT
    binding["roleRef"]["name"], binding["subjects"] = ACCOUNT, [subject]
    for one in (named("v1", "ServiceAccount", ACCOUNT), role, binding):
        shop.run("apply", "--filename=-", stdin=one)
    path = tmp_path / "kubeconfig"
    kubeconfig_of(shop, shop.run("create", "token", ACCOUNT).strip(), path)
    result = clean(shop, kubeconfig=str(path), context="account")
    assert classes(result["removed"]) == [("agent_without_manager", WEB), ("orphan_agents_config", CONFIG)], result
    assert result["cluster"]["user"] == f"system:serviceaccount:{SHOP}:{ACCOUNT}"
    assert containers(shop) == {"web": ALONE, "held": ALONE, "plain": ALONE}


def test_a_second_run_changes_nothing_and_pods_come_at_full_speed(shop: Kubectl) -> None:
    before = objects(shop)
    result = clean(shop)
    assert (result["changed"], result["leftovers"], objects(shop)) == (False, [], before)
    begun = time.monotonic()
    shop.run("run", "quick", "--image=lab.local/app:1", "--image-pull-policy=IfNotPresent", "--restart=Never")
    assert time.monotonic() - begun < 3
    assert shop.get("pod", "quick")["spec"]["containers"][0]["name"] == "quick"
    assert len(shop.get("pod", "quick")["spec"]["containers"]) == 1


def test_what_a_client_of_2_5_changed_is_put_back(shop: Kubectl) -> None:
    """Constructed after the client's source: the real server takes back what was listed."""
    image = "lab.local/tel2:2.5.8"
    hidden = {"container_name": "app", "port_name": "http", "hidden_name": "tm-http"}
    agent = {"container_port_name": "http", "container_port_proto": "TCP", "app_port": 8080, "image_name": image}
    record = {"version": "2.5.8", "ReferencedService": "old", "hide_container_port": hidden, "add_traffic_agent": agent}
    old = workload("old", 0)
    old["metadata"]["annotations"] = {ACTIONS: json.dumps(record)}
    spec = old["spec"]["template"]["spec"]
    spec["containers"][0]["ports"] = [{"name": "tm-http", "containerPort": 8080}]
    spec["containers"].append(
        {"name": "traffic-agent", "image": image, "ports": [{"name": "http", "containerPort": 9900}]}
    )
    spec["volumes"] = [{"name": "traffic-annotations", "emptyDir": {}}]
    symbolic = {"make_port_symbolic": {"PortName": "", "TargetPort": 8080, "SymbolicName": "http"}}
    service = named("v1", "Service", "old")
    service["metadata"]["annotations"] = {ACTIONS: json.dumps(symbolic)}
    service["spec"] = {"selector": {"app": "old"}, "ports": [{"port": 80, "targetPort": "http"}]}
    shop.run("apply", "--filename=-", stdin={"apiVersion": "v1", "kind": "List", "items": [old, service]})
    assert classes(clean(shop)["removed"]) == [("edited_object", f"Deployment {SHOP}/old")]
    found = shop.get("deployment", "old")
    template = found["spec"]["template"]["spec"]
    assert [(one["name"], one["ports"][0]["name"]) for one in template["containers"]] == [("app", "http")]
    assert "volumes" not in template and ACTIONS not in found["metadata"]["annotations"]
    assert shop.get("service", "old")["spec"]["ports"][0]["targetPort"] == 8080
    assert clean(shop)["leftovers"] == []
