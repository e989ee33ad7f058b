"""Planted sessions in a real cluster, held field by field against what real clients left in one.

The originals are the recorded ones, applied anew: the proxies, what becomes of the originals, and the events and field
managers that the server notes must come out as they were recorded.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import pathlib
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from tests.lab.processes import Process
from tests.lab.say import LabError
from tests.lab.swap import main, plant
from tests.lab.target import clusters
from tests.lab.telepresence1 import client
from tests.lab.telepresence1.client import wait_for
from tests.lab.telepresence1.kubectl import Kubectl
from tests.lab.telepresence1.manifests import proxy_image
from tests.lab.telepresence1.session import planted

CASES = pathlib.Path(__file__).parents[1] / "unit" / "fixtures" / "cases"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

RUN_DEPENDENT = {"clusterIP", "clusterIPs", "generation", "nodeName", "resourceVersion", "status", "uid"}

Objects = list[dict[str, Any]]


@pytest.fixture
def kubectl() -> Iterator[Kubectl]:
    """A namespace of its own in the first of the clusters."""
    kubeconfig, contexts = clusters()
    kubectl = Kubectl(contexts[0], f"planting-{time.time_ns():x}", kubeconfig)
    kubectl.run("create", "namespace", kubectl.namespace)
    yield kubectl
    for session in planted(kubectl.context, kubectl.namespace):
        session.stop_client()
    kubectl.run("delete", "namespace", kubectl.namespace, "--wait=false")


def recorded(case: str) -> Objects:
    """The objects of a case, the recorded image of the originals replaced by the lab's."""
    text = (CASES / case).read_text().replace("lab.local/busybox:1", "lab.local/app:1")
    items: Objects = yaml.safe_load(text)["items"]
    return items


def apply_original(kubectl: Kubectl, case: str, replicas: int) -> str:
    """Apply the original of a case as its owner did, scale it to ``replicas``, wait, and return its name."""
    for item in recorded(case):
        annotation = item["metadata"].get("annotations", {}).get(LAST_APPLIED)
        if item["kind"] == "Deployment" and "telepresence" not in item["metadata"].get("labels", {}):
            original = json.loads(annotation)
    del original["metadata"]["namespace"]
    name: str = original["metadata"]["name"]
    kubectl.run("apply", "--filename=-", stdin=original)
    if original["spec"]["replicas"] != replicas:
        kubectl.run("scale", "deployment", name, f"--replicas={replicas}")
    wait_for(
        lambda: kubectl.get("deployment", name).get("status", {}).get("availableReplicas") == replicas,
        f"{replicas} available pods of Deployment {name}",
        60.0,
    )
    return name


def left_behind(kubectl: Kubectl, name: str) -> Objects:
    """Everything in the namespace once the Deployment ``name`` has lost its pods, with its field managers."""
    wait_for(lambda: "replicas" not in kubectl.get("deployment", name)["status"], f"end of the pods of {name}", 60.0)
    items: Objects = kubectl.get("deployments,pods,events", "--show-managed-fields")["items"]
    return items


def find(objects: Objects, kind: str, proxy: bool) -> dict[str, Any]:
    """The only object of a kind that is, or is not, labelled as a proxy."""
    (found,) = (
        o for o in objects if o["kind"] == kind and ("telepresence" in o["metadata"].get("labels", {})) == proxy
    )
    return found


def shape(value: Any) -> Any:
    """A value without what differs from run to run: names, times, versions, and the status that a proxy comes to."""
    if isinstance(value, dict):
        return {shape(key): shape(item) for key, item in value.items() if key not in RUN_DEPENDENT}
    if isinstance(value, list):
        return sorted((shape(item) for item in value), key=str)
    if not isinstance(value, str):
        return value
    if value.startswith("{"):
        return shape(json.loads(value))
    value = re.sub(r"\b[0-9a-f]{32}\b", "SESSION", value)
    value = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", value)
    value = re.sub(r"\b(default|planting-[0-9a-f]+)\b", "NAMESPACE", value)
    return re.sub(r"kube-api-access-\w+", "kube-api-access-HASH", value)


