"""The server's side of a websocket (RFC 6455): the handshake's answer, frames out, frames in."""

from __future__ import annotations

import base64
import hashlib
import struct
from dataclasses import dataclass
from typing import BinaryIO

# RFC 6455, section 1.3 and 5.2.
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
BINARY, CLOSE, PING, PONG = 0x2, 0x8, 0x9, 0xA
NORMAL_CLOSURE = 1000


def accept_key(key: str) -> str:
    """The ``Sec-WebSocket-Accept`` for a client's ``Sec-WebSocket-Key``."""
    return base64.b64encode(hashlib.sha1(key.encode() + _GUID, usedforsecurity=False).digest()).decode()


def encode(opcode: int, payload: bytes) -> bytes:
    """One final, unmasked frame."""
    head = bytes([0x80 | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    if len(payload) < 2**16:
        return head + b"\x7e" + struct.pack("!H", len(payload)) + payload
    return head + b"\x7f" + struct.pack("!Q", len(payload)) + payload


def closing() -> bytes:
    """The close frame of a normal end."""
    return encode(CLOSE, struct.pack("!H", NORMAL_CLOSURE))


@dataclass(frozen=True)
class Frame:
    """One frame of a client, unmasked."""

    opcode: int
    payload: bytes


def read_frame(stream: BinaryIO) -> Frame | None:
    """The next frame from a client, or None at the end of the stream.

    Clients must mask: ValueError otherwise.
    """
    head = stream.read(2)
    if len(head) < 2:
        return None
    length = head[1] & 0x7F
    if not head[1] & 0x80:
        raise ValueError("the client sent an unmasked frame")
    if length > 125:
        form = "!H" if length == 126 else "!Q"
        (length,) = struct.unpack(form, stream.read(struct.calcsize(form)))
    mask = stream.read(4)
    data = stream.read(length)
    return Frame(head[0] & 0x0F, bytes(byte ^ mask[index % 4] for index, byte in enumerate(data)))
