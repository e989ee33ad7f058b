# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What a manager says over gRPC, its version and every intercept with its client, and the order to end one of them.

Intercepts are in the manager's memory alone. ``WatchIntercepts`` for the empty session sends all of them at once
(cmd/traffic/cmd/manager/service.go of 2.20.2). Of the messages only what is shown here is read: an intercept carries the
environment of the application too, with its passwords.
"""

from __future__ import annotations

import contextlib
import sys
import typing as t
from dataclasses import dataclass

from .._cluster import clock
from .._cluster.errors import ClusterError
from . import protobuf

try:
    import grpc
except ImportError:  # optional: without it intercepts are unknown
    grpc = None

SERVICE = "/telepresence.manager.Manager/"
MOST = 64 * 1024 * 1024
"""Bytes of one answer: each intercept has the environment of its container in it."""
DISPOSITIONS = {
    1: "ACTIVE",
    2: "WAITING",
    3: "NO_CLIENT",
    4: "NO_AGENT",
    5: "NO_MECHANISM",
    6: "NO_PORTS",
    7: "AGENT_ERROR",
    8: "BAD_ARGS",
    9: "REMOVED",
}
"""Of rpc/manager/manager.proto (2.20.2 and 2.27.4), as are the numbers of all fields below."""


@dataclass(frozen=True)
class Intercept:
    """One intercept. ``manager``: the namespace of the manager that has it; ``changed``: seconds since the epoch by its clock."""

    manager: str
    id: str
    name: str
    client: str
    session_id: str
    namespace: str
    agent: str
    kind: str
    replace: bool
    wiretap: bool
    disposition: str
    message: str
    pod: str
    pod_ip: str
    changed: float | None

    @property
    def live(self) -> bool:
        """Whether the manager still holds it for its client."""
        return self.disposition not in ("REMOVED", "NO_CLIENT")


class Talk:
    """A conversation with one manager.

    Every method raises ClusterError where the manager does not answer within ``deadline`` seconds, or refuses, or cannot be understood.
    """

    def __init__(self, channel: t.Any, manager: str, deadline: float):
        self._channel = channel
        self._manager = manager
        self._deadline = deadline

    def version(self) -> str:
        """The version that it gives itself."""
        with _understood(self._manager):
            return protobuf.text(protobuf.read(self._call("Version", b"")), 2)

    def intercepts(self) -> list[Intercept]:
        """All its intercepts, by id."""
        with _understood(self._manager):
            stream = self._channel.unary_stream(f"{SERVICE}WatchIntercepts")(b"", timeout=self._deadline)
            try:
                snapshot = next(iter(stream), None)
            finally:
                stream.cancel()
            if snapshot is None:
                message = f"The manager in namespace {self._manager} ended its answer before it began."
                raise ClusterError(message, reason="NoAnswer")
            return decode(snapshot, self._manager)

    def remove(self, intercept: Intercept) -> None:
        """Orders the end of one intercept in the name of its client's session; what else the session has stays.

        Up to 2.30 a manager takes that from anybody (cmd/traffic/cmd/manager/service.go of 2.20.2 and 2.27.4). ``Depart`` is never
        ordered: it would end whatever the session holds.
        """
        session, name = protobuf.write({1: intercept.session_id}), intercept.id.removeprefix(f"{intercept.session_id}:")
        with _understood(self._manager):
            self._call("RemoveIntercept", protobuf.write({1: session, 2: name}))

    def _call(self, method: str, request: bytes) -> bytes:
        return self._channel.unary_unary(SERVICE + method)(request, timeout=self._deadline)  # type: ignore[no-any-return]


@contextlib.contextmanager
def talk(path: str, manager: str, deadline: float) -> t.Iterator[Talk]:
    """A conversation with the manager in a namespace. ``path`` is a Unix socket that leads to its API.

    Raises ClusterError where grpcio is missing.
    """
    if grpc is None:
        raise ClusterError(
            f"The Python library grpcio is missing from {sys.executable}: install it there.", reason="NoGrpc"
        )
    options = [("grpc.enable_http_proxy", 0), ("grpc.max_receive_message_length", MOST)]
    with grpc.insecure_channel(f"unix:{path}", options=options) as channel:
        yield Talk(channel, manager, deadline)


@contextlib.contextmanager
def _understood(manager: str) -> t.Iterator[None]:
    """Raises ClusterError in the place of what the transport raises, or the reading of an answer."""
    try:
        yield
    except ValueError as error:
        raise ClusterError(f"The answer of the manager in namespace {manager} cannot be read: {error}.") from error
    except grpc.RpcError as error:
        raise ClusterError(_why(error, manager), reason=error.code().name) from error


def decode(snapshot: bytes, manager: str) -> list[Intercept]:
    """The intercepts in an InterceptInfoSnapshot, by id. Raises ValueError where it is broken."""
    found = [_intercept(protobuf.read(one), manager) for one in protobuf.messages(protobuf.read(snapshot), 1)]
    return sorted(found, key=lambda intercept: intercept.id)


def _intercept(info: protobuf.Fields, manager: str) -> Intercept:
    spec = protobuf.read(protobuf.message(info, 1))
    session = protobuf.read(protobuf.message(info, 6))
    changed = protobuf.number(protobuf.read(protobuf.message(info, 21)), 1)
    return Intercept(
        manager=manager,
        id=protobuf.text(info, 5),
        name=protobuf.text(spec, 1),
        client=protobuf.text(spec, 2),
        session_id=protobuf.text(session, 1),
        namespace=protobuf.text(spec, 8),
        agent=protobuf.text(spec, 3),
        kind=protobuf.text(spec, 13),
        replace=bool(protobuf.number(spec, 22)),
        wiretap=bool(protobuf.number(spec, 26)),
        disposition=DISPOSITIONS.get(protobuf.number(info, 3), "UNSPECIFIED"),
        message=protobuf.text(info, 4),
        pod=protobuf.text(info, 19),
        pod_ip=protobuf.text(info, 10),
        changed=float(changed) if changed else None,
    )


def record(intercept: Intercept) -> dict[str, t.Any]:
    """An intercept as it stands in a module's result."""
    return {**vars(intercept), "changed": clock.text(intercept.changed)}


def _why(error: t.Any, manager: str) -> str:
    code = error.code().name
    if code == "DEADLINE_EXCEEDED":
        return f"The manager in namespace {manager} did not answer in time."
    if code in ("UNAUTHENTICATED", "PERMISSION_DENIED"):
        return f"The manager in namespace {manager} answers only clients that log in: {error.details()}."
    return f"The manager in namespace {manager} did not answer: {code}, {error.details()}."
