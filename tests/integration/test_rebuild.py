"""The playbook rebuild on a cluster that is in use: it refuses while somebody is at work, and a run that fails is finished by the next."""

from __future__ import annotations

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import Place, Ran, written
from tests.lab.scenes import clear, workload
from tests.lab.swap import plant
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl
from tests.lab.telepresence1.session import Session
from tests.lab.telepresence2.client import Client
from tests.lab.telepresence2.manager import TrafficManager
from tests.lab.telepresence2.shop import agents, open_shop

NAMESPACE, SHOP = "rebuild-manager", "rebuild-shop"
CLIENT = "ci-7@runner"
REFUSED = "Somebody is at work, so nothing was changed."


@pytest.fixture(scope="module")
def manager() -> Iterator[TrafficManager]:
    """A traffic-manager on the first cluster that serves one namespace: cart has two replicas, web has an agent later on."""
    kubeconfig, contexts = clusters()
    shop = Kubectl(contexts[0], SHOP, kubeconfig)
    manager = TrafficManager(Kubectl(contexts[0], NAMESPACE, kubeconfig), (SHOP,))
    manager.install()
    try:
        shop.run("apply", "--filename=-", stdin=workload("cart", 2))
        open_shop(shop, "web")
        yield manager
    finally:
        clear(shop)
        manager.remove()


@pytest.fixture(scope="module")
def shop(manager: TrafficManager) -> Kubectl:
    """The namespace that it serves."""
    return Kubectl(manager.kubectl.context, SHOP, manager.kubectl.kubeconfig)


@pytest.fixture(scope="module")
def session(shop: Kubectl) -> Session:
    """A developer who works on cart with Telepresence 1."""
    return plant(shop, "cart", "pod", "alive")


