"""The recorded states of a Telepresence proxy's client, applied to a pod of the fake server.

``fixtures/cases`` holds what real clients left behind and what the real proxy (0.109) answered while its client was
``alive``, ``suspended``, ``clientless``, ``gone`` or on a sleeping laptop (``asleep-5s``, ``asleep-2min``). Recorded
times are shifted, so that a test sees them as taken just now. ``starting`` was not recorded: it is the proxy's log
before the first poll of its client, and the answers and sockets of ``gone``, where no client is either.

How an exec's output looks is the business of the product's probe program, so the caller brings an encoder for it.
"""

from __future__ import annotations

import ast
import enum
import functools
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import exec as exec_
from . import pods
from .server import ApiServer
from .store import Obj, read_yaml, timestamp

CASES = Path(__file__).resolve().parents[1] / "fixtures" / "cases"

_SECOND = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
_DIALLED = re.compile(r"dial tcp [0-9.]+:")
_UNREACHABLE = "error trying to reach service: "


class Head(enum.Enum):
    """How port 9055 met a HEAD request on one address."""

    ALIVE = "answered with bytes"
    REFUSED = "connection refused"
    CLOSED = "accepted, then closed or reset without a byte"
    SILENT = "accepted, no answer within 5 s"


@dataclass(frozen=True)
class HeadAnswer:
    """The outcome of one HEAD request; *data* is the raw answer, empty unless ALIVE."""

    kind: Head
    data: bytes = b""


@dataclass(frozen=True)
class Probe:
    """All that one exec into the proxy finds.

    *heads* by address (``127.0.0.1``, ``::1``); *tcp* and *tcp6* the text of ``/proc/net/tcp`` and ``tcp6``; *clock*
    the pod's clock, seconds since the epoch.
    """

    heads: Mapping[str, HeadAnswer]
    tcp: str
    tcp6: str
    clock: float


Encoder = Callable[[Probe], bytes]


@dataclass(frozen=True)
class State:
    """One recorded state. *probe.clock* is when it was taken, *created* when the pod was created (seconds since the
    epoch).
    """

    probe: Probe
    log: str
    created: float
    ports: Mapping[str, pods.ProxyOutcome]

    @property
    def age(self) -> int:
        """The pod's age when the state was taken, whole seconds."""
        return round(self.probe.clock - self.created)


def epoch(text: str) -> float:
    """``2026-11-22T03:41:25.7Z`` as whole seconds since the epoch."""
    return datetime.fromisoformat(text[:19]).replace(tzinfo=timezone.utc).timestamp()


def shift(text: str, seconds: int) -> str:
    """*text* with every ISO 8601 time (UTC) in it moved by *seconds*; fractions stay."""
    return _SECOND.sub(lambda found: timestamp(epoch(found[0]) + seconds)[:-1], text)


def shift_object(obj: Obj, seconds: int) -> Obj:
    """*obj* with every time in it moved by *seconds*."""
    shifted: Obj = json.loads(shift(json.dumps(obj), seconds))
    return shifted


def _head(recorded: str) -> HeadAnswer:
    """One result of ``head-by-python.txt``: the bytes or the exception, as ``repr`` writes them."""
    if recorded.startswith("b"):
        data: bytes = ast.literal_eval(recorded)
        return HeadAnswer(Head.ALIVE, data) if data else HeadAnswer(Head.CLOSED)
    exceptions = {
        "ConnectionRefusedError": Head.REFUSED,
        "ConnectionResetError": Head.CLOSED,
        "TimeoutError": Head.SILENT,
    }
    return HeadAnswer(exceptions[recorded.split("(")[0]])


def _ports(head: HeadAnswer, recorded_get: str) -> dict[str, pods.ProxyOutcome]:
    """HEAD and GET through the API server's pod proxy. Silent states are silent there too: what was recorded for them
    is the reset at the end of the wait, more than 8 s later.
    """
    if head.kind is Head.SILENT:
        return {"HEAD": pods.Silent(), "GET": pods.Silent()}
    if head.kind is not Head.ALIVE:
        outcome = pods.Unreachable(recorded_get.split(_UNREACHABLE)[1].strip())
        return {"HEAD": outcome, "GET": outcome}
    lines = head.data.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:] if line)
    page = json.loads(recorded_get[recorded_get.index('("') + 1 : recorded_get.rindex(")")]).encode()
    return {
        "HEAD": pods.Answered(int(lines[0].split()[1]), headers),
        "GET": pods.Answered(501, {**headers, "Content-Type": "text/html;charset=utf-8"}, page),
    }


