"""Real ServiceAccounts with exactly the rights of the manifests in docs/rbac, and with each of them but one."""

from __future__ import annotations

import base64
import copy
import itertools
import json
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.modules import (
    telepresence_baseline,
    telepresence_orphans,
    telepresence_restore,
)

from tests.integration.conftest import Place, kubeconfig_of, written
from tests.lab.scenes import Scene, clear, play, set_up
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl
from tests.rights import PURPOSES, SCOPES, Grant, Manifest, grants, read, without
from wire.play import run_module

NAMESPACE = "rights-test"
MODULES = {
    "orphans": telepresence_orphans.main,
    "restore": telepresence_restore.main,
    "baseline": telepresence_baseline.main,
}
NOT_ASKED_FOR = {"create pods/exec", "get namespaces named kube-system"}
"""What the manifests for the whole cluster grant beside that: for Kubernetes 1.35 and later, and to tell clusters apart."""
LACKING = [
    (purpose, scope, grant)
    for purpose, scope in itertools.product(PURPOSES, SCOPES)
    for grant in grants(read(purpose, scope)[0])
    if str(grant) not in NOT_ASKED_FOR
]


def account(name: str, role: Manifest, binding: Manifest) -> list[Manifest]:
    """A ServiceAccount with a token that lasts, and these rights in its name."""
    role, binding = copy.deepcopy((role, binding))
    role["metadata"]["name"] = binding["metadata"]["name"] = binding["roleRef"]["name"] = name
    binding["subjects"] = [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}]
    token = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {"name": name, "annotations": {"kubernetes.io/service-account.name": name}},
    }
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}},
        token,
        role,
        binding,
    ]


def names() -> Iterator[tuple[str, Manifest, Manifest]]:
    """Each account of these tests with its role and binding."""
    for purpose, scope in itertools.product(PURPOSES, SCOPES):
        yield f"{NAMESPACE}-{purpose}-{scope}", *read(purpose, scope)
    for number, (purpose, scope, grant) in enumerate(LACKING):
        role, binding = read(purpose, scope)
        yield f"{NAMESPACE}-{number}", without(role, grant), binding


@pytest.fixture(scope="module")
def kubectl() -> Iterator[Kubectl]:
    """A namespace on the first cluster with two orphans in it, web and shop: 2 replicas before their swaps."""
    kubeconfig, contexts = clusters()
    kubectl = Kubectl(contexts[0], NAMESPACE, kubeconfig)
    scenes = [Scene(name, 2, (("pod", "gone"),)) for name in ("web", "shop")]
    set_up([kubectl], scenes)
    play([(kubectl, scene) for scene in scenes])
    yield kubectl
    clear(kubectl)


@pytest.fixture(scope="module")
def tokens(kubectl: Kubectl) -> Iterator[dict[str, str]]:
    """The token of each account, by its name."""
    objects = [obj for name in names() for obj in account(*name)]
    ours = [f"{obj['kind']}/{obj['metadata']['name']}" for obj in objects if obj["kind"].startswith("ClusterRole")]
    kubectl.run("delete", *ours, "--ignore-not-found")
    kubectl.run("create", "--filename=-", stdin={"apiVersion": "v1", "kind": "List", "items": objects})
    yield found(kubectl)
    kubectl.run("delete", *ours, "--wait=false")


def found(kubectl: Kubectl) -> dict[str, str]:
    """The tokens, when the cluster has made all of them."""
    for _attempt in range(60):
        secrets = kubectl.get("secrets", "--field-selector=type=kubernetes.io/service-account-token")["items"]
        if all("token" in secret.get("data", {}) for secret in secrets):
            return {one["metadata"]["name"]: base64.b64decode(one["data"]["token"]).decode() for one in secrets}
        time.sleep(0.5)
    raise AssertionError("the cluster makes no tokens")


def replicas(kubectl: Kubectl, name: str) -> int:
    """The replicas that a workload wants."""
    return int(kubectl.get("deployment", name)["spec"].get("replicas", 0))


def test_the_released_collection_holds_them_ready_to_apply(installed: Place, kubectl: Kubectl) -> None:
    directory = installed.directory / "collections/ansible_collections/devclusters/telepresence/docs/rbac"
    for purpose, scope in itertools.product(PURPOSES, SCOPES):
        said = kubectl.run("apply", "--dry-run=server", f"--filename={directory / f'{purpose}-{scope}.yml'}")
        assert said.count("created (server dry run)") == 2


@pytest.mark.parametrize(("scope", "workload"), [("cluster", "web"), ("namespace", "shop")])
def test_the_manifests_are_enough(
    scope: str, workload: str, checkout: Place, tmp_path: pathlib.Path, kubectl: Kubectl, tokens: dict[str, str]
) -> None:
    inventories = {}
    for purpose in PURPOSES:
        (tmp_path / purpose).mkdir()
        token = tokens[f"{NAMESPACE}-{purpose}-{scope}"]
        hosts = {"limited": kubeconfig_of(kubectl, token, tmp_path / purpose / "kubeconfig")}
        inventories[purpose] = written(tmp_path / purpose, hosts)
    only: dict[str, Any] = {
        "recover_namespaces": [NAMESPACE if scope == "namespace" else f"{NAMESPACE}*"],
        "recover_select": f"original.name == '{workload}'",
    }

    ran = checkout.play("orphans", inventories["orphans"], **only)
    assert ran.code == 0
    (session,) = ran.report["limited"]["orphans"]
    assert (session["verdict"], session["replicas"]) == ("stale", 2)

    ran = checkout.play("baseline", inventories["baseline"], baseline_namespaces=only["recover_namespaces"])
    assert ran.code == 0
    assert list(json.loads(kubectl.get("configmap", "telepresence-baseline")["data"]["sessions"])) != []

    ran = checkout.play("recover", inventories["orphans"], **only)
    assert ran.code == 2
    everywhere = f"namespace {NAMESPACE}" if scope == "namespace" else "all namespaces"
    for right in set(grants(read("restore", scope)[0])) - set(grants(read("orphans", scope)[0])):
        assert f"{right} in {everywhere}" in ran.report["limited"]["msg"]
    assert replicas(kubectl, workload) == 0

    ran = checkout.play("recover", inventories["restore"], **only)
    assert (ran.code, replicas(kubectl, workload)) == (0, 2)


@pytest.mark.parametrize("number", range(len(LACKING)), ids=[" ".join(map(str, one)) for one in LACKING])
def test_each_right_that_lacks_is_named(
    number: int, tmp_path: pathlib.Path, kubectl: Kubectl, tokens: dict[str, str]
) -> None:
    purpose, scope, grant = LACKING[number]
    variables = kubeconfig_of(kubectl, tokens[f"{NAMESPACE}-{number}"], tmp_path / "kubeconfig")
    options: dict[str, Any] = {
        "kubeconfig": variables["telepresence_kubeconfig"],
        "context": variables["telepresence_context"],
        "namespaces": [NAMESPACE if scope == "namespace" else f"{NAMESPACE}*"],
    }
    if grant == Grant("get", "", "pods/proxy"):
        options["probe"] = "pod_proxy"
    result = run_module(MODULES[purpose], options, check=True)
    assert result["failed"] is True
    where = f"namespace {NAMESPACE}" if scope == "namespace" else "all namespaces"
    assert f"it may not {grant} in {where}." in result["msg"]
