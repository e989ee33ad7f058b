"""Workloads that something else keeps as well: whose they are, what they declare, and whether they are put back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from swaps.test_helm import DOCUMENT, packed, secret

from .cluster import POD_3, Cluster, only

HELM: dict[str, Any] = {
    "labels": {"app.kubernetes.io/managed-by": "Helm"},
    "annotations": {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "default"},
}
ARGO: dict[str, Any] = {"annotations": {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:default/web"}}
SID = "f" * 32


def orphan(cluster: Cluster, **metadata: Any) -> str:
    """A proxy without a client, and its original, of which nothing but the metadata may tell the count."""
    cluster.web("web", **metadata)
    pod = cluster.proxy(SID, 900)
    cluster.client(pod, "gone")
    return pod


# Helm ---------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", [{}, {"namespaces": ["default"]}])
def test_a_helm_release_declares_the_count(cluster: Cluster, scope: dict[str, Any]) -> None:
    orphan(cluster, **HELM)
    cluster.store.load(secret(packed(DOCUMENT), namespace="default"))
    assert only(cluster.run("orphans", **scope))["outcome"] == "needs_decision"
    assert not cluster.seen(resource="secrets")
    result = cluster.run(helm_releases=True, **scope)
    assert (only(result)["outcome"], cluster.replicas()) == ("restored", 4)
    assert only(result)["evidence"][0]["source"] == "helm_release"
    (request,) = cluster.seen(resource="secrets")
    assert request.param("labelSelector") == "owner=helm,status=deployed,name=shop"
    assert request.param("fieldSelector") == "type=helm.sh/release.v1"
    assert "canary" not in json.dumps(result)


def test_what_is_no_release_is_not_shown(cluster: Cluster) -> None:
    orphan(cluster, **HELM)
    broken = secret("canary", namespace="default")
    cluster.store.load({**broken, "data": {"release": "canary", "password": "canary"}})
    result = cluster.run(helm_releases=True)
    assert (only(result)["outcome"], only(result)["evidence"]) == ("needs_decision", [])
    assert "canary" not in json.dumps(result)


@pytest.mark.parametrize("release", [("default", "Shop,x!=y"), ("pay", "shop"), ("", "shop")])
def test_a_release_elsewhere_is_not_read(cluster: Cluster, release: tuple[str, str]) -> None:
    namespace, name = release
    notes = {"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": namespace}
    orphan(cluster, labels=HELM["labels"], annotations=notes)
    cluster.run(helm_releases=True, namespaces=["default"])
    assert not cluster.seen(resource="secrets")


def test_secrets_take_a_right_only_where_they_are_read(cluster: Cluster) -> None:
    orphan(cluster, **HELM)
    cluster.server.deny("list", "secrets")
    assert cluster.run("info", purpose="restore")["missing"] == []
    assert cluster.run("info", purpose="restore", helm_releases=True)["missing"] == ["list secrets in all namespaces"]
    assert cluster.run("orphans").get("failed") is None
    result = cluster.run("orphans", helm_releases=True)
    assert result["failed"] is True and "it may not list secrets in all namespaces." in result["msg"]


# Whether they are put back ------------------------------------------------------------------------------------------------


def test_a_workload_is_put_back_whoever_keeps_it(cluster: Cluster) -> None:
    cluster.stage(POD_3, "gone")
    cluster.store.edit(
        "Deployment", "web", "default", lambda web: web["metadata"]["annotations"].update(ARGO["annotations"])
    )
    result = cluster.run(managers={"helm": "report", "argo_cd": "restore"})
    assert (only(result)["outcome"], only(result)["managed_by"]) == ("restored", ["Argo CD application shop"])


def test_a_workload_whose_manager_is_to_be_reported_needs_a_decision(cluster: Cluster) -> None:
    cluster.stage(POD_3, "gone")
    cluster.store.edit(
        "Deployment", "web", "default", lambda web: web["metadata"]["annotations"].update(ARGO["annotations"])
    )
    result = cluster.run(managers={"argo_cd": "report"})
    record = only(result)
    assert (record["outcome"], record["replicas"], cluster.writes) == ("needs_decision", None, [])
    assert record["message"] == (
        "Deployment default/web stays at 0: Argo CD application shop keeps it, and that is to be reported "
        "(managers: {argo_cd: restore} allows it). Give its count with replicas: {default/web: N}."
    )
    assert record["evidence"][0]["value"] == 3
    told = cluster.run(managers={"argo_cd": "report"}, replicas={"default/web": 2})
    assert (only(told)["outcome"], cluster.replicas()) == ("restored", 2)


def test_one_that_runs_already_is_only_tidied_up(cluster: Cluster) -> None:
    cluster.stage(POD_3, "gone")

    def heal(web: dict[str, Any]) -> None:
        web["metadata"]["annotations"].update(ARGO["annotations"])
        web["spec"]["replicas"] = 2

    cluster.store.edit("Deployment", "web", "default", heal)
    result = cluster.run(managers={"argo_cd": "report"})
    assert (only(result)["outcome"], cluster.replicas(), cluster.proxies()) == ("restored", 2, [])


def test_a_lost_one_needs_a_decision_too(cluster: Cluster) -> None:
    cluster.web("web", replicas=3, **ARGO)
    cluster.run("baseline")
    kind = cluster.store.kind("Deployment")
    cluster.store.update_scale(kind, "default", "web", {"metadata": {"name": "web"}, "spec": {}})
    (lost,) = cluster.run(lost=True, managers={"argo_cd": "report"})["lost"]
    assert lost["outcome"] == "needs_decision" and "managers: {argo_cd: restore} allows it" in lost["message"]
    (lost,) = cluster.run(lost=True, managers={"argo_cd": "report"}, replicas={"default/web": 3})["lost"]
    assert (lost["outcome"], cluster.replicas()) == ("restored", 3)


@pytest.mark.parametrize("managers", [{"argocd": "report"}, {"argo_cd": "ignore"}, {"argo_cd": ["report"]}])
def test_a_policy_that_makes_no_sense_is_refused(cluster: Cluster, managers: dict[str, Any]) -> None:
    result = cluster.run(managers=managers)
    ((name, policy),) = managers.items()
    known = "helm, argo_cd, flux, autoscaler or keda: restore or report"
    assert result["msg"] == f"Option managers has {name}: {policy}, but takes {known}."
