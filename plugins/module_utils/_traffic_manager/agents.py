# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The traffic-agents in a cluster, by workload: in pods, and in the templates of workloads that have one for good."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import typing as t
from dataclasses import dataclass, field

from .._cluster.kinds import Object, annotations_of, controller, dig, labels_of
from . import versions

CONTAINER = "traffic-agent"
"""pkg/agentconfig/sidecar.go of 2.20.2 and 2.27.4, and every version before."""
CONFIG_VOLUME = "traffic-config"
"""The volume from ConfigMap telepresence-agents (sidecar.go of 2.20.2); agents up to 2.5 and from 2.22 have none."""
PREFIXES = ("telepresence.io/", "telepresence.getambassador.io/")
"""Of annotations, the second of them until 2.21 (pkg/annotation of 2.27.4, which still reads it)."""
CONFIG = "telepresence.io/agent-config"
REPLACED = "telepresence.io/replaced-container."
ACTIONS = "telepresence.getambassador.io/actions"
"""What a client up to 2.5 changed in a workload or a Service (install_actions.go of 2.4.11)."""
SLEEPER = ("alpine:latest", ["sleep", "infinity"])
"""What takes the place of a container that ``intercept --replace`` replaced until 2.21 (mutator/agent_injector.go of 2.20.2)."""


@dataclass(frozen=True)
class Agent:
    """The agents of one workload that are of one kind. ``pods``: their names, empty where only the template has the agent.

    ``manual``: somebody put it into the template. ``annotated``: the pods ask for one. ``replaced``: containers of the application
    that do not run because of it.
    """

    namespace: str
    kind: str
    name: str
    image: str
    band: str | None
    manual: bool
    annotated: bool
    replaced: tuple[str, ...] = ()
    pods: tuple[str, ...] = field(default=(), compare=False)

    @property
    def workload(self) -> tuple[str, str, str]:
        """Namespace, kind and name of the workload."""
        return self.namespace, self.kind, self.name


def recognise(pods: t.Iterable[Object], workloads: t.Sequence[Object]) -> list[Agent]:
    """The agents among all pods and workloads of some namespaces, by workload."""
    owners = {(one["metadata"]["namespace"], one["kind"], one["metadata"]["name"]): one for one in workloads}
    found: dict[Agent, list[str]] = {}
    for pod in pods:
        if _agent(pod.get("spec")) and not pod["metadata"].get("deletionTimestamp"):
            found.setdefault(_of_pod(pod, owners), []).append(pod["metadata"]["name"])
    known = {agent.workload for agent in found}
    for key, workload in owners.items():
        template = dig(workload, "spec", "template") or {}
        if _agent(template.get("spec")) and key not in known and controller(workload) is None:
            found[_of_template(workload, template)] = []
    agents = [Agent(**{**vars(agent), "pods": tuple(sorted(names))}) for agent, names in found.items()]
    return sorted(agents, key=lambda agent: (agent.workload, agent.pods))


def addresses(pods: t.Iterable[Object]) -> set[str]:
    """The addresses of all pods that have an agent and run."""
    found = set()
    for pod in pods:
        if _agent(pod.get("spec")) and dig(pod, "status", "phase") == "Running":
            found |= {dig(pod, "status", "podIP"), *(dig(one, "ip") for one in dig(pod, "status", "podIPs") or [])}
    return {str(ipaddress.ip_address(one)) for one in found if one}


def asked_for(annotations: t.Mapping[str, str]) -> bool:
    """Whether annotations of a pod or a template ask for an agent."""
    return any(annotations.get(f"{prefix}inject-traffic-agent") == "enabled" for prefix in PREFIXES)


def _agent(spec: t.Any) -> Object | None:
    containers = [*(dig(spec, "containers") or []), *(dig(spec, "initContainers") or [])]
    return next((one for one in containers if one.get("name") == CONTAINER), None)


