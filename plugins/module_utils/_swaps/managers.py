# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Who else writes the replicas of a workload."""

from __future__ import annotations

import typing as t

from .._cluster.kinds import Object, annotations_of, ref


def managers(original: Object, autoscalers: t.Iterable[Object]) -> list[str]:
    """Who else writes the original's replicas: Helm, Argo CD, Flux, a HorizontalPodAutoscaler; for people to read."""
    marks = {**(original["metadata"].get("labels") or {}), **annotations_of(original)}
    found = []
    if marks.get("app.kubernetes.io/managed-by") == "Helm":
        found.append(
            f"Helm release {marks.get('meta.helm.sh/release-namespace', '?')}/{marks.get('meta.helm.sh/release-name', '?')}"
        )
    for mark, tool in (
        ("argocd.argoproj.io/tracking-id", "Argo CD application"),
        ("kustomize.toolkit.fluxcd.io/name", "Flux Kustomization"),
        ("helm.toolkit.fluxcd.io/name", "Flux HelmRelease"),
    ):
        if mark in marks:
            found.append(f"{tool} {marks[mark].partition(':')[0]}")
    return found + [ref(autoscaler) for autoscaler in autoscalers if targets(autoscaler, original)]


def targets(autoscaler: Object, original: Object) -> bool:
    """Whether an autoscaler sets the replicas of this workload."""
    target = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    return (target.get("kind"), target.get("name")) == (original["kind"], original["metadata"]["name"])
