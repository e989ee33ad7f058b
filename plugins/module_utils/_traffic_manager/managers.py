# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The traffic-managers of a cluster: which there are, of which version, and which namespaces each of them serves."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._cluster.kinds import Object, annotations_of, dig, labels_of, whole
from . import selectors, versions

try:
    import yaml
except ImportError:  # kubernetes depends on it; connect() says so where both are missing
    yaml = None  # type: ignore[assignment]

SELECTOR = "app=traffic-manager,telepresence=manager"
"""Labels of the manager's workload and of its pods (charts/telepresence/templates/_helpers.tpl of 2.4.11 to 2.27.4)."""
KINDS = ("Deployment", "StatefulSet")
"""The second of them from 2.32 on (charts of telepresence, commit 6256606f)."""
CONTAINER = "traffic-manager"
CONFIG = "traffic-manager"
"""The ConfigMap of the manager's own settings (pkg/tmconfig/configmap.go of 2.27.4)."""
AGENTS = "telepresence-agents"
"""Of managers 2.6 to 2.21, in every namespace with an agent: a key for each workload (pkg/agentconfig/sidecar.go of 2.20.2)."""
CLAIM = "traffic-manager-claim"
"""Of namespaced managers up to 2.21: who serves the namespace (templates/traffic-manager-claim.yaml of 2.20.2)."""
API_PORT = 8081
"""The chart's ``apiPort`` (values.yaml of 2.4.11 to 2.27.4)."""
HTTPS_PORT = "https"
"""The port of the webhook in the manager's pod (templates/deployment.yaml of 2.20.2 and 2.27.4)."""


@dataclass(frozen=True)
class Manager:
    """One traffic-manager. ``selector`` tells the namespaces that it serves, None where that is not known."""

    namespace: str
    kind: str
    name: str
    version: str | None
    band: str | None
    replicas: int
    ready: int
    selector: t.Any
    release: str | None
    chart: str | None
    created_by: str | None
    image: str | None
    api_port: int
    https_port: int | None

    @property
    def mode(self) -> str | None:
        """``namespaced`` where it serves namespaces that are named one by one, else ``cluster``; None where it is not known."""
        if self.selector is None:
            return None
        return "namespaced" if self.namespaces is not None else "cluster"

    @property
    def namespaces(self) -> list[str] | None:
        """The namespaces that it serves, where they are named one by one."""
        return selectors.only_these(self.selector)

    def serves(self, namespace: Object | None) -> bool | None:
        """Whether it serves a namespace; None where that is not known, as it is for a namespace that cannot be read."""
        return None if namespace is None else selectors.matches(self.selector, namespace)


def labelled(obj: Object) -> bool:
    """Whether an object has the labels of a manager's workload and pods."""
    labels = labels_of(obj)
    return all(labels.get(key) == value for key, _equals, value in (one.partition("=") for one in SELECTOR.split(",")))


def recognise(workloads: t.Iterable[Object], configs: t.Iterable[Object]) -> list[Manager]:
    """The managers among labelled workloads, by namespace; ``configs`` are ConfigMaps of any name."""
    settings = {one["metadata"]["namespace"]: one for one in configs if one["metadata"]["name"] == CONFIG}
    found = [
        _manager(one, settings.get(one["metadata"]["namespace"]))
        for one in workloads
        if one["kind"] in KINDS and _container(one)
    ]
    return sorted(found, key=lambda manager: (manager.namespace, manager.name))


def serving(managers: t.Iterable[Manager], namespace: Object | None) -> tuple[Manager | None, bool]:
    """The manager that serves a namespace, and whether the answer is certain."""
    unsure = False
    for manager in managers:
        serves = manager.serves(namespace)
        if serves:
            return manager, True
        unsure = unsure or serves is None
    return None, not unsure


def _manager(workload: Object, config: Object | None) -> Manager:
    meta, labels, notes = workload["metadata"], labels_of(workload), annotations_of(workload)
    container = _container(workload) or {}
    image = container.get("image")
    version = labels.get("app.kubernetes.io/version") or versions.of_image(image)
    ports = {port.get("name"): whole(port.get("containerPort")) for port in container.get("ports") or []}
    band = versions.band(version)
    return Manager(
        namespace=meta["namespace"],
        kind=workload["kind"],
        name=meta["name"],
        version=version,
        band=band,
        replicas=whole(dig(workload, "spec", "replicas")) or 0,
        ready=whole(dig(workload, "status", "readyReplicas")) or 0,
        selector=_selector(band, container, config),
        release=notes.get("meta.helm.sh/release-name"),
        chart=labels.get("helm.sh/chart"),
        created_by=labels.get("app.kubernetes.io/created-by"),
        image=image,
        api_port=ports.get("api") or API_PORT,
        https_port=ports.get(HTTPS_PORT),
    )


def _container(workload: Object) -> Object | None:
    containers = dig(workload, "spec", "template", "spec", "containers") or []
    return next((one for one in containers if one.get("name") == CONTAINER), None)


def _selector(band: str | None, container: Object, config: Object | None) -> t.Any:
    """What selects the namespaces that a manager serves, None where it is not known.

    Until 2.21 a namespaced manager is told the names in its environment (templates/deployment.yaml of 2.20.2), later ones read a
    selector in their ConfigMap (templates/trafficManager-configmap.yaml of 2.27.4).
    """
    if band in (versions.ANNOTATION, versions.NODE_AGENT):
        try:
            found = yaml.safe_load(str(dig(config, "data", "namespace-selector.yaml") or ""))
        except yaml.YAMLError:
            return None
        return found if isinstance(found, dict) else None
    if band is None:
        return None
    value = next(
        (env.get("value") for env in container.get("env") or [] if env.get("name") == "MANAGED_NAMESPACES"), ""
    )
    named = str(value or "").split()
    if named:
        return {"matchExpressions": [{"key": selectors.NAME, "operator": "In", "values": named}]}
    return {}