@functools.cache
def recorded(name: str) -> State:
    """The state of that name, see the module's words; FileNotFoundError for any other."""
    if name == "starting":
        alive, gone = recorded("alive"), recorded("gone")
        before_first_poll = "".join(line for line in alive.log.splitlines(keepends=True) if "[Poll#" not in line)
        probe = replace(gone.probe, clock=epoch(before_first_poll.splitlines()[-1]) + 5)
        return State(probe, before_first_poll, alive.created, gone.ports)
    folder = CASES / "liveness" / name
    text = {path.name: path.read_text() for path in folder.iterdir()}
    heads = {}
    for line in text["head-by-python.txt"].splitlines():
        address, _seconds, answer = line.split(" ", 2)
        heads[address] = _head(answer)
    clock, _newline, tcp = text["proc-net-tcp.txt"].partition("\n")
    return State(
        Probe(heads, tcp, text["proc-net-tcp6.txt"], epoch(clock)),
        text["log.txt"],
        epoch(json.loads(text["pod.json"])["metadata"]["creationTimestamp"]),
        _ports(heads["127.0.0.1"], text["get-by-pod-proxy.txt"]),
    )


def answers(
    server: ApiServer,
    namespace: str,
    pod: str,
    name: str,
    encode: Encoder,
    pod_clock_ahead: float = 0.0,
    container: str = "",
) -> None:
    """From now on, *pod* says what the proxy said in the recorded state *name*: by exec, in its log, and on its port.

    Times are as if the state had been taken at the server's present time. *pod_clock_ahead*: seconds by which the
    node's clock, which dates the log and the exec's answer, is ahead of the server's. *container* is the one the log
    belongs to ("" = any).
    """
    state = recorded(name)

    def run(call: exec_.ExecCall) -> exec_.Ran:
        return exec_.Ran(encode(replace(state.probe, clock=server.clock() + pod_clock_ahead)))

    server.exec(namespace, pod, run)
    server.log(namespace, pod, shift(state.log, round(server.clock() + pod_clock_ahead - state.probe.clock)), container)
    ip = ((server.store.get("Pod", pod, namespace) or {}).get("status") or {}).get("podIP", "10.244.0.2")
    for method, outcome in state.ports.items():
        if isinstance(outcome, pods.Unreachable):
            outcome = pods.Unreachable(_DIALLED.sub(f"dial tcp {ip}:", outcome.cause))
        server.port(namespace, pod, method, outcome)


def is_proxy(obj: Mapping[str, Any]) -> bool:
    """Whether *obj* carries a session's label."""
    return "telepresence" in (obj["metadata"].get("labels") or {})


def _with_uids_of_their_own(objects: list[Obj], namespace: str) -> list[Obj]:
    """*objects* with other uids, references to them included: no two objects of a cluster share one."""
    text = json.dumps(objects)
    for uid in {obj["metadata"]["uid"] for obj in objects}:
        text = text.replace(uid, str(uuid.uuid5(uuid.UUID(uid), namespace)))
    renamed: list[Obj] = json.loads(text)
    return renamed


def load_case(server: ApiServer, case: str, age: int, namespace: str = "") -> list[Obj]:
    """Loads the objects of ``fixtures/cases/<case>.yaml``, with times such that the proxy is *age* seconds old; returns
    its pods.

    *namespace* replaces the recorded one; the objects get other uids then, so that a case can be loaded twice.
    """
    items = read_yaml(CASES / f"{case}.yaml")["items"]
    created = max(epoch(obj["metadata"]["creationTimestamp"]) for obj in items if is_proxy(obj))
    objects = [shift_object(obj, round(server.clock() - age - created)) for obj in items]
    if namespace:
        objects = _with_uids_of_their_own(objects, namespace)
    for obj in objects:
        if namespace:
            obj["metadata"]["namespace"] = namespace
        if namespace and "involvedObject" in obj:
            obj["involvedObject"]["namespace"] = namespace
    server.store.load(*objects)
    return [obj for obj in objects if obj["kind"] == "Pod" and is_proxy(obj)]


def stage(
    server: ApiServer, case: str, state: str, encode: Encoder, age: int | None = None, namespace: str = ""
) -> str:
    """A recorded session whose client is in a recorded state: :func:`load_case` and :func:`answers`. Returns the proxy
    pod's name.

    *age* of the proxy in seconds; by default it is the one the state's log tells of.
    """
    (pod,) = load_case(server, case, recorded(state).age if age is None else age, namespace)
    metadata = pod["metadata"]
    answers(server, metadata["namespace"], metadata["name"], state, encode)
    name: str = metadata["name"]
    return name