def assert_same(seen: dict[str, Any], expected: dict[str, Any]) -> None:
    """Assert that two objects differ in nothing but what differs from run to run."""
    # The kubelet writes its entry when the pod starts, which may be after this look at it.
    for item in (seen, expected):
        entries = item["metadata"].get("managedFields", [])
        item["metadata"]["managedFields"] = [entry for entry in entries if entry.get("subresource") != "status"]
    assert shape(seen) == shape(expected)


def scalings(objects: Objects) -> list[str]:
    """The messages of the deployment controller's events, hashes of ReplicaSets masked."""
    messages = [o["message"] for o in objects if o["kind"] == "Event" and o["reason"] == "ScalingReplicaSet"]
    return [shape(re.sub(r"-[0-9a-f]{8,10} from", "-HASH from", message)) for message in messages]


def test_0_105_swaps_a_deployment_as_recorded(kubectl: Kubectl) -> None:
    case = "0.105-swap-web-from-2.yaml"
    name = apply_original(kubectl, case, 2)
    uid = kubectl.get("deployment", name)["metadata"]["uid"]
    session = plant(kubectl, name, "deployment", "starting")
    objects = left_behind(kubectl, name)
    proxy = find(objects, "Deployment", proxy=True)
    assert proxy["metadata"]["name"] == session.proxy == f"{name}-{session.session_id}"
    remembered = json.loads(proxy["metadata"]["annotations"][LAST_APPLIED])
    assert (remembered["metadata"]["uid"], remembered["status"]["replicas"]) == (uid, 2)
    assert_same(proxy, find(recorded(case), "Deployment", proxy=True))
    assert_same(find(objects, "Deployment", proxy=False), find(recorded(case), "Deployment", proxy=False))
    expected = {"Scaled down replica set web-HASH from 2 to 0", "Scaled up replica set web-SESSION-HASH from 0 to 1"}
    assert expected <= set(scalings(objects)) & set(scalings(recorded(case)))


def test_0_109_swaps_for_a_pod_as_recorded(kubectl: Kubectl) -> None:
    case = "0.109-swap-web-pod-from-3.yaml"
    name = apply_original(kubectl, case, 3)
    session = plant(kubectl, name, "pod", "starting")
    objects = left_behind(kubectl, name)
    proxy = find(objects, "Pod", proxy=True)
    assert proxy["metadata"]["name"] == session.proxy
    assert_same(proxy, find(recorded(case), "Pod", proxy=True))
    assert_same(find(objects, "Deployment", proxy=False), find(recorded(case), "Deployment", proxy=False))
    expected = "Scaled down replica set web-HASH from 3 to 0"
    assert expected in scalings(objects)
    assert expected in scalings(recorded(case))


def test_0_109_leaves_the_sidecar_beside_the_proxy_as_recorded(kubectl: Kubectl) -> None:
    case = "0.109-swap-multicontainer.yaml"
    name = apply_original(kubectl, case, 2)
    session = plant(kubectl, f"{name}:app", "pod", "starting")
    proxy = kubectl.get("pod", session.proxy, "--show-managed-fields")
    assert_same(proxy, find(recorded(case), "Pod", proxy=True))
    assert [status["ready"] for status in proxy["status"]["containerStatuses"]] == [True, True]


@pytest.mark.parametrize(("version", "kind"), [("0.105", "Deployment"), ("0.109", "Pod")])
def test_a_new_proxy_replaces_nothing_and_has_a_service(kubectl: Kubectl, version: str, kind: str) -> None:
    session = plant(kubectl, "mydev", "new", "starting", client_version=version)
    label = {"telepresence": session.session_id}
    assert kubectl.get(kind, "mydev")["metadata"]["labels"] == label
    service = kubectl.get("service", "mydev", "--show-managed-fields")
    assert service["metadata"]["labels"] == service["spec"]["selector"] == label
    if version == "0.105":
        case = recorded("0.105-new-deployment.yaml")
        assert_same(kubectl.get(kind, "mydev", "--show-managed-fields"), find(case, kind, proxy=True))
        assert_same(service, find(case, "Service", proxy=True))


