# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The Kubernetes kinds that the collection reads or writes, and their paths in the API."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

Object = dict[str, t.Any]
"""A Kubernetes object as the API server sent it: JSON, never interpreted further than needed."""


@dataclass(frozen=True)
class Kind:
    """One kind of object: enough to build its paths without discovery."""

    api_version: str
    name: str
    plural: str
    namespaced: bool = True

    @property
    def group(self) -> str:
        """The API group, empty for the core group."""
        return self.api_version.rpartition("/")[0]

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """The path of the collection (all namespaces where ``namespace`` is None), the object, or its subresource."""
        parts = ["apis" if self.group else "api", self.api_version]
        if self.namespaced and namespace is not None:
            parts += ["namespaces", namespace]
        parts.append(self.plural)
        parts += [part for part in (name, subresource) if part is not None]
        return "/" + "/".join(parts)


NAMESPACE = Kind("v1", "Namespace", "namespaces", namespaced=False)
POD = Kind("v1", "Pod", "pods")
SERVICE = Kind("v1", "Service", "services")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
SECRET = Kind("v1", "Secret", "secrets")
EVENT = Kind("v1", "Event", "events")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
REPLICA_SET = Kind("apps/v1", "ReplicaSet", "replicasets")
STATEFUL_SET = Kind("apps/v1", "StatefulSet", "statefulsets")
DEPLOYMENT_CONFIG = Kind("apps.openshift.io/v1", "DeploymentConfig", "deploymentconfigs")
REPLICATION_CONTROLLER = Kind("v1", "ReplicationController", "replicationcontrollers")
AUTOSCALER = Kind("autoscaling/v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
ACCESS_REVIEW = Kind("authorization.k8s.io/v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", namespaced=False)
SUBJECT_REVIEW = Kind("authentication.k8s.io/v1", "SelfSubjectReview", "selfsubjectreviews", namespaced=False)

WORKLOADS = {kind.name: kind for kind in (DEPLOYMENT, DEPLOYMENT_CONFIG, STATEFUL_SET)}
"""The kinds that a client may have scaled down, by name."""


def ref(obj: Object) -> str:
    """How the collection names an object to people: ``Kind namespace/name``."""
    meta = obj.get("metadata") or {}
    where = f"{meta['namespace']}/" if meta.get("namespace") else ""
    return f"{obj.get('kind', 'object')} {where}{meta.get('name', '?')}"


def uid(obj: Object) -> str:
    """The object's uid."""
    return str((obj.get("metadata") or {}).get("uid", ""))


def labels_of(obj: Object) -> dict[str, str]:
    """The object's labels, empty where it has none."""
    return (obj.get("metadata") or {}).get("labels") or {}


def annotations_of(obj: Object) -> dict[str, str]:
    """The object's annotations, empty where it has none."""
    return (obj.get("metadata") or {}).get("annotations") or {}


def dig(value: t.Any, *keys: str) -> t.Any:
    """What lies at ``keys`` inside nested objects that anybody may have written; None where there is no such thing."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def whole(value: t.Any) -> int | None:
    """The value if it is a whole number from 0 that Kubernetes can count to (int32), else None: true is no number, and 3.0 is no count."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None


def number(text: str | None) -> int | None:
    """The count in a text that anybody may have written, None where it holds something else."""
    return whole(int(text)) if text and text.isdecimal() and len(text) <= 10 else None


def controller(obj: Object) -> Object | None:
    """The owner reference of the object's controller, or None where nothing owns it."""
    for owner in (obj.get("metadata") or {}).get("ownerReferences") or []:
        if owner.get("controller"):
            return t.cast(Object, owner)
    return None
