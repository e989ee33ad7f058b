"""A fake cluster with a clock, recorded sessions in it, and runs of the modules against it.

Whatever a test is about, each run is also checked for what must hold in every run: see :meth:`Cluster.run`.
"""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ansible_collections.devclusters.telepresence.plugins.module_utils._results.short import whole
from ansible_collections.devclusters.telepresence.plugins.modules import (
    telepresence_baseline,
    telepresence_cluster_info,
    telepresence_journal,
    telepresence_orphans,
    telepresence_restore,
)

from wire import exec as exec_
from wire import pods, states
from wire.play import run_module
from wire.request import Request
from wire.server import TOKEN, ApiServer
from wire.store import Obj, read_yaml, timestamp

from . import probe_output
from .fake_time import FakeTime

Result = dict[str, Any]
Record = dict[str, Any]

POD_3 = "0.109-swap-web-pod-from-3"
DEPLOYMENT_2 = "0.105-swap-web-from-2"
NEW = "0.105-new-deployment"
MULTI = "0.109-swap-multicontainer"
COMPLETED = "0.109-proxy-pod-completed"

MAIN: dict[str, Callable[[], None]] = {
    "orphans": telepresence_orphans.main,
    "restore": telepresence_restore.main,
    "info": telepresence_cluster_info.main,
    "baseline": telepresence_baseline.main,
}
COMMON_KEYS = {"cluster", "sessions", "orphans", "lost", "summary", "notices"}
RESTORE_KEYS = {"restored", "skipped_sessions", "failed_sessions", "journal"}
RECORD_KEYS = {
    *("session_id", "namespace", "client_version", "mode", "proxy", "verdict", "reason", "probes", "original"),
    *("replicas", "evidence", "managed_by", "plan", "outcome", "message"),
}
APART = 10.0
"""Seconds between two questions to one proxy."""


class TimedRequests(list[Request]):
    """The server's record of requests, with the time of each."""

    def __init__(self, clock: FakeTime) -> None:
        super().__init__()
        self.clock = clock
        self.times: list[float] = []

    def append(self, request: Request) -> None:
        self.times.append(self.clock.time())
        super().append(request)


