# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Which workload did a session scale down? Proven by uid, or by a rule that leaves exactly one candidate; else unknown."""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass

from .._cluster.kinds import (
    DEPLOYMENT,
    DEPLOYMENT_CONFIG,
    REPLICATION_CONTROLLER,
    Object,
    annotations_of,
    controller,
    dig,
    ref,
    uid,
)
from .sessions import LABEL, Session, named_for, pod_labels, pod_spec, session_of

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
CUT = {32: 17, 36: 13}
"""Characters of the original's name that a proxy's name keeps, by the length of the session id (telepresence 0.91, 0.85)."""


@dataclass(frozen=True)
class Match:
    """The original of a session, and how it was found.

    ``candidates``: every workload that the session may have scaled down; ``original``: the one that it did, or None, and then
    ``problem`` says in a sentence why that is not known. ``matched_by``: ``uid`` or ``name``.
    """

    original: Object | None = None
    matched_by: str | None = None
    candidates: tuple[Object, ...] = ()
    problem: str = ""


def last_applied(obj: Object) -> Object:
    """The object as kubectl apply stored it in its annotation, empty where it did not."""
    try:
        stored = json.loads(annotations_of(obj).get(LAST_APPLIED) or "{}")
    except (ValueError, RecursionError):
        return {}
    return stored if isinstance(stored, dict) else {}


def find(session: Session, workloads: t.Iterable[Object]) -> Match:
    """The original of a swap among the workloads of its namespace."""
    proxy = session.proxies[0]
    others = [workload for workload in workloads if not _is_proxy(workload)]
    changed = next((workload for workload in others if uid(workload) == _changed_in_place(proxy)), None)
    if changed:
        return Match(changed, "uid", (changed,))
    named = _named(session, proxy, others)
    recorded = _recorded_uid(proxy)
    if recorded:
        # kubectl apply stored the copied metadata of the original with the proxy (telepresence 0.98 to 0.105).
        proven = [workload for workload in others if uid(workload) == recorded]
        if proven:
            return Match(proven[0], "uid", (proven[0],))
        return Match(candidates=named, problem=f"the workload with uid {recorded}, which it replaced, no longer exists")
    fitting = [workload for workload in named if _fits(proxy, workload)]
    if len(fitting) == 1:
        return Match(fitting[0], "name", (fitting[0],))
    if fitting:
        names = ", ".join(sorted(ref(workload) for workload in fitting))
        return Match(candidates=named, problem=f"more than one workload may be the one it replaced: {names}")
    return Match(
        candidates=named, problem=f"no workload of one of workload_kinds in namespace {session.namespace} fits it"
    )


def _is_proxy(workload: Object) -> bool:
    """Whether a workload is a proxy; one that only carries a session's label was changed in place, and may be swapped once more."""
    session_id = session_of(workload)
    return session_id is not None and named_for(workload, session_id)


def _changed_in_place(proxy: Object) -> str | None:
    """The uid of the DeploymentConfig that a client changed itself, or that owns the ReplicationController that it changed."""
    if proxy["kind"] == DEPLOYMENT_CONFIG.name:
        return uid(proxy)
    if proxy["kind"] == REPLICATION_CONTROLLER.name:
        return (controller(proxy) or {}).get("uid")
    return None


def _recorded_uid(proxy: Object) -> str | None:
    recorded = dig(last_applied(proxy), "metadata", "uid")
    return str(recorded) if recorded and recorded != uid(proxy) else None


def _named(session: Session, proxy: Object, workloads: t.Iterable[Object]) -> tuple[Object, ...]:
    """The workloads that the proxy's name was made of: it stands in for one of them, even if that was changed since."""
    cut, name = CUT[len(session.session_id)], proxy["metadata"]["name"]
    return tuple(one for one in workloads if name == f"{one['metadata']['name'][:cut]}-{session.session_id}")


def _fits(proxy: Object, workload: Object) -> bool:
    """Whether the proxy can be a copy of the workload as it is now, or of its pods."""
    selector = (workload.get("spec") or {}).get("selector") or {}
    if proxy["kind"] == DEPLOYMENT.name and (
        workload["kind"] != DEPLOYMENT.name or (proxy["spec"].get("selector") or {}) != selector
    ):
        return False
    if workload["kind"] == DEPLOYMENT_CONFIG.name:
        # Its selector is a plain map of labels (openshift/api, apps/v1/types.go).
        selector = {"matchLabels": selector}
    own_labels = {key: value for key, value in pod_labels(proxy).items() if key != LABEL}
    containers = {container["name"] for container in pod_spec(proxy).get("containers") or []}
    wanted = {container["name"] for container in pod_spec(workload).get("containers") or []}
    return selects(selector, own_labels) and wanted <= containers


def selects(selector: Object, labels: t.Mapping[str, str]) -> bool:
    """Whether a workload's label selector selects a pod with these labels. An empty one selects nothing here."""
    wanted = selector.get("matchLabels") or {}
    rules = selector.get("matchExpressions") or []
    if not wanted and not rules:
        return False
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        _holds(rule, labels) for rule in rules
    )


def _holds(rule: Object, labels: t.Mapping[str, str]) -> bool:
    key, values = rule.get("key"), rule.get("values") or []
    return {
        "In": labels.get(str(key)) in values,
        "NotIn": labels.get(str(key)) not in values,
        "Exists": key in labels,
        "DoesNotExist": key not in labels,
    }.get(str(rule.get("operator")), False)
