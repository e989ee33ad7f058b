# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What Telepresence 2 left in a cluster, of which class each is, and whether it can be removed without asking anybody.

A class is only ever concluded from what was read: where a manager did not answer, nothing is concluded from its intercepts.
"""

from __future__ import annotations

import typing as t

from .._cluster.kinds import Object, annotations_of, controller, dig, ref
from . import remains, versions
from .agents import ACTIONS, Agent
from .managers import AGENTS
from .seen import CRITICAL, INFO, MAJOR, MINOR, Leftover, Seen
from .undo import service_of, undo
from .workloads import KINDS

EVICTABLE = (*KINDS, "Rollout")
"""Whatever else has an agent in its pods is not sure to make new pods."""


def find(seen: Seen) -> list[Leftover]:
    """All leftovers, the gravest first."""
    of_managers = (
        remains.webhooks,
        remains.certificates,
        remains.claims,
        remains.jobs,
        remains.node_agents,
        remains.denials,
        remains.releases,
        remains.roles,
    )
    of_developers = (_replaced, _agents, _configs, _scaled, _edited, _intercepts)
    found = [leftover for rule in (*of_managers, *of_developers) for leftover in rule(seen)]
    gravity = (CRITICAL, MAJOR, MINOR, INFO)
    return sorted(found, key=lambda one: (gravity.index(one.severity), one.namespace or "", one.name, one.objects))


def _replaced(seen: Seen) -> t.Iterator[Leftover]:
    """Containers of the application that stay replaced although nobody intercepts them: nothing answers in their place."""
    found: dict[tuple[str, str], tuple[set[str], list[str], bool]] = {}
    for agent in seen.agents:
        if agent.replaced:
            objects, evidence, safe = found.setdefault((agent.namespace, agent.name), (set(), [], True))
            objects.add(_workload(agent))
            evidence.append(f"Of {len(agent.pods)} pods the agent replaces container {', '.join(agent.replaced)}.")
            found[(agent.namespace, agent.name)] = (
                objects,
                evidence,
                safe and agent.kind in EVICTABLE and not agent.manual,
            )
    for config in seen.configs:
        for entry in config.entries:
            if entry.replaced:
                objects, evidence, safe = found.setdefault((config.namespace, entry.workload), (set(), [], True))
                objects.add(f"ConfigMap {config.namespace}/{AGENTS}")
                evidence.append(
                    f"Its key {entry.workload} has container {', '.join(entry.replaced)} replaced in every new pod."
                )
                found[(config.namespace, entry.workload)] = (objects, evidence, safe and not entry.manual)
    for (namespace, name), (objects, evidence, safe) in found.items():
        if seen.intercepted(namespace, name) is False:
            yield Leftover(
                name="replaced_container",
                severity=CRITICAL,
                namespace=namespace,
                objects=tuple(sorted(objects)),
                evidence=(*evidence, "Nobody intercepts it, so that nothing answers in its place."),
                remedy=f"Delete key {name} of ConfigMap {AGENTS} if there is one, and evict the pods.",
                safe=safe,
                key=name,
            )


def _agents(seen: Seen) -> t.Iterator[Leftover]:
    for agent in seen.agents:
        manager, certain = seen.serving(agent.namespace)
        if agent.band == versions.EDITED or not certain:
            continue
        evidence = [f"{len(agent.pods)} of its pods have a traffic-agent ({agent.image})."]
        intercepted = seen.intercepted(agent.namespace, agent.name)
        movable = bool(agent.pods) and agent.kind in EVICTABLE and not agent.manual and intercepted is False
        if agent.manual:
            evidence.append("It is in the template of the workload: somebody put it there for good.")
        elif agent.kind not in EVICTABLE:
            evidence.append(f"It is not sure that something makes new pods for a {agent.kind}.")
        if intercepted is not False:
            evidence.append(f"{'Somebody' if intercepted else 'Nobody knows whether somebody'} intercepts it.")
        if manager is None:
            name, severity, safe = "agent_without_manager", MAJOR, movable
            evidence.append(f"No traffic-manager serves namespace {agent.namespace}.")
            remedy = "Evict its pods one after another: new ones come without an agent."
        elif agent.band == versions.CONFIG_MAP and manager.band in (versions.ANNOTATION, versions.NODE_AGENT):
            name, severity, safe = "agent_of_older_manager", MINOR, movable
            evidence.append(
                f"The manager in namespace {manager.namespace} is of {manager.version}, and does not see it."
            )
            remedy = "Evict its pods one after another: new ones come with an agent of this version, or without one."
        elif not (agent.manual or agent.annotated or agent.replaced) and intercepted is False:
            name, severity, safe = "dormant_agent", INFO, False
            evidence.append(
                "Nobody intercepts it. The agent stays for the next time, which is as Telepresence means it."
            )
            remedy = f"If it is not wanted: telepresence uninstall {agent.name}"
        else:
            continue
        if agent.manual:
            remedy = "Take it out of the template where that is kept."
        yield Leftover(name, severity, agent.namespace, (_workload(agent),), tuple(evidence), remedy, safe)


def _configs(seen: Seen) -> t.Iterator[Leftover]:
    for config in seen.configs:
        manager, certain = seen.serving(config.namespace)
        if not certain:
            continue
        this = f"ConfigMap {config.namespace}/{AGENTS}"
        names = ", ".join(entry.workload for entry in config.entries) or "no workload"
        if manager is None or manager.band != versions.CONFIG_MAP:
            mounted = sorted(seen.mounting.get(config.namespace, ()))
            whose = (
                "No traffic-manager serves"
                if manager is None
                else f"A traffic-manager {manager.version} does not use it in"
            )
            yield Leftover(
                name="orphan_agents_config",
                severity=MINOR,
                namespace=config.namespace,
                objects=(this,),
                evidence=(
                    f"{whose} namespace {config.namespace}.",
                    f"It names {names}.",
                    *(f"{one} mounts it." for one in mounted),
                ),
                remedy="Remove the agents of the namespace, and then the ConfigMap." if mounted else f"Delete {this}.",
                safe=not mounted,
            )
            continue
        for entry in config.entries:
            if entry.kind in KINDS and (config.namespace, entry.kind, entry.workload) not in seen.workloads:
                yield Leftover(
                    name="orphan_agents_key",
                    severity=MINOR,
                    namespace=config.namespace,
                    objects=(this,),
                    evidence=(
                        f"Its key {entry.workload} is for a {entry.kind} that does not exist.",
                        *["It is of an agent that somebody put into a template."] * entry.manual,
                    ),
                    remedy=f"Delete key {entry.workload} of {this}.",
                    safe=not entry.manual,
                    key=entry.workload,
                )


def _scaled(seen: Seen) -> t.Iterator[Leftover]:
    """ReplicaSets at 0 that a manager up to 2.21 gave an agent: it makes their pods anew by scaling to 0 and back."""
    for config in seen.configs:
        for entry in config.entries:
            this = f"ReplicaSet {config.namespace}/{entry.workload}"
            found = seen.objects.get(this)
            if (
                found
                and entry.kind == "ReplicaSet"
                and controller(found) is None
                and dig(found, "spec", "replicas") == 0
            ):
                yield Leftover(
                    name="replica_count",
                    severity=MAJOR,
                    namespace=config.namespace,
                    objects=(this,),
                    evidence=(
                        "It is at 0 replicas.",
                        "A traffic-manager up to 2.21 scales such a workload to 0 and back, and if it is killed meanwhile leaves it at 0.",
                    ),
                    remedy=f"Scale {this} to what it had: nothing in the cluster tells how many that were.",
                    safe=False,
                )


def _edited(seen: Seen) -> t.Iterator[Leftover]:
    for obj in seen.edited:
        problems = [problem for one in _together(obj, seen) for problem in _not_undoable(one, seen)]
        undoing = undo(obj)
        yield Leftover(
            name="edited_object",
            severity=MAJOR,
            namespace=obj["metadata"]["namespace"],
            objects=(ref(obj),),
            evidence=(f"A client up to 2.5 changed it, and noted how: {annotations_of(obj)[ACTIONS]}", *problems),
            remedy="Apply the patch to it, to its Service before the workload, where the rest of it is put right by hand.",
            safe=not problems,
            patch=tuple(undoing.patch),
        )


def _together(obj: Object, seen: Seen) -> list[Object]:
    """An edited object, and those that have to be put back along with it: a workload and its Service."""
    namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
    service = name if obj["kind"] == "Service" else service_of(obj)
    others = [
        one
        for one in seen.edited
        if one["metadata"]["namespace"] == namespace
        and (one["metadata"]["name"] if one["kind"] == "Service" else service_of(one)) == service
    ]
    return [obj, *(one for one in others if service is not None and one is not obj)]


def _not_undoable(obj: Object, seen: Seen) -> list[str]:
    """Why an edited object is not put back without asking."""
    namespace, name = obj["metadata"]["namespace"], obj["metadata"]["name"]
    manager, certain = seen.serving(namespace)
    problems = [f"{ref(obj)}: {sentence}" for sentence in undo(obj).drift]
    if not certain:
        problems.append(f"Whether a traffic-manager serves namespace {namespace} is not known.")
    elif manager is not None and manager.band == versions.EDITED:
        problems.append(f"The manager in namespace {manager.namespace} is of {manager.version}, and may use it.")
    elif obj["kind"] != "Service" and seen.intercepted(namespace, name) is not False:
        problems.append(f"Whether somebody intercepts {ref(obj)} is not sure.")
    return problems


def _intercepts(seen: Seen) -> t.Iterator[Leftover]:
    for one in seen.intercepts:
        evidence = []
        if one.disposition == "AGENT_ERROR":
            evidence.append(f"The agent reports: {one.message or 'no reason'}.")
        if one.pod_ip and one.live and one.pod_ip not in seen.pod_ips:
            evidence.append(f"No pod has the address {one.pod_ip} that it was made for.")
        if evidence:
            yield Leftover(
                name="broken_intercept",
                severity=MINOR,
                namespace=one.namespace,
                objects=(f"{one.kind or 'Workload'} {one.namespace}/{one.agent}",),
                evidence=(f"Intercept {one.id} of {one.client} is {one.disposition}.", *evidence),
                remedy="Ask its owner to end it: whether the client lives cannot be told from outside.",
                safe=False,
            )


def _workload(agent: Agent) -> str:
    return f"{agent.kind} {agent.namespace}/{agent.name}"
