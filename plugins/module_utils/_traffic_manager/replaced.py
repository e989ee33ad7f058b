# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Containers of the application that an intercept replaced: whether they are back after its end."""

from __future__ import annotations

import time
import typing as t

from .._cluster.api import Api
from .._cluster.errors import ClusterError
from .._cluster.kinds import DEPLOYMENT, POD, REPLICA_SET, STATEFUL_SET
from . import agents, managers, rights, state
from .intercepts import Intercept

BETWEEN = 1.0
"""Seconds between two looks. The manager makes the pods anew."""


def wait_for(api: Api, intercepts: t.Iterable[Intercept], deadline: float) -> dict[str, str]:
    """What is to be said of each intercept that replaced a container and has ended, by its id. Waits for at most ``deadline`` seconds."""
    ends = time.monotonic() + deadline
    said: dict[str, str] = {}
    waiting = [one for one in intercepts if one.replace]
    while waiting:
        said |= {one.id: _said(api, one) for one in waiting}
        waiting = [one for one in waiting if said[one.id]]
        if time.monotonic() + BETWEEN > ends:
            break
        if waiting:
            time.sleep(BETWEEN)
    return {key: sentence or "The container that it replaced is back." for key, sentence in said.items()}


def _said(api: Api, intercept: Intercept) -> str:
    """What still replaces a container of an intercepted workload, empty where nothing does."""
    namespace, name = intercept.namespace, intercept.agent
    try:
        pods, *owners = [api.list(kind, namespace) for kind in (POD, DEPLOYMENT, STATEFUL_SET, REPLICA_SET)]
        configs = api.list(rights.CONFIG_MAP, namespace, field_selector=f"metadata.name={managers.AGENTS}")
    except ClusterError as error:
        return f"Whether the container that it replaced is back is not known. {error}"
    found = agents.recognise(pods, [one for some in owners for one in some])
    where = [f"pod {pod}" for agent in found if agent.name == name and agent.replaced for pod in agent.pods]
    keys = [entry for config in state.agents_configs(configs) for entry in config.entries]
    where += [
        f"key {name} of ConfigMap {managers.AGENTS}" for entry in keys if entry.workload == name and entry.replaced
    ]
    if not where:
        return ""
    return (
        f"A container of {namespace}/{name} is still replaced, by {', '.join(where)}. If that stays so, it is a leftover of class "
        "replaced_container, and nothing answers in its place."
    )