def test_sessions_are_planted_at_once_and_found_again(kubectl: Kubectl, capsys: pytest.CaptureFixture[str]) -> None:
    def swap(name: str) -> None:
        kubectl.run("create", "deployment", name, "--image=lab.local/app:1")
        assert main([*where, "--mode", "pod", "--no-checkpoint", name]) == 0

    def lines() -> list[dict[str, Any]]:
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    where = ["--kubeconfig", str(kubectl.kubeconfig), "--context", kubectl.context, "-n", kubectl.namespace]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(swap, ["one", "two", "three"]))
    assert sorted(line["name"] for line in lines()) == ["one", "three", "two"]
    assert main([*where, "--answers"]) == 0
    assert [line["answers"] for line in lines()] == [True, True, True]
    assert main([*where, "--stop", "two"]) == 0
    assert [line["name"] for line in lines()] == ["two"]
    assert main([*where, "--stop"]) == 0
    assert sorted(line["name"] for line in lines()) == ["one", "three"]
    assert main([*where, "--answers"]) == 0
    assert lines() == []


@pytest.mark.parametrize(
    ("attempt", "message"),
    [
        (lambda kubectl: plant(kubectl, "web", "pod"), r'deployments\.apps "web" not found'),
        (
            lambda kubectl: plant(dataclasses.replace(kubectl, context="gamma"), "web", "pod"),
            r'cluster gamma .*context "gamma" does not exist',
        ),
        (lambda kubectl: plant(kubectl, "web", "pod", client_version="0.105"), "No client 0.105 works in mode pod"),
    ],
)
def test_what_cannot_be_planted_is_said_in_a_sentence(
    kubectl: Kubectl, attempt: Callable[[Kubectl], object], message: str
) -> None:
    with pytest.raises(LabError, match=message):
        attempt(kubectl)


def test_a_client_logs_in_to_a_proxy_whose_sshd_comes_late(kubectl: Kubectl, tmp_path: pathlib.Path) -> None:
    container = {
        "name": "proxy",
        "image": proxy_image("0.109"),
        "imagePullPolicy": "IfNotPresent",
        "command": ["/bin/sh", "-c", "until test -e /tmp/go; do sleep 0.1; done; exec /usr/src/app/run.sh"],
    }
    late = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "late"}, "spec": {"containers": [container]}}
    kubectl.run("apply", "--filename=-", stdin=late)
    kubectl.run("wait", "pod", "late", "--for=condition=Ready", "--timeout=60s")
    processes: dict[str, Process] = {}
    try:
        for role, process in client.start(kubectl, "late", "proxy", tmp_path / "client.json"):
            if role == client.PORT_FORWARD and role in processes:
                assert not processes[role].alive()
                kubectl.run("exec", "late", "--", "touch", "/tmp/go")
            processes[role] = process
        assert wait_for(lambda: client.answers(kubectl, "late", "proxy"), "an answer of the client")
    finally:
        for process in processes.values():
            process.kill()


def test_a_client_that_ends_before_its_proxy_saw_it_is_started_again(kubectl: Kubectl) -> None:
    def answering() -> Process | None:
        for session in planted(kubectl.context, kubectl.namespace):
            if client.SSH_POLLS in session.processes and session.client_answers():
                return session.processes[client.SSH_POLLS]
        return None

    kubectl.run("create", "deployment", "web", "--image=lab.local/app:1")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        planting = pool.submit(plant, kubectl, "web", "pod")
        first = wait_for(answering, "a client that answers")
        time.sleep(3.0)  # until whoever plants has seen that as well
        first.kill()
        session = planting.result()
    assert session.processes[client.SSH_POLLS] != first
    assert session.client_answers()
