# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Takes the agents of one manager out of all pods, while it stands: its webhook first, so that none comes back, then pod after pod."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from .._cluster.access import Right, missing
from .._cluster.api import Api
from .._cluster.connect import Identity, connect, identify
from .._cluster.errors import ClusterError
from .._cluster.foreign import tidy
from .._cluster.kinds import ref
from .._cluster.remove import delete
from .._signals import ended_at_once
from . import rights, versions
from .actions import Delete, Evict, diff
from .agents import Agent
from .evict import Patience, evict
from .leftovers import EVICTABLE
from .observe import Observer
from .options import Options
from .report import AT_ONCE, Record
from .seen import Seen

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

NO_AGENT = "agent_without_manager"
"""The class of leftovers by which an eviction knows that the new pod must have no agent at all."""
NEEDED = (*rights.NEEDED, *(Right(verb, rights.WEBHOOK) for verb in ("list", "delete")), rights.EVICT)


@dataclass
class Withdrawal:
    """What was done and what was not: ``done`` the writes, and by workload why an agent was ``kept`` or what ``failed``."""

    done: list[Delete | Evict] = field(default_factory=list)
    removed: dict[tuple[str, str, str], str] = field(default_factory=dict)
    kept: dict[tuple[str, str, str], str] = field(default_factory=dict)
    failed: dict[tuple[str, str, str], str] = field(default_factory=dict)


@ended_at_once
def withdraw_agents(module: AnsibleModule) -> None:
    """What telepresence_agents does, from its parameters to exit_json or fail_json. In check mode it writes nothing."""
    params, identity, withdrawal = module.params, None, Withdrawal()
    problems: list[str] = []
    try:
        options = Options.of(params)
        api = connect(module)
        identity = identify(api)
        _demand_rights(api, identity)
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            observer = Observer(api, options, identity.version, pool)
            patience = Patience(float(params["wait_timeout"]), float(params["wait_sleep"]))
            if module.check_mode:
                foresee(observer.observe().seen, params["namespace"], params["end_intercepts"], withdrawal)
            else:
                withdraw(observer, params["namespace"], params["end_intercepts"], patience, withdrawal)
    except (ClusterError, ValueError) as error:
        problems.append(str(error))
    problems += [f"{kind} {namespace}/{name}: {why}" for (namespace, kind, name), why in withdrawal.failed.items()]
    result = tidy(_result(identity, withdrawal))
    if problems:
        module.fail_json(msg=" ".join(problems), **result)
    module.exit_json(**result)


def foresee(seen: Seen, namespace: str, end_intercepts: bool, withdrawal: Withdrawal) -> None:
    """Notes what would be done. Raises ClusterError where intercepts forbid it."""
    _refuse(seen, namespace, end_intercepts)
    withdrawal.done += _webhooks(seen, namespace)
    for agent in mine(seen, namespace):
        why = kept(agent)
        if why:
            withdrawal.kept[agent.workload] = why
            continue
        withdrawal.done += [_eviction(seen, agent, name) for name in agent.pods]
        withdrawal.removed[agent.workload] = f"{len(agent.pods)} pods would be evicted."


def withdraw(
    observer: Observer, namespace: str, end_intercepts: bool, patience: Patience, withdrawal: Withdrawal
) -> None:
    """Deletes the webhook of the manager in ``namespace``, and evicts the pods with an agent of it until there is none.

    Everything is read again before each write. A workload where it fails is left to the end, and does not stop the others. Raises
    ClusterError where intercepts forbid it, or where the cluster cannot be read any more.
    """
    while True:
        seen = observer.observe().seen
        _refuse(seen, namespace, end_intercepts)
        webhooks = _webhooks(seen, namespace)
        for action in webhooks:
            delete(observer.api, rights.WEBHOOK, action.obj, unchanged=True)
            withdrawal.done.append(action)
        if webhooks:
            continue
        agents = mine(seen, namespace)
        withdrawal.kept = {agent.workload: kept(agent) for agent in agents if kept(agent)}
        left = [one for one in agents if one.workload not in {**withdrawal.kept, **withdrawal.failed}]
        if not left:
            return
        _evict(observer.api, _eviction(seen, left[0], left[0].pods[0]), patience, withdrawal)


def mine(seen: Seen, namespace: str) -> list[Agent]:
    """The agents that the manager in ``namespace`` serves."""
    served = [(agent, seen.serving(agent.namespace)[0]) for agent in seen.agents]
    return [agent for agent, manager in served if manager is not None and manager.namespace == namespace]


def kept(agent: Agent) -> str:
    """Why an agent stays, empty where its pods are evicted."""
    if agent.manual or agent.band == versions.EDITED or not agent.pods:
        return "It is in the template of the workload. Take it out where that is kept."
    if agent.kind not in EVICTABLE:
        return f"It is not sure that something makes new pods for a {agent.kind}."
    return ""


def _refuse(seen: Seen, namespace: str, end_intercepts: bool) -> None:
    if end_intercepts:
        return
    for agent in mine(seen, namespace):
        intercepted = seen.intercepted(agent.namespace, agent.name)
        if intercepted is not False and not kept(agent):
            whether = "Somebody intercepts" if intercepted else "It is not known whether somebody intercepts"
            raise ClusterError(f"{whether} {agent.namespace}/{agent.name}, and option end_intercepts is false.")


def _webhooks(seen: Seen, namespace: str) -> list[Delete]:
    names = {one.configuration for one in seen.webhooks if one.namespace == namespace}
    return [Delete(seen.objects[f"{rights.WEBHOOK.name} {name}"]) for name in sorted(names)]


def _eviction(seen: Seen, agent: Agent, pod: str) -> Evict:
    return Evict(seen.objects[f"Pod {agent.namespace}/{pod}"], agent.workload, NO_AGENT)


def _evict(api: Api, action: Evict, patience: Patience, withdrawal: Withdrawal) -> None:
    try:
        problem = evict(api, action, patience)
        withdrawal.done.append(action)
    except ClusterError as error:
        problem = str(error)
    if problem:
        withdrawal.removed.pop(action.workload, None)
        withdrawal.failed[action.workload] = problem
    else:
        withdrawal.removed[action.workload] = "Its pods were evicted, and the new ones have no agent."


def _demand_rights(api: Api, identity: Identity) -> None:
    lacking = missing(api, NEEDED, None)
    if lacking:
        raise ClusterError(identity.lacks(lacking))


def _result(identity: Identity | None, withdrawal: Withdrawal) -> Record:
    difference = diff(withdrawal.done)
    return {
        "changed": bool(difference["before"]),
        "cluster": identity.as_dict() if identity else None,
        "webhooks": [ref(one.obj) for one in withdrawal.done if isinstance(one, Delete)],
        **{
            f"{key}_agents": [
                {"namespace": namespace, "kind": kind, "name": name, "message": why}
                for (namespace, kind, name), why in sorted(found.items())
            ]
            for key, found in (
                ("removed", withdrawal.removed),
                ("kept", withdrawal.kept),
                ("failed", withdrawal.failed),
            )
        },
        "diff": difference,
    }
