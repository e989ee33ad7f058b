"""The rights of a run: the manifests of docs/rbac grant what is asked for and used, no more; each that lacks is named before anything is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.access import needed
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import DEPLOYMENT

from tests.rights import DIRECTORY, PURPOSES, SCOPES, WHOLE, Grant, grants, read
from wire import server as wire_server
from wire.request import Access
from wire.server import USER

from .cluster import POD_3, Cluster, only

KUBE_SYSTEM = Grant("get", "", "namespaces", "kube-system")
"""Used where it is granted, and never a must."""
BOTH = [(purpose, scope) for purpose in PURPOSES for scope in SCOPES]
JUDGING = [(purpose, scope) for purpose, scope in BOTH if purpose != "baseline"]
"""The runs that look for sessions and judge them."""


def granted(purpose: str, scope: str) -> list[Grant]:
    """What the manifest of a purpose and scope allows."""
    return grants(read(purpose, scope)[0])


def allowing(rights: Sequence[Grant], scope: str) -> Callable[[Access], bool]:
    """Decides as a cluster does in which an account has these rights, everywhere or in namespace default alone."""

    def authorize(access: Access) -> bool:
        here = scope == "cluster" or "default" in (access.namespace, access.name)
        resource = f"{access.resource}/{access.subresource}" if access.subresource else access.resource
        return here and any(right.covers(access.verb, access.group, resource, access.name) for right in rights)

    return authorize


def where(scope: str) -> dict[str, Any]:
    """The options of a run that keeps to the scope."""
    return {"namespaces": ["default"]} if scope == "namespace" else {}


@pytest.mark.parametrize(("purpose", "scope"), BOTH)
def test_a_manifest_grants_what_is_asked_for_and_no_more(purpose: str, scope: str) -> None:
    asked = {
        Grant(right.verb, right.kind.group, "/".join(filter(None, (right.kind.plural, right.subresource))), right.name)
        for probe in ("auto", "exec", "pod_proxy")
        for version in ("v1.34.4", "v1.35.0")
        for right in needed(purpose, probe, version, (DEPLOYMENT,))
    }
    asked |= {KUBE_SYSTEM, Grant("list", "", "namespaces")} if scope == "cluster" else {Grant("get", "", "namespaces")}
    given = granted(purpose, scope)
    assert (set(given) - asked, asked - set(given)) == (set(), set())
    assert len(given) == len(set(given))


@pytest.mark.parametrize(("purpose", "scope"), BOTH)
def test_role_and_binding_belong_together(purpose: str, scope: str) -> None:
    role, binding = read(purpose, scope)
    kind = "ClusterRole" if scope == "cluster" else "Role"
    assert (role["kind"], binding["kind"]) == (kind, f"{kind}Binding")
    assert (binding["roleRef"]["kind"], binding["roleRef"]["name"]) == (kind, role["metadata"]["name"])
    assert binding["metadata"] == role["metadata"] == {"name": f"telepresence-{purpose}"}


def test_all_manifests_are_for_one_account() -> None:
    names = sorted(path.name for path in DIRECTORY.glob("*.yml"))
    assert names == sorted([*(f"{purpose}-{scope}.yml" for purpose, scope in BOTH), *(f"{name}.yml" for name in WHOLE)])
    account = {"kind": "ServiceAccount", "name": "recover", "namespace": "telepresence-recovery"}
    manifests = [*(read(purpose, scope) for purpose, scope in BOTH), *map(read, WHOLE)]
    assert [binding["subjects"] for _role, binding in manifests] == [[account]] * len(manifests)
    for name in WHOLE:
        role, binding = read(name)
        assert binding["roleRef"]["name"] == role["metadata"]["name"] == f"telepresence-{name}"


@pytest.mark.parametrize(("purpose", "scope"), JUDGING)
def test_a_manifest_is_enough(cluster: Cluster, purpose: str, scope: str) -> None:
    cluster.stage()
    cluster.server.authorize = allowing(granted(purpose, scope), scope)
    assert cluster.run("info", purpose=purpose, **where(scope))["missing"] == []
    result = cluster.run(purpose, **where(scope))
    assert only(result)["outcome"] == ("restored" if purpose == "restore" else "restorable")
    refused = {request.access.name for request in cluster.seen() if request.status == 403}
    assert refused == (set() if scope == "cluster" else {"kube-system"})
    assert len(cluster.writes) == (2 if purpose == "restore" else 0)


@pytest.mark.parametrize(
    ("purpose", "scope", "right"),
    [(*both, right) for both in JUDGING for right in granted(*both) if right.verb != "create" and right != KUBE_SYSTEM],
    ids=str,
)
def test_a_right_that_lacks_is_named(cluster: Cluster, purpose: str, scope: str, right: Grant) -> None:
    pod = cluster.stage()
    cluster.server.authorize = allowing([one for one in granted(purpose, scope) if one != right], scope)
    options: dict[str, Any] = {**where(scope), **({"probe": "pod_proxy"} if right.resource == "pods/proxy" else {})}
    sentence = f"{right} in {'all namespaces' if scope == 'cluster' else 'namespace default'}"

    info = cluster.run("info", purpose=purpose, **options)
    assert (info["missing"], info.get("failed"), info["changed"]) == ([sentence], None, False)

    result = cluster.run(purpose, **options)
    assert result["failed"] is True and result["sessions"] == []
    assert f"it may not {sentence}." in result["msg"]
    assert USER in result["msg"] and cluster.server.url in result["msg"]
    assert not cluster.seen("list") and not cluster.execs
    assert cluster.writes == [] and pod in cluster.proxies()


@pytest.mark.parametrize(("purpose", "scope"), JUDGING)
def test_living_clients_are_recognised_without_the_pod_proxy(cluster: Cluster, purpose: str, scope: str) -> None:
    cluster.stage()
    rights = [one for one in granted(purpose, scope) if one.resource != "pods/proxy"]
    cluster.server.authorize = allowing(rights, scope)
    assert only(cluster.run(purpose, **where(scope)))["verdict"] == "stale"
    assert [request.status for request in cluster.seen("get", "pods", "proxy")] == [403]


def test_every_right_that_lacks_is_named_at_once(cluster: Cluster) -> None:
    cluster.server.authorize = lambda access: False
    missing = cluster.run("info", purpose="restore")["missing"]
    optional = {str(KUBE_SYSTEM), "get pods/proxy", "create pods/exec"}
    must = {str(right) for right in granted("restore", "cluster")} - optional
    assert sorted(missing) == sorted(f"{right} in all namespaces" for right in must)
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
