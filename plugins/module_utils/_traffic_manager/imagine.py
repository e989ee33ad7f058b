# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What a cluster would look like after an action, as far as leftovers go: check mode decides by it what would be done next. Pure."""

from __future__ import annotations

import dataclasses

from .._cluster.kinds import Object, labels_of, ref
from .actions import Action, Delete, DropKey, Evict, Undo
from .agents import Agent
from .managers import AGENTS
from .seen import Seen
from .state import AgentsConfig


def after(seen: Seen, action: Action) -> Seen:
    """What would be seen once an action was carried out and has had its effect."""
    if isinstance(action, Evict):
        return _without_pod(seen, action)
    if isinstance(action, DropKey):
        return dataclasses.replace(seen, configs=[_without_key(one, action) for one in seen.configs])
    if isinstance(action, Undo):
        return dataclasses.replace(seen, edited=[one for one in seen.edited if ref(one) != ref(action.obj)])
    return _without(seen, action)


def _without_pod(seen: Seen, action: Evict) -> Seen:
    """The pod that takes its place has no agent."""
    pod = action.pod["metadata"]
    mounting = {
        namespace: frozenset(names - {ref(action.pod)})
        for namespace, names in seen.mounting.items()
        if names != {ref(action.pod)}
    }
    agents = [_less(one, pod["name"]) if one.namespace == pod["namespace"] else one for one in seen.agents]
    return dataclasses.replace(seen, mounting=mounting, agents=[one for one in agents if one.pods or one.manual])


def _less(agent: Agent, pod: str) -> Agent:
    return dataclasses.replace(agent, pods=tuple(name for name in agent.pods if name != pod))


def _without_key(config: AgentsConfig, action: DropKey) -> AgentsConfig:
    if config.namespace != action.obj["metadata"]["namespace"]:
        return config
    return dataclasses.replace(config, entries=tuple(one for one in config.entries if one.workload != action.key))


def _without(seen: Seen, action: Delete) -> Seen:
    """Without one object, and without what was concluded from it."""
    obj, gone = action.obj, ref(action.obj)
    kind, name, namespace = obj["kind"], obj["metadata"]["name"], obj["metadata"].get("namespace")
    found = dataclasses.replace(seen, objects={key: one for key, one in seen.objects.items() if key != gone})
    if kind == "MutatingWebhookConfiguration":
        return dataclasses.replace(found, webhooks=[one for one in seen.webhooks if one.configuration != name])
    if kind == "Job":
        return dataclasses.replace(
            found, jobs=[one for one in seen.jobs if (one.namespace, one.name) != (namespace, name)]
        )
    if kind == "Secret":
        release = (namespace, labels_of(obj).get("name"))
        left = any(labels_of(one).get("name") == release[1] for one in found.objects.values() if _is_of(one, namespace))
        releases = [one for one in seen.releases or () if left or (one.namespace, one.name) != release]
        return dataclasses.replace(found, releases=releases)
    if kind == "ConfigMap" and name == AGENTS:
        return dataclasses.replace(found, configs=[one for one in seen.configs if one.namespace != namespace])
    if kind == "ConfigMap":
        return dataclasses.replace(found, claims=[one for one in seen.claims if one.namespace != namespace])
    return dataclasses.replace(found, roles=[one for one in seen.roles if ref(one) != gone])


def _is_of(secret: Object, namespace: str | None) -> bool:
    return (secret["kind"], secret["metadata"].get("namespace")) == ("Secret", namespace)
