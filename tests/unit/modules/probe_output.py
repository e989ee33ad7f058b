"""What the product's probe program prints (``_swaps/question.py``), made from a recorded state."""

from __future__ import annotations

import json
from typing import Any

from wire.states import Head, HeadAnswer, Probe

_HEADS = {Head.ALIVE: "answered", Head.REFUSED: "refused", Head.CLOSED: "closed", Head.SILENT: "silent"}


def _sockets(table: str) -> list[tuple[str, str]]:
    """(local port, state) of every row of a ``/proc/net/tcp``, both in hexadecimal as there."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return [(row[1].rpartition(":")[2], row[3]) for row in rows]


def answer(probe: Probe, **changed: Any) -> bytes:
    """The one line of an answer; *changed* replaces keys of it."""
    sockets = _sockets(probe.tcp) + _sockets(probe.tcp6)
    head: HeadAnswer = probe.heads["127.0.0.1"]
    if head.kind is Head.REFUSED:
        head = probe.heads["::1"]
    said = {
        "telepresence_probe": 1,
        "clock": probe.clock,
        "head": _HEADS[head.kind],
        "text": head.data.decode("latin-1"),
        "listening": ("235F", "0A") in sockets,
        "sshd": ("1F56", "0A") in sockets,
        "tunnels": sockets.count(("1F56", "01")),
    }
    return json.dumps({**said, **changed}).encode() + b"\n"
