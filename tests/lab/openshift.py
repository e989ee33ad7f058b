"""A stand-in for the part of OpenShift that runs DeploymentConfigs, in one namespace of a lab cluster.

The kind itself is a CustomResourceDefinition of group ``apps.openshift.io`` with a scale subresource; its rollouts are real
ReplicationControllers, whose pods Kubernetes runs. What OpenShift's own controllers do between the two is done by a thread
here, as far as a recovery can see it: annotations, events and order as in openshift/openshift-controller-manager
(pkg/apps/deploymentconfig/deploymentconfig_controller.go) and openshift/library-go (pkg/apps/appsutil/util.go).
"""

from __future__ import annotations

import datetime
import json
import threading
import uuid
from typing import Any

from .say import LabError
from .telepresence1.kubectl import Kubectl

Object = dict[str, Any]

GROUP, RESOURCE = "apps.openshift.io", "deploymentconfigs.apps.openshift.io"
CONFIG = "openshift.io/deployment-config.name"
VERSION = "openshift.io/deployment-config.latest-version"
PHASE = "openshift.io/deployment.phase"
REPLICAS = "openshift.io/deployment.replicas"
ENCODED = "openshift.io/encoded-deployment-config"
PAUSE = 0.5  # seconds between two looks


def definition() -> Object:
    """Return the CustomResourceDefinition."""
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": RESOURCE},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": RESOURCE.partition(".")[0], "kind": "DeploymentConfig", "shortNames": ["dc"]},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {**anything, "properties": {"spec": anything, "status": anything}}},
                    "subresources": {"status": {}, "scale": scale},
                }
            ],
        },
    }


def config(name: str, replicas: int, image: str) -> Object:
    """Return the manifest of a DeploymentConfig whose triggers are those of ``oc new-app``."""
    labels = {"app": name}
    container = {"name": "app", "image": image, "imagePullPolicy": "IfNotPresent"}
    stream = {"kind": "ImageStreamTag", "name": f"{name}:latest"}
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "DeploymentConfig",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": labels,
            "strategy": {"type": "Rolling"},
            "triggers": [
                {"type": "ConfigChange"},
                {"type": "ImageChange", "imageChangeParams": {"automatic": True, "from": stream}},
            ],
            "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]},
            },
        },
    }


def roll_out(kubectl: Kubectl, name: str) -> None:
    """Begin a rollout of a DeploymentConfig as it is, as ``oc rollout latest`` does. Raises LabError."""
    status = kubectl.get(RESOURCE, name).get("status") or {}
    _write_status(kubectl, name, {"latestVersion": status.get("latestVersion", 0) + 1})


class Controllers:
    """The controllers for the namespace of ``kubectl``, at work within a ``with`` block."""

    def __init__(self, kubectl: Kubectl) -> None:
        self.kubectl = kubectl
        self.problems: list[str] = []
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def __enter__(self) -> Controllers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._closing.wait(PAUSE):
            try:
                for found in self.kubectl.get(RESOURCE)["items"]:
                    self._reconcile(found)
            except LabError as error:  # others write as well: look again
                self.problems.append(str(error))

    def _reconcile(self, found: Object) -> None:
        """Bring the rollouts of a DeploymentConfig one step further."""
        name, status = found["metadata"]["name"], found.get("status") or {}
        version = status.get("latestVersion")
        if version is None:
            roll_out(self.kubectl, name)
            return
        rollouts = {
            int(one["metadata"]["annotations"][VERSION]): one
            for one in self.kubectl.get("replicationcontrollers", f"--selector={CONFIG}={name}")["items"]
        }
        latest = rollouts.get(version)
        if latest is None:
            self.kubectl.run("create", "--filename=-", stdin=_rollout(found, version))
            return
        wanted, done = found["spec"]["replicas"], {}
        ready = latest.get("status", {}).get("readyReplicas", 0)
        if latest["metadata"]["annotations"][PHASE] != "Complete":
            if ready < latest["spec"]["replicas"]:
                return
            count = str(latest["spec"]["replicas"])
            self.kubectl.run("annotate", "--overwrite", _named(latest), f"{PHASE}=Complete", f"{REPLICAS}={count}")
            for older in (one for number, one in rollouts.items() if number != version and one["spec"]["replicas"]):
                self.kubectl.run("scale", _named(older), "--replicas=0")
            done = {"rolledOut": version}
        elif latest["spec"]["replicas"] != wanted:
            before = latest["spec"]["replicas"]
            self.kubectl.run("scale", _named(latest), f"--replicas={wanted}")
            self.kubectl.run("create", "--filename=-", stdin=_event(found, latest, before, wanted))
        seen = {"replicas": latest.get("status", {}).get("replicas", 0), "readyReplicas": ready}
        # Not the version: somebody may have counted it up meanwhile.
        now = {**seen, **done, "observedGeneration": found["metadata"]["generation"]}
        if {**status, **now} != status:
            _write_status(self.kubectl, name, now)


def _named(controller: Object) -> str:
    return f"replicationcontroller/{controller['metadata']['name']}"


def _write_status(kubectl: Kubectl, name: str, status: Object) -> None:
    patch = json.dumps({"status": status})
    kubectl.run("patch", RESOURCE, name, "--subresource=status", "--type=merge", f"--patch={patch}")


def _rollout(found: Object, version: int) -> Object:
    """Return the ReplicationController of a rollout."""
    name, meta = f"{found['metadata']['name']}-{version}", found["metadata"]
    labels = {"deployment": name, "deploymentconfig": meta["name"]}
    template = json.loads(json.dumps(found["spec"]["template"]))
    template["metadata"]["labels"] |= labels
    owner = {"apiVersion": found["apiVersion"], "kind": found["kind"], "name": meta["name"], "uid": meta["uid"]}
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {
            "name": name,
            "labels": {**meta.get("labels", {}), CONFIG: meta["name"]},
            "annotations": {
                ENCODED: json.dumps(found),
                VERSION: str(version),
                PHASE: "Running",
                REPLICAS: "0",
            },
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": {
            "replicas": found["spec"]["replicas"],
            "selector": {**found["spec"]["selector"], **labels},
            "template": template,
        },
    }


def _event(found: Object, controller: Object, before: int, after: int) -> Object:
    """Return the event of a scaling."""
    meta = found["metadata"]
    involved = {"apiVersion": found["apiVersion"], "kind": found["kind"]}
    now = _now()
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{meta['name']}.{uuid.uuid4().hex[:16]}"},
        "involvedObject": {**involved, **{key: meta[key] for key in ("name", "namespace", "uid")}},
        "reason": "ReplicationControllerScaled",
        "message": f'Scaled replication controller "{controller["metadata"]["name"]}" from {before} to {after}',
        "type": "Normal",
        "firstTimestamp": now,
        "lastTimestamp": now,
    }


def _now() -> str:
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
