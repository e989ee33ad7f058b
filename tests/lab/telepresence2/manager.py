"""A traffic-manager on a cluster, installed with its own chart as its users do."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from typing import Any

from ..charts import INSTALLED
from ..commands import run
from ..paths import BIN, LOG
from ..telepresence1.kubectl import Kubectl

RELEASE = "traffic-manager"
CURL = {"registry": "lab.local", "image": "curl", "tag": "1"}
IMAGE = {"registry": "lab.local", "name": "tel2", "tag": INSTALLED.version, "pullPolicy": "IfNotPresent"}


@dataclasses.dataclass(frozen=True)
class TrafficManager:
    """A traffic-manager in the namespace of ``kubectl``, which serves that one and ``namespaces``, and no other.

    Other tests create pods on the same cluster at the same time: its webhook must not be asked about them.
    """

    kubectl: Kubectl
    namespaces: tuple[str, ...]

    @property
    def served(self) -> list[str]:
        """All namespaces that it serves; the chart demands that its own is one of them."""
        return [self.kubectl.namespace, *self.namespaces]

    def variables(self) -> dict[str, Any]:
        """The same as variables of the role traffic_manager."""
        return {
            "traffic_manager_namespace": self.kubectl.namespace,
            "traffic_manager_namespaces": self.served,
            "traffic_manager_chart": str(INSTALLED.archive),
            "traffic_manager_version": INSTALLED.version,
            "traffic_manager_registry": IMAGE["registry"],
            "traffic_manager_hook_image": CURL,
        }

    def install(self, **values: Any) -> None:
        """Creates the namespaces and installs the manager, ready. ``values`` are more of the chart's. Raises LabError."""
        self.remove()
        for namespace in self.served:
            self.kubectl.run("create", "namespace", namespace)
        chosen = {
            "image": IMAGE,
            "agent": {"image": IMAGE},
            "hooks": {"curl": CURL},
            "managerRbac": {"namespaced": True, "namespaces": self.served},
            **values,
        }
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(chosen, file)
            file.flush()
            self._helm("install", RELEASE, str(INSTALLED.archive), "--wait", "--timeout=120s", f"--values={file.name}")

    def restart(self) -> None:
        """Has another process take the place of the manager's. Raises `LabError`."""
        for step in ("restart", "status"):
            self.kubectl.run("rollout", step, "deployment/traffic-manager")

    def uninstall(self, *options: str) -> None:
        """Uninstalls the manager with its hook. Raises LabError."""
        self._helm("uninstall", RELEASE, "--wait", "--timeout=120s", *options)

    def remove(self) -> None:
        """Removes the manager and its namespaces by force, whatever state they are in; the webhook first of all."""
        namespace = self.kubectl.namespace
        self.kubectl.run(
            "delete", "mutatingwebhookconfiguration", f"agent-injector-webhook-{namespace}", "--ignore-not-found"
        )
        for kind in ("clusterrolebinding", "clusterrole"):
            self.kubectl.run("delete", kind, f"traffic-manager-{namespace}", "--ignore-not-found")
        self.kubectl.run("delete", "namespace", *self.served, "--ignore-not-found")

    def _helm(self, *arguments: str) -> None:
        where = [f"--kubeconfig={self.kubectl.kubeconfig}", f"--kube-context={self.kubectl.context}"]
        command = [str(BIN / "helm"), *arguments, f"--namespace={self.kubectl.namespace}", *where]
        run(command, f"helm {arguments[0]} on {self.kubectl.context}", LOG / "helm.log")
