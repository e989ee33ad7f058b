"""telepresence_traffic_manager_info on the recorded clusters, over the wire, with a manager that answers or does not."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager import intercepts
from ansible_collections.devclusters.telepresence.plugins.modules import telepresence_traffic_manager_info
from traffic_manager.builders import NOW, recorded, snapshot

from wire import forward
from wire.play import run_module
from wire.server import TOKEN, ApiServer

from .fake_manager import ENDS, FakeManager, FakeWebhook

Result = dict[str, Any]
KINDS = (
    *("Namespace", "Pod", "Deployment", "StatefulSet", "ReplicaSet", "ConfigMap", "Service", "EndpointSlice", "Job"),
    *("Secret", "MutatingWebhookConfiguration"),
)
KEYS = {"cluster", "managers", "webhooks", "agents", "state_objects", "workloads", "intercepts", "leftovers", "unknown"}


@pytest.fixture
def manager() -> Iterator[FakeManager]:
    """A manager that answers."""
    running = FakeManager()
    yield running
    running.stop()


@pytest.fixture
def webhook(tmp_path: Path) -> Iterator[FakeWebhook]:
    """The TLS server of its webhook."""
    running = FakeWebhook(tmp_path)
    yield running
    running.stop()


class Recording:
    """A recorded cluster, looked at ten minutes after it was recorded."""

    def __init__(self, server: ApiServer, kubeconfig: str, manager: FakeManager, webhook: FakeWebhook) -> None:
        self.server, self.kubeconfig, self.manager, self.webhook = server, kubeconfig, manager, webhook

    def load(self, name: str) -> Recording:
        """Puts the objects of a state into the cluster, and its snapshot into the manager."""
        for one in recorded(name, *KINDS):
            self.server.store.load(one)
        self.manager.snapshot = snapshot(name) if name in ("intercepted", "replaced") else b""
        self.leads(forward.Leads(self.manager.port), forward.Leads(self.webhook.port))
        return self

    def leads(self, api: forward.Outcome, https: forward.Outcome) -> None:
        """What the two ports of the manager's pod lead to."""
        for pod in self.server.store.all("Pod"):
            if pod["metadata"]["namespace"] == "manager-system":
                self.server.forward("manager-system", pod["metadata"]["name"], 8081, api)
                self.server.forward("manager-system", pod["metadata"]["name"], 443, https)

    def run(self, **options: Any) -> Result:
        """Runs the module; in every run nothing is written, every promised key is there, and the token is not."""
        before = len(self.server.requests)
        options = {"kubeconfig": self.kubeconfig, "deadline": 5, **options}
        result = run_module(telepresence_traffic_manager_info.main, options, check=False)
        assert [request for request in self.server.requests[before:] if request.is_write] == []
        assert {request.method for request in self.server.requests[before:]} <= {"GET", "POST"}
        assert TOKEN not in json.dumps(result) and base64.b64encode(TOKEN.encode()).decode() not in json.dumps(result)
        if not result.get("failed"):
            assert set(result) >= KEYS and result["changed"] is False
        return result


@pytest.fixture
def recording(kubeconfig: str, manager: FakeManager, webhook: FakeWebhook, tmp_path: Path) -> Iterator[Recording]:
    """A cluster by a clock of November 2026."""
    with ApiServer(clock=lambda: NOW + 1800) as server:
        yield Recording(server, str(server.kubeconfig(tmp_path / "recording")), manager, webhook)


def classes(result: Result) -> list[tuple[str, str | None, bool]]:
    return [(one["class"], one["namespace"], one["safe"]) for one in result["leftovers"]]


def test_a_cluster_with_intercepts(recording: Recording) -> None:
    result = recording.load("intercepted").run()
    (manager,) = result["managers"]
    assert {key: manager[key] for key in ("namespace", "version", "band", "mode", "release", "release_status")} == {
        "namespace": "manager-system",
        "version": "2.20.2",
        "band": "2.6-2.21",
        "mode": "namespaced",
        "release": "traffic-manager",
        "release_status": "deployed",
    }
    assert (manager["answers_as"], manager["intercepts"], manager["certificate_ends"]) == ("v2.20.2", 3, ENDS)
    (webhook,) = result["webhooks"]
    assert (webhook["works"], webhook["authority_ends"]) == (True, "2027-11-24T14:05:45Z")
    assert [(one["name"], one["intercepted"], one["managed"], one["annotated"]) for one in result["agents"]] == [
        ("plain", True, True, False),
        ("web", True, True, True),
    ]
    assert [(one["name"], one["state"]) for one in result["workloads"]] == [
        ("plain", "intercepted"),
        ("web", "intercepted"),
    ]
    assert sorted((one["agent"], one["client"], one["disposition"]) for one in result["intercepts"]) == [
        ("plain", "dev@laptop", "ACTIVE"),
        ("web", "dev@laptop", "ACTIVE"),
        ("web", "dev@laptop", "AGENT_ERROR"),
    ]
    assert [(one["namespace"], one["name"], one["holds"]) for one in result["state_objects"]] == [
        ("manager-shop", "telepresence-agents", ["plain", "web"]),
        ("manager-shop", "traffic-manager-claim", ["manager-system"]),
        ("manager-system", "telepresence-agents", []),
        ("manager-system", "traffic-manager-claim", ["manager-system"]),
        ("manager-system", "sh.helm.release.v1.traffic-manager.v1", ["deployed"]),
    ]
    assert classes(result) == [("broken_intercept", "manager-shop", False)]
    assert result["unknown"] == []
    assert recording.manager.asked == ["Version", "WatchIntercepts"]
    assert recording.manager.ended.wait(10), "the stream was left open"


