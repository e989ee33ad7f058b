"""Plain requests to an API server, as its administrator: kept-alive connections, one per thread that asks."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

IDLE = 20.0
"""Seconds after which a kept connection is not trusted any more."""
TIMEOUT = 60.0
# What belongs to one connection, and is made anew for the next.
HOP_BY_HOP = frozenset({"connection", "content-length", "host", "transfer-encoding", "upgrade", "authorization"})


@dataclass(frozen=True)
class Answer:
    """An API server's answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Failed(Exception):
    """An answer other than success, to a request that must succeed."""

    def __init__(self, what: str, answer: Answer) -> None:
        super().__init__(f"{what}: HTTP {answer.status}: {answer.body.decode(errors='replace')[:500]}")
        self.status = answer.status


class Client:
    """The way to one API server: *host* and *port*, whom to trust and as whom to ask (*context*, *headers*)."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, headers: Mapping[str, str] | None = None) -> None:
        self.host, self.port, self.context, self.headers = host, port, context, headers or {}
        self._idle: list[tuple[float, http.client.HTTPSConnection]] = []
        self._lock = threading.Lock()

    def ask(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """One request, sent once, as it is but for what belongs to the connection. Raises OSError, HTTPException."""
        own = {name: value for name, value in headers.items() if name.lower() not in HOP_BY_HOP} | dict(self.headers)
        with self._connection() as connection:
            connection.request(method, target, body or None, own)
            response = connection.getresponse()
            return Answer(response.status, dict(response.headers), response.read())

    def call(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> Any:
        """The decoded answer to a request with JSON in it. Raises Failed."""
        data = b"" if body is None else json.dumps(body).encode()
        answer = self.ask(method, path, {"Content-Type": kind, "Accept": "application/json"}, data)
        if answer.status >= 300:
            raise Failed(f"{method} {path}", answer)
        return json.loads(answer.body)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[http.client.HTTPSConnection]:
        with self._lock:
            self._idle = [pair for pair in self._idle if time.monotonic() - pair[0] < IDLE]
            connection = self._idle.pop()[1] if self._idle else None
        if connection is None:
            connection = http.client.HTTPSConnection(self.host, self.port, timeout=TIMEOUT, context=self.context)
        try:
            yield connection
        except BaseException:
            connection.close()
            raise
        with self._lock:
            self._idle.append((time.monotonic(), connection))
