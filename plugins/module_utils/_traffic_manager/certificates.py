# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""When a certificate ends, read from its own bytes: not every Python has a library for that."""

from __future__ import annotations

import base64
import binascii
import calendar
import re
import socket
import ssl
import time

_PEM = re.compile(rb"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", re.DOTALL)
SEQUENCE, EXPLICIT_VERSION, UTC_TIME, GENERAL_TIME = 0x30, 0xA0, 0x17, 0x18


def first_end(pem: bytes) -> float | None:
    """When the first of the certificates in a PEM ends, seconds since the epoch; None where there is none or one is broken."""
    try:
        ends = [end(base64.b64decode(b"".join(body.split()), validate=True)) for body in _PEM.findall(pem)]
    except binascii.Error:
        return None
    known = [one for one in ends if one is not None]
    return min(known) if known and len(known) == len(ends) else None


def end(der: bytes) -> float | None:
    """When a certificate ends, seconds since the epoch; None where it is broken (RFC 5280, section 4.1)."""
    try:
        certificate = _element(der)[1]
        body = _element(certificate)[1]
        tag, _version, rest = _element(body)
        if tag == EXPLICIT_VERSION:
            rest = _element(rest)[2]
        for _field in ("signature", "issuer"):
            rest = _element(rest)[2]
        tag, validity = _element(rest)[:2]
        if tag != SEQUENCE:
            return None
        rest = _element(validity)[2]
        tag, until = _element(rest)[:2]
        return _seconds(tag, until.decode("ascii"))
    except (IndexError, ValueError):
        return None


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the first element, and what follows it."""
    size, start = data[1], 2
    if size & 0x80:
        start = 2 + (size & 0x7F)
        size = int.from_bytes(data[2:start], "big")
    if start + size > len(data):
        raise ValueError("cut off")
    return data[0], data[start : start + size], data[start + size :]


def _seconds(tag: int, text: str) -> float | None:
    if tag == UTC_TIME:
        # Two digits of a year: 50 to 99 are of the last century (RFC 5280, section 4.1.2.5.1).
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != GENERAL_TIME:
        return None
    return float(calendar.timegm(time.strptime(text, "%Y%m%d%H%M%SZ")))


def served(path: str, deadline: float) -> bytes:
    """The certificate that a TLS server shows, whoever signed it. ``path`` is a Unix socket that leads to it. Raises OSError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(deadline)
        connection.connect(path)
        with context.wrap_socket(connection) as secured:
            return secured.getpeercert(binary_form=True) or b""
