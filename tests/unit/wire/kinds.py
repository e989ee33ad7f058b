"""Which resources the fake server has, and the discovery documents that announce them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

METADATA_FIELDS = frozenset({"metadata.name", "metadata.namespace"})


@dataclass(frozen=True)
class Kind:
    """One resource type.

    *fields* are the field selectors the real server supports beyond name and namespace (``GetAttrs`` of the kind's
    registry, and the conversion functions of k8s.io/kubernetes ``pkg/apis/core/v1``). *scale* is the apiVersion of the
    answer of its ``scale`` subresource ("" = none), *scale_compares* whether a PUT of the Scale honours its
    ``metadata.resourceVersion``. *returned* says that DELETE answers with the object instead of a Status.
    """

    group: str
    version: str
    name: str
    plural: str
    short: str = ""
    namespaced: bool = True
    scale: str = ""
    scale_compares: bool = True
    subresources: tuple[str, ...] = ()
    fields: frozenset[str] = frozenset()
    returned: bool = False

    @property
    def api_version(self) -> str:
        """``apps/v1``, or ``v1`` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


_POD_FIELDS = frozenset(
    {
        *(f"spec.{key}" for key in ("nodeName", "restartPolicy", "schedulerName", "serviceAccountName")),
        *("status.phase", "status.podIP"),
    }
)
_EVENT_FIELDS = frozenset(
    {
        *(
            f"involvedObject.{key}"
            for key in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
        ),
        "reason",
        "type",
    }
)

KINDS: tuple[Kind, ...] = (
    Kind("", "v1", "Namespace", "namespaces", "ns", namespaced=False, fields=frozenset({"status.phase"})),
    Kind(
        "",
        "v1",
        "Pod",
        "pods",
        "po",
        subresources=("eviction", "exec", "log", "portforward", "proxy"),
        fields=_POD_FIELDS,
        returned=True,
    ),
    Kind("", "v1", "Service", "services", "svc", fields=frozenset({"spec.clusterIP", "spec.type"}), returned=True),
    Kind("", "v1", "Event", "events", "ev", fields=_EVENT_FIELDS),
    Kind("", "v1", "ConfigMap", "configmaps", "cm"),
    Kind("", "v1", "Secret", "secrets", fields=frozenset({"type"})),
    Kind("", "v1", "ReplicationController", "replicationcontrollers", "rc", scale="autoscaling/v1", returned=True),
    Kind("apps", "v1", "Deployment", "deployments", "deploy", scale="autoscaling/v1"),
    Kind("apps", "v1", "ReplicaSet", "replicasets", "rs", scale="autoscaling/v1"),
    Kind("apps", "v1", "StatefulSet", "statefulsets", "sts", scale="autoscaling/v1"),
    Kind("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", "hpa"),
    Kind("batch", "v1", "Job", "jobs"),
    Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", "pdb"),
    Kind("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices"),
    Kind(
        "admissionregistration.k8s.io",
        "v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        namespaced=False,
    ),
    Kind("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False),
    Kind("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
)

OPENSHIFT: tuple[Kind, ...] = (
    # The server re-reads the DeploymentConfig and ignores the version in the Scale (openshift-apiserver,
    # pkg/apps/apiserver/registry/deployconfig/etcd/etcd.go).
    Kind(
        "apps.openshift.io",
        "v1",
        "DeploymentConfig",
        "deploymentconfigs",
        "dc",
        scale="extensions/v1beta1",
        scale_compares=False,
    ),
)

# Reviews are answered, never stored: group, kind, plural.
REVIEWS = (
    ("authorization.k8s.io", "SelfSubjectAccessReview", "selfsubjectaccessreviews"),
    ("authentication.k8s.io", "SelfSubjectReview", "selfsubjectreviews"),
)

_VERBS = ["create", "delete", "get", "list", "patch", "update"]


def _resource(name: str, kind: str, namespaced: bool, verbs: list[str], short: str = "") -> dict[str, Any]:
    singular = "" if "/" in name else kind.lower()
    entry = {"name": name, "singularName": singular, "namespaced": namespaced, "kind": kind, "verbs": verbs}
    return {**entry, "shortNames": [short]} if short else entry


def resource_list(kinds: Iterable[Kind], group: str, version: str) -> dict[str, Any] | None:
    """The ``APIResourceList`` of one group and version ("" is the core group), None if the server has nothing there."""
    resources: list[dict[str, Any]] = []
    for kind in kinds:
        if (kind.group, kind.version) != (group, version):
            continue
        resources.append(_resource(kind.plural, kind.name, kind.namespaced, _VERBS, kind.short))
        if kind.scale:
            resources.append(_resource(f"{kind.plural}/scale", "Scale", kind.namespaced, ["get", "patch", "update"]))
        for subresource in kind.subresources:
            resources.append(
                _resource(f"{kind.plural}/{subresource}", "PodOptions", kind.namespaced, ["create", "get"])
            )
    for review_group, review, plural in REVIEWS:
        if (review_group, "v1") == (group, version):
            resources.append(_resource(plural, review, False, ["create"]))
    if not resources:
        return None
    group_version = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": resources}


def group_list(kinds: Iterable[Kind]) -> dict[str, Any]:
    """The ``APIGroupList`` of ``/apis``."""
    versions = {kind.group: kind.version for kind in kinds if kind.group}
    versions |= {group: "v1" for group, _kind, _plural in REVIEWS}
    groups = []
    for group, version in versions.items():
        entry = {"groupVersion": f"{group}/{version}", "version": version}
        groups.append({"name": group, "versions": [entry], "preferredVersion": entry})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
