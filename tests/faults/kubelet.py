"""The scripted kubelet: what the API server reaches where a node and its pods would be.

The API server asks its way through one socket (``CONNECT ADDRESS:PORT``): behind the node's address is this kubelet, which
answers exec and logs; behind a pod's is port 9055 of its proxy. Both say what a real proxy said in a recorded state.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import parse_qs, urlsplit

from modules.probe_output import answer
from tests.lab.control_plane import ApiServer
from tests.lab.pki import Pair
from wire import exec as exec_
from wire import pods, states, websocket
from wire.request import Access, Request

NODE = "127.0.0.1"
PORT = 10250
Say = Callable[[bytes], exec_.Outcome]
"""What an exec meets instead: given the recorded output."""


def pods_of(server: ApiServer) -> Path:
    """The socket through which an API server reaches nodes and pods, so that pods need no addresses of this machine."""
    return server.directory / "pods"


def options(server: ApiServer) -> list[str]:
    """What an API server is started with, to reach this kubelet."""
    egress = server.directory / "egress.json"
    through = {"proxyProtocol": "HTTPConnect", "transport": {"uds": {"udsName": str(pods_of(server))}}}
    egress.write_text(
        json.dumps(
            {
                "apiVersion": "apiserver.k8s.io/v1beta1",
                "kind": "EgressSelectorConfiguration",
                "egressSelections": [{"name": "cluster", "connection": through}],
            }
        )
    )
    return [
        f"--egress-selector-config-file={egress}",
        # Else the server speaks SPDY to the kubelet for clients that offer v5; without, it passes the websocket through.
        "--feature-gates=TranslateStreamCloseWebsocketRequests=false",
    ]


@dataclass(frozen=True)
class Voice:
    """What one pod says: the recorded *state* of its client, its *address*, and whether the API server reaches that."""

    state: str
    address: str
    reachable: bool = True


class Kubelet(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Serves on the socket *path* until closed. *clock* is the node's."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, path: str, pair: Pair, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.voices: dict[str, Voice] = {}
        self.saying: dict[str, Say] = {}
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pair.certificate, pair.key)
        super().__init__(path, _Connect)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """An API server that hangs up is no error."""

    def outcome(self, pod: str, call: exec_.ExecCall) -> exec_.Outcome:
        """What an exec into a pod meets."""
        voice = self.voices.get(pod)
        if voice is None:
            return exec_.ContainerNotFound()
        said = answer(replace(states.recorded(voice.state).probe, clock=self.clock()))
        return self.saying[pod](said) if pod in self.saying else exec_.Ran(said)

    def log(self, pod: str) -> str:
        """A pod's log, its times as if its state had been recorded just now."""
        voice = self.voices.get(pod)
        if voice is None:
            return ""
        state = states.recorded(voice.state)
        return states.shift(state.log, round(self.clock() - state.probe.clock))

    def behind(self, address: str) -> Voice | None:
        """Which pod has this address, None where none has that can be reached."""
        found = [voice for voice in self.voices.values() if voice.address == address and voice.reachable]
        return found[0] if found else None


class _Connect(socketserver.StreamRequestHandler):
    """One connection that the API server asks for."""

    server: Kubelet

    def handle(self) -> None:
        line = self.rfile.readline().decode()
        while self.rfile.readline().strip():
            pass
        match = re.match(r"CONNECT (\S+):(\d+) ", line)
        address, port = match.groups() if match else ("", "")
        if (address, port) == (NODE, str(PORT)):
            self._grant()
            raw = cast(socket.socket, self.request)
            with contextlib.suppress(OSError), self.server.context.wrap_socket(raw, server_side=True) as link:
                _Kubelet(link, self.client_address, self.server)
            return
        voice = self.server.behind(address)
        outcome = states.recorded(voice.state).ports["HEAD"] if voice else None
        if not isinstance(outcome, pods.Answered):
            self.wfile.write(b"HTTP/1.1 502 connect: connection refused\r\n\r\n")
            return
        self._grant()
        while self.rfile.readline().strip():
            pass
        head = "".join(f"{name}: {value}\r\n" for name, value in outcome.headers.items())
        self.wfile.write(f"HTTP/1.0 {outcome.code} OK\r\n{head}\r\n".encode())

    def _grant(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")


class _Kubelet(BaseHTTPRequestHandler):
    """The kubelet's own endpoints (kubernetes 1.34, pkg/kubelet/server/server.go): ``/exec`` and ``/containerLogs``."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: Kubelet

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name in the library)
        """Says nothing."""

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        _root, what, namespace, pod, container = url.path.split("/")
        query = parse_qs(url.query)
        if what == "containerLogs":
            request = Request("GET", url.path, query, {}, None, Access("get"))
            meta = {"metadata": {"name": pod, "namespace": namespace}}
            self._send(200, pods.log(meta, container, self.server.log(pod), request, self.server.clock()))
            return
        call = exec_.ExecCall(namespace, pod, container, tuple(query.get("command", ())))
        outcome = self.server.outcome(pod, call)
        refusal = exec_.handshake_refusal(call, outcome, exec_.V4)
        if refusal is not None:
            self._send(500, refusal)
            return
        self._exec(call, outcome, query)

    def _send(self, code: int, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _exec(self, call: exec_.ExecCall, outcome: exec_.Outcome, query: Mapping[str, list[str]]) -> None:
        """A real kubelet speaks no newer protocol than v4 over websockets (k8s.io/kubelet 0.34, websocket.go)."""
        self.send_response_only(101)
        for name, value in (
            ("Upgrade", "websocket"),
            ("Connection", "Upgrade"),
            ("Sec-WebSocket-Accept", websocket.accept_key(self.headers["Sec-WebSocket-Key"])),
            ("Sec-WebSocket-Protocol", exec_.V4),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
        channels = {"output": exec_.STDOUT, "error": exec_.STDERR}
        wanted = frozenset(channel for name, channel in channels.items() if query.get(name) == ["1"])
        exec_.serve(cast(BinaryIO, self.rfile), cast(BinaryIO, self.wfile), call, outcome, exec_.V4, wanted, time.sleep)
