"""The objects of planted sessions, held field by field against those real clients left in a real cluster."""

from __future__ import annotations

import json
import pathlib
import re
from typing import Any

import pytest
import yaml

from tests.lab.telepresence1 import manifests

CASES = pathlib.Path(__file__).parents[1] / "fixtures" / "cases"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

# What an API server adds to an object that a client creates, as patterns of paths.
SERVER_ADDS = re.compile(
    r"metadata\.(creationTimestamp|generation|managedFields|namespace|resourceVersion|uid|annotations).*"
    r"|status.*"
    r"|spec\.(progressDeadlineSeconds|replicas|revisionHistoryLimit|strategy).*"
    r"|spec\.(clusterIPs?|internalTrafficPolicy|ipFamil\w+|sessionAffinity|type|ports\.\d+\.protocol).*"
    r"|(spec\.template\.)?spec\.(dnsPolicy|enableServiceLinks|nodeName|preemptionPolicy|priority|restartPolicy"
    r"|schedulerName|securityContext|serviceAccount|serviceAccountName|terminationGracePeriodSeconds|tolerations"
    r"|volumes).*"
    r"|(spec\.template\.)?spec\.containers\.\d+\.(imagePullPolicy|terminationMessagePa\w+|terminationMessagePolicy"
    r"|volumeMounts|env\.\d+\.valueFrom\.fieldRef\.apiVersion).*"
)


def objects(case: str, kind: str) -> list[dict[str, Any]]:
    """The recorded objects of one kind."""
    return [item for item in yaml.safe_load((CASES / case).read_text())["items"] if item["kind"] == kind]


def as_kubectl_gives(recorded: dict[str, Any]) -> dict[str, Any]:
    """A recorded object as ``kubectl get`` gave it to the client: without managedFields."""
    metadata = {key: value for key, value in recorded["metadata"].items() if key != "managedFields"}
    return {**recorded, "metadata": metadata}


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Every scalar and empty container in ``value``, by its dotted path."""
    if not isinstance(value, (dict, list)) or not value:
        return {path: value}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    found: dict[str, Any] = {}
    for key, item in items:
        found |= leaves(item, f"{path}.{key}" if path else str(key))
    return found


def assert_became(sent: dict[str, Any], recorded: dict[str, Any]) -> None:
    """Assert that ``recorded`` is ``sent`` plus nothing but what a server adds."""
    ours, theirs = leaves(sent), leaves(recorded)
    assert {path: theirs.get(path, "nothing") for path in ours} == ours
    assert [path for path in theirs.keys() - ours.keys() if not SERVER_ADDS.fullmatch(path)] == []


def original_and_proxy(case: str, kind: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The original Deployment, the proxy of ``kind`` and the session's id."""
    proxy = next(item for item in objects(case, kind) if "telepresence" in item["metadata"].get("labels", {}))
    original = next(
        item for item in objects(case, "Deployment") if item["metadata"]["name"] != proxy["metadata"]["name"]
    )
    return as_kubectl_gives(original), proxy, proxy["metadata"]["labels"]["telepresence"]


def test_deployment_of_0_105_is_the_one_recorded() -> None:
    original, proxy, session_id = original_and_proxy("0.105-swap-web-from-2.yaml", "Deployment")
    sent = manifests.swapped_deployment(original, session_id, "c")
    spec_and_labels = {"spec": sent["spec"], "metadata": {key: sent["metadata"][key] for key in ("name", "labels")}}
    assert_became({**spec_and_labels, "apiVersion": "apps/v1", "kind": "Deployment"}, proxy)


def test_deployment_of_0_105_remembers_the_original_as_it_was_read() -> None:
    original, proxy, session_id = original_and_proxy("0.105-swap-web-from-2.yaml", "Deployment")
    remembered = json.loads(proxy["metadata"]["annotations"][LAST_APPLIED])
    # The original was recorded after it was scaled to 0, which changed these; kubectl itself drops its annotation.
    for key in ("generation", "resourceVersion"):
        original["metadata"][key] = remembered["metadata"][key]
    original["status"] = remembered["status"]
    sent = manifests.swapped_deployment(original, session_id, "c")
    del sent["metadata"]["annotations"][LAST_APPLIED]
    assert sent == remembered
    assert remembered["metadata"]["uid"] == original["metadata"]["uid"]
    assert remembered["status"]["replicas"] == 2


