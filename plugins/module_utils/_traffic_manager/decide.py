# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Decides what is done next about a leftover, or why nothing is. Pure: what was read in, one action or one reason out."""

from __future__ import annotations

import typing as t

from .._cluster import clock
from .._cluster.kinds import Object, labels_of, ref
from .._swaps.managers import managers as keepers
from .._swaps.sessions import IGNORE, ignored
from . import selectors, versions
from .actions import Action, Delete, DropKey, Evict, Undo
from .agents import Agent
from .managers import AGENTS
from .seen import Leftover, Seen
from .state import revision
from .undo import service_of, undo

REPORTED = {
    "unreachable_webhook": "A manager may be about to answer again",
    "expired_certificate": "Only an upgrade of the release makes a new certificate",
    "dormant_agent": "That is as Telepresence means it",
    "release_without_manager": "Whether a release may go is for those who installed it to say",
    "denied_pod": "Which value is meant is for the owner of the workload to say",
    "replica_count": "Nothing is scaled, because nothing tells to how many",
    "node_agent_job": "Whether somebody is attached by it cannot be told from outside",
    "broken_intercept": "Whether its client lives cannot be told from outside",
}
"""The other classes, each with why nothing is done about it."""
SETTLED = 30.0
"""Seconds: Helm creates the objects of a chart one after another within a few, the manager's workload late (helm v3,
pkg/releaseutil/kind_sorter.go). What is younger may be waiting for its manager."""
MAY_BE_EARLY = ("dead_webhook", "orphan_claim", "orphan_role")
GITOPS = ("argo_cd", "flux")


def decide(leftover: Leftover, seen: Seen, classes: t.Container[str]) -> Action | str:
    """The next action for a leftover that is among those in ``seen``, or the reason why there is none."""
    objects = [seen.objects[name] for name in leftover.objects if name in seen.objects]
    if leftover.name in REPORTED:
        return f"{REPORTED[leftover.name]}. {leftover.remedy}"
    if leftover.name not in classes:
        return f"Option classes does not have {leftover.name}."
    asks = _asks_to_be_left(leftover, objects, seen)
    if asks:
        return f"Annotation {IGNORE} of {asks} asks to leave it alone."
    if not leftover.safe:
        return f"{' '.join(leftover.evidence)} It needs a decision. {leftover.remedy}"
    if leftover.name in MAY_BE_EARLY and any(_age(one, seen) < SETTLED for one in objects):
        return f"It was made less than {SETTLED:.0f} s ago, maybe by an installation that goes on. Run again."
    return RULES[leftover.name](leftover, seen, objects)


def _asks_to_be_left(leftover: Leftover, objects: t.Iterable[Object], seen: Seen) -> str:
    """The name of what asks to be left alone: one of the objects or a namespace of theirs; empty where nothing does."""
    names = [leftover.namespace, *(one["metadata"].get("namespace") for one in objects)]
    places = [seen.namespaces.get(name or "") for name in names]
    return next((ref(one) for one in (*objects, *places) if one is not None and ignored(one)), "")


def _age(obj: Object, seen: Seen) -> float:
    created = clock.parse(obj["metadata"].get("creationTimestamp"))
    return 0.0 if created is None else seen.now - created


def _kept(obj: Object) -> str:
    """Who keeps an object as it is, empty where nobody does: what is taken away there comes back."""
    return next((str(one) for one in keepers(obj, ()) if one.tool in GITOPS), "")


def _write(action: Delete | DropKey | Undo) -> Action | str:
    keeper = _kept(action.obj)
    return f"{keeper} keeps {ref(action.obj)}: remove it there." if keeper else action


def _webhook(leftover: Leftover, seen: Seen, objects: t.Sequence[Object]) -> Action | str:
    (configuration,) = objects
    dead = {one.name for one in seen.webhooks if one.configuration == configuration["metadata"]["name"] and one.absent}
    others = [str(one["name"]) for one in configuration.get("webhooks") or [] if one["name"] not in dead]
    if others:
        return f"{ref(configuration)} holds webhook {', '.join(others)} as well, which is not dead."
    return _write(Delete(configuration))


