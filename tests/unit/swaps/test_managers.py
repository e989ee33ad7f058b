"""Who else writes the replicas of a workload."""

from __future__ import annotations

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.managers import managers

from .builders import (
    autoscaler,
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
    assert managers(original, []) == expected
    scalers = [autoscaler(), autoscaler(name="api")]
    assert managers(original, scalers) == [*expected, "HorizontalPodAutoscaler shop/scaler"]