@pytest.mark.parametrize(
    ("case", "container"), [("0.109-swap-web-pod-from-3.yaml", "c"), ("0.109-swap-multicontainer.yaml", "app")]
)
def test_pod_of_0_109_is_the_one_recorded(case: str, container: str) -> None:
    original, proxy, session_id = original_and_proxy(case, "Pod")
    (sent,) = manifests.swapped_pod(original, session_id, container)["items"]
    assert_became(sent, proxy)


def test_new_deployment_of_0_105_is_the_one_recorded() -> None:
    case = "0.105-new-deployment.yaml"
    (recorded,) = objects(case, "Deployment")
    sent = manifests.new_deployment("mydev", recorded["metadata"]["labels"]["telepresence"])
    assert_became(sent, recorded)


def test_new_pod_of_0_109_carries_the_label_but_not_the_variable_of_swaps() -> None:
    pod, service = manifests.new_pod("mydev", "5" * 32, 8080)["items"]
    assert pod["metadata"]["labels"] == service["metadata"]["labels"] == service["spec"]["selector"]
    assert pod["spec"]["containers"][0]["env"] == []
    assert pod["spec"]["restartPolicy"] == "Never"
    assert service["spec"]["ports"] == [{"port": 8080, "targetPort": 8080, "name": "port-8080"}]


def swappable() -> dict[str, Any]:
    """A Deployment whose first container has every field that a swap drops."""
    probe = {"tcpSocket": {"port": 80}}
    app = {
        "name": "app",
        "image": "app:1",
        "command": ["app"],
        "args": ["--fast"],
        "workingDir": "/srv",
        "env": [{"name": "A", "value": "1"}],
        "livenessProbe": probe,
        "readinessProbe": probe,
        "startupProbe": probe,
        "lifecycle": {"preStop": {"exec": {"command": ["true"]}}},
    }
    sidecar = {"name": "sidecar", "image": "sidecar:1", "args": ["-v"], "readinessProbe": probe}
    template = {
        "metadata": {"labels": {"app": "a"}, "annotations": {"note": "hi"}},
        "spec": {"containers": [app, sidecar]},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "checkout-service-with-long-name", "uid": "u", "resourceVersion": "7"},
        "spec": {"replicas": 3, "template": template},
        "status": {"replicas": 3},
    }


def test_swaps_drop_what_would_disturb_the_proxy_and_keep_the_rest() -> None:
    pod = manifests.swapped_pod(swappable(), "5" * 32, "app")["items"][0]
    app, sidecar = pod["spec"]["containers"]
    assert sorted(app) == ["command", "env", "image", "imagePullPolicy", "name", "terminationMessagePolicy"]
    assert [variable["name"] for variable in app["env"]] == ["A", "TELEPRESENCE_CONTAINER_NAMESPACE"]
    assert sidecar == swappable()["spec"]["template"]["spec"]["containers"][1]
    assert pod["metadata"]["annotations"] == {"note": "hi"}


def test_0_105_keeps_the_startup_probe_that_0_109_drops() -> None:
    proxy = manifests.swapped_deployment(swappable(), "5" * 32, "app")
    app = proxy["spec"]["template"]["spec"]["containers"][0]
    assert "startupProbe" in app
    assert not {"args", "lifecycle", "livenessProbe", "readinessProbe", "workingDir"} & app.keys()


def test_0_87_remembers_nothing_of_the_original_and_is_not_polled() -> None:
    session = "0c1b2d3e-4f50-4617-8293-a4b5c6d7e8f9"
    proxy = manifests.swapped_deployment(swappable(), session, "app", "0.87")
    assert proxy["metadata"] == {"name": f"checkout-serv-{session}", "labels": {"telepresence": session}}
    assert "status" not in proxy
    (app, _sidecar) = proxy["spec"]["template"]["spec"]["containers"]
    assert app["image"].endswith(":0.87")
    assert "forwarder" not in str(app["command"]) and "run.sh" not in str(app["command"])


def test_functions_leave_the_original_alone() -> None:
    original = swappable()
    manifests.swapped_deployment(original, "5" * 32, "app")
    manifests.swapped_pod(original, "5" * 32, "sidecar")
    assert original == swappable()


def test_names_are_cut_to_seventeen_characters() -> None:
    assert manifests.proxy_name("checkout-service-with-long-name", "5" * 32) == f"checkout-service--{'5' * 32}"
    assert manifests.proxy_name("web", "5" * 32) == f"web-{'5' * 32}"


def test_a_container_that_is_not_there_is_named() -> None:
    with pytest.raises(LookupError, match="no container is called web"):
        manifests.swapped_pod(swappable(), "5" * 32, "web")