@pytest.fixture(scope="module")
def hosts(manager: TrafficManager, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """An inventory of the first cluster alone."""
    kubectl = manager.kubectl
    host = {"telepresence_context": kubectl.context, "telepresence_kubeconfig": str(kubectl.kubeconfig)}
    return written(tmp_path_factory.mktemp("rebuild"), {"only": host})


@pytest.fixture(scope="module")
def wanted(manager: TrafficManager) -> dict[str, Any]:
    """The manager that is wanted, and where sessions are looked for."""
    return {
        **manager.variables(),
        "traffic_manager_timeout": 60,
        "recover_namespaces": [SHOP],
        "baseline_namespaces": [SHOP],
    }


def rebuild(place: Place, hosts: pathlib.Path, wanted: dict[str, Any], *options: str, **variables: Any) -> Ran:
    """Runs the playbook."""
    return place.play("rebuild", hosts, *options, **{**wanted, **variables})


def versions(*kubectls: Kubectl) -> dict[str, str]:
    """The objects of these namespaces with their versions, without those on their way out."""
    found = {}
    for kubectl in kubectls:
        for one in kubectl.get("deployments,pods,services,configmaps,secrets,roles,rolebindings")["items"]:
            meta = one["metadata"]
            if not meta.get("deletionTimestamp"):
                found[f"{one['kind']} {kubectl.namespace}/{meta['name']}"] = f"{meta['uid']} {meta['resourceVersion']}"
    return found


# The tests of this module are one story, in this order.


def test_it_refuses_while_a_session_of_telepresence_1_lives(
    checkout: Place,
    hosts: pathlib.Path,
    manager: TrafficManager,
    shop: Kubectl,
    session: Session,
    wanted: dict[str, Any],
) -> None:
    before = versions(manager.kubectl, shop)
    ran = rebuild(checkout, hosts, wanted)
    assert (ran.code, ran.changed) == (2, 0)
    assert f"{REFUSED} {SHOP}/cart: a session of Telepresence 1 is alive." in ran.said
    assert versions(manager.kubectl, shop) == before and session.client_answers()
    session.change_client("gone")


def test_it_refuses_while_a_client_intercepts_even_if_that_was_killed(
    checkout: Place,
    hosts: pathlib.Path,
    manager: TrafficManager,
    shop: Kubectl,
    session: Session,
    wanted: dict[str, Any],
) -> None:
    Client(manager, SHOP, "web", CLIENT).kill()
    shop.run("rollout", "status", "deployment/web", "--timeout=120s")
    assert len(agents(shop)) == 1
    before = versions(manager.kubectl, shop)
    ran = rebuild(checkout, hosts, wanted)
    assert (ran.code, ran.changed) == (2, 0)
    assert REFUSED in ran.said and f"{CLIENT} intercepts {SHOP}/web" in ran.said
    assert versions(manager.kubectl, shop) == before


def test_a_chart_that_cannot_be_had_is_found_before_anything_is_removed(
    checkout: Place, hosts: pathlib.Path, manager: TrafficManager, shop: Kubectl, wanted: dict[str, Any]
) -> None:
    before = versions(manager.kubectl, shop)
    ran = rebuild(
        checkout, hosts, wanted, rebuild_clients=["ci-*@*"], traffic_manager_chart=str(hosts.parent / "none.tgz")
    )
    assert (ran.code, ran.changed) == (2, 0)
    assert "none.tgz" in ran.output
    assert versions(manager.kubectl, shop) == before


def test_check_mode_tells_what_it_would_do_and_changes_nothing(
    checkout: Place, hosts: pathlib.Path, manager: TrafficManager, shop: Kubectl, wanted: dict[str, Any]
) -> None:
    before = versions(manager.kubectl, shop)
    ran = rebuild(checkout, hosts, wanted, "--check", "--diff", rebuild_clients=["ci-*@*"])
    assert ran.code == 0
    assert f"{SHOP}/cart: would restore to 2" in ran.said
    assert f"would be installed anew in namespace {NAMESPACE}" in ran.said
    assert versions(manager.kubectl, shop) == before


def test_a_run_that_fails_halfway_is_finished_by_the_next(
    checkout: Place, hosts: pathlib.Path, manager: TrafficManager, shop: Kubectl, wanted: dict[str, Any]
) -> None:
    ran = rebuild(
        checkout,
        hosts,
        wanted,
        rebuild_clients=["ci-*@*"],
        traffic_manager_tag="none",
        traffic_manager_timeout=20,
    )
    assert ran.code == 2
    assert f"{SHOP}/cart: restored to 2" in ran.said
    assert manager.kubectl.get("deployments")["items"] == [] and agents(shop) == []

    ran = rebuild(checkout, hosts, wanted)
    assert ran.code == 0
    assert f"Traffic-manager 2.20.2 works in namespace {NAMESPACE}." in ran.said
    assert shop.get("deployment", "cart")["spec"]["replicas"] == 2
    assert "Deployment/web" in shop.get("configmap", "telepresence-baseline")["data"]["workloads"]


def test_a_second_run_changes_nothing_but_the_manager(
    checkout: Place, hosts: pathlib.Path, manager: TrafficManager, shop: Kubectl, wanted: dict[str, Any]
) -> None:
    before, mine = versions(shop), versions(manager.kubectl)
    ran = rebuild(checkout, hosts, wanted)
    assert ran.code == 0
    after, new = versions(shop), versions(manager.kubectl)
    its_own = {"traffic-manager", "traffic-manager-claim", "agent-injector-webhook-secret", "telepresence-agents"}
    changes = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert {name.rpartition("/")[2] for name in changes} <= its_own
    deployment = f"Deployment {NAMESPACE}/traffic-manager"
    assert mine[deployment] != new[deployment]

    ran = rebuild(checkout, hosts, wanted, "--skip-tags", "remove")
    assert (ran.code, ran.changed, versions(shop, manager.kubectl)) == (0, 0, {**after, **new})


def test_it_goes_on_while_somebody_is_at_work_only_where_that_is_wanted(
    checkout: Place, hosts: pathlib.Path, manager: TrafficManager, shop: Kubectl, wanted: dict[str, Any]
) -> None:
    client = Client(manager, SHOP, "web", CLIENT)
    try:
        ran = rebuild(checkout, hosts, wanted, "--tags", "intercepts,remove", "--diff", rebuild_end_living=True)
    finally:
        client.kill()
    assert ran.code == 0
    assert f"At work, and not waited for: {CLIENT} intercepts {SHOP}/web" in ran.said
    assert f"intercept {client.id}: absent" in ran.output
    assert (manager.kubectl.get("deployments")["items"], agents(shop)) == ([], [])