def test_a_container_that_an_intercept_replaces_is_not_left_over(recording: Recording) -> None:
    result = recording.load("replaced").run()
    assert [one["replaced"] for one in result["agents"]] == [["plain"], []]
    assert "replaced_container" not in [one["class"] for one in result["leftovers"]]


def test_a_container_that_stays_replaced_after_the_manager_forgot_it(recording: Recording) -> None:
    result = recording.load("restarted").run()
    assert classes(result) == [("replaced_container", "manager-shop", True)]
    assert (result["intercepts"], result["unknown"]) == ([], [])


def test_a_manager_whose_namespace_was_deleted(recording: Recording) -> None:
    result = recording.load("removed").run()
    assert (result["managers"], result["workloads"], result["unknown"]) == ([], [], [])
    assert classes(result) == [
        ("replaced_container", "manager-shop", True),
        ("agent_without_manager", "manager-shop", True),
        ("agent_without_manager", "manager-shop", True),
        ("dead_webhook", "manager-system", True),
        ("orphan_agents_config", "manager-shop", False),
        ("orphan_claim", "manager-shop", True),
    ]
    assert recording.manager.asked == []


def test_an_empty_cluster(recording: Recording) -> None:
    result = recording.run()
    assert all(result[key] == [] for key in KEYS - {"cluster"})


# Where nothing is concluded from a manager's silence ------------------------------------------------------------------


def unasked(result: Result, said: str) -> None:
    """Of a manager that did not say its intercepts, nothing is concluded, and the reason is told."""
    assert (result.get("failed"), result["intercepts"], result["managers"][0]["intercepts"]) == (None, [], None)
    assert [one["intercepted"] for one in result["agents"]] == [None, None]
    assert [one["state"] for one in result["workloads"]] == ["unknown", "unknown"]
    assert classes(result) == []
    (sentence,) = [one for one in result["unknown"] if "intercepts" in one]
    assert sentence.startswith("The intercepts of the manager in namespace manager-system are not known")
    assert said in sentence, sentence


def test_a_port_that_refuses(recording: Recording) -> None:
    recording.load("restarted").leads(
        forward.Fails("dial tcp4 127.0.0.1:8081: connect: connection refused"), forward.Fails("no")
    )
    result = recording.run()
    unasked(result, "connect: connection refused")
    assert "The certificate of the manager in namespace manager-system is not known." in result["unknown"][1]
    assert result["managers"][0]["certificate_ends"] is None


def test_a_port_that_takes_the_connection_and_says_nothing(recording: Recording) -> None:
    recording.load("restarted").leads(forward.Swallows(), forward.Swallows())
    result = recording.run(deadline=1)
    unasked(result, "did not answer")
    assert len(result["unknown"]) == 2


def test_a_manager_that_never_sends_its_intercepts(recording: Recording) -> None:
    recording.load("restarted").manager.silent = True
    unasked(recording.run(deadline=1), "did not answer")


def test_a_manager_that_ends_the_stream_at_once(recording: Recording) -> None:
    recording.load("restarted").manager.broken = True
    unasked(recording.run(), "ended its answer before it began")


@pytest.mark.parametrize("status", [grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED])
def test_a_manager_that_wants_a_login(recording: Recording, status: grpc.StatusCode) -> None:
    recording.load("restarted").manager.refusal = status
    unasked(recording.run(), "answers only clients that log in: no token was given.")


def test_a_manager_that_answers_something_else(recording: Recording) -> None:
    recording.load("restarted").manager.snapshot = snapshot("intercepted")[:100]
    unasked(recording.run(), "cannot be read: it is cut off")


def test_without_grpcio(recording: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intercepts, "grpc", None)
    result = recording.load("restarted").run()
    unasked(result, "The Python library grpcio is missing from")
    assert result["managers"][0]["certificate_ends"] == ENDS


def test_if_the_user_does_not_want_it(recording: Recording) -> None:
    result = recording.load("restarted").run(intercepts=False)
    unasked(result, "option intercepts is false")
    assert [request for request in recording.server.requests if request.access.subresource == "portforward"] == []


def test_without_the_right_to_forward_a_port(recording: Recording) -> None:
    recording.load("restarted").server.deny("get", "pods", "portforward")
    unasked(recording.run(), "the account may not get pods/portforward in namespace manager-system.")
    assert [request for request in recording.server.requests if request.access.subresource == "portforward"] == []


