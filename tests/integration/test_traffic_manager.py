"""The lab's traffic-manager is the real one: it injects an agent, and its hook removes that before it is uninstalled."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl
from tests.lab.telepresence2.manager import TrafficManager
from tests.lab.telepresence2.shop import open_shop


@pytest.fixture
def manager() -> Iterator[TrafficManager]:
    """A traffic-manager on the second cluster that serves one namespace beside its own."""
    kubeconfig, contexts = clusters()
    manager = TrafficManager(Kubectl(contexts[1], "manager-hook", kubeconfig), ("manager-hook-shop",))
    manager.install()
    yield manager
    manager.remove()


def containers(kubectl: Kubectl) -> list[list[str]]:
    """The containers of each pod that is not on its way out."""
    pods = [pod for pod in kubectl.get("pods")["items"] if not pod["metadata"].get("deletionTimestamp")]
    return [[container["name"] for container in pod["spec"]["containers"]] for pod in pods]


def test_it_injects_an_agent_and_removes_it_when_it_is_uninstalled(manager: TrafficManager) -> None:
    shop = Kubectl(manager.kubectl.context, manager.namespaces[0], manager.kubectl.kubeconfig)
    open_shop(shop, "web", injected=["web"])
    wait_for(shop, [["app", "traffic-agent"]])

    manager.uninstall()
    wait_for(shop, [["app"]])
    webhooks = manager.kubectl.get("mutatingwebhookconfigurations", "--selector=telepresence=manager")["items"]
    assert manager.kubectl.namespace not in [
        one["webhooks"][0]["clientConfig"]["service"]["namespace"] for one in webhooks
    ]


def wait_for(kubectl: Kubectl, wanted: list[list[str]]) -> None:
    """Waits up to a minute for the pods of a namespace to have just these containers."""
    deadline = time.monotonic() + 60
    while (found := containers(kubectl)) != wanted:
        assert time.monotonic() < deadline, f"the pods have the containers {found}, not {wanted}"
        time.sleep(0.5)
