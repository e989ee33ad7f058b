"""Evictions by the scripted server, each answer as a Kubernetes 1.34.4 server gave it."""

from __future__ import annotations

from typing import Any

import pytest

from wire.server import ApiServer
from wire.store import Obj

from .conftest import Answer, Http

POD = "/api/v1/namespaces/shop/pods/web-1"


@pytest.fixture(autouse=True)
def pod(server: ApiServer) -> None:
    """A pod that runs."""
    meta = {"name": "web-1", "namespace": "shop", "uid": "u-1", "labels": {"app": "web"}}
    server.store.load({"kind": "Pod", "metadata": meta, "spec": {}, "status": {"phase": "Running"}})


def budget(name: str = "web", allowed: int = 0, app: str = "web") -> Obj:
    """A PodDisruptionBudget that was taken note of."""
    return {
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": app}}},
        "status": {"disruptionsAllowed": allowed, "desiredHealthy": 1, "currentHealthy": 1},
    }


def evict(http: Http, name: str = "web-1", uid: str = "u-1", path: str = POD) -> Answer:
    """The answer to an eviction."""
    body: dict[str, Any] = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    return http("POST", f"{path}/eviction", {**body, "deleteOptions": {"preconditions": {"uid": uid}}})


def test_it_deletes_the_pod_and_tells_the_test(server: ApiServer, http: Http) -> None:
    gone: list[Obj] = []
    server.evicted = gone.append
    answer = evict(http)
    assert (answer.status, answer.json) == (
        201,
        {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201},
    )
    assert server.store.get("Pod", "web-1", "shop") is None
    assert [one["metadata"]["uid"] for one in gone] == ["u-1"]


def test_a_budget_forbids_it_and_says_nothing_of_when_to_try_again(server: ApiServer, http: Http) -> None:
    server.store.load(budget())
    answer = evict(http, uid="another")
    assert (answer.status, answer.message) == (
        429,
        "Cannot evict pod as it would violate the pod's disruption budget.",
    )
    cause = {
        "reason": "DisruptionBudget",
        "message": "The disruption budget web needs 1 healthy pods and has 1 currently",
    }
    assert answer.json["details"] == {"causes": [cause]} and "Retry-After" not in answer.headers
    assert server.store.get("Pod", "web-1", "shop")


def test_a_budget_counts_down(server: ApiServer, http: Http) -> None:
    server.store.load(budget(allowed=1), budget("other", app="other"))
    assert evict(http).status == 201
    found = server.store.get("PodDisruptionBudget", "web", "shop")
    assert found and found["status"]["disruptionsAllowed"] == 0


def test_two_budgets(server: ApiServer, http: Http) -> None:
    server.store.load(budget(), budget("web2"))
    answer = evict(http)
    assert (answer.status, "reason" in answer.json) == (500, False)
    assert answer.message.startswith("This pod has more than one PodDisruptionBudget")


@pytest.mark.parametrize("phase", ["Succeeded", "Failed", "Pending"])
def test_a_pod_that_does_not_run_is_free(server: ApiServer, http: Http, phase: str) -> None:
    server.store.load(budget())
    server.store.edit("Pod", "web-1", "shop", lambda one: one["status"].update(phase=phase))
    assert evict(http).status == 201


@pytest.mark.parametrize(
    ("asked", "code", "said"),
    [
        ({"uid": "another"}, 409, "the UID in the precondition (another) does not match the UID in record (u-1)"),
        ({"name": "other"}, 400, "name in URL does not match name in Eviction object"),
        ({"path": POD + "0", "name": "web-10"}, 404, 'pods "web-10" not found'),
    ],
)
def test_refusals(server: ApiServer, http: Http, asked: dict[str, str], code: int, said: str) -> None:
    answer = evict(http, **asked)
    assert (answer.status, said in answer.message) == (code, True)
    assert server.store.get("Pod", "web-1", "shop")
