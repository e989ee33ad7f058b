# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What was read of a cluster, and the form of what is concluded from it."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._cluster.kinds import Object
from . import managers as managing
from .agents import Agent
from .intercepts import Intercept
from .managers import Manager
from .state import AgentsConfig, Claim, Denied, HookJob, Release
from .webhooks import Webhook

CRITICAL, MAJOR, MINOR, INFO = "critical", "major", "minor", "info"


@dataclass(frozen=True)
class Leftover:
    """One leftover. ``objects`` are named ``Kind namespace/name``; ``safe``: it can be removed with nobody losing anything.

    ``key``: the key of ConfigMap telepresence-agents that it is about, if it is about one; it is that of a workload.
    ``patch``: the JSON patch that puts an edited object back, as far as that is possible.
    """

    name: str
    severity: str
    namespace: str | None
    objects: tuple[str, ...]
    evidence: tuple[str, ...]
    remedy: str
    safe: bool
    key: str = ""
    patch: tuple[dict[str, t.Any], ...] = ()

    def same(self, other: Leftover) -> bool:
        """Whether two looks saw the same leftover: that of a workload may have lost some of its objects in between."""
        return (self.name, self.namespace, self.key or self.objects) == (
            other.name,
            other.namespace,
            other.key or other.objects,
        )

    def record(self) -> dict[str, t.Any]:
        """The leftover as it stands in a module's result."""
        found = {key: value for key, value in vars(self).items() if key not in ("name", "key", "patch")}
        found.update({"patch": [*self.patch]} if self.patch else {})
        return {"class": self.name, **found, "objects": [*self.objects], "evidence": [*self.evidence]}


@dataclass(frozen=True)
class Seen:
    """All that was read of a cluster. ``releases`` is None where they may not be read; ``unsure``: namespaces of managers that did not name all of
    their intercepts.

    ``edited``: workloads and Services with a client's record of what it changed in them. ``mounting``: by namespace, the pods and
    templates that mount ConfigMap telepresence-agents. ``roles``: ClusterRoles and ClusterRoleBindings of managers. ``now``: the API
    server's clock. ``objects``: all that a leftover may consist of, by ``Kind namespace/name``.
    """

    namespaces: t.Mapping[str, Object]
    managers: t.Sequence[Manager]
    now: float
    webhooks: t.Sequence[Webhook] = ()
    agents: t.Sequence[Agent] = ()
    configs: t.Sequence[AgentsConfig] = ()
    claims: t.Sequence[Claim] = ()
    jobs: t.Sequence[HookJob] = ()
    releases: t.Sequence[Release] | None = ()
    roles: t.Sequence[Object] = ()
    node_agents: t.Sequence[HookJob] = ()
    denied: t.Sequence[Denied] = ()
    edited: t.Sequence[Object] = ()
    intercepts: t.Sequence[Intercept] = ()
    unsure: t.Container[str] = ()
    pod_ips: t.Container[str] = ()
    mounting: t.Mapping[str, frozenset[str]] = field(default_factory=dict)
    workloads: t.Container[tuple[str, str, str]] = ()
    ends: t.Mapping[str, float] = field(default_factory=dict)
    objects: t.Mapping[str, Object] = field(default_factory=dict)

    def serving(self, namespace: str) -> tuple[Manager | None, bool]:
        """The manager that serves a namespace, and whether that is certain."""
        return managing.serving(self.managers, self.namespaces.get(namespace))

    def manages(self, namespace: str) -> bool:
        """Whether a manager stands in a namespace."""
        return any(manager.namespace == namespace for manager in self.managers)

    def intercepted(self, namespace: str, agent: str) -> bool | None:
        """Whether an intercept of a workload is held for a client; None where that is not known."""
        if any(one.live and (one.namespace, one.agent) == (namespace, agent) for one in self.intercepts):
            return True
        manager, certain = self.serving(namespace)
        return False if certain and (manager is None or manager.namespace not in self.unsure) else None
