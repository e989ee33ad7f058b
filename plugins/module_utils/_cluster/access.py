# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The rights that a run needs, asked before it begins: a run that stops half way for want of a right helps nobody."""

from __future__ import annotations

import re
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .api import Api
from .kinds import (
    ACCESS_REVIEW,
    AUTOSCALER,
    CONFIG_MAP,
    DEPLOYMENT,
    DEPLOYMENT_CONFIG,
    EVENT,
    NAMESPACE,
    POD,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    SECRET,
    SERVICE,
    STATEFUL_SET,
    Kind,
)


@dataclass(frozen=True)
class Right:
    """One verb on one resource or subresource, of every object or of the one with a name."""

    verb: str
    kind: Kind
    subresource: str = ""
    name: str = ""

    def __str__(self) -> str:
        resource = self.kind.plural + (f"/{self.subresource}" if self.subresource else "")
        group = f" ({self.kind.group})" if self.kind.group else ""
        return f"{self.verb} {resource}{group}" + (f" named {self.name}" if self.name else "")


RECORD = "telepresence-baseline"
"""The name of every ConfigMap that holds a record."""

LOOK = (
    Right("get", POD),
    Right("list", POD),
    Right("list", SERVICE),
    Right("list", EVENT),
    Right("list", DEPLOYMENT),
    Right("list", AUTOSCALER),
    Right("list", CONFIG_MAP, name=RECORD),
    Right("get", POD, "log"),
)
LOOK_AT = {
    DEPLOYMENT: (Right("list", REPLICA_SET),),
    STATEFUL_SET: (Right("list", STATEFUL_SET),),
    DEPLOYMENT_CONFIG: (Right("list", DEPLOYMENT_CONFIG), Right("list", REPLICATION_CONTROLLER)),
}
"""By kind of workload, what else has to be read. Deployments are listed in any case: a proxy may be one."""
RESTORE = (
    Right("delete", DEPLOYMENT),
    Right("delete", POD),
    Right("delete", SERVICE),
    Right("create", EVENT),
)
PUT_BACK = {
    DEPLOYMENT: (Right("update", DEPLOYMENT, "scale"),),
    STATEFUL_SET: (Right("update", STATEFUL_SET, "scale"),),
    DEPLOYMENT_CONFIG: (
        Right("patch", DEPLOYMENT_CONFIG),
        # What a client from 0.97 to 0.105 changed in place is replaced, and rolled out by oc, which asks for the rest.
        Right("update", DEPLOYMENT_CONFIG),
        Right("get", DEPLOYMENT_CONFIG),
        Right("watch", DEPLOYMENT_CONFIG),
        Right("get", REPLICATION_CONTROLLER),
        Right("create", DEPLOYMENT_CONFIG, "instantiate"),
    ),
}
"""By kind of workload, what putting it back takes."""

BASELINE = (
    Right("list", POD),
    Right("list", SERVICE),
    Right("list", EVENT),
    Right("list", DEPLOYMENT),
    Right("list", AUTOSCALER),
    Right("list", CONFIG_MAP, name=RECORD),
    Right("create", CONFIG_MAP, name=RECORD),
    Right("patch", CONFIG_MAP, name=RECORD),
)


def needed(
    purpose: str, probe: str, version: str | None, kinds: t.Sequence[Kind], secrets: bool = False
) -> tuple[Right, ...]:
    """The rights for a run.

    ``purpose`` is ``orphans``, ``restore`` or ``baseline``; ``probe`` the option of that name; ``version`` the cluster's
    (``v1.34.4``); ``kinds`` those of workloads that the run looks for; ``secrets`` whether it reads Helm's releases.
    A websocket exec is a GET and needs ``get``; since Kubernetes 1.35 it needs ``create`` as well (kubernetes issue 134577).
    """
    if purpose == "baseline":
        return BASELINE + tuple(right for kind in kinds if kind is not DEPLOYMENT for right in LOOK_AT[kind])
    rights: tuple[Right, ...] = LOOK + tuple(right for kind in kinds for right in LOOK_AT[kind])
    if probe == "pod_proxy":
        rights += (Right("get", POD, "proxy"),)
    else:
        rights += (Right("get", POD, "exec"),)
        minor = re.match(r"v1\.(\d+)", version or "")
        if minor and int(minor.group(1)) >= 35:
            rights += (Right("create", POD, "exec"),)
    if secrets:
        rights += (Right("list", SECRET),)
    if purpose == "restore":
        rights += RESTORE + tuple(right for kind in kinds for right in PUT_BACK[kind])
    return rights


def missing(api: Api, rights: t.Sequence[Right], namespaces: t.Sequence[str] | None) -> list[str]:
    """The rights that the account lacks, one sentence each ("list pods in all namespaces"), empty where none is lacking.

    ``namespaces`` are those the run looks at, None for all of them. Raises ClusterError where the question fails.
    """
    places: t.Sequence[str | None] = [None] if namespaces is None else namespaces
    asked = [(right, place) for right in rights for place in places]
    asked += [(Right("list" if place is None else "get", NAMESPACE), place) for place in places]
    with ThreadPoolExecutor(max_workers=8) as pool:
        allowed = list(pool.map(lambda one: _allowed(api, *one), asked))
    return [
        f"{right} in {f'namespace {namespace}' if namespace else 'all namespaces'}"
        for (right, namespace), yes in zip(asked, allowed, strict=True)
        if not yes
    ]


def _allowed(api: Api, right: Right, namespace: str | None) -> bool:
    attributes = {
        "verb": right.verb,
        "group": right.kind.group,
        "resource": right.kind.plural,
        "subresource": right.subresource,
        "namespace": namespace or "",
    }
    if right.kind is NAMESPACE and namespace:
        attributes["name"] = namespace
    if right.name:
        attributes["name"] = right.name
    body = {
        "apiVersion": ACCESS_REVIEW.api_version,
        "kind": ACCESS_REVIEW.name,
        "spec": {"resourceAttributes": attributes},
    }
    review = api.send("post", ACCESS_REVIEW.path(), f"ask for the right to {right}", body).body
    return bool((review.get("status") or {}).get("allowed"))
