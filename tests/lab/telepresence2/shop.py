"""Workloads that can be intercepted."""

from __future__ import annotations

from ..scenes import workload
from ..telepresence1.kubectl import Kubectl


def open_shop(kubectl: Kubectl, *names: str) -> None:
    """Creates a Deployment and its Service for each name, ready. The port has a name, so that an agent needs no iptables. Raises LabError."""
    for name in names:
        one = workload(name, 1)
        one["spec"]["template"]["spec"]["containers"][0]["ports"] = [{"name": "http", "containerPort": 8080}]
        port = {"name": "http", "port": 80, "targetPort": "http"}
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
