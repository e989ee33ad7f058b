"""Planted sessions: what is known of each, on disk, so that any later program can find and end its client."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import signal
from collections.abc import Callable

from ..paths import LAB
from ..processes import Process
from ..say import LabError
from . import client
from .kubectl import Kubectl
from .manifests import SESSION_LABEL

RECORDS = LAB / "clients"
ANSWER_LIMIT = 30.0  # seconds, once its processes run
CHECKPOINT_LIMIT = 60.0  # seconds; the proxy polls every 30
POD_START_LIMIT = 180.0  # seconds, as clients wait at most for their proxy


@dataclasses.dataclass
class Session:
    """One planted Telepresence 1 session.

    ``name`` is the workload swapped (or the new one's), ``proxy`` the name of the Pod or Deployment that stands in and
    ``container`` the container that is the proxy; ``client`` is the state its client was brought into, one of
    `client.STATES`, ``pod`` the proxy's pod once that was ready, ``polled`` whether its release answers polls, and ``processes`` are the client's, by role.
    """

    kubectl: Kubectl
    session_id: str
    name: str
    mode: str
    proxy: str
    container: str
    client: str
    pod: str = ""
    polled: bool = True
    processes: dict[str, Process] = dataclasses.field(default_factory=dict)

    def summary(self) -> dict[str, str]:
        """Return what a person or a test wants to know, as plain data."""
        return {
            "context": self.kubectl.context,
            "namespace": self.kubectl.namespace,
            "name": self.name,
            "session_id": self.session_id,
            "mode": self.mode,
            "proxy": self.proxy,
            "client": self.client,
        }

    def wait_for_pod(self) -> None:
        """Wait until the proxy's pod is ready. Raises `LabError` if it does not become so in time."""

        def ready() -> str | None:
            for pod in self.kubectl.get("pods", f"--selector={SESSION_LABEL}={self.session_id}")["items"]:
                conditions = pod["status"].get("conditions", [])
                if any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions):
                    name: str = pod["metadata"]["name"]
                    return name
            return None

        what = f"a ready pod of proxy {self.kubectl.namespace}/{self.proxy}"
        self.pod = client.wait_for(ready, what, POD_START_LIMIT)
        self.save()

    def start_client(self) -> None:
        """Start the client, in place of an earlier one, and wait until it answers its proxy, whose pod must be ready.

        Raises `LabError` if it does not, also because one of its processes ends.
        """
        for process in self.processes.values():
            process.kill()
        for role, process in client.start(self.kubectl, self.pod, self.container, self._path, polled=self.polled):
            self.processes[role] = process
            self.save()
        self._wait_for(self.client_answers, "an answer of the client to the proxy", ANSWER_LIMIT)

    def wait_for_checkpoint(self) -> None:
        """Wait until the proxy has seen its client alive, which it first looks for 30 s after its start.

        Raises `LabError` if it does not, also because one of the client's processes ends.
        """
        self._wait_for(self._checkpoint_logged, "a checkpoint in the log of the proxy", CHECKPOINT_LIMIT)

    def _wait_for(self, ask: Callable[[], bool], what: str, limit: float) -> None:
        where = f"pod {self.kubectl.namespace}/{self.pod}"

        def answer() -> bool:
            ended = [role for role, process in self.processes.items() if not process.alive()]
            if ended:
                raise LabError(f"The {' and '.join(ended)} of a client ended before there was {what} in {where}.")
            return ask()

        client.wait_for(answer, f"{what} in {where}", limit)

    def _checkpoint_logged(self) -> bool:
        return "[Poll#info] Checkpoint" in self.kubectl.run("logs", self.pod, f"--container={self.container}")

    def change_client(self, state: str) -> None:
        """Bring the living client into ``state``: ``alive`` (left as it is) or one of `client.TRANSITIONS`."""
        if state in client.TRANSITIONS:
            client.enter(state, self.processes)
        self.client = state
        self.save()

    def resume_client(self) -> None:
        """Let a suspended or sleeping client go on."""
        for process in self.processes.values():
            client.send(process, signal.SIGCONT)
        self.client = "alive"
        self.save()

    def client_answers(self) -> bool:
        """Return whether the client answers the proxy's poll now."""
        return client.answers(self.kubectl, self.pod, self.container, polled=self.polled)

    def stop_client(self) -> None:
        """End every process of the client and forget the session; its objects in the cluster stay."""
        for process in self.processes.values():
            process.kill()
        for file in self._path.parent.glob(f"{self.session_id}.*"):
            file.unlink(missing_ok=True)

    def save(self) -> None:
        """Write the record."""
        record = dataclasses.asdict(self)
        record["kubectl"]["kubeconfig"] = str(self.kubectl.kubeconfig)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps(record, indent=1))
        partial.replace(self._path)

    @property
    def _path(self) -> pathlib.Path:
        return RECORDS / self.kubectl.context / self.kubectl.namespace / f"{self.session_id}.json"


def planted(context: str | None = None, namespace: str | None = None, name: str | None = None) -> list[Session]:
    """Return the sessions on record, of one context, namespace and workload only where these are given."""
    return [
        session
        for session in map(_load, sorted(RECORDS.glob(f"{context or '*'}/{namespace or '*'}/*.json")))
        if name in (None, session.name)
    ]


def _load(path: pathlib.Path) -> Session:
    record = json.loads(path.read_text())
    kubectl = record.pop("kubectl")
    kubectl["kubeconfig"] = pathlib.Path(kubectl["kubeconfig"])
    processes = {role: Process(**process) for role, process in record.pop("processes").items()}
    return Session(Kubectl(**kubectl), processes=processes, **record)
