"""Plain HTTP and websocket clients: these tests see what is on the wire, not what a Kubernetes client makes of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3
import websocket

from wire.server import TOKEN, ApiServer

AUTHORIZATION = {"Authorization": f"Bearer {TOKEN}"}


@dataclass(frozen=True)
class Answer:
    """Status, headers and body of one HTTP answer."""

    status: int
    headers: dict[str, str]
    data: bytes

    @property
    def json(self) -> Any:
        """The decoded body."""
        return json.loads(self.data)

    @property
    def message(self) -> str:
        """The message of a Status, after a check that it is one of this answer."""
        assert (self.json["kind"], self.json["code"]) == ("Status", self.status)
        return str(self.json["message"])


Http = Callable[..., Answer]
Dial = Callable[..., websocket.WebSocket]


@pytest.fixture
def ca_file(server: ApiServer, tmp_path: Path) -> str:
    """The server's CA, in a file."""
    path = tmp_path / "ca.pem"
    path.write_bytes(server.ca)
    return str(path)


@pytest.fixture
def http(server: ApiServer, ca_file: str) -> Iterator[Http]:
    """``http(method, path, body=None, headers={}, timeout=10.0, **query)``: one request, never repeated, over a
    kept-alive connection; ReadTimeoutError after *timeout* seconds without an answer.
    """
    with urllib3.PoolManager(ca_certs=ca_file, retries=False) as pool:

        def request(
            method: str,
            path: str,
            body: Any = None,
            headers: dict[str, str] | None = None,
            timeout: float = 10.0,
            **query: Any,
        ) -> Answer:
            encoded = None if body is None else json.dumps(body).encode()
            sent = {"Content-Type": "application/json", **AUTHORIZATION, **(headers or {})}
            url = f"{server.url}{path}?{urlencode(query)}" if query else server.url + path
            response = pool.request(method, url, body=encoded, headers=sent, redirect=False, timeout=timeout)
            return Answer(response.status, dict(response.headers), response.data)

        yield request


@pytest.fixture
def dial(server: ApiServer, ca_file: str) -> Iterator[Dial]:
    """``dial(path, protocol, timeout=10.0)``: an open websocket; WebSocketException if the handshake fails."""
    opened = []

    def connect(path: str, protocol: str, timeout: float = 10.0) -> websocket.WebSocket:
        url = server.url.replace("https", "wss") + path
        header = [f"{name}: {value}" for name, value in AUTHORIZATION.items()]
        connection = websocket.create_connection(
            url, timeout=timeout, sslopt={"ca_certs": ca_file}, header=header, subprotocols=[protocol]
        )
        opened.append(connection)
        return connection

    yield connect
    for connection in opened:
        connection.close()
