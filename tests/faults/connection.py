"""One connection to the fault proxy: each call is passed on, or meets its fault."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, BinaryIO

from tests.lab.client import HOP_BY_HOP, Answer
from wire.kinds import KINDS
from wire.request import Request, parse

from .faults import Fault, Hang, Killed, Meanwhile, Refusal, Refused, Reset, Stream, Truncated

if TYPE_CHECKING:
    from .proxy import FaultProxy


class _Drop(Exception):
    """The connection is reset without an answer."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: FaultProxy  # type: ignore[assignment]
    connection: ssl.SSLSocket

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name in the library)
        """The proxy notes its calls itself."""

    def _handle(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = parse(self.command, self.path, headers, data, KINDS)
        try:
            self._meet(request, self.server.meet(request), data)
        except _Drop:
            self._reset()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

    def _meet(self, request: Request, fault: Fault | None, data: bytes) -> None:
        proxy = self.server
        match fault:
            case Refusal(code, body, retry_after):
                retry = {} if retry_after is None else {"Retry-After": str(retry_after)}
                self._send(request, Answer(code, {"Content-Type": "application/json", **retry}, body.encode()))
                return
            case Refused(seconds):
                proxy.refuse(seconds)
                raise _Drop
            case Reset(acted) | Hang(acted) | Killed(acted) if not acted:
                self._lose(fault)
            case Meanwhile(what):
                proxy.meanwhile(what)
        if request.access.subresource == "exec":
            self._exec(request, fault)
            return
        answer = self._pass_on(request, data)
        match fault:
            case Reset() | Hang() | Killed():
                self._lose(fault)
            case Truncated(announced):
                self._send(request, answer, len(answer.body) // 2, announced)
            case _:
                self._send(request, answer)

    def _lose(self, fault: Fault) -> None:
        if isinstance(fault, Hang):
            self.rfile.read(1)
        elif isinstance(fault, Killed):
            self.server.killed()
        raise _Drop

    def _pass_on(self, request: Request, data: bytes) -> Answer:
        with self.server.busy():
            answer = self.server.client.ask(self.command, self.path, dict(self.headers), data)
            if request.is_write and answer.status < 300:
                self.server.acted(request)
        return answer

    def _send(self, request: Request, answer: Answer, length: int | None = None, announced: bool = True) -> None:
        """An answer, or its first *length* bytes; *announced*: whether Content-Length says so."""
        whole = answer.body
        body = whole if length is None else whole[:length]
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, self.server.later(value) if name == "Date" else value)
        self.send_header("Content-Length", str(len(body if announced else whole)))
        if not announced:
            self.close_connection = True
        self.end_headers()
        if request.method != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    def _reset(self) -> None:
        """Closes with a TCP reset: lingering for no time, past the TLS layer."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            socket.close(self.connection.detach())

    # exec -------------------------------------------------------------------------------------------------------------

    def _exec(self, request: Request, fault: Fault | None) -> None:
        """Passes a websocket on, frame by frame."""
        self.close_connection = True
        client = self.server.client
        with (
            socket.create_connection((client.host, client.port), 30) as raw,
            client.context.wrap_socket(raw, server_hostname=client.host) as upstream,
            upstream.makefile("rb") as reader,
        ):
            headers = {name: value for name, value in self.headers.items() if name.lower() != "authorization"}
            kept = [f"{name}: {value}" for name, value in {**headers, **client.headers}.items()]
            upstream.sendall("\r\n".join([f"GET {self.path} HTTP/1.1", *kept, "", ""]).encode())
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                if not (line := reader.readline()):
                    raise _Drop
                head += line
            if b" 101 " not in head.partition(b"\r\n")[0]:
                self._send(request, _rest_of(head, reader))
                return
            match fault:
                case Reset() | Hang() | Killed():
                    read_frame(reader)
                    self._lose(fault)
            self.wfile.write(head)
            self.wfile.flush()
            client_says = threading.Thread(target=self._client_says, args=(upstream,), daemon=True)
            client_says.start()
            try:
                self._server_says(reader, fault if isinstance(fault, Stream) else None)
                if isinstance(fault, Stream) and fault.silent:
                    # The server may have ended long ago: it is the client who must give up.
                    client_says.join()
            finally:
                # No socket may be closed while another thread reads from it: its number is soon another connection's.
                shut(self.connection, socket.SHUT_RD)
                shut(upstream)
                client_says.join()

    def _server_says(self, reader: BinaryIO, fault: Stream | None) -> None:
        frames = 0
        while fault is None or frames < fault.frames:
            frame = read_frame(reader)
            if not frame:
                return
            frames += 1
            self.wfile.write(frame)
            self.wfile.flush()
        if not fault.silent:
            raise _Drop

    def _client_says(self, upstream: ssl.SSLSocket) -> None:
        with contextlib.suppress(OSError, ValueError):
            while data := self.connection.recv(4096):
                upstream.sendall(data)
        shut(upstream)


def shut(link: socket.socket, how: int = socket.SHUT_RDWR) -> None:
    """Ends a connection under those who use it. Not by TLS's own shutdown: that would go on in the clear."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(link, how)


def _rest_of(head: bytes, reader: BinaryIO) -> Answer:
    """The whole answer that begins with *head*."""
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines if line)
    return Answer(int(first.split()[1]), headers, reader.read(int(headers.get("Content-Length", 0))))


def read_frame(stream: BinaryIO) -> bytes:
    """The next frame from a server as it is on the wire (RFC 6455), empty at the end of the stream."""
    head = stream.read(2)
    if len(head) < 2:
        return b""
    more = {126: 2, 127: 8}.get(head[1] & 0x7F, 0)
    extended = stream.read(more)
    length = int.from_bytes(extended, "big") if more else head[1] & 0x7F
    return head + extended + stream.read(length)
