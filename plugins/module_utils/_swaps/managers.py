# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Who else writes the replicas of a workload, and whether a recovery goes first."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._cluster.kinds import Object, annotations_of, dig, labels_of, ref
from .counts import Count

TOOLS = ("helm", "argo_cd", "flux", "autoscaler", "keda")
"""Those that are known, as the option ``managers`` names them."""
POLICIES = ("restore", "report")

KEDA = "scaledobject.keda.sh/name"
"""The label that KEDA gives to its HorizontalPodAutoscalers (keda 2.20, controllers/keda/hpa.go)."""


@dataclass(frozen=True)
class Manager:
    """One that keeps a workload as it wants it: ``tool`` is one of TOOLS, ``str()`` names it to people."""

    tool: str
    name: str

    def __str__(self) -> str:
        return self.name


def managers(original: Object, autoscalers: t.Iterable[Object]) -> list[Manager]:
    """Who else writes the original's replicas: Helm, Argo CD, Flux, a HorizontalPodAutoscaler or KEDA by means of one."""
    marks = {**labels_of(original), **annotations_of(original)}
    found = []
    release = helm_release(original)
    if release:
        found.append(Manager("helm", f"Helm release {release[0] or '?'}/{release[1] or '?'}"))
    tools = set()
    for mark, tool, what in (
        ("argocd.argoproj.io/tracking-id", "argo_cd", "Argo CD application"),
        ("argocd.argoproj.io/instance", "argo_cd", "Argo CD application"),
        ("kustomize.toolkit.fluxcd.io/name", "flux", "Flux Kustomization"),
        ("helm.toolkit.fluxcd.io/name", "flux", "Flux HelmRelease"),
    ):
        if mark in marks and what not in tools:
            tools.add(what)
            found.append(Manager(tool, f"{what} {marks[mark].partition(':')[0]}"))
    return found + [_scaler(autoscaler) for autoscaler in autoscalers if targets(autoscaler, original)]


def helm_release(original: Object) -> tuple[str, str] | None:
    """(namespace, name) of the Helm release that a workload belongs to, None where it belongs to none."""
    if labels_of(original).get("app.kubernetes.io/managed-by") != "Helm":
        return None
    notes = annotations_of(original)
    return notes.get("meta.helm.sh/release-namespace", ""), notes.get("meta.helm.sh/release-name", "")


def targets(autoscaler: Object, original: Object) -> bool:
    """Whether an autoscaler sets the replicas of this workload."""
    target = (autoscaler.get("spec") or {}).get("scaleTargetRef") or {}
    return (target.get("kind"), target.get("name")) == (original["kind"], original["metadata"]["name"])


def heeding(count: Count, managed_by: t.Iterable[Manager], reported: t.Container[str]) -> Count:
    """The count, unless one of the managers is to be ``reported`` instead of overruled."""
    manager = next((one for one in managed_by if one.tool in reported), None)
    if manager is None or not count.value:
        return count
    allow = f"managers: {{{manager.tool}: restore}} allows it"
    return Count(problem=f"{manager} keeps it, and that is to be reported ({allow})", proposal=count.value)


def _scaler(autoscaler: Object) -> Manager:
    name = labels_of(autoscaler).get(KEDA)
    if name is None:
        owners = dig(autoscaler, "metadata", "ownerReferences") or []
        name = next((owner.get("name") for owner in owners if owner.get("kind") == "ScaledObject"), None)
    if name is None:
        return Manager("autoscaler", ref(autoscaler))
    return Manager("keda", f"KEDA ScaledObject {autoscaler['metadata']['namespace']}/{name}")
