"""Ports of pods, forwarded over websockets to where a test says.

Channels and first messages as in k8s.io/kubelet ``pkg/cri/streaming/portforward/websocket.go`` (``v4.channel.k8s.io``): data and
errors of the first port are channels 0 and 1, and the first message on each is the port.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass
from typing import BinaryIO

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


def serve(reader: BinaryIO, writer: BinaryIO, port: int, outcome: Outcome) -> None:
    """Speaks the protocol after the handshake, to the end of either side."""

    def send(channel: int, payload: bytes) -> None:
        writer.write(websocket.encode(websocket.BINARY, bytes([channel]) + payload))
        writer.flush()

    for channel in (DATA, ERROR):
        send(channel, struct.pack("<H", port))
    if isinstance(outcome, Leads):
        with socket.create_connection(("127.0.0.1", outcome.port)) as connection:
            threading.Thread(target=_listen, args=(reader, connection), daemon=True).start()
            while data := connection.recv(_MESSAGE):
                send(DATA, data)
    elif isinstance(outcome, Fails):
        send(ERROR, outcome.message.encode())
    else:
        _listen(reader, None)
    with contextlib.suppress(OSError):
        writer.write(websocket.closing())
        writer.flush()


def _listen(reader: BinaryIO, connection: socket.socket | None) -> None:
    """Passes on what the client sends, until it hangs up."""
    with contextlib.suppress(OSError, ValueError):
        while (frame := websocket.read_frame(reader)) and frame.opcode != websocket.CLOSE:
            if connection is not None and frame.payload[:1] == bytes([DATA]):
                connection.sendall(frame.payload[1:])
    if connection is not None:
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
