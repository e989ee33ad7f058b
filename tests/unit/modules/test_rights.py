"""The rights of a run: each that lacks is named before anything is done, and none is asked for that is not needed."""

from __future__ import annotations

from typing import Any

import pytest

from wire import server as wire_server
from wire.request import Access
from wire.server import USER

from .cluster import POD_3, Cluster, only

# (verb, resource, subresource, as it is said)
LOOK = [
    ("get", "pods", "", "get pods"),
    ("list", "pods", "", "list pods"),
    ("list", "services", "", "list services"),
    ("list", "events", "", "list events"),
    ("list", "deployments", "", "list deployments (apps)"),
    ("list", "replicasets", "", "list replicasets (apps)"),
    ("list", "horizontalpodautoscalers", "", "list horizontalpodautoscalers (autoscaling)"),
    ("get", "pods", "log", "get pods/log"),
    ("get", "pods", "exec", "get pods/exec"),
]
RESTORE = [
    ("update", "deployments", "scale", "update deployments/scale (apps)"),
    ("delete", "deployments", "", "delete deployments (apps)"),
    ("delete", "pods", "", "delete pods"),
    ("delete", "services", "", "delete services"),
]
PURPOSES = {"orphans": LOOK, "restore": LOOK + RESTORE}
CASES = [(purpose, *right) for purpose, rights in PURPOSES.items() for right in rights]


@pytest.mark.parametrize(("purpose", "verb", "resource", "subresource", "said"), CASES)
@pytest.mark.parametrize("namespace", [None, "default"])
def test_a_right_that_lacks_is_named(
    cluster: Cluster, purpose: str, verb: str, resource: str, subresource: str, said: str, namespace: str | None
) -> None:
    pod = cluster.stage()
    cluster.server.deny(verb, resource, subresource)
    where: dict[str, Any] = {} if namespace is None else {"namespaces": [namespace]}
    sentence = f"{said} in all namespaces" if namespace is None else f"{said} in namespace {namespace}"

    info = cluster.run("info", purpose=purpose, **where)
    assert (info["missing"], info.get("failed"), info["changed"]) == ([sentence], None, False)

    result = cluster.run(purpose, **where)
    assert result["failed"] is True and result["sessions"] == []
    assert f"it may not {sentence}." in result["msg"]
    assert USER in result["msg"] and cluster.server.url in result["msg"]
    assert not cluster.seen("list") and not cluster.execs
    assert cluster.writes == [] and pod in cluster.proxies()


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("namespace", [None, "default"])
def test_what_is_enough(cluster: Cluster, purpose: str, namespace: str | None) -> None:
    """An account with the rights that are named, and no other, gets through."""
    cluster.stage()
    granted = {(verb, resource, subresource) for verb, resource, subresource, _said in PURPOSES[purpose]}
    granted |= {("get" if namespace else "list", "namespaces", "")}

    def authorize(access: Access) -> bool:
        here = namespace is None or namespace in (access.namespace, access.name)
        return here and (access.verb, access.resource, access.subresource) in granted

    cluster.server.authorize = authorize
    where: dict[str, Any] = {} if namespace is None else {"namespaces": [namespace]}
    assert cluster.run("info", purpose=purpose, **where)["missing"] == []
    result = cluster.run(purpose, **where)
    assert only(result)["outcome"] == ("restored" if purpose == "restore" else "restorable")
    # Neither reading kube-system nor the pod proxy is a must.
    assert {
        request.access.subresource or request.access.name for request in cluster.seen() if request.status == 403
    } == {
        "kube-system",
        "proxy",
    }
    assert len(cluster.writes) == (2 if purpose == "restore" else 0)


def test_every_right_that_lacks_is_named_at_once(cluster: Cluster) -> None:
    cluster.server.authorize = lambda access: False
    missing = cluster.run("info", purpose="restore")["missing"]
    said = [f"{right[-1]} in all namespaces" for right in LOOK + RESTORE]
    assert sorted(missing) == sorted([*said, "list namespaces in all namespaces"])
    assert cluster.writes == []


def test_rights_are_asked_for_each_namespace(cluster: Cluster) -> None:
    for namespace in ("default", "shop"):
        cluster.stage(namespace=namespace)
    cluster.server.deny("delete", "pods", namespace="shop")
    missing = cluster.run("info", purpose="restore", namespaces=["default", "shop"])["missing"]
    assert missing == ["delete pods in namespace shop"]
    result = cluster.run(namespaces=["default"])
    assert only(result)["outcome"] == "restored"
    assert {write.access.namespace for write in cluster.seen() if write.is_write} == {"default"}


@pytest.mark.parametrize(
    ("probe", "version", "needed"),
    [
        ("auto", "v1.34.4", {("get", "exec")}),
        ("exec", "v1.34.4", {("get", "exec")}),
        ("exec", "v1.35.0-rc.1", {("get", "exec"), ("create", "exec")}),
        ("auto", "v1.36.1+k3s1", {("get", "exec"), ("create", "exec")}),
        ("pod_proxy", "v1.36.1", {("get", "proxy")}),
    ],
)
def test_the_rights_of_the_probe(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, probe: str, version: str, needed: set[tuple[str, str]]
) -> None:
    monkeypatch.setitem(wire_server.VERSION, "gitVersion", version)
    for verb, subresource in (("get", "exec"), ("create", "exec"), ("get", "proxy")):
        cluster.server.deny(verb, "pods", subresource)
    missing = cluster.run("info", purpose="restore", probe=probe)["missing"]
    assert set(missing) == {f"{verb} pods/{subresource} in all namespaces" for verb, subresource in needed}
    assert cluster.writes == []


@pytest.mark.parametrize("module", ["orphans", "restore"])
def test_a_namespace_that_does_not_exist_is_named(cluster: Cluster, module: str) -> None:
    cluster.stage(POD_3)
    result = cluster.run(module, namespaces=["default", "no-such-namespace"])
    assert result["failed"] is True
    assert result["msg"].startswith("There is no namespace no-such-namespace on https://")
    assert cluster.writes == []


@pytest.mark.parametrize("options", [{"namespaces": ["default"], "exclude_namespaces": ["default"]}])
def test_a_run_that_looks_nowhere_needs_no_rights(cluster: Cluster, options: dict[str, Any]) -> None:
    cluster.stage()
    cluster.server.authorize = lambda access: False
    assert cluster.run("info", **options)["missing"] == []
    result = cluster.run(**options)
    assert (result.get("failed"), result["sessions"]) == (None, [])
    assert cluster.writes == []


def test_without_a_purpose_no_right_is_asked_about(cluster: Cluster) -> None:
    cluster.server.deny()
    result = cluster.run("info")
    assert result["missing"] == []
    assert [request for request in cluster.requests if request.access.resource == "selfsubjectaccessreviews"] == []