def _replaced(leftover: Leftover, seen: Seen, objects: t.Sequence[Object]) -> Action | str:
    """First the key that has it replaced in every new pod, then the pods."""
    replaced = {(one.namespace, entry.workload) for one in seen.configs for entry in one.entries if entry.replaced}
    if (leftover.namespace, leftover.key) in replaced:
        return _key(leftover, seen, objects)
    return _pods(leftover, seen, objects)


def _key(leftover: Leftover, seen: Seen, objects: t.Sequence[Object]) -> Action | str:
    return _write(DropKey(seen.objects[f"ConfigMap {leftover.namespace}/{AGENTS}"], leftover.key))


def _undo(leftover: Leftover, seen: Seen, objects: t.Sequence[Object]) -> Action | str:
    """First the Service: with the number of its port it reaches the application with and without the agent."""
    (obj,) = objects
    service = f"Service {leftover.namespace}/{service_of(obj)}"
    edited = {ref(one): one for one in seen.edited}
    first = edited.get(service, obj) if obj["kind"] != "Service" else obj
    if ignored(first):
        return f"Annotation {IGNORE} of {ref(first)} asks to leave it alone."
    keeper = _kept(obj)
    return f"{keeper} keeps {ref(obj)}: put it right there." if keeper else _write(Undo(first, undo(first)))


def _object(leftover: Leftover, seen: Seen, objects: t.Sequence[Object]) -> Action | str:
    (obj,) = objects
    return _write(Delete(obj))


def _release(leftover: Leftover, seen: Seen, objects: t.Sequence[Object]) -> Action | str:
    """The oldest revision: the newest says what became of the release, and goes last."""
    (newest,) = objects
    labels = labels_of(newest)
    revisions = [
        one
        for one in seen.objects.values()
        if one["kind"] == "Secret"
        and one["metadata"]["namespace"] == leftover.namespace
        and {key: labels_of(one).get(key) for key in ("owner", "name")} == {"owner": "helm", "name": labels.get("name")}
    ]
    return _write(Delete(min(revisions, key=revision)))


def _pods(leftover: Leftover, seen: Seen, objects: t.Sequence[Object]) -> Action | str:
    """The first of the pods that have it."""
    blocking = [one for one in seen.webhooks if one.works is not True and one.failure_policy != "Ignore"]
    namespace = seen.namespaces.get(leftover.namespace or "")
    for webhook in blocking:
        if namespace is None or selectors.matches(webhook.selector, namespace) is not False:
            return f"Webhook {webhook.name} does not answer, and would keep new pods from being created."
    for agent in _agents(leftover, seen):
        for name in agent.pods:
            pod = seen.objects[f"Pod {agent.namespace}/{name}"]
            if ignored(pod):
                return f"Annotation {IGNORE} of {ref(pod)} asks to leave it alone."
            return Evict(pod, agent.workload, leftover.name)
    return "None of its pods has it any more."


def _agents(leftover: Leftover, seen: Seen) -> list[Agent]:
    """The agents that a leftover is about."""
    mine = [one for one in seen.agents if f"{one.kind} {one.namespace}/{one.name}" in leftover.objects]
    return [one for one in mine if still(leftover.name, one)]


def still(name: str, agent: Agent) -> bool:
    """Whether an agent is one of those that make a leftover of this class."""
    if name == "replaced_container":
        return bool(agent.replaced)
    return name == "agent_without_manager" or agent.band == versions.CONFIG_MAP


RULES: t.Mapping[str, t.Callable[[Leftover, Seen, t.Sequence[Object]], t.Union[Action, str]]] = {  # noqa: UP007 - as in actions
    "dead_webhook": _webhook,
    "replaced_container": _replaced,
    "agent_without_manager": _pods,
    "agent_of_older_manager": _pods,
    "edited_object": _undo,
    "orphan_agents_key": _key,
    "orphan_agents_config": _object,
    "orphan_claim": _object,
    "hook_job": _object,
    "stuck_release": _release,
    "orphan_role": _object,
}
"""What is done first about a leftover of each class, its objects given."""
REMOVABLE = tuple(RULES)
"""The classes with a remedy that is carried out, in the order of work. The webhook is the first, so that no pod that an eviction makes
waits for it, or gets an agent by it; what agents mount goes after them."""
