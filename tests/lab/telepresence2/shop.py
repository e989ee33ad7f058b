"""Workloads that can be intercepted."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from ..scenes import workload
from ..telepresence1.kubectl import Kubectl

INJECT = {"telepresence.getambassador.io/inject-traffic-agent": "enabled"}
"""The annotation by which the pods of a workload ask for an agent (telepresence 2.20.2, pkg/agentconfig/sidecar.go)."""


def open_shop(
    kubectl: Kubectl,
    *names: str,
    injected: Collection[str] = (),
    numbered: Collection[str] = (),
    replicas: Mapping[str, int] | None = None,
) -> None:
    """Creates a Deployment and its Service for each name, ready. Raises LabError.

    Those ``injected`` ask for an agent. The Service names the port of the pods, so that an agent needs no iptables; that of those
    ``numbered`` says its number. ``replicas`` are one where they are not given.
    """
    for name in names:
        one = workload(name, (replicas or {}).get(name, 1))
        template = one["spec"]["template"]
        template["metadata"]["annotations"] = INJECT if name in injected else {}
        template["spec"]["containers"][0]["ports"] = [{"name": "http", "containerPort": 8080}]
        port = {"name": "http", "port": 80, "targetPort": 8080 if name in numbered else "http"}
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}}
        spec = {"selector": {"app": name}, "ports": [port]}
        kubectl.run("apply", "--filename=-", stdin={**service, "spec": spec})
        kubectl.run("apply", "--filename=-", stdin=one)
    for name in names:
        kubectl.run("rollout", "status", f"deployment/{name}", "--timeout=120s")


def agents(kubectl: Kubectl) -> list[str]:
    """The pods with an agent, without those on their way out."""
    return [
        pod["metadata"]["name"]
        for pod in kubectl.get("pods")["items"]
        if not pod["metadata"].get("deletionTimestamp")
        and any(container["name"] == "traffic-agent" for container in pod["spec"]["containers"])
    ]
