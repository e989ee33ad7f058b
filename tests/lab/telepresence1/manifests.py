"""The objects that Telepresence 1 clients create, as pure functions of what they read.

Every function gives what the client hands to kubectl, before the server adds its defaults. Sources, all in
``telepresence/proxy/`` of telepresenceio/telepresence: ``deployment.py`` of 0.105, ``operation.py`` and ``manifest.py``
of 0.109.
"""

from __future__ import annotations

import copy
from typing import Any

Manifest = dict[str, Any]

SESSION_LABEL = "telepresence"
# Clients cut a name so that, with a dash and the 32 digits of the session, it has 50 characters at most.
NAME_LENGTH = 50
PROBES_OF_0_105 = ("livenessProbe", "readinessProbe")
# Up to 0.87 nothing polls the client: of the lab's image, that is its sshd alone.
SSHD_ALONE = [
    "/bin/sh",
    "-c",
    "ssh-keygen -q -t ed25519 -N '' -f /tmp/ssh_host_ed25519_key </dev/null && exec /usr/sbin/sshd -D",
]
PROBES_OF_0_109 = (*PROBES_OF_0_105, "startupProbe")
NEW_POD_CONTAINER = "telepresence"
RESOURCES = {"limits": {"cpu": "1", "memory": "256Mi"}, "requests": {"cpu": "25m", "memory": "64Mi"}}


def proxy_image(client_version: str) -> str:
    """Return the proxy image of a client; its tag is the client's version."""
    return f"lab.local/telepresence-k8s:{client_version}"


def proxy_name(original: str, session_id: str) -> str:
    """Return the name of the proxy that stands in for the workload named ``original``."""
    return f"{original[: NAME_LENGTH - len(session_id) - 1]}-{session_id}"


def swapped_deployment(original: Manifest, session_id: str, container: str, client_version: str = "0.105") -> Manifest:
    """Return the proxy Deployment of 0.105: a copy of ``original`` as read, uid, resourceVersion and status included.

    0.106 and later make it too where TELEPRESENCE_USE_DEPLOYMENT is set; only the tag of their image differs. 0.87 reads
    with ``--export``, which leaves these out.
    ``container`` names the container to replace. Raises ``LookupError`` if there is none so named.
    """
    proxy = copy.deepcopy(original)
    if client_version == "0.87":
        proxy.pop("status", None)
        for field in ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"):
            proxy["metadata"].pop(field, None)
    proxy["metadata"]["name"] = proxy_name(original["metadata"]["name"], session_id)
    proxy["spec"]["replicas"] = 1
    template = proxy["spec"]["template"]
    for metadata in (proxy["metadata"], template["metadata"]):
        metadata.setdefault("labels", {})[SESSION_LABEL] = session_id
    _swap_container(template["spec"], container, client_version, PROBES_OF_0_105)
    return proxy


def swapped_pod(original: Manifest, session_id: str, container: str) -> Manifest:
    """Return the List with the proxy Pod of 0.109, made of the pod template of the Deployment ``original``.

    ``container`` and errors as for `swapped_deployment`.
    """
    template = copy.deepcopy(original["spec"]["template"])
    metadata, spec = template["metadata"], template["spec"]
    metadata["name"] = proxy_name(original["metadata"]["name"], session_id)
    metadata.setdefault("labels", {})[SESSION_LABEL] = session_id
    spec["restartPolicy"] = "Never"
    _swap_container(spec, container, "0.109", PROBES_OF_0_109)
    return _list({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})


def changed_config(original: Manifest, session_id: str, container: str) -> Manifest:
    """Return what 0.97 to 0.105 replace the DeploymentConfig ``original`` by, once its triggers are gone.

    ``container`` and errors as for `swapped_deployment`.
    """
    changed = swapped_deployment(original, session_id, container)
    changed["metadata"]["name"] = original["metadata"]["name"]
    # These clients read it with --export, which leaves out what is the server's.
    del changed["metadata"]["resourceVersion"], changed["status"]
    return changed


def new_deployment(name: str, session_id: str) -> Manifest:
    """Return the Deployment of 0.105 for ``--new-deployment name``; its Service is made by ``kubectl expose``."""
    labels = {SESSION_LABEL: session_id}
    container = {"image": proxy_image("0.105"), "name": name, "resources": RESOURCES}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"labels": labels, "name": name},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def new_pod(name: str, session_id: str, port: int) -> Manifest:
    """Return the List of 0.109 for ``--new-deployment name --expose port``: a Pod and its Service."""
    metadata = {"name": name, "labels": {SESSION_LABEL: session_id}}
    container = {"name": NEW_POD_CONTAINER, "image": proxy_image("0.109"), "env": [], "resources": RESOURCES}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [container], "restartPolicy": "Never"},
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {
            "selector": {SESSION_LABEL: session_id},
            "type": "ClusterIP",
            "ports": [{"port": port, "targetPort": port, "name": f"port-{port}"}],
        },
    }
    return _list(pod, service)


def _swap_container(spec: Manifest, name: str, client_version: str, probes: tuple[str, ...]) -> None:
    """Turn the container called ``name`` of the pod spec into the proxy's."""
    container = next((candidate for candidate in spec["containers"] if candidate["name"] == name), None)
    if container is None:
        raise LookupError(f"no container is called {name}")
    for field in ("args", "workingDir", "lifecycle", *probes):
        container.pop(field, None)
    container["image"] = proxy_image(client_version)
    container["imagePullPolicy"] = "IfNotPresent"
    container["command"] = SSHD_ALONE if client_version == "0.87" else ["/usr/src/app/run.sh"]
    container["terminationMessagePolicy"] = "FallbackToLogsOnError"
    own_namespace = {"fieldRef": {"fieldPath": "metadata.namespace"}}
    container.setdefault("env", []).append({"name": "TELEPRESENCE_CONTAINER_NAMESPACE", "valueFrom": own_namespace})


def _list(*items: Manifest) -> Manifest:
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}
