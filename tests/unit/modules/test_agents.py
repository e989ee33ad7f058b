"""telepresence_agents over the wire: the agents of a recorded manager, which stands and answers, are taken out of all pods."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from ansible_collections.devclusters.telepresence.plugins.modules import telepresence_agents
from traffic_manager.builders import recorded, snapshot

from wire import forward
from wire.play import run_module
from wire.request import Access
from wire.server import TOKEN, ApiServer
from wire.store import Obj

from .fake_manager import FakeManager, FakeWebhook
from .fake_time import lent_to_the_product
from .test_leftovers import KINDS, Later, again, budget, clean, precise

Result = dict[str, Any]
TEL, SHOP = "manager-system", "manager-shop"
WEBHOOK = f"MutatingWebhookConfiguration agent-injector-webhook-{TEL}"


class Standing:
    """A cluster with a manager that forgot all intercepts, and two workloads with agents."""

    def __init__(self, server: ApiServer, kubeconfig: str, manager: FakeManager, webhook: FakeWebhook) -> None:
        self.server, self.store, self.kubeconfig, self.manager = server, server.store, kubeconfig, manager
        self.new_pod: Callable[[Obj], Obj] = clean
        self.store.load(*recorded("restarted", *KINDS))
        server.evicted = lambda pod: self.store.load(self.new_pod(pod))
        for pod in self.store.all("Pod"):
            if pod["metadata"]["namespace"] == TEL:
                server.forward(TEL, pod["metadata"]["name"], 8081, forward.Leads(manager.port))
                server.forward(TEL, pod["metadata"]["name"], 443, forward.Leads(webhook.port))

    def run(self, check: bool = False, **options: Any) -> Result:
        """Runs the module; what must hold in every run is checked."""
        before = len(self.server.requests)
        options = {"kubeconfig": self.kubeconfig, "namespace": TEL, "wait_timeout": 30, "wait_sleep": 5, **options}
        result = run_module(telepresence_agents.main, options, check=check, diff=True)
        writes = [request for request in self.server.requests[before:] if request.is_write]
        assert not (check and writes)
        assert all(map(precise, writes))
        assert TOKEN not in json.dumps(result)
        assert result["changed"] == (result["diff"]["before"] != result["diff"]["after"])
        return result

    def written(self) -> list[str]:
        """The kinds of the writes that were answered with success, in order."""
        done = [one.path.split("/") for one in self.server.writes if one.status and one.status < 300]
        return [path[-1] if path[-1] == "eviction" else path[-2] for path in done]


@pytest.fixture
def standing(server: ApiServer, kubeconfig: str, tmp_path: Path) -> Iterator[Standing]:
    """The cluster, half an hour after it was recorded."""
    manager, webhook = FakeManager(), FakeWebhook(tmp_path)
    with contextlib.ExitStack() as stack:
        for patch in lent_to_the_product(Later()):
            stack.enter_context(patch)
        yield Standing(server, kubeconfig, manager, webhook)
    manager.stop()
    webhook.stop()


def names(records: list[Result]) -> list[str]:
    return [one["name"] for one in records]


def test_the_webhook_goes_first_and_then_the_pods(standing: Standing) -> None:
    result = standing.run()
    assert (names(result["removed_agents"]), result["webhooks"]) == (["plain", "web"], [WEBHOOK])
    assert (result["kept_agents"], result["failed_agents"]) == ([], [])
    assert standing.written() == ["mutatingwebhookconfigurations", "eviction", "eviction"]
    # Before each write, and to see that no agent is left.
    assert standing.manager.asked.count("WatchIntercepts") == 4
    assert [one["metadata"]["name"] for one in standing.store.all("Deployment")] == ["plain", "web", "traffic-manager"]


def test_a_second_run_changes_nothing(standing: Standing) -> None:
    standing.run()
    before = len(standing.written())
    result = standing.run()
    assert (result["changed"], result["removed_agents"], len(standing.written())) == (False, [], before)


def test_check_mode_foresees_what_the_run_does(standing: Standing) -> None:
    planned = standing.run(check=True)
    done = standing.run()
    for key in ("changed", "webhooks", "diff"):
        assert planned[key] == done[key]
    assert names(planned["removed_agents"]) == names(done["removed_agents"])


@pytest.mark.parametrize("check", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_nothing_is_done_under_an_intercept(standing: Standing, check: bool, known: bool) -> None:
    if known:
        standing.manager.snapshot = snapshot("intercepted")
    else:
        standing.manager.refusal = grpc.StatusCode.UNAVAILABLE
    result = standing.run(check=check)
    whether = "Somebody intercepts" if known else "It is not known whether somebody intercepts"
    assert result["msg"] == f"{whether} {SHOP}/plain, and option end_intercepts is false."
    assert (result["failed"], result["changed"], standing.written()) == (True, False, [])
    assert names(standing.run(end_intercepts=True)["removed_agents"]) == ["plain", "web"]


def test_an_intercept_that_comes_in_between_is_seen(standing: Standing) -> None:
    def come(pod: Obj) -> Obj:
        standing.manager.snapshot = snapshot("intercepted")
        return clean(pod)

    standing.new_pod = come
    result = standing.run()
    assert "Somebody intercepts" in result["msg"] and result["changed"] is True
    assert standing.written() == ["mutatingwebhookconfigurations", "eviction"]


def test_a_budget_that_forbids_it_is_named_and_stops_nothing_else(standing: Standing) -> None:
    standing.store.load(budget(0))
    result = standing.run()
    ((failed,), removed) = result["failed_agents"], names(result["removed_agents"])
    assert (failed["name"], removed) == ("web", ["plain"])
    for part in (
        f"Deployment {SHOP}/web: Failed to evict Pod {SHOP}/web-",
        "The disruption budget web needs 1 healthy pods",
    ):
        assert part in result["msg"]


def test_a_pod_that_comes_with_an_agent_again_is_a_failure(standing: Standing) -> None:
    standing.new_pod = again
    result = standing.run()
    assert names(result["failed_agents"]) == ["plain", "web"] and result["removed_agents"] == []
    assert standing.written().count("eviction") == 2


def test_an_agent_in_a_template_stays_and_is_named(standing: Standing) -> None:
    def add(deployment: Obj) -> None:
        deployment["spec"]["template"]["spec"]["containers"].append({"name": "traffic-agent", "image": "tel2:2.20.2"})

    standing.store.edit("Deployment", "web", SHOP, add)
    result = standing.run()
    assert (names(result["kept_agents"]), names(result["removed_agents"])) == (["web"], ["plain"])
    assert "in the template" in result["kept_agents"][0]["message"]


def test_another_manager_is_not_touched(standing: Standing) -> None:
    result = standing.run(namespace="elsewhere")
    assert (result["changed"], result["removed_agents"], standing.written()) == (False, [], [])


def test_a_right_that_lacks_is_named_before_anything_is_done(standing: Standing) -> None:
    def authorize(access: Access) -> bool:
        return access.subresource != "eviction"

    standing.server.authorize = authorize
    result = standing.run()
    assert "it may not create pods/eviction in all namespaces." in result["msg"]
    assert standing.written() == []


@pytest.mark.parametrize("option", ["deadline", "wait_timeout", "wait_sleep"])
def test_a_time_that_makes_no_sense_is_refused(standing: Standing, option: str) -> None:
    options: dict[str, Any] = {option: 0}
    assert standing.run(**options)["msg"] == f"Option {option} is 0, but at least 1 is needed."
