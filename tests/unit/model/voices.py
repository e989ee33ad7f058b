"""Proxies that answer, by exec, in their log and on their port, by what has really become of their clients."""

from __future__ import annotations

import json
from typing import Any

from wire import exec as exec_
from wire import pods
from wire.store import timestamp

from .stage import Party, Stage
from .world import Client

_POLL = 30.0
_HEAD = {
    Client.ALIVE: ("answered", True, 1),
    Client.SUSPENDED: ("silent", True, 1),
    Client.CLIENTLESS: ("closed", True, 1),
    Client.HALF_OPEN: ("refused", False, 1),
}
"""What HEAD on 9055 meets, whether something listens there, and how many tunnels are open; all others: refused, no, none."""


def speak(stage: Stage, namespace: str, pod: str) -> Party | None:
    """Lets a proxy's pod answer, by exec, log and port, as it would at this moment; its session."""
    party = next((one for one in stage.parties if (one.namespace, one.pod) == (namespace, pod)), None)
    if party is not None:
        stage.server.exec(namespace, pod, _said(stage, party))
        stage.server.log(namespace, pod, _log(stage, party))
        stage.server.port(namespace, pod, "HEAD", _port(party))
    return party


def _said(stage: Stage, party: Party) -> exec_.Outcome:
    if party.client is Client.UNASKABLE:
        return exec_.program_missing("sh")
    if party.client in (Client.ENDED, Client.NEVER_RAN):
        return exec_.ContainerNotFound()
    head, listening, tunnels = _HEAD.get(party.client, ("refused", False, 0))
    if not party.listens:
        head, listening = "refused", False
    text = "HTTP/1.0 200 OK\r\nServer: BaseHTTP/0.6 Python/3.11.7\r\n\r\n" if head == "answered" else ""
    said: dict[str, Any] = {"telepresence_probe": 1, "clock": stage.clock.time(), "head": head, "text": text}
    said |= {"listening": listening, "sshd": True, "tunnels": tunnels}
    return exec_.Ran(json.dumps(said).encode() + b"\n")


def _port(party: Party) -> pods.ProxyOutcome:
    if party.client is Client.ALIVE and party.listens:
        return pods.Answered(200, {"Server": "BaseHTTP/0.6 Python/3.11.7"})
    return (
        pods.Silent()
        if party.client is Client.SUSPENDED and party.listens
        else pods.Unreachable("dial tcp: connection refused")
    )


def _log(stage: Stage, party: Party) -> str:
    """The last polls of a proxy that asks its client every 30 s."""
    now = stage.clock.time()
    lines = [(party.created, "[-] Loaded.")]
    polls = (
        [] if party.client is Client.MUTE or not party.listens else range(1, int((now - party.created) // _POLL) + 1)
    )
    for at in [party.created + _POLL * number for number in polls][-40:]:
        if any(begins <= at < ends for begins, ends in party.alive):
            lines.append((at, "[Poll#info] Checkpoint"))
        elif party.client is not Client.SUSPENDED:
            lines.append((at, "[Poll#error] Failed to contact Telepresence client:"))
            lines.append((at, "[Poll#error] Connection was refused by other side: 111: Connection refused."))
            lines.append((at, "[Poll#warn] Perhaps it's time to exit?"))
    times = [(timestamp(at)[:-1], text) for at, text in lines]
    return "".join(f"{at}.000000000Z {at}+0000 {text}\n" for at, text in times)
