"""The role traffic_manager with the real traffic-manager: one is installed, used, repaired and removed again, in this order."""

from __future__ import annotations

import base64
import gzip
import json
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager import chart

from tests.integration.conftest import Place, Ran, kubeconfig_of, written
from tests.lab.charts import INSTALLED, RENDERED
from tests.lab.charts import Chart as Packed
from tests.lab.paths import BIN
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl
from tests.lab.telepresence2.client import Client
from tests.lab.telepresence2.manager import RELEASE, TrafficManager
from tests.lab.telepresence2.shop import open_shop
from tests.rights import read

NAMESPACE, SHOP, SECOND = "manager-role", "manager-role-shop", "manager-role-second"
ACCOUNT = "manager-role-account"
WANTED: dict[str, Any] = {
    "traffic_manager_namespace": NAMESPACE,
    "traffic_manager_namespaces": [SHOP],
    "traffic_manager_chart": str(INSTALLED.archive),
    "traffic_manager_registry": "lab.local",
    "traffic_manager_hook_image": {"registry": "lab.local", "image": "curl", "tag": "1"},
    "traffic_manager_timeout": 60,
}
MARK = "devclusters.telepresence/created-by"


@pytest.fixture(scope="module")
def manager() -> Iterator[TrafficManager]:
    """Where the manager will be: nothing is there yet but its other namespace."""
    kubeconfig, contexts = clusters()
    manager = TrafficManager(Kubectl(contexts[0], NAMESPACE, kubeconfig), (SHOP,))
    second = TrafficManager(Kubectl(contexts[0], SECOND, kubeconfig), ())
    for one in (manager, second):
        one.remove()
    manager.kubectl.run("create", "namespace", SHOP)
    try:
        yield manager
    finally:
        for one in (manager, second):
            one.remove()
        manager.kubectl.run("delete", "clusterrole,clusterrolebinding", ACCOUNT, "--ignore-not-found")


