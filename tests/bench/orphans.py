"""Workloads whose developers have gone, as many as asked, in one namespace; brought back to that state as often as asked.

What is in the cluster is what clients of Telepresence create, in their order, and their proxies run as in the rest of the lab.
A client's own programs would take minutes to start for so many. In their place a program in the pod itself answers the
proxy's first poll, and ends: the log and the sockets are then those that a client leaves behind which was killed.
"""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps import log

from tests.lab.client import Client
from tests.lab.say import LabError, Say
from tests.lab.scenes import workload
from tests.lab.telepresence1 import manifests
from tests.lab.telepresence1.kubectl import Kubectl

from .client import AT_ONCE, execute

ANSWER_ONCE = """
import socket
with socket.create_server(("127.0.0.1", 9055)) as server:
    server.settimeout(180)
    connection, _ = server.accept()
    connection.recv(400)
    connection.sendall(b"HTTP/1.0 200 OK\\r\\nServer: BaseHTTP/0.6 Python/3.6.1\\r\\n\\r\\n")
"""
LISTENING = "0100007F:235F 00000000:0000 0A"
"""How Linux writes a socket that listens on 127.0.0.1:9055 (proc_pid_net(5))."""
STAND_IN = [
    *["sh", "-c"],
    f'setsid python3 -I -S -c "$0" >/dev/null 2>&1 & until grep -q "{LISTENING}" /proc/net/tcp; do sleep 0.1; done',
    ANSWER_ONCE,
]
"""It is waited for: what an exec leaves behind before it has begun may never begin."""
PROVEN = 30.0
"""Seconds for which polls must have failed, as for verdict stale."""
PATIENCE = 300.0
"""Seconds for proxies to start, and then to be polled."""


@dataclass
class Orphans:
    """``size`` workloads of one replica each, in a namespace of their own."""

    client: Client
    kubectl: Kubectl
    size: int
    say: Say
    _answering: set[str] = field(default_factory=set)

    def create(self) -> None:
        """Makes the namespace anew, with the workloads in it. Raises LabError, as all here."""
        self.clear()
        self.kubectl.run("delete", "namespace", self.kubectl.namespace, "--ignore-not-found")
        self.kubectl.run("create", "namespace", self.kubectl.namespace)
        items = [workload(f"app-{number:02}", 1) for number in range(self.size)]
        self.kubectl.run("apply", "--filename=-", stdin={"apiVersion": "v1", "kind": "List", "items": items})
        # One namespace after the other: two hundred containers that start at once hold each other up.
        self._wait_for_workloads()

    def clear(self) -> None:
        """Begins to delete the namespace."""
        self.kubectl.run("delete", "namespace", self.kubectl.namespace, "--ignore-not-found", "--wait=false")

    def swap(self) -> None:
        """Has every workload swapped by a client of 0.109 which then goes; the proxies run, but are not yet seen to be stale."""
        self._wait_for_workloads()
        # Events of earlier rounds would make later ones dearer for whoever reads them.
        self.client.call("DELETE", self._path("events"))
        proxies: list[Any] = []
        for original in self.kubectl.get("deployments")["items"]:
            proxies += manifests.swapped_pod(original, uuid.uuid4().hex, "app")["items"]
        self.kubectl.run("create", "--filename=-", stdin={"apiVersion": "v1", "kind": "List", "items": proxies})
        self.kubectl.run("scale", "deployments", "--all", "--replicas=0")
        self._wait("running proxies", self._answer)

    def wait_until_stale(self) -> None:
        """Waits until each proxy was seen alive once, and its polls have failed long enough; checks that nothing else is there."""
        self._wait("stale proxies", lambda pods: sum(self._in_pool(self._stale, pods)))
        wrong = self._replicas(wanted=0)
        if wrong:
            raise LabError(f"The start is not the same for all: {wrong}")

    def expect_restored(self) -> None:
        """Raises LabError unless every workload has its replica again, and no proxy is left."""
        left = [pod for pod in self._pods() if not pod["metadata"].get("deletionTimestamp")]
        wrong = self._replicas(wanted=1) or (f"{len(left)} proxies are left" if left else "")
        if wrong:
            raise LabError(f"Namespace {self.kubectl.namespace} was not recovered: {wrong}.")

    def settle(self) -> None:
        """Waits until the workloads run again and the pods of proxies are gone: whoever is measured next would share the machine with that."""
        self._wait_for_workloads()
        self._wait("proxies that are gone", lambda pods: self.size - len(pods))

    def _wait_for_workloads(self) -> None:
        self.kubectl.run("wait", "deployments", "--all", "--for=condition=Available", f"--timeout={PATIENCE:.0f}s")

    def _pods(self) -> list[Any]:
        found: list[Any] = self.client.call("GET", self._path(f"pods?labelSelector={manifests.SESSION_LABEL}"))["items"]
        return found

    def _replicas(self, wanted: int) -> str:
        deployments = self.kubectl.get("deployments")["items"]
        right = sum(one["spec"]["replicas"] == wanted for one in deployments)
        return "" if right == self.size else f"{right} of {self.size} workloads have {wanted} replicas"

    def _wait(self, what: str, count: Any) -> None:
        """Waits until ``count`` says of the proxies' pods that there are as many as workloads."""
        began = time.monotonic()
        while (there := count(self._pods())) != self.size:
            if time.monotonic() - began > PATIENCE:
                raise LabError(f"There were {there} instead of {self.size} {what} in {self.kubectl.namespace}.")
            time.sleep(1.0)
        self.say(f"{self.kubectl.namespace}: {self.size} {what} after {time.monotonic() - began:.0f} s")

    def _answer(self, pods: list[Any]) -> int:
        """Has the pods that have come to run answer once; returns how many do or did."""
        due = [
            pod for pod in pods if pod["status"]["phase"] == "Running" and pod["metadata"]["uid"] not in self._answering
        ]
        begun = self._in_pool(self._has_begun, due)
        self._answering |= {pod["metadata"]["uid"] for pod, answers in zip(due, begun) if answers}
        return sum(pod["metadata"]["uid"] in self._answering for pod in pods)

    def _has_begun(self, pod: Any) -> bool:
        """Starts the program that answers. A node that starts a hundred containers may not get to it in time; the next look tries again."""
        try:
            execute(self.client, self._path("pods", pod["metadata"]["name"]), "app", STAND_IN)
        except LabError as error:
            self.say(str(error))
            return False
        return True

    def _stale(self, pod: Any) -> bool:
        path = self._path("pods", pod["metadata"]["name"], "log?container=app&timestamps=true")
        written = log.parse(self.client.ask("GET", path, {}, b"").body.decode())
        return written.last_alive is not None and written.failing_for >= PROVEN

    def _in_pool(self, call: Any, pods: list[Any]) -> list[Any]:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return [*pool.map(call, pods)]

    def _path(self, *parts: str) -> str:
        return "/".join([f"/api/v1/namespaces/{self.kubectl.namespace}", *parts])
