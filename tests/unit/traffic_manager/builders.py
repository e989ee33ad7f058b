"""Recorded objects of a real traffic-manager 2.20.2, and constructed ones for what was not recorded."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager import seen as seen_
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.agents import Agent
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.intercepts import Intercept
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.managers import Manager
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.webhooks import Webhook

RECORDED = Path(__file__).parents[1] / "fixtures" / "telepresence2"
NAMES = ("intercepted", "replaced", "restarted", "removed")
NOW = 1795529600.0
"""2026-11-24T14:13:20Z: when a constructed cluster is looked at."""


def recorded(name: str, *kinds: str) -> list[Object]:
    """The recorded objects of some kinds in a state, anew for each caller."""
    items: list[Object] = json.loads((RECORDED / f"{name}.json").read_text())["items"]
    return [one for one in items if one["kind"] in kinds]


def snapshot(name: str) -> bytes:
    """The recorded answer of the manager in a state."""
    return bytes.fromhex((RECORDED / f"{name}.hex").read_text())


def namespace(name: str, **labels: str) -> Object:
    """A namespace with these labels."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name, **labels}},
    }


def names(*namespaces: str) -> dict[str, t.Any]:
    """A selector of namespaces that are named one by one."""
    return {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": [*namespaces]}]}


def manager_workload(
    version: str = "2.27.4", kind: str = "Deployment", namespace: str = "tel", env: t.Sequence[Object] = ()
) -> Object:
    """Constructed: the workload of a manager."""
    labels = {"app": "traffic-manager", "telepresence": "manager", "app.kubernetes.io/version": version}
    container = {"name": "traffic-manager", "image": f"lab.local/tel2:{version}", "env": [*env]}
    return {
        "kind": kind,
        "metadata": {"name": "traffic-manager", "namespace": namespace, "labels": labels},
        "spec": {"replicas": 1, "template": {"spec": {"containers": [container]}}},
    }


def config_map(name: str, namespace: str = "tel", **data: str) -> Object:
    """Constructed: a ConfigMap; of the keys, ``_`` stands for both ``-`` and, before ``yaml``, ``.``."""
    keys = {key.replace("_yaml", ".yaml").replace("_", "-"): value for key, value in data.items()}
    return {"kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": keys}


def pod(
    name: str = "web-1",
    namespace: str = "shop",
    owner: tuple[str, str] | None = None,
    notes: t.Mapping[str, str] | None = None,
) -> Object:
    """Constructed: a pod with an agent and these annotations; ``owner`` is its controller's kind and name."""
    meta: Object = {"name": name, "namespace": namespace, "annotations": {**(notes or {})}, "labels": {}}
    if owner:
        meta["ownerReferences"] = [{"kind": owner[0], "name": owner[1], "controller": True}]
    containers = [
        {"name": "app", "image": "lab.local/app:1"},
        {"name": "traffic-agent", "image": "lab.local/tel2:2.27.4"},
    ]
    return {"kind": "Pod", "metadata": meta, "spec": {"containers": containers}}


def workload(
    name: str = "web",
    namespace: str = "shop",
    kind: str = "Deployment",
    agent: bool = False,
    notes: t.Mapping[str, str] | None = None,
) -> Object:
    """Constructed: a workload with these annotations, with or without an agent in its template."""
    containers = [{"name": "app"}, *([{"name": "traffic-agent", "image": "lab.local/tel2:2.5.8"}] * agent)]
    return {
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "annotations": {**(notes or {})}},
        "spec": {"template": {"metadata": {}, "spec": {"containers": containers}}},
    }


def manager(version: str = "2.20.2", selector: t.Any = None, namespace: str = "tel", **changed: t.Any) -> Manager:
    """Constructed: a manager that serves namespaces tel and shop, or what ``selector`` selects."""
    band = {"2.20.2": "2.6-2.21", "2.27.4": "2.22-2.29"}[version]
    values: dict[str, t.Any] = {
        "namespace": namespace,
        "kind": "Deployment",
        "name": "traffic-manager",
        "version": version,
        "band": band,
        "replicas": 1,
        "ready": 1,
        "selector": names("tel", "shop") if selector is None else selector,
        "release": "traffic-manager",
        "chart": None,
        "created_by": "Helm",
        "image": None,
        "api_port": 8081,
        "https_port": 443,
    }
    return Manager(**{**values, **changed})


def agent(name: str = "web", namespace: str = "shop", **changed: t.Any) -> Agent:
    """Constructed: the agents of 2.20.2 of a Deployment with one pod."""
    values: dict[str, t.Any] = {
        "namespace": namespace,
        "kind": "Deployment",
        "name": name,
        "image": "lab.local/tel2:2.20.2",
        "band": "2.6-2.21",
        "manual": False,
        "annotated": False,
        "pods": (f"{name}-1",),
    }
    return Agent(**{**values, **changed})


def intercept(agent: str = "web", namespace: str = "shop", **changed: t.Any) -> Intercept:
    """Constructed: an intercept that is well."""
    values: dict[str, t.Any] = {
        "manager": "tel",
        "id": f"s-1:{agent}",
        "name": agent,
        "client": "dev@laptop",
        "session_id": "s-1",
        "namespace": namespace,
        "agent": agent,
        "kind": "Deployment",
        "replace": False,
        "wiretap": False,
        "disposition": "ACTIVE",
        "message": "",
        "pod": f"{agent}-1",
        "pod_ip": "10.0.0.1",
        "changed": NOW - 60,
    }
    return Intercept(**{**values, **changed})


def webhook(**changed: t.Any) -> Webhook:
    """Constructed: a webhook that works."""
    values: dict[str, t.Any] = {
        "configuration": "agent-injector-webhook-tel",
        "name": "agent-injector-tel.telepresence.io",
        "namespace": "tel",
        "service": "agent-injector",
        "failure_policy": "Ignore",
        "timeout": 5,
        "selector": {},
        "works": True,
        "absent": False,
        "reason": "It works.",
        "ends": None,
    }
    return Webhook(**{**values, **changed})


def seen(**changed: t.Any) -> seen_.Seen:
    """Constructed: a cluster with namespaces tel and shop and a manager 2.20.2 that serves both and answers."""
    values: dict[str, t.Any] = {
        "namespaces": {name: namespace(name) for name in ("tel", "shop")},
        "managers": [manager()],
        "now": NOW,
        "pod_ips": {"10.0.0.1"},
    }
    return seen_.Seen(**{**values, **changed})
