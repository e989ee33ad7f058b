# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Reads what Telepresence 2 has in a cluster, and asks the managers. Writes nothing."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .._cluster.access import missing
from .._cluster.api import Api
from .._cluster.errors import ClusterError
from .._cluster.kinds import (
    DEPLOYMENT,
    EVENT,
    NAMESPACE,
    POD,
    REPLICA_SET,
    SERVICE,
    STATEFUL_SET,
    Kind,
    Object,
    annotations_of,
    controller,
    dig,
    ref,
)
from . import agents, managers, rights, state, webhooks, workloads
from .ask import Answer, ask, not_asked
from .managers import Manager
from .options import Options
from .seen import Seen


@dataclass(frozen=True)
class Observed:
    """All that is reported of a cluster. ``answers``: what the manager in each namespace said; ``unknown``: what is not known, and why."""

    seen: Seen
    workloads: list[workloads.Workload]
    answers: dict[str, Answer]
    unknown: list[str]


class Observer:
    """Observes one cluster. Every method raises ClusterError where the cluster cannot be read."""

    def __init__(self, api: Api, options: Options, version: str | None, pool: ThreadPoolExecutor):
        self.api = api
        self.options = options
        self.version = version
        self.pool = pool

    def observe(self) -> Observed:
        """The managers of the cluster, all that is theirs, and what they say. Raises ClusterError where a right lacks that is needed."""
        unknown = self._check_rights()
        kinds = (NAMESPACE, POD, DEPLOYMENT, STATEFUL_SET, REPLICA_SET)
        namespaces, pods, *rest = self.pool.map(self.api.list, kinds)
        owners = [one for objects in rest for one in objects]
        configs = [
            one for name in (managers.CONFIG, managers.AGENTS, managers.CLAIM) for one in self._config_maps(name)
        ]
        found = managers.recognise(filter(managers.labelled, owners), configs)
        configurations = self._helpful(rights.WEBHOOK) or []
        roles, secrets = self._roles(), self._helpful(rights.SECRET, "owner=helm", metadata_only=True)
        jobs = self._here(self._helpful(rights.JOB) or ())
        events = self._helpful(EVENT, field_selector="reason=FailedCreate") or ()
        edited = [*filter(_is_edited, self._here(owners)), *self._edited_services()]
        answers = dict(self.pool.map(lambda one: (one.namespace, self._ask(one, pods)), found))
        seen = Seen(
            namespaces={one["metadata"]["name"]: one for one in namespaces},
            managers=found,
            now=self.api.now(),
            webhooks=self._webhooks(configurations, namespaces),
            roles=roles,
            releases=None if secrets is None else self._releases(secrets, found),
            jobs=state.hook_jobs(jobs),
            node_agents=state.node_agents(jobs),
            denied=state.denied(self._here(events)),
            configs=state.agents_configs(self._here(configs)),
            claims=state.claims(self._here(configs)),
            agents=agents.recognise(self._here(pods), self._here(owners)),
            edited=edited,
            intercepts=[
                one
                for answer in answers.values()
                for one in answer.intercepts or ()
                if self.options.wants(one.namespace)
            ],
            unsure={namespace for namespace, answer in answers.items() if not answer.complete},
            pod_ips={dig(pod, "status", "podIP") for pod in pods},
            mounting=_mounting([*pods, *owners]),
            workloads={(one["metadata"]["namespace"], one["kind"], one["metadata"]["name"]) for one in owners},
            ends={namespace: answer.ends for namespace, answer in answers.items() if answer.ends is not None},
            objects={
                ref(one): one
                for one in (*configurations, *roles, *(secrets or ()), *jobs, *configs, *owners, *pods, *edited)
            },
        )
        unknown += [sentence for answer in answers.values() for sentence in answer.unknown]
        return Observed(seen, workloads.recognise(self._here(owners), seen), answers, unknown)

    def _here(self, objects: t.Iterable[Object]) -> list[Object]:
        """Those in the namespaces of the run."""
        return [one for one in objects if self.options.wants(one["metadata"]["namespace"])]

    def _ask(self, manager: Manager, pods: list[Object]) -> Answer:
        if not self.options.ask:
            return not_asked(manager)
        return ask(self.api, manager, pods, self.options.deadline, self.version)

    def _releases(self, secrets: list[Object], found: t.Iterable[Manager]) -> list[state.Release]:
        known = {f"{one.namespace}/{one.release}" for one in found}
        return state.releases(self._here(secrets), known)

    def _roles(self) -> list[Object]:
        kinds = (rights.CLUSTER_ROLE, rights.CLUSTER_ROLE_BINDING)
        return [one for kind in kinds for one in self._helpful(kind, managers.SELECTOR, metadata_only=True) or ()]

    def _check_rights(self) -> list[str]:
        """What stays unknown for want of rights. Raises ClusterError where one is missing that is needed."""
        wanted = (*rights.NEEDED, *rights.HELPFUL)
        lacking = set(missing(self.api, wanted, None))
        needed = [str(right) for right in rights.NEEDED if f"{right} in all namespaces" in lacking]
        if needed:
            raise ClusterError(
                f"The account lacks rights on {self.api.server}: it may not {'; not '.join(needed)} in all namespaces. "
                "Grant them: a manager may stand in any namespace."
            )
        self._forbidden = {right.kind for right in rights.HELPFUL if f"{right} in all namespaces" in lacking}
        return [
            f"{what}: the account may not {right}."
            for right, what in rights.HELPFUL.items()
            if right.kind in self._forbidden
        ]

    def _helpful(
        self,
        kind: Kind,
        label_selector: str | None = None,
        field_selector: str | None = None,
        metadata_only: bool = False,
    ) -> list[Object] | None:
        """All objects of a kind, None where they may not be read."""
        if kind in self._forbidden:
            return None
        return self.api.list(
            kind, label_selector=label_selector, field_selector=field_selector, metadata_only=metadata_only
        )

    def _config_maps(self, name: str) -> list[Object]:
        return self.api.list(rights.CONFIG_MAP, field_selector=f"metadata.name={name}")

    def _edited_services(self) -> list[Object]:
        """Those that a client changed, whole: of all others only the metadata are read."""
        found = filter(_is_edited, self._here(self.api.list(SERVICE, metadata_only=True)))
        return [
            service
            for one in (meta["metadata"] for meta in found)
            for service in self.api.list(SERVICE, one["namespace"], field_selector=f"metadata.name={one['name']}")
        ]

    def _webhooks(self, configurations: list[Object], namespaces: list[Object]) -> list[webhooks.Webhook]:
        where = webhooks.services(configurations)
        services = [
            one
            for namespace, name in where
            for one in self.api.list(SERVICE, namespace, field_selector=f"metadata.name={name}")
        ]
        slices = None
        if rights.ENDPOINT_SLICE not in self._forbidden:
            slices = [
                one
                for namespace, name in where
                for one in self.api.list(rights.ENDPOINT_SLICE, namespace, f"kubernetes.io/service-name={name}")
            ]
        return webhooks.recognise(configurations, namespaces, services, slices, self.api.now())


def _is_edited(obj: Object) -> bool:
    """Whether a client changed it: a Deployment hands its annotations down to its ReplicaSets."""
    return agents.ACTIONS in annotations_of(obj) and controller(obj) is None


def _mounting(objects: t.Iterable[Object]) -> dict[str, frozenset[str]]:
    """By namespace, the pods and workloads that mount the ConfigMap of agents."""
    found: dict[str, frozenset[str]] = {}
    for one in filter(_mounts_config, objects):
        namespace = one["metadata"]["namespace"]
        found[namespace] = found.get(namespace, frozenset()) | {ref(one)}
    return found


def _mounts_config(obj: Object) -> bool:
    spec = obj.get("spec") if obj["kind"] == "Pod" else dig(obj, "spec", "template", "spec")
    return any(dig(volume, "configMap", "name") == managers.AGENTS for volume in dig(spec, "volumes") or [])
