"""A network of its own for a test: a thread in a new network namespace, with only the loopback interface, and servers in it."""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import socket
import struct
import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

CLONE_NEWNET = 0x40000000
"""linux/sched.h"""
SIOCSIFFLAGS, IFF_UP, IFF_RUNNING = 0x8914, 0x1, 0x40
"""linux/sockios.h, linux/if.h"""
ALIVE, SSH = 9055, 8022

T = t.TypeVar("T")


class Network:
    """Runs functions in a thread whose sockets, and whose child processes and threads, see a network of their own."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._thread.submit(_enter_new_network).result()

    def run(self, function: t.Callable[[], T]) -> T:
        """The result of ``function``, called there."""
        return self._thread.submit(function).result()

    def close(self) -> None:
        """Ends the thread, and the namespace with it."""
        self._thread.shutdown()


def _enter_new_network() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        why = os.strerror(ctypes.get_errno())
        raise PermissionError(f"No network namespace can be made for this test ({why}): run the tests as root.")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        fcntl.ioctl(link, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP | IFF_RUNNING))


def without_ipv6() -> None:
    """Takes ::1 away; to be called inside a network."""
    with open("/proc/sys/net/ipv6/conf/all/disable_ipv6", "w", encoding="ascii") as setting:
        setting.write("1")


def listener(address: str = "127.0.0.1", port: int = ALIVE) -> socket.socket:
    """A listening socket that nobody accepts from: connections succeed and stay silent."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    if family == socket.AF_INET6:
        listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((address, port))
    listening.listen()
    return listening


@contextlib.contextmanager
def silent(address: str = "127.0.0.1") -> t.Iterator[None]:
    """A client that is stopped: its tunnel accepts, nothing answers."""
    with listener(address):
        yield


class _Client(BaseHTTPRequestHandler):
    """What a Telepresence client answers on: HEAD, and nothing else."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: t.Any) -> None:
        """Stay quiet."""


class _NoHead(_Client):
    """Another program's server, of the same library, that does not know HEAD."""

    def __getattribute__(self, name: str) -> t.Any:
        if name == "do_HEAD":
            raise AttributeError(name)
        return super().__getattribute__(name)


class _Foreign(_Client):
    server_version = "nginx/1.27"
    sys_version = ""


@contextlib.contextmanager
def http(handler: type[BaseHTTPRequestHandler], address: str = "127.0.0.1") -> t.Iterator[None]:
    """Python's single-threaded HTTP server with a handler."""
    server = HTTPServer(("", 0), handler, bind_and_activate=False)
    server.socket.close()
    server.socket = listener(address)
    server.server_address = (address, ALIVE)
    server.server_name, server.server_port = "localhost", ALIVE
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def client(address: str = "127.0.0.1") -> t.ContextManager[None]:
    """A living client."""
    return http(_Client, address)


def no_head(address: str = "127.0.0.1") -> t.ContextManager[None]:
    """Something else that answers 501 to HEAD, with the same Server header."""
    return http(_NoHead, address)


def foreign(address: str = "127.0.0.1") -> t.ContextManager[None]:
    """Something else that answers 200 to HEAD."""
    return http(_Foreign, address)


@contextlib.contextmanager
def answering(behave: t.Callable[[socket.socket], None], address: str = "127.0.0.1") -> t.Iterator[None]:
    """A server that accepts one connection and treats it so."""
    with listener(address) as listening:

        def serve() -> None:
            with contextlib.suppress(OSError):
                connection, _ = listening.accept()
                with connection:
                    behave(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def close_politely(connection: socket.socket) -> None:
    """Reads the request and closes: the other side sees the end without a byte."""
    connection.recv(4096)


def reset(connection: socket.socket) -> None:
    """Closes with a reset at once."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextlib.contextmanager
def tunnels(count: int, address: str = "127.0.0.1") -> t.Iterator[list[tuple[socket.socket, socket.socket]]]:
    """Sshd with so many connections, dialled from this side, as port-forward does: (client's end, server's end) of each."""
    with listener(address, SSH) as sshd, contextlib.ExitStack() as open_links:
        links = []
        for _ in range(count):
            near = open_links.enter_context(socket.create_connection((address, SSH)))
            links.append((near, open_links.enter_context(sshd.accept()[0])))
        yield links
