# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What telepresence_traffic_manager_info does, from a module's parameters to its result."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor

from .._cluster import clock
from .._cluster.connect import connect, identify
from .._cluster.errors import ClusterError, details
from .._signals import ended_at_once
from . import intercepts, leftovers
from .agents import Agent
from .ask import Answer
from .managers import Manager
from .observe import Observed, Observer
from .options import Options
from .seen import Seen
from .webhooks import Webhook

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

Record = dict[str, t.Any]
AT_ONCE = 8


@ended_at_once
def report_managers(module: AnsibleModule) -> None:
    """What telepresence_traffic_manager_info does, from its parameters to exit_json or fail_json. Writes nothing."""
    params, identity = module.params, None
    try:
        options = Options.of(params)
        api = connect(module)
        identity = identify(api)
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            observed = Observer(api, options, identity.version, pool).observe()
    except (ClusterError, ValueError) as error:
        module.fail_json(msg=str(error), error=details(error), cluster=identity.as_dict() if identity else None)
        return
    module.exit_json(changed=False, cluster=identity.as_dict(), **records(observed))


def records(observed: Observed) -> Record:
    """What was observed, as it stands in the module's result."""
    seen = observed.seen
    return {
        "managers": [_manager(one, observed.answers[one.namespace], seen) for one in seen.managers],
        "webhooks": [_webhook(one) for one in seen.webhooks],
        "agents": [_agent(one, seen) for one in seen.agents],
        "state_objects": _state_objects(seen),
        "workloads": [vars(one) for one in observed.workloads],
        "intercepts": [intercepts.record(one) for one in seen.intercepts],
        "leftovers": [one.record() for one in leftovers.find(seen)],
        "unknown": observed.unknown,
    }


def _manager(manager: Manager, answer: Answer, seen: Seen) -> Record:
    release = next(
        (
            one.status
            for one in seen.releases or ()
            if (one.namespace, one.name) == (manager.namespace, manager.release)
        ),
        None,
    )
    shown = (
        "namespace",
        "kind",
        "name",
        "version",
        "band",
        "replicas",
        "ready",
        "mode",
        "namespaces",
        "selector",
        "release",
    )
    return {
        **{key: getattr(manager, key) for key in shown},
        "release_status": release,
        "chart": manager.chart,
        "created_by": manager.created_by,
        "image": manager.image,
        "answers_as": answer.version,
        "certificate_ends": clock.text(answer.ends),
        "intercepts": None if answer.intercepts is None else len(answer.intercepts),
        "settled": None if answer.intercepts is None else answer.complete,
    }


def _webhook(webhook: Webhook) -> Record:
    shown = (
        "configuration",
        "name",
        "namespace",
        "service",
        "failure_policy",
        "timeout",
        "selector",
        "works",
        "reason",
    )
    return {**{key: getattr(webhook, key) for key in shown}, "authority_ends": clock.text(webhook.ends)}


def _agent(agent: Agent, seen: Seen) -> Record:
    manager, certain = seen.serving(agent.namespace)
    return {
        **vars(agent),
        "replaced": [*agent.replaced],
        "pods": [*agent.pods],
        "manager": manager.namespace if manager else None,
        "managed": bool(manager) if certain else None,
        "intercepted": seen.intercepted(agent.namespace, agent.name),
    }


def _state_objects(seen: Seen) -> list[Record]:
    found: list[Record] = []
    for config in seen.configs:
        found.append(
            _state_object(
                "ConfigMap", config.namespace, "telepresence-agents", [one.workload for one in config.entries]
            )
        )
    for claim in seen.claims:
        found.append(
            _state_object("ConfigMap", claim.namespace, "traffic-manager-claim", [claim.owner] if claim.owner else [])
        )
    for job in seen.jobs:
        found.append(_state_object("Job", job.namespace, job.name, [job.finished] if job.finished else []))
    for one in seen.releases or ():
        name = f"sh.helm.release.v1.{one.name}.v{one.revision}"
        found.append(_state_object("Secret", one.namespace, name, [one.status]))
    return sorted(found, key=lambda one: (one["namespace"], one["kind"], one["name"]))


def _state_object(kind: str, namespace: str, name: str, holds: list[str]) -> Record:
    return {"kind": kind, "namespace": namespace, "name": name, "holds": holds}
