"""The objects that clients and owners write, as far as a recovery looks at them."""

from __future__ import annotations

import json
import uuid
from typing import Any

from wire.store import Obj, timestamp

from .world import Client, Event, Version

LABEL = "telepresence"
IGNORE = {"devclusters.telepresence/ignore": "true"}
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_REVISION, _DESIRED = "deployment.kubernetes.io/revision", "deployment.kubernetes.io/desired-replicas"
_FINALIZER = "tests/keeps-it-terminating"


def session_id(number: int, version: Version | None) -> str:
    """The id of a session; a dashed one for old clients, None included: the oldest."""
    return str(uuid.UUID(int=number)) if version is None or version.dashed else uuid.UUID(int=number).hex


def _applied(stored: Obj) -> dict[str, str]:
    return {_LAST_APPLIED: json.dumps(stored)}


def owned_replicas(manager: str, at: float) -> Obj:
    """The entry of managedFields of whoever applied a count."""
    fields: Obj = {"f:spec": {"f:replicas": {}}}
    return {"manager": manager, "operation": "Update", "time": timestamp(at), "fieldsV1": fields}


def declares(original: Obj, replicas: int) -> None:
    """``kubectl apply`` of a manifest with so many replicas leaves this behind; *original* is changed in place."""
    original["metadata"].setdefault("annotations", {}).update(_applied({"spec": {"replicas": replicas}}))


def workload(namespace: str, name: str, app: str, replicas: int, created: float) -> Obj:
    """A Deployment that somebody's application is."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "uid": f"uid-of-{namespace}-{name}",
            "generation": 7,
            "creationTimestamp": timestamp(created),
            "annotations": {_REVISION: "2"},
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": app}},
            "template": {
                "metadata": {"labels": {"app": app}},
                "spec": {"containers": [{"name": "web", "image": "shop/web:1"}]},
            },
        },
        "status": {"observedGeneration": 7},
    }


def replica_set(owner: Obj, name: str, revision: int, desired: int) -> Obj:
    """One revision of a Deployment."""
    annotations = {_REVISION: str(revision), _DESIRED: str(desired)}
    meta = {"name": name, "namespace": owner["metadata"]["namespace"], "annotations": annotations}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {**meta, "ownerReferences": [_owner(owner)]},
        "spec": {"replicas": 0},
    }


def autoscaler(target: Obj, least: int) -> Obj:
    """A HorizontalPodAutoscaler on a Deployment."""
    meta = target["metadata"]
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": meta["name"]}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": meta["name"], "namespace": meta["namespace"]},
        "spec": {"scaleTargetRef": ref, "minReplicas": least, "maxReplicas": 99},
    }


def scaling_events(original: Obj, event: Event, found: int, at: float) -> list[Obj]:
    """What the deployment controller says of a scale from *found* to 0."""
    meta = original["metadata"]
    if event is Event.EXPIRED or not found:
        return []
    texts = [event.value.format(rs=f"{meta['name']}-1", found=found)]
    if event is Event.ROLLOUT:
        texts = [
            Event.NOW.value.format(rs=f"{meta['name']}-{half}", found=part) for half, part in enumerate((1, found))
        ]
    involved = {"kind": "Deployment", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}
    return [
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{meta['name']}.{at:.0f}.{place}", "namespace": meta["namespace"]},
            "involvedObject": involved,
            "reason": "ScalingReplicaSet",
            "message": text,
            "firstTimestamp": timestamp(at),
            "lastTimestamp": timestamp(at),
        }
        for place, text in enumerate(texts)
    ]


def _owner(obj: Obj) -> Obj:
    meta = obj["metadata"]
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }


def _containers(version: str, name: str, swapped: bool, sidecar: bool) -> list[Obj]:
    env = [{"name": "TELEPRESENCE_CONTAINER_NAMESPACE", "value": "here"}] if swapped else []
    proxy = {"name": name, "image": f"registry.local/telepresence-k8s:{version}", "env": env}
    return [{"name": "mesh", "image": "mesh/proxy:1"}, proxy] if sidecar else [proxy]


def pod(meta: Obj, version: str, client: Client, swapped: bool, sidecar: bool, bare: bool) -> Obj:
    """The Pod that the proxy runs in. *bare*: nothing restarts it."""
    container = "web" if swapped else "telepresence"
    state: Obj = {"running": {}}
    status: Obj = {"phase": "Running", "podIP": "10.244.0.9"}
    if client is Client.ENDED:
        state = {"terminated": {"exitCode": 137}}
        status["phase"] = "Running" if bare and sidecar else "Failed"
    if client is Client.NEVER_RAN:
        state, status["phase"] = {"waiting": {"reason": "ImagePullBackOff"}}, "Pending"
    ran = {} if client is Client.NEVER_RAN else {"containerID": "containerd://1"}
    status["containerStatuses"] = [{"name": container, "state": state, **ran}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {
            "nodeName": "node-1",
            "restartPolicy": "Never" if bare else "Always",
            "containers": _containers(version, container, swapped, sidecar),
        },
        "status": status,
    }


def proxy_deployment(
    original: Obj, name: str, label: str, version: Version, found: int, settled: bool, created: float
) -> Obj:
    """The copy of the original that clients up to 0.105 applied."""
    counts: Obj = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), found)
    status: Obj = {"observedGeneration": 7, **(counts if found else {})}
    if not settled and found:
        status["readyReplicas"] = found - 1
    kept = {"metadata": {"uid": original["metadata"]["uid"], "generation": 7}, "status": status}
    stored = {"spec": {"replicas": 1}, **(kept if version.keeps_status else {"metadata": {}, "status": {}})}
    return labelled_deployment(original["metadata"]["namespace"], name, label, version.value, created) | {
        "spec": {
            "replicas": 1,
            "selector": original["spec"]["selector"],
            "template": {
                "metadata": {"labels": {**original["spec"]["template"]["metadata"]["labels"], LABEL: label}},
                "spec": {"containers": _containers(version.value, "web", True, False)},
            },
        },
        "metadata": {
            "name": name,
            "namespace": original["metadata"]["namespace"],
            "labels": {LABEL: label},
            "annotations": _applied(stored),
            "creationTimestamp": timestamp(created),
        },
    }


def labelled_deployment(
    namespace: str, name: str, label: str, version: str, created: float, swapped: bool = False
) -> Obj:
    """A Deployment that is a session's proxy by itself: one made anew, or an original that an old client replaced."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {LABEL: label},
            "creationTimestamp": timestamp(created),
        },
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": {LABEL: label}},
            "template": {
                "metadata": {"labels": {LABEL: label}},
                "spec": {"containers": _containers(version, "web" if swapped else "telepresence", swapped, False)},
            },
        },
        "status": {},
    }


