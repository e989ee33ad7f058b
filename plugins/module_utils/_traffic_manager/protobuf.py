# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The few parts of protocol buffers' wire format that a manager's answers and orders to it need (protobuf.dev, Encoding)."""

from __future__ import annotations

import typing as t

Fields = t.Mapping[int, t.Sequence[int | bytes]]
"""The values of a message by the number of their field: whole numbers, or bytes for texts and messages."""
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


def read(data: bytes) -> Fields:
    """The fields of a message. Raises ValueError where it is broken."""
    fields: dict[int, list[int | bytes]] = {}
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire_type = tag >> 3, tag & 7
        value: int | bytes
        if wire_type == VARINT:
            value, at = _varint(data, at)
        else:
            if wire_type == BYTES:
                size, at = _varint(data, at)
            elif wire_type in (FIXED64, FIXED32):
                size = 8 if wire_type == FIXED64 else 4
            else:
                raise ValueError(f"field {number} has wire type {wire_type}")
            value, at = data[at : at + size], at + size
            if at > len(data):
                raise ValueError("it is cut off")
        fields.setdefault(number, []).append(value)
    return fields


def messages(fields: Fields, number: int) -> list[bytes]:
    """All messages of a repeated field."""
    return [value for value in fields.get(number, ()) if isinstance(value, bytes)]


def message(fields: Fields, number: int) -> bytes:
    """The message in a field, empty where there is none: that is a message whose fields all have their defaults."""
    return (messages(fields, number) or [b""])[-1]


def text(fields: Fields, number: int) -> str:
    """The text in a field, empty where there is none."""
    return message(fields, number).decode("utf-8", "replace")


def number(fields: Fields, number: int) -> int:
    """The number in a field, 0 where there is none."""
    values = [value for value in fields.get(number, ()) if isinstance(value, int)]
    return values[-1] if values else 0


def write(fields: t.Mapping[int, str | bytes]) -> bytes:
    """A message with texts, and messages that are written already, in its fields."""
    parts = []
    for number, value in fields.items():
        data = value.encode() if isinstance(value, str) else value
        parts += [_written(number << 3 | BYTES), _written(len(data)), data]
    return b"".join(parts)


def _written(value: int) -> bytes:
    """A number as a varint."""
    rest = value >> 7
    return bytes([value & 0x7F | 0x80]) + _written(rest) if rest else bytes([value])


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ValueError("it is cut off")
        value |= (data[at] & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if not data[at - 1] & 0x80:
            return value, at