def test_a_manager_without_a_ready_pod(recording: Recording) -> None:
    recording.load("restarted")
    for pod in recording.server.store.all("Pod"):
        if pod["metadata"]["namespace"] == "manager-system":
            for condition in pod["status"]["conditions"]:
                condition["status"] = "False"
            recording.server.store.load(pod)
    unasked(recording.run(), "none of its pods is ready")


@pytest.mark.parametrize("how", ["created", "restarted"])
def test_a_manager_that_has_just_begun_may_not_have_all_its_clients_back(recording: Recording, how: str) -> None:
    just_begun(recording.load("restarted"), how, "2.21.0")
    result = recording.run()
    (manager,) = result["managers"]
    assert (classes(result), manager["intercepts"], manager["settled"]) == ([], 0, False)
    assert [one["intercepted"] for one in result["agents"]] == [None, None]
    (sentence,) = result["unknown"]
    assert "began less than 180 s ago" in sentence


def test_to_an_older_manager_no_intercept_comes_back(recording: Recording) -> None:
    just_begun(recording.load("restarted"), "created", "2.20.2")
    result = recording.run()
    assert (result["managers"][0]["settled"], result["unknown"]) == (True, [])
    assert classes(result) == [("replaced_container", "manager-shop", True)]


def just_begun(recording: Recording, how: str, version: str) -> None:
    """Lets the pod of the manager have begun 179 s ago, and gives it a version."""
    began = "2026-11-24T14:40:21Z"
    for pod in recording.server.store.all("Pod"):
        if pod["metadata"]["namespace"] == "manager-system" and how == "created":
            pod["metadata"]["creationTimestamp"] = began
        elif pod["metadata"]["namespace"] == "manager-system":
            running = {"running": {"startedAt": began}}
            pod["status"]["containerStatuses"] = [{"name": "traffic-manager", "restartCount": 1, "state": running}]
        recording.server.store.load(pod)
    for workload in recording.server.store.all("Deployment"):
        if workload["metadata"]["namespace"] == "manager-system":
            workload["metadata"]["labels"]["app.kubernetes.io/version"] = version
            recording.server.store.load(workload)


# Namespaces and rights ------------------------------------------------------------------------------------------------


def test_namespaces_limit_what_is_shown_but_not_where_managers_are_looked_for(recording: Recording) -> None:
    result = recording.load("intercepted").run(namespaces=["manager-sh*"])
    assert len(result["managers"]) == len(result["webhooks"]) == 1
    assert {one["namespace"] for one in result["state_objects"]} == {"manager-shop"}
    result = recording.run(exclude_namespaces=["manager-shop"])
    assert (result["agents"], result["workloads"], result["intercepts"], result["leftovers"]) == ([], [], [], [])
    assert {one["namespace"] for one in result["state_objects"]} == {"manager-system"}


NEEDED = [
    *("namespaces", "pods", "services", "configmaps"),
    *("deployments (apps)", "replicasets (apps)", "statefulsets (apps)"),
]
HELPFUL = {
    "mutatingwebhookconfigurations": "The webhooks of managers are not known",
    "endpointslices": "Whether something stands behind the webhooks is not known",
    "secrets": "The Helm releases of managers are not known",
    "events": "Pods that the webhook of a manager denies are not known",
    "jobs": "Jobs that Helm did not remove are not known",
    "clusterroles": "ClusterRoles of former managers are not known",
    "clusterrolebindings": "ClusterRoleBindings of former managers are not known",
}


@pytest.mark.parametrize("resource", NEEDED)
def test_a_right_that_lacks_and_is_needed_is_named(recording: Recording, resource: str) -> None:
    recording.load("intercepted").server.deny("list", resource.split()[0])
    result = recording.run()
    assert result["failed"] is True and result["cluster"]["server"] == recording.server.url
    assert f"it may not list {resource} in all namespaces." in result["msg"]
    assert [request for request in recording.server.requests if request.access.verb == "list"] == []


@pytest.mark.parametrize("resource", HELPFUL)
def test_a_right_that_lacks_and_is_not_needed_makes_something_unknown(recording: Recording, resource: str) -> None:
    recording.load("intercepted").server.deny("list", resource)
    result = recording.run()
    (sentence,) = result["unknown"]
    assert sentence.startswith(f"{HELPFUL[resource]}: the account may not list {resource}")
    assert [request for request in recording.server.requests if request.status == 403] == []
    assert classes(result) == [("broken_intercept", "manager-shop", False)]
    if resource == "endpointslices":
        assert result["webhooks"][0]["works"] is None
    if resource == "secrets":
        assert result["managers"][0]["release_status"] is None


def test_of_secrets_only_metadata_are_read(recording: Recording) -> None:
    recording.load("intercepted").run()
    asked = [request for request in recording.server.requests if request.access.resource == "secrets"]
    assert asked and all("as=PartialObjectMetadataList" in request.headers["accept"].split(",")[0] for request in asked)


@pytest.mark.parametrize("deadline", [0, -1])
def test_a_deadline_that_is_none(recording: Recording, deadline: int) -> None:
    assert recording.run(deadline=deadline)["msg"] == f"Option deadline is {deadline}, but at least 1 is needed."