def service(namespace: str, name: str, label: str, exact: bool, created: float) -> Obj:
    """The Service of a session that exposes a port."""
    selector = {LABEL: label} if exact else {"app": name}
    meta = {"name": name, "namespace": namespace, "labels": {LABEL: label}, "creationTimestamp": timestamp(created)}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": {"selector": selector}}


def terminating(obj: Obj, at: float) -> Obj:
    """The object as it stands while something still holds up its deletion."""
    meta = {**obj["metadata"], "deletionTimestamp": timestamp(at), "finalizers": [_FINALIZER]}
    return {**obj, "metadata": meta}


def strangers(namespace: str) -> list[Obj]:
    """What no run may touch: Telepresence 2's manager, a proxy that is somebody's own, and a workload at rest."""
    manager = labelled_deployment(namespace, "traffic-manager", "manager", "2.0", 0.0)
    kept = labelled_deployment(namespace, "kept-proxy", "", "0.109", 0.0)
    del kept["metadata"]["labels"]
    pods: list[Any] = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"{obj['metadata']['name']}-1",
                "namespace": namespace,
                "labels": obj["metadata"].get("labels", {}),
            },
            "spec": obj["spec"]["template"]["spec"],
            "status": {"phase": "Running"},
        }
        for obj in (manager, kept)
    ]
    return [manager, kept, *pods, workload(namespace, "at-rest", "at-rest", 0, 0.0)]