def _of_pod(pod: Object, owners: t.Mapping[tuple[str, str, str], Object]) -> Agent:
    namespace, kind, name = workload_of(pod, owners)
    notes = annotations_of(pod)
    workload = owners.get((namespace, kind, name))
    template, edited = dig(workload, "spec", "template") or {}, _edited(workload)
    in_template = _agent(template.get("spec")) is not None
    volumes = {volume.get("name") for volume in pod["spec"].get("volumes") or []}
    image = str((_agent(pod["spec"]) or {}).get("image"))
    band: str | None
    if CONFIG in notes:
        # From 2.30 on it looks the same: the version tells.
        band = (
            versions.NODE_AGENT
            if versions.band(versions.of_image(image)) == versions.NODE_AGENT
            else versions.ANNOTATION
        )
    elif CONFIG_VOLUME in volumes:
        band = versions.CONFIG_MAP
    else:
        band = versions.EDITED if edited else versions.band(versions.of_image(image))
    return Agent(
        namespace=namespace,
        kind=kind,
        name=name,
        image=image,
        band=band,
        manual=in_template and not edited,
        # The webhook writes it into the pods of every workload with an agent; only a template's is somebody's wish.
        annotated=asked_for((template.get("metadata") or {}).get("annotations") or {}),
        replaced=_replaced(pod),
    )


def _of_template(workload: Object, template: Object) -> Agent:
    image = str((_agent(template["spec"]) or {}).get("image"))
    edited = _edited(workload)
    return Agent(
        namespace=workload["metadata"]["namespace"],
        kind=workload["kind"],
        name=workload["metadata"]["name"],
        image=image,
        band=versions.EDITED if edited else versions.band(versions.of_image(image)),
        manual=not edited,
        annotated=asked_for((template.get("metadata") or {}).get("annotations") or {}),
    )


def workload_of(pod: Object, owners: t.Mapping[tuple[str, str, str], Object]) -> tuple[str, str, str]:
    """Namespace, kind and name of what a pod belongs to: its topmost controller among ``owners``, or what its labels say, or itself.

    An owner that is not among them (a Rollout, say) is named by the reference to it.
    """
    namespace = pod["metadata"]["namespace"]
    key = (namespace, "Pod", pod["metadata"]["name"])
    owner = controller(pod)
    while owner is not None:
        key = (namespace, str(owner.get("kind")), str(owner.get("name")))
        owner = controller(owners[key]) if key in owners else None
    labels = labels_of(pod)
    name, kind = labels.get("telepresence.io/workloadName"), labels.get("telepresence.io/workloadKind")
    return (namespace, kind, name) if name and kind and key not in owners else key


def _edited(workload: Object | None) -> bool:
    return workload is not None and ACTIONS in annotations_of(workload)


def replaced_by(config: t.Any) -> tuple[str, ...]:
    """The containers that an agent's configuration, which anybody may have written, says to replace, sorted.

    ``replace`` is 0 or 1, and from 2.22 on also 2, which means neither (pkg/agentconfig/sidecar.go of 2.20.2 and 2.27.4).
    """
    containers = dig(config, "containers")
    listed = containers if isinstance(containers, list) else []
    return tuple(sorted(str(dig(one, "name")) for one in listed if dig(one, "replace") in (1, True)))


def _replaced(pod: Object) -> tuple[str, ...]:
    """The containers of the application that the agent replaced, by what the pod itself shows."""
    notes = annotations_of(pod)
    names = {key[len(REPLACED) :] for key in notes if key.startswith(REPLACED)}
    if CONFIG in notes:
        with contextlib.suppress(ValueError):
            names |= {*replaced_by(json.loads(notes[CONFIG]))}
        return tuple(sorted(names))
    containers = pod["spec"].get("containers") or []
    return tuple(sorted(str(one.get("name")) for one in containers if (one.get("image"), one.get("args")) == SLEEPER))