@pytest.fixture(scope="module")
def shop(manager: TrafficManager) -> Kubectl:
    """The namespace that it serves, with a workload that asks for an agent, and an account with the rights of docs/rbac/traffic-manager.yml."""
    shop = Kubectl(manager.kubectl.context, SHOP, manager.kubectl.kubeconfig)
    open_shop(shop, "web", injected=["web"])
    role, binding = read("traffic-manager")
    role["metadata"]["name"] = binding["metadata"]["name"] = binding["roleRef"]["name"] = ACCOUNT
    binding["subjects"] = [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": SHOP}]
    shop.run("create", "serviceaccount", ACCOUNT)
    for one in (role, binding):
        shop.run("apply", "--filename=-", stdin=one)
    return shop


@pytest.fixture(scope="module")
def hosts(shop: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """An inventory of the first cluster alone, which is reached with the rights of that account: all of these tests run with them."""
    place = tmp_path_factory.mktemp("role")
    token = shop.run("create", "token", ACCOUNT, "--duration=1h").strip()
    return written(place, {"only": kubeconfig_of(shop, token, place / "kubeconfig")})


@pytest.fixture(scope="module")
def before(shop: Kubectl) -> set[str]:
    """The objects of the cluster before anything is installed."""
    return listed(shop)


def listed(shop: Kubectl) -> set[str]:
    """All objects that a manager or its removal could have to do with, but for those that come and go with pods."""
    namespaced = "deployments,services,configmaps,secrets,serviceaccounts,roles,rolebindings,jobs,poddisruptionbudgets"
    found = {f"{one['kind']} {one['metadata']['name']}" for one in shop.get(namespaced)["items"]}
    for kind in ("clusterroles", "clusterrolebindings", "mutatingwebhookconfigurations", "namespaces"):
        names = [one["metadata"]["name"] for one in shop.get(kind)["items"]]
        found |= {f"{kind} {name}" for name in names if "manager-role" in name}
    return found


def play(place: Place, hosts: pathlib.Path, *options: str, quiet: bool = True, **variables: Any) -> Ran:
    """Runs the playbook with what is wanted, and more variables."""
    return place.play("traffic_manager", hosts, *options, quiet=quiet, **WANTED, **variables)


def state(manager: TrafficManager) -> dict[str, str]:
    """The objects of the manager and of its release, with their versions."""
    kinds = "deployments,services,configmaps,secrets,serviceaccounts,roles,rolebindings,pods"
    found = {}
    for namespace in manager.served:
        where = Kubectl(manager.kubectl.context, namespace, manager.kubectl.kubeconfig)
        for one in where.get(kinds)["items"]:
            found[f"{one['kind']} {namespace}/{one['metadata']['name']}"] = one["metadata"]["resourceVersion"]
    return found


def render(packed: Packed, wanted: dict[str, Any]) -> list[dict[str, Any]]:
    """What Helm makes of the values for a chart."""
    values = json.dumps(chart.values(packed.version, NAMESPACE, wanted))
    command = [str(BIN / "helm"), "template", RELEASE, str(packed.archive), f"--namespace={NAMESPACE}", "--values=-"]
    done = subprocess.run(command, input=values, capture_output=True, text=True, check=True)
    return [one for one in yaml.safe_load_all(done.stdout) if one]


@pytest.mark.parametrize("packed", [INSTALLED, RENDERED], ids=["2.20.2", "2.27.4"])
def test_each_chart_takes_its_values(packed: Packed) -> None:
    subjects = [{"kind": "Group", "name": "developers", "apiGroup": "rbac.authorization.k8s.io"}]
    common = {"registry": "lab.local", "tag": "7.1.2", "client_subjects": subjects, "connection_ttl": "2h"}
    cluster = render(packed, {**common, "agent_arrival": "61s", "resources": {"limits": {"cpu": "2"}}})
    (deployment,) = [one for one in cluster if one["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert (container["image"], container["resources"]) == ("lab.local/tel2:7.1.2", {"limits": {"cpu": "2"}})
    said = {one["name"]: one.get("value") for one in container["env"]}
    assert (said["AGENT_ARRIVAL_TIMEOUT"], said["AGENT_IMAGE_TAG"]) == ("61s", "7.1.2")
    assert "2h" in said.values()
    bindings = [one for one in cluster if one["kind"].endswith("Binding") and one.get("subjects") == subjects]
    assert "ClusterRoleBinding" in {one["kind"] for one in bindings}
    assert "ClusterRole" in {one["kind"] for one in cluster}

    named = render(packed, {**common, "namespaces": [SHOP]})
    assert {one["metadata"]["name"] for one in named if one["kind"] == "ClusterRole"} <= {
        f"traffic-manager-cluster-wide-{NAMESPACE}"
    }
    assert SHOP in {
        one["metadata"]["namespace"] for one in named if one["kind"] == "RoleBinding" and one["subjects"] == subjects
    }
    (configuration,) = [one for one in named if one["kind"] == "MutatingWebhookConfiguration"]
    (expression,) = configuration["webhooks"][0]["namespaceSelector"]["matchExpressions"]
    assert SHOP in expression["values"]

    selected = render(packed, {"selector": {"matchLabels": {"team": "shop"}}})
    (configuration,) = [one for one in selected if one["kind"] == "MutatingWebhookConfiguration"]
    selector = configuration["webhooks"][0]["namespaceSelector"]
    assert selector["matchLabels"] == {"team": "shop"}
    assert selector["matchExpressions"] == [chart.SPARED]
    without = render(packed, {"injector": False, "hook_image": {"image": "x"}})
    assert not [one for one in without if one["kind"] == "MutatingWebhookConfiguration"]


# The tests that follow are one story, in this order.


def test_check_mode_shows_the_objects_and_makes_none(
    checkout: Place, hosts: pathlib.Path, manager: TrafficManager, before: set[str], shop: Kubectl
) -> None:
    ran = play(checkout, hosts, "--check", "--diff")
    assert ran.code == 0 and ran.changed == 2
    for line in (
        f"+++ Deployment {NAMESPACE}/traffic-manager",
        "+  tls.key: (not shown)",
        "+      - manager-role-shop",
    ):
        assert line in ran.output
    assert listed(shop) == before


def test_it_is_installed_and_an_agent_is_injected(
    checkout: Place, hosts: pathlib.Path, manager: TrafficManager, shop: Kubectl
) -> None:
    ran = play(checkout, hosts, traffic_manager_verify_injection=True, traffic_manager_verify_namespace=SHOP)
    assert ran.code == 0 and ran.changed == 2
    assert {one["metadata"]["name"] for one in shop.get("deployments,services")["items"]} == {"web"}
    assert manager.kubectl.get("namespace", NAMESPACE)["metadata"]["annotations"] == {MARK: "traffic_manager"}
    (webhook,) = manager.kubectl.get("mutatingwebhookconfiguration", f"agent-injector-webhook-{NAMESPACE}")["webhooks"]
    assert webhook["namespaceSelector"]["matchExpressions"][0]["values"] == [NAMESPACE, SHOP]


def test_a_second_run_changes_nothing_and_warns_of_the_certificate(
    checkout: Place, hosts: pathlib.Path, manager: TrafficManager
) -> None:
    before = state(manager)
    ran = play(checkout, hosts, "--diff", traffic_manager_certificate_days=366)
    assert ran.code == 0 and ran.changed == 0
    assert ran.said.count("nothing renews it") == 2
    assert state(manager) == before


def test_no_second_manager_for_the_same_namespaces(
    checkout: Place, hosts: pathlib.Path, manager: TrafficManager
) -> None:
    ran = place_second(checkout, hosts, [SHOP])
    assert (
        ran.code == 2 and f"The traffic-manager in namespace {NAMESPACE} serves namespace {SHOP} already." in ran.said
    )
    assert manager.kubectl.run("get", "namespace", SECOND, "--ignore-not-found") == ""


def place_second(place: Place, hosts: pathlib.Path, namespaces: list[str], **variables: Any) -> Ran:
    """Runs the playbook for another manager."""
    other = {**WANTED, "traffic_manager_namespace": SECOND, "traffic_manager_namespaces": namespaces, **variables}
    return place.play("traffic_manager", hosts, **other)


def test_two_managers_of_different_namespaces(checkout: Place, hosts: pathlib.Path, manager: TrafficManager) -> None:
    before = state(manager)
    assert place_second(checkout, hosts, [SECOND]).code == 0
    assert state(manager) == before


def test_an_upgrade_does_not_end_an_intercept(
    checkout: Place, hosts: pathlib.Path, manager: TrafficManager, shop: Kubectl
) -> None:
    # Its pods were there before the manager.
    shop.run("delete", "pods", "--all")
    shop.run("rollout", "status", "deployment/web", "--timeout=120s")
    before = state(manager)
    client = Client(manager, SHOP, "web", "dev@laptop")
    try:
        ran = play(checkout, hosts, "--diff", traffic_manager_values={"logLevel": "debug"})
    finally:
        client.kill()
    assert ran.code == 2 and f"dev@laptop intercepts {SHOP}/web (ACTIVE)." in ran.said
    assert "+          value: debug" in ran.output
    release = f"Secret {NAMESPACE}/sh.helm.release.v1.{RELEASE}.v1"
    assert (state(manager)[release], len([one for one in state(manager) if "sh.helm" in one])) == (before[release], 1)


def test_a_release_that_is_stuck_is_repaired_where_that_is_forced(
    checkout: Place, hosts: pathlib.Path, manager: TrafficManager
) -> None:
    stick(manager, "pending-install")
    manager.kubectl.run("delete", "service", "agent-injector")
    pod = manager.kubectl.get("pods")["items"][0]["metadata"]["uid"]
    ran = play(checkout, hosts, traffic_manager_end_intercepts=True)
    assert ran.code == 2 and f"Helm release {NAMESPACE}/{RELEASE} is pending-install since" in ran.said
    forced = {"traffic_manager_force": True, "traffic_manager_end_intercepts": True}
    ran = play(checkout, hosts, **forced)
    assert ran.code == 0
    assert manager.kubectl.get("service", "agent-injector")["spec"]["ports"][0]["port"] == 443
    # The manager that stood there was taken over, not replaced.
    assert manager.kubectl.get("pods")["items"][0]["metadata"]["uid"] == pod
    assert play(checkout, hosts).changed == 0


def unfinished(packed: str, status: str) -> str:
    """A release as Helm stores it (JSON, compressed, base64 twice), with another state."""
    release = json.loads(gzip.decompress(base64.b64decode(base64.b64decode(packed))))
    release["info"]["status"] = status
    return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()


def stick(manager: TrafficManager, status: str) -> None:
    """Leaves the release as a run of Helm does that is killed: Helm goes by the state inside, people by the label."""
    name = f"sh.helm.release.v1.{RELEASE}.v1"
    secret = manager.kubectl.get("secret", name)
    secret["data"]["release"] = unfinished(secret["data"]["release"], status)
    secret["metadata"]["labels"]["status"] = status
    manager.kubectl.run("replace", "--filename=-", stdin=secret)


def agents(shop: Kubectl) -> list[bool]:
    """Whether each pod of the workload has an agent."""
    pods = [pod for pod in shop.get("pods")["items"] if not pod["metadata"].get("deletionTimestamp")]
    return ["traffic-agent" in [one["name"] for one in pod["spec"]["containers"]] for pod in pods]


def remove(place: Place, hosts: pathlib.Path, *options: str, **variables: Any) -> Ran:
    """Runs the playbook for the manager to be absent."""
    return play(place, hosts, *options, traffic_manager_state="absent", **variables)


def test_it_is_not_removed_under_an_intercept(
    checkout: Place, hosts: pathlib.Path, manager: TrafficManager, shop: Kubectl
) -> None:
    # The client was killed, and the manager does not know that.
    was = state(manager)
    ran = remove(checkout, hosts)
    assert ran.code == 2 and f"dev@laptop intercepts {SHOP}/web (ACTIVE)." in ran.said
    assert state(manager) == was and agents(shop) == [True]


def test_check_mode_shows_what_is_removed(
    checkout: Place, hosts: pathlib.Path, manager: TrafficManager, shop: Kubectl
) -> None:
    was = state(manager)
    ran = remove(checkout, hosts, "--check", "--diff", traffic_manager_end_intercepts=True)
    assert ran.code == 0
    for line in (
        f"- Deployment {NAMESPACE}/traffic-manager",
        f"-    MutatingWebhookConfiguration agent-injector-webhook-{NAMESPACE}: present",
        f"-    Pod {SHOP}/{shop.get('pods')['items'][0]['metadata']['name']}: present",
    ):
        assert line in ran.output
    assert state(manager) == was and agents(shop) == [True]


def test_a_budget_that_blocks_is_named_and_the_manager_stays(
    checkout: Place, hosts: pathlib.Path, manager: TrafficManager, shop: Kubectl
) -> None:
    shop.run("create", "poddisruptionbudget", "keep", "--selector=app=web", "--min-available=1")
    ran = checkout.play(
        "traffic_manager",
        hosts,
        **{**WANTED, "traffic_manager_timeout": 5},
        traffic_manager_state="absent",
        traffic_manager_end_intercepts=True,
    )
    shop.run("delete", "poddisruptionbudget", "keep")
    assert ran.code == 2
    assert "The disruption budget keep needs 1 healthy pods and has 1 currently." in ran.said
    assert f"Failed to evict Pod {SHOP}/web-" in ran.said
    assert len(manager.kubectl.get("pods")["items"]) == 1 and agents(shop) == [True]


def test_it_is_removed_with_all_that_it_put_into_the_cluster(
    checkout: Place, hosts: pathlib.Path, manager: TrafficManager, shop: Kubectl, before: set[str]
) -> None:
    ran = remove(checkout, hosts, traffic_manager_end_intercepts=True)
    assert ran.code == 0 and agents(shop) == [False]
    # The second manager was not asked to go.
    second = {f"namespaces {SECOND}", f"mutatingwebhookconfigurations agent-injector-webhook-{SECOND}"}
    assert listed(shop) == before | second
    assert place_second(checkout, hosts, [SECOND], traffic_manager_state="absent").code == 0
    assert listed(shop) == before


def test_what_is_gone_is_gone(checkout: Place, hosts: pathlib.Path, manager: TrafficManager) -> None:
    ran = remove(checkout, hosts)
    assert ran.code == 0 and ran.changed == 0
