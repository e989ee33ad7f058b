"""One request to a pod's port: what runs in a pod may send anything, slowly, endlessly, or elsewhere."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import types
import typing as t

import pytest
import urllib3
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.errors import ClusterError
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.reach import MOST_BODY, Reached, reach

Serve = t.Callable[[socket.socket], None]


@contextlib.contextmanager
def serving(serve: Serve) -> t.Iterator[tuple[t.Any, list[bytes]]]:
    """An API server that answers every connection so: (the api to reach it by, the requests that it got)."""
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                requests.append(connection.recv(4096))
                serve(connection)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    threading.Thread(target=answer, args=(listening.accept()[0],), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        rest = types.SimpleNamespace(pool_manager=urllib3.PoolManager())
        yield (
            types.SimpleNamespace(
                server=f"http://127.0.0.1:{listening.getsockname()[1]}/",
                headers=lambda: {"Authorization": "Bearer t0ken"},
                client=types.SimpleNamespace(client=types.SimpleNamespace(rest_client=rest)),
            ),
            requests,
        )
        listening.shutdown(socket.SHUT_RDWR)


def sends(text: bytes) -> Serve:
    """Sends this and closes."""
    return lambda connection: connection.sendall(text)


def ask(serve: Serve, deadline: float = 5.0) -> tuple[Reached, list[bytes]]:
    """The answer of such a server, and what it was asked."""
    with serving(serve) as (api, requests):
        return reach(api, "GET", "shop", "web-1", 9055, deadline), requests


def test_the_request_is_one_for_the_pods_port_with_the_credentials() -> None:
    answer, requests = ask(sends(b"HTTP/1.1 503 Unavailable\r\nContent-Length: 4\r\nServer: x\r\n\r\nbody"))
    assert (answer.status, answer.headers["server"], answer.body) == (503, "x", "body")
    (request,) = requests
    assert request.startswith(b"GET /api/v1/namespaces/shop/pods/http:web-1:9055/proxy/ HTTP/1.1\r\n")
    assert b"Authorization: Bearer t0ken" in request


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    answer, requests = ask(sends(b"HTTP/1.1 %d Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n" % status))
    assert (answer.status, len(requests)) == (status, 1)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_nothing_is_asked_twice(status: int) -> None:
    _answer, requests = ask(sends(b"HTTP/1.1 %d No\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n" % status))
    assert len(requests) == 1


@pytest.mark.parametrize("length", [b"Content-Length: 100000000\r\n", b"", b"Transfer-Encoding: chunked\r\n"])
def test_of_a_long_body_only_the_beginning_is_read(length: bytes) -> None:
    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 503 No\r\n" + length + b"\r\n")
        piece = b"10000\r\n" + b"x" * 65536 + b"\r\n" if b"chunked" in length else b"x" * 65536
        for _ in range(1600):
            connection.sendall(piece)

    answer, _requests = ask(flood)
    assert answer.body == "x" * MOST_BODY


def test_a_body_that_trickles_is_given_up() -> None:
    def trickle(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 503 No\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            time.sleep(0.2)
            connection.sendall(b"x")

    # All of it would take 20 s.
    began = time.monotonic()
    answer, _requests = ask(trickle, 2.0)
    assert 0 < len(answer.body) < 80
    assert time.monotonic() - began < 16


def silent(connection: socket.socket) -> None:
    """Accepts, and says nothing for longer than anybody waits."""
    time.sleep(8)


@pytest.mark.parametrize(
    ("serve", "sentence", "reason"),
    [
        (silent, "no answer in time", "ReadTimeoutError"),
        (sends(b""), "the connection was closed without an answer", "ProtocolError"),
        (sends(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), "the answer was cut off", "ProtocolError"),
    ],
)
def test_what_is_no_answer_says_so(serve: Serve, sentence: str, reason: str) -> None:
    with pytest.raises(
        ClusterError, match=f"Failed to ask pod shop/web-1 through the pod proxy on .*{sentence}"
    ) as raised:
        ask(serve, 2.0)
    assert (raised.value.status, raised.value.reason) == (None, reason)
