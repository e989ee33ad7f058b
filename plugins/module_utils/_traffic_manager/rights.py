# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The rights that looking at traffic-managers and ending intercepts needs, and what stays unknown without the others that serve it.

All of them are for all namespaces: a manager may stand in any, and whether it is there decides what its agents are.
"""

from __future__ import annotations

import re
import typing as t

from .._cluster.access import Right
from .._cluster.kinds import DEPLOYMENT, EVENT, NAMESPACE, POD, REPLICA_SET, SERVICE, STATEFUL_SET, Kind
from . import managers

CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
SECRET = Kind("v1", "Secret", "secrets")
JOB = Kind("batch/v1", "Job", "jobs")
ENDPOINT_SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
WEBHOOK = Kind(
    "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", namespaced=False
)
CLUSTER_ROLE = Kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDING = Kind(
    "rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False
)

NEEDED = tuple(
    Right("list", kind) for kind in (NAMESPACE, POD, DEPLOYMENT, REPLICA_SET, STATEFUL_SET, CONFIG_MAP, SERVICE)
)
HELPFUL: t.Mapping[Right, str] = {
    Right("list", WEBHOOK): "The webhooks of managers are not known",
    Right("list", ENDPOINT_SLICE): "Whether something stands behind the webhooks is not known",
    Right("list", SECRET): "The Helm releases of managers are not known",
    Right("list", EVENT): "Pods that the webhook of a manager denies are not known",
    Right("list", JOB): "Jobs that Helm did not remove are not known",
    Right("list", CLUSTER_ROLE): "ClusterRoles of former managers are not known",
    Right("list", CLUSTER_ROLE_BINDING): "ClusterRoleBindings of former managers are not known",
}
"""Each with what is not known without it."""

TO_FIND_INTERCEPTS = (
    *(Right("list", kind) for kind in (NAMESPACE, POD, DEPLOYMENT, REPLICA_SET, STATEFUL_SET)),
    *(Right("list", CONFIG_MAP, name=name) for name in (managers.CONFIG, managers.AGENTS)),
)
"""What ending intercepts needs in all namespaces, beside the questions to managers."""
TO_REVOKE = tuple(Right(verb, CONFIG_MAP, name=managers.CONFIG) for verb in ("get", "update"))
"""The rights to give a manager from 2.26 on an order, in its namespace."""


EVICT = Right("create", POD, "eviction")
TO_REMOVE: t.Mapping[str, tuple[Right, ...]] = {
    "dead_webhook": (Right("list", WEBHOOK), Right("delete", WEBHOOK)),
    "replaced_container": (EVICT, Right("patch", CONFIG_MAP)),
    "agent_without_manager": (EVICT,),
    "agent_of_older_manager": (EVICT,),
    "edited_object": tuple(Right("update", kind) for kind in (DEPLOYMENT, REPLICA_SET, STATEFUL_SET, SERVICE)),
    "orphan_agents_key": (Right("patch", CONFIG_MAP),),
    "orphan_agents_config": (Right("delete", CONFIG_MAP),),
    "orphan_claim": (Right("delete", CONFIG_MAP),),
    "hook_job": (Right("list", JOB), Right("delete", JOB)),
    "stuck_release": (Right("list", SECRET), Right("delete", SECRET)),
    "orphan_role": (
        Right("list", SECRET),
        *(Right(verb, kind) for verb in ("list", "delete") for kind in (CLUSTER_ROLE, CLUSTER_ROLE_BINDING)),
    ),
}
"""By class of leftover, the rights to find and to remove it."""


def to_ask(version: str | None) -> tuple[Right, ...]:
    """The rights to a manager's port, in its namespace; ``version`` is the cluster's (``v1.34.4``)."""
    return _websocket("portforward", version)


def to_look(version: str | None) -> tuple[Right, ...]:
    """The rights to run a command in a manager's pod, in its namespace; ``version`` as in :func:`to_ask`."""
    return _websocket("exec", version)


def _websocket(subresource: str, version: str | None) -> tuple[Right, ...]:
    """A websocket is a GET and needs ``get``; since Kubernetes 1.35 it needs ``create`` as well (kubernetes issue 134577)."""
    minor = re.match(r"v1\.(\d+)", version or "")
    verbs = ("get", "create") if minor and int(minor.group(1)) >= 35 else ("get",)
    return tuple(Right(verb, POD, subresource) for verb in verbs)
