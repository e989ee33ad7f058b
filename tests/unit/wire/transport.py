"""The fake server's wire: TLS, HTTP/1.1 with keep-alive, the upgrade to a websocket, connections that break."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import sys
import traceback
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from . import exec as exec_
from . import forward, status, websocket
from .request import Request, parse

if TYPE_CHECKING:
    from .server import ApiServer

Json = dict[str, Any]


@dataclass
class Response:
    """An answer that fits in memory: *body* is JSON or bytes."""

    body: Json | bytes
    code: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def data(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return json.dumps(self.body, separators=(",", ":")).encode() + b"\n"


class Drop(Exception):
    """The connection ends without an answer; *reset* says whether by a TCP reset."""

    def __init__(self, reset: bool) -> None:
        super().__init__()
        self.reset = reset


class Silence(Exception):
    """No answer until the client gives up."""


class HttpServer(ThreadingHTTPServer):
    """Listens on a free port of 127.0.0.1; *context* holds the certificate."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, api: ApiServer, context: ssl.SSLContext) -> None:
        self.api = api
        self._context = context
        self._open: set[socket.socket] = set()
        self.accepted = 0
        super().__init__(("127.0.0.1", 0), Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        raw, address = super().get_request()
        self.accepted += 1
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The handshake is the handler thread's, so that a slow client delays nobody else.
        connection = self._context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False)
        self._open.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        with contextlib.suppress(OSError, ValueError):
            # Sends the close_notify without waiting for the client's.
            request.settimeout(0)
            request.unwrap()
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Ends every open connection, and with it the threads that read from them."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up or do not trust the certificate are no error; anything else is, of this server."""
        if not isinstance(sys.exc_info()[1], OSError):
            self.api.errors.append(traceback.format_exc())


class Handler(BaseHTTPRequestHandler):
    """One connection: reads requests, records them with the server, sends what it answers."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: HttpServer
    connection: ssl.SSLSocket

    def setup(self) -> None:
        super().setup()
        self.connection.do_handshake()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name in the library)
        """Keeps the tests' output clean: ``ApiServer.requests`` is the log."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The ``Date`` header, in the server's own time."""
        return super().date_time_string(self.server.api.clock() if timestamp is None else timestamp)

    def _body(self) -> bytes:
        """The body of the request. Raises ConnectionError where its sender hangs up in the middle of it."""
        length = int(self.headers.get("Content-Length", 0))
        data = self.rfile.read(length)
        if len(data) < length:
            raise ConnectionError(f"{len(data)} of {length} bytes came")
        return data

    def _handle(self) -> None:
        api = self.server.api
        data = self._body()
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = parse(self.command, self.path, headers, data, api.store.kinds)
        api.requests.append(request)
        try:
            if data and request.body is None:
                raise status.unsupported(
                    "the body of the request was in an unknown format - accepted media types include: application/json"
                )
            if request.access.subresource == "exec" and request.kind:
                self._exec(request)
            elif request.access.subresource == "portforward" and request.kind:
                self._forward(request)
            else:
                response, truncate = api.meet(request, api.respond)
                self._send(request, response, truncate)
        except status.ApiError as error:
            retry = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
            self._send(request, Response(error.body, error.code, retry))
        except Silence:
            self.rfile.read(1)
            self.close_connection = True
        except Drop as drop:
            self.close_connection = True
            if drop.reset:
                self._reset()
        except OSError:
            raise
        except Exception:
            api.errors.append(f"{request}\n{traceback.format_exc()}")
            self._send(request, Response(status.internal_error("the fake server broke").body, 500))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def _send(self, request: Request, response: Response, truncate: bool = False) -> None:
        request.status = response.code
        data = response.data()
        if truncate:
            data = data[: len(data) // 2]
        self._send_head(
            response.code, {"Content-Type": "application/json", **response.headers, "Content-Length": str(len(data))}
        )
        if request.method != "HEAD":
            self.wfile.write(data)
        self.wfile.flush()

    def _send_head(self, code: int, headers: dict[str, str]) -> None:
        self.send_response_only(code)
        for name, value in {"Date": self.date_time_string(), **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def _reset(self) -> None:
        """Closes with a TCP reset: lingering for no time, past the TLS layer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(self.connection.detach())

    def _exec(self, request: Request) -> None:
        api, headers = self.server.api, request.headers
        (call, outcome), _truncate = api.meet(request, api.exec_outcome)
        protocol = exec_.choose_protocol(headers.get("sec-websocket-protocol", ""))
        if protocol is None:
            self._send(request, Response(b"", 403))
            return
        if (refusal := exec_.handshake_refusal(call, outcome, protocol)) is not None:
            self._send(request, Response(refusal, 500, {"Content-Type": "text/plain; charset=utf-8"}))
            return
        self._upgrade(request, protocol)
        channels = {"stdout": exec_.STDOUT, "stderr": exec_.STDERR}
        wanted = frozenset(channel for name, channel in channels.items() if request.flag(name))
        if not exec_.serve(
            cast(BinaryIO, self.rfile), cast(BinaryIO, self.wfile), call, outcome, protocol, wanted, api.sleep
        ):
            self._reset()

    def _forward(self, request: Request) -> None:
        (port, outcome), _truncate = self.server.api.meet(request, self.server.api.forward_outcome)
        if forward.PROTOCOL not in request.headers.get("sec-websocket-protocol", ""):
            self._send(request, Response(b"", 403))
            return
        self._upgrade(request, forward.PROTOCOL)
        forward.serve(self.connection, port, outcome)

    def _upgrade(self, request: Request, protocol: str) -> None:
        request.status = 101
        self._send_head(
            101,
            {
                "Upgrade": "websocket",
                "Connection": "Upgrade",
                "Sec-WebSocket-Accept": websocket.accept_key(request.headers["sec-websocket-key"]),
                "Sec-WebSocket-Protocol": protocol,
            },
        )
        self.wfile.flush()
        self.close_connection = True
