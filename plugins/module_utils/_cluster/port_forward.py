# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""A port of a pod as a local Unix socket, through the API server and for a few seconds."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import tempfile
import threading
import time
import typing as t

from .api import Api
from .errors import ClusterError
from .kinds import POD
from .websockets import open_stream

try:
    import websocket
except ImportError:  # kubernetes depends on it; connect() says so where both are missing
    websocket = None

SUBPROTOCOL = "v4.channel.k8s.io"
DATA, ERROR = 0, 1
"""Channel numbers of one forwarded port; the first message of each names the port (k8s.io/kubelet v0.34.4,
pkg/cri/streaming/portforward/websocket.go)."""
BUFFER = 65536


@contextlib.contextmanager
def forward(api: Api, namespace: str, pod: str, port: int, deadline: float) -> t.Iterator[str]:
    """The path of a Unix socket that takes one connection, which ends at the port of the pod after ``deadline`` seconds at most.

    Raises ClusterError where the API server refuses or does not answer, and in the place of whatever the caller made of it where the
    pod did not take the connection.
    """
    doing = f"forward port {port} of pod {namespace}/{pod}"
    stream = open_stream(api, f"{POD.path(namespace, pod, 'portforward')}?ports={port}", [SUBPROTOCOL], doing, deadline)
    # The usual temporary directory may lie too deep for the name of a socket; this one is made for us alone.
    with tempfile.TemporaryDirectory(prefix="port-", dir="/tmp") as directory:
        bridge = _Bridge(stream, os.path.join(directory, "socket"), time.monotonic() + deadline)
        try:
            yield bridge.path
        except Exception as error:
            if not bridge.refusal:
                raise
            message = f"Failed to {doing} on {api.server}: {bridge.refusal}."
            raise ClusterError(message, reason="NotForwarded") from error
        finally:
            bridge.stop()


class _Bridge:
    """Carries bytes between one connection to ``path`` and a websocket. One thread does both: a TLS socket bears no two."""

    def __init__(self, stream: t.Any, path: str, ends: float):
        self.path = path
        self.refusal = ""
        self._stream = stream
        self._ends = ends
        self._named: set[int] = set()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(1)
        self._stopped, self._stop = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the connection, if there is one yet."""
        self._stop.close()
        self._thread.join()
        self._stopped.close()

    def _run(self) -> None:
        """Waits for the connection, and serves it to its end."""
        try:
            with self._listener:
                if not self._ready(self._listener):
                    return
                connection = self._listener.accept()[0]
            with connection:
                self._carry(connection)
        except (websocket.WebSocketException, OSError):
            # The other side of the bridge sees its connection end, which is all there is to say.
            return
        finally:
            self._stream.shutdown()

    def _ready(self, *sockets: t.Any) -> list[t.Any]:
        """Those that can be read from, none where it is time to end."""
        remaining = self._ends - time.monotonic()
        readable = select.select([*sockets, self._stopped], [], [], max(0.0, remaining))[0]
        return [] if self._stopped in readable else readable

    def _carry(self, connection: socket.socket) -> None:
        remote = self._stream.sock
        pending = getattr(remote, "pending", lambda: 0)
        while readable := [remote] if pending() else self._ready(remote, connection):
            if connection in readable:
                data = connection.recv(BUFFER)
                if not data:
                    return
                self._stream.send_binary(bytes([DATA]) + data)
            if remote in readable:
                self._stream.settimeout(max(0.1, self._ends - time.monotonic()))
                opcode, frame = self._stream.recv_data()
                if opcode == websocket.ABNF.OPCODE_CLOSE:
                    return
                if frame:
                    self._take(frame[0], frame[1:], connection)

    def _take(self, channel: int, payload: bytes, connection: socket.socket) -> None:
        if channel not in self._named:
            self._named.add(channel)
        elif channel == DATA:
            connection.sendall(payload)
        elif channel == ERROR and payload:
            self.refusal = payload.decode("utf-8", "replace").strip().rstrip(".")
