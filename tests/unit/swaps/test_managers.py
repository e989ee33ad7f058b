"""Who else writes the replicas of a workload."""

from __future__ import annotations

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.counts import Count
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.managers import Manager, heeding, managers

from .builders import (
    autoscaler,
    changed,
    deployment,
)

HELM = {"meta.helm.sh/release-name": "web", "meta.helm.sh/release-namespace": "shop"}


@pytest.mark.parametrize(
    ("labels", "notes", "expected"),
    [
        ({}, {}, []),
        ({"app.kubernetes.io/managed-by": "Helm"}, HELM, ["Helm release shop/web"]),
        ({}, HELM, []),
        ({"app.kubernetes.io/managed-by": "Helm"}, {}, ["Helm release ?/?"]),
        ({"app.kubernetes.io/managed-by": "me"}, HELM, []),
        ({}, {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}, ["Argo CD application shop"]),
        ({"kustomize.toolkit.fluxcd.io/name": "apps"}, {}, ["Flux Kustomization apps"]),
        ({"helm.toolkit.fluxcd.io/name": "web"}, {}, ["Flux HelmRelease web"]),
    ],
    ids=[
        "nobody",
        "helm",
        "helm-annotations-alone",
        "helm-label-alone",
        "by-hand",
        "argo",
        "kustomization",
        "helm-release",
    ],
)
def test_managers(labels: dict[str, str], notes: dict[str, str], expected: list[str]) -> None:
    original = deployment(labels=labels, annotations=notes)
    assert [str(one) for one in managers(original, [])] == expected
    scalers = [autoscaler(), autoscaler(name="api")]
    assert [str(one) for one in managers(original, scalers)] == [*expected, "HorizontalPodAutoscaler shop/scaler"]


ARGO_INSTANCE = {"argocd.argoproj.io/instance": "shop"}


@pytest.mark.parametrize(
    ("labels", "notes", "tools"),
    [
        ({"app.kubernetes.io/managed-by": "Helm"}, HELM, ["helm"]),
        (ARGO_INSTANCE, {}, ["argo_cd"]),
        (ARGO_INSTANCE, {"argocd.argoproj.io/tracking-id": "shop:apps/Deployment:shop/web"}, ["argo_cd"]),
        ({"kustomize.toolkit.fluxcd.io/name": "apps", "helm.toolkit.fluxcd.io/name": "web"}, {}, ["flux", "flux"]),
    ],
)
def test_tools(labels: dict[str, str], notes: dict[str, str], tools: list[str]) -> None:
    found = managers(deployment(labels=labels, annotations=notes), [autoscaler()])
    assert [one.tool for one in found] == [*tools, "autoscaler"]


@pytest.mark.parametrize(
    "meta",
    [
        {"labels": {"scaledobject.keda.sh/name": "web"}},
        {"ownerReferences": [{"kind": "ScaledObject", "name": "web", "controller": True}]},
    ],
)
def test_keda_is_known_by_its_autoscaler(meta: Object) -> None:
    scaler = changed(autoscaler(), name="keda-hpa-web", **meta)
    assert managers(deployment(), [scaler]) == [Manager("keda", "KEDA ScaledObject shop/web")]
    assert managers(deployment(), [changed(scaler, labels={}, ownerReferences=[{"kind": "X", "name": "web"}])]) == [
        Manager("autoscaler", "HorizontalPodAutoscaler shop/keda-hpa-web")
    ]


ARGO = Manager("argo_cd", "Argo CD application shop")


@pytest.mark.parametrize(
    ("count", "reported", "heeded"),
    [
        (Count(3), ["argo_cd"], True),
        (Count(3), ["helm", "argo_cd"], True),
        (Count(3), ["helm"], False),
        (Count(3), [], False),
        (Count(0), ["argo_cd"], False),
        (Count(problem="nothing says"), ["argo_cd"], False),
    ],
)
def test_a_manager_to_be_reported_is_asked_first(count: Count, reported: list[str], heeded: bool) -> None:
    result = heeding(count, [ARGO], reported)
    if not heeded:
        assert result == count
        return
    said = "Argo CD application shop keeps it, and that is to be reported (managers: {argo_cd: restore} allows it)"
    assert result == Count(problem=said, proposal=3)
