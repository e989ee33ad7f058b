"""Ports of pods, forwarded over websockets to where a test says.

Channels and first messages as in k8s.io/kubelet ``pkg/cri/streaming/portforward/websocket.go`` (``v4.channel.k8s.io``): data and
errors of the first port are channels 0 and 1, and the first message on each is the port.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, cast

from . import websocket

PROTOCOL = "v4.channel.k8s.io"
DATA, ERROR = 0, 1
_MESSAGE = 32 * 1024


@dataclass(frozen=True)
class Leads:
    """The port leads to a server of the test, on the loopback address."""

    port: int


@dataclass(frozen=True)
class Fails:
    """The kubelet cannot connect to the port; *message* is its error."""

    message: str


@dataclass(frozen=True)
class Swallows:
    """The port takes the connection and says nothing."""


Outcome = Leads | Fails | Swallows


def serve(client: ssl.SSLSocket, port: int, outcome: Outcome) -> None:
    """Speaks the protocol after the handshake, to the end of either side. One thread does it all: a TLS socket bears no two."""

    def send(channel: int, payload: bytes) -> None:
        client.sendall(websocket.encode(websocket.BINARY, bytes([channel]) + payload))

    for channel in (DATA, ERROR):
        send(channel, struct.pack("<H", port))
    if isinstance(outcome, Leads):
        with socket.create_connection(("127.0.0.1", outcome.port)) as connection:
            _carry(client, connection, send)
    elif isinstance(outcome, Fails):
        send(ERROR, outcome.message.encode())
    else:
        while _payload(client) is not None:
            pass
    with contextlib.suppress(OSError):
        client.sendall(websocket.closing())


def _carry(client: ssl.SSLSocket, connection: socket.socket, send: Callable[[int, bytes], None]) -> None:
    """Passes bytes on both ways, until one side hangs up."""
    with contextlib.suppress(OSError):
        while True:
            readable = [client] if client.pending() else select.select([client, connection], [], [])[0]
            if client in readable:
                if (payload := _payload(client)) is None:
                    return
                if payload[:1] == bytes([DATA]):
                    connection.sendall(payload[1:])
            if connection in readable:
                if not (data := connection.recv(_MESSAGE)):
                    return
                send(DATA, data)


def _payload(client: ssl.SSLSocket) -> bytes | None:
    """The payload of the client's next frame, None where it hung up."""
    with contextlib.suppress(OSError):
        frame = websocket.read_frame(cast(BinaryIO, _Exactly(client)))
        return None if frame is None or frame.opcode == websocket.CLOSE else frame.payload
    return None


class _Exactly:
    """Reads as many bytes as are asked for and none beyond: a buffer would hide from select() what is in it."""

    def __init__(self, client: ssl.SSLSocket) -> None:
        self._client = client

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size and (more := self._client.recv(size - len(data))):
            data += more
        return data