class Cluster:
    """One fake cluster. *kubeconfig* is the path of one for it."""

    def __init__(self, server: ApiServer, kubeconfig: str, clock: FakeTime) -> None:
        self.server = server
        self.store = server.store
        self.kubeconfig = kubeconfig
        self.clock = clock
        self.requests = TimedRequests(clock)
        server.requests = self.requests
        self._run_began = 0

    # What is there ----------------------------------------------------------------------------------------------------

    def stage(self, case: str = POD_3, state: str = "gone", age: int | None = None, namespace: str = "") -> str:
        """A recorded session with its client in a recorded state; the proxy pod's name."""
        return states.stage(self.server, case, state, probe_output.answer, age, namespace)

    def says(self, pod: str, *said: dict[str, Any] | str, namespace: str = "default") -> None:
        """What a proxy says to one exec after another, the last for ever: a state's name, or changes to the answer of
        ``gone``. Through the pod proxy it is not reached.
        """
        remaining = list(said)

        def run(call: exec_.ExecCall) -> exec_.Ran:
            now = remaining.pop(0) if len(remaining) > 1 else remaining[0]
            state = states.recorded(now if isinstance(now, str) else "gone")
            changed = {"clock": self.clock.time(), **({} if isinstance(now, str) else now)}
            return exec_.Ran(probe_output.answer(state.probe, **changed))

        self.server.exec(namespace, pod, run)
        for method in ("HEAD", "GET"):
            refused = "dial tcp 10.244.0.28:9055: connect: connection refused"
            self.server.port(namespace, pod, method, pods.Unreachable(refused))

    def client(self, pod: str, state: str, namespace: str = "default") -> None:
        """A proxy's client is in a recorded state, but nothing is reached through the pod proxy: no waits for silence."""
        states.answers(self.server, namespace, pod, state, probe_output.answer)
        self.says(pod, state, namespace=namespace)

    def logs(self, pod: str, *lines: tuple[float, str], namespace: str = "default") -> None:
        """A proxy's log: (seconds ago, message) of each line."""
        text = ""
        for ago, message in lines:
            at = timestamp(self.clock.time() - ago)
            text += f"{at[:-1]}.000000000Z {at[:-1]}+0000 {message}\n"
        self.server.log(namespace, pod, text)

    def silent_log(self, pod: str, namespace: str = "default") -> None:
        """A log without any poll in it: only a second refusal can condemn its session."""
        self.logs(pod, (1000.0, "[-] Loaded."), namespace=namespace)

    def proxy(self, session_id: str, created: float, original: str = "web", namespace: str = "default") -> str:
        """One more proxy Pod of 0.109 for *original*, made from the recorded one; *created* seconds ago. Its name."""
        (recorded,) = [obj for obj in _recorded(POD_3) if obj["kind"] == "Pod"]
        pod = copy.deepcopy(recorded)
        name = f"{original}-{session_id}"
        pod["metadata"] = {
            "name": name,
            "namespace": namespace,
            "creationTimestamp": timestamp(self.clock.time() - created),
            "labels": {"app": "web", "telepresence": session_id},
        }
        self.store.load(pod)
        return name

    def web(self, name: str = "web", namespace: str = "default", replicas: int = 0, **metadata: Any) -> None:
        """One more original, made from the recorded Deployment ``web``: nothing but the options knows its count."""
        (recorded,) = [obj for obj in _recorded(POD_3) if obj["kind"] == "Deployment"]
        web = copy.deepcopy(recorded)
        web["metadata"] = {"name": name, "namespace": namespace, "generation": 2, **metadata}
        web["spec"]["replicas"] = replicas
        self.store.load(web)

    def replicas(self, name: str = "web", namespace: str = "default") -> int:
        """What a Deployment wants at this moment."""
        web = self.store.get("Deployment", name, namespace)
        assert web is not None, f"there is no Deployment {namespace}/{name}"
        return int(web["spec"]["replicas"])

    def record(self, namespace: str = "default") -> dict[str, dict[str, int]]:
        """The counts in the record of a namespace: of its workloads, and of its sessions."""
        found = self.store.get("ConfigMap", "telepresence-baseline", namespace)
        assert found is not None, f"namespace {namespace} has no record"
        read = {key: json.loads(found["data"][key]) for key in ("workloads", "sessions")}
        return {key: {name: note["replicas"] for name, note in notes.items()} for key, notes in read.items()}

    def proxies(self) -> list[str]:
        """The names of all labelled objects that are left."""
        kinds = ("Deployment", "Pod", "Service")
        return [obj["metadata"]["name"] for kind in kinds for obj in self.store.all(kind) if states.is_proxy(obj)]

    # What happens -----------------------------------------------------------------------------------------------------

    def run(
        self, module: str = "restore", check: bool = False, env: dict[str, str] | None = None, **options: Any
    ) -> Result:
        """Runs a module on the cluster; for Ansible's ``failed`` see the result.

        In every run: check mode and the modules that only look send no write; a write names exactly the object that
        was read; two questions to one proxy are at least 10 s apart; all promised keys are there; the token is not.
        """
        self._run_began = len(self.requests)
        options = options if module == "forget" else {"kubeconfig": self.kubeconfig, **options}
        main = telepresence_journal.main if module == "forget" else MAIN[module]
        result = run_module(main, options, check=check, diff=True, env=env)
        if check or module not in ("restore", "baseline"):
            assert not any(request.is_write for request in self.seen())
        self._check_writes(module)
        self._check_questions()
        self._check_result(module, result)
        return result

    def _check_writes(self, module: str) -> None:
        for write in (request for request in self.seen() if request.is_write):
            if module == "baseline":
                assert (write.method, write.content_type) == ("PATCH", "application/apply-patch+yaml")
                assert (write.access.resource, write.access.name) == ("configmaps", "telepresence-baseline")
                assert write.body["metadata"]["resourceVersion"] and write.param("fieldManager")
                continue
            if write.method == "POST":
                self._check_event(write)
                continue
            if write.method == "DELETE":
                assert write.body["preconditions"]["uid"] and write.body["propagationPolicy"] == "Background"
                continue
            assert write.body["metadata"]["uid"] and write.body["metadata"]["resourceVersion"]
            access = write.access
            if (write.method, access.resource, access.subresource) == ("PUT", "deploymentconfigs", ""):
                # A definition that comes back leaves nothing of a session.
                assert "telepresence" not in json.dumps(write.body["metadata"]["labels"])
                assert "telepresence-" not in json.dumps(write.body["spec"])
                continue
            assert set(write.body["spec"]) == {"replicas"}
            # The scale of a DeploymentConfig compares nothing; that of every other kind does.
            if access.resource == "deploymentconfigs":
                assert (write.method, access.subresource) == ("PATCH", "")
            else:
                assert (write.method, access.subresource) == ("PUT", "scale")

    def _check_event(self, write: Request) -> None:
        """An Event comes after the scale that it tells of, and before any proxy goes; one scale has one Event."""
        assert (write.access.resource, write.access.subresource) == ("events", "")
        body, about = write.body, write.body["involvedObject"]
        assert len(body["message"].encode()) <= 1024 and len(body["metadata"]["name"]) <= 253
        assert (body["metadata"]["namespace"], body["reportingComponent"]) == (
            about["namespace"],
            "devclusters.telepresence",
        )
        before = self.requests[self._run_began : self.requests.index(write, self._run_began)]
        assert any(one.method in ("PUT", "PATCH") and one.body["metadata"]["uid"] == about["uid"] for one in before)

    def _check_questions(self) -> None:
        asked: dict[tuple[str, str], float] = {}
        for request, at in zip(self.requests[self._run_began :], self.requests.times[self._run_began :], strict=True):
            # What the API server itself was too busy for has reached no proxy.
            if request.access.subresource not in ("exec", "proxy") or request.status == 429:
                continue
            # One look may put HEAD, which a developer does not see, and then GET.
            key = (
                f"{request.method} {request.access.subresource}",
                f"{request.access.namespace}/{request.access.name}",
            )
            assert at - asked.get(key, 0.0) >= APART, f"{key} was asked twice within {at - asked[key]} s"
            asked[key] = at

    def _check_result(self, module: str, result: Result) -> None:
        assert TOKEN not in json.dumps(result) and base64.b64encode(TOKEN.encode()).decode() not in json.dumps(result)
        if module in ("info", "forget"):
            assert set(result) >= ({"cluster"} if module == "info" else {"changed"})
            return
        if module == "baseline":
            assert {"cluster", "records", "summary"} <= set(result)
            return
        assert set(result) >= COMMON_KEYS
        if "details" in result:
            result = whole(result, json.loads(Path(result["details"]).read_text()))
        assert all(set(record) == RECORD_KEYS for record in result["sessions"])
        if module == "restore":
            assert set(result) >= RESTORE_KEYS
            assert [one["outcome"] for one in result["failed_sessions"]] == ["failed"] * len(result["failed_sessions"])

    # What went over the wire, in the last run -------------------------------------------------------------------------

    def seen(
        self, verb: str | None = None, resource: str | None = None, subresource: str | None = None
    ) -> list[Request]:
        """The requests of the last run with these attributes (None is any)."""
        wanted = {"verb": verb, "resource": resource, "subresource": subresource}
        return [
            request
            for request in self.requests[self._run_began :]
            if all(value is None or getattr(request.access, key) == value for key, value in wanted.items())
        ]

    @property
    def writes(self) -> list[str]:
        """The writes of the last run in their order: ``PUT deployments/web/scale 3``, ``DELETE pods/web-...``.

        Without the Events, which are notes about them: see :attr:`events`.
        """
        said = []
        for write in (request for request in self.seen() if request.is_write and request.access.resource != "events"):
            access = write.access
            name = "/".join(part for part in (access.resource, access.name, access.subresource) if part)
            said.append(
                f"{write.method} {name}" + (f" {write.body['spec']['replicas']}" if "spec" in write.body else "")
            )
        return said

    @property
    def events(self) -> list[Obj]:
        """The Events on restored workloads that are in the cluster."""
        return [
            event for event in self.store.all("Event") if event.get("reportingComponent") == "devclusters.telepresence"
        ]

    @property
    def execs(self) -> list[str]:
        """The pods that were asked by exec in the last run, in order."""
        return [request.access.name for request in self.seen(subresource="exec")]


def _recorded(case: str) -> list[Obj]:
    items: list[Obj] = read_yaml(states.CASES / f"{case}.yaml")["items"]
    return items


def only(result: Result) -> Record:
    """The one session of a result."""
    (record,) = result["sessions"]
    assert isinstance(record, dict)
    return record
