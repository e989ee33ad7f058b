"""Ways to a cluster that are slow, or lead nowhere: small servers in front of it, on loopback."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from queue import SimpleQueue

SIZE = 65536


@contextlib.contextmanager
def delayed(port: int, seconds: float) -> Iterator[int]:
    """The port of a way to ``port`` on which all that the server says arrives so much later, as long as the block lasts."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        threading.Thread(target=_accept, args=(listener, port, seconds), daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            # Wakes the thread that waits in accept().
            listener.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def silent() -> Iterator[int]:
    """A port that takes connections and never says anything, as long as the block lasts."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        yield listener.getsockname()[1]


def _accept(listener: socket.socket, port: int, seconds: float) -> None:
    while True:
        try:
            client, _address = listener.accept()
            server = socket.create_connection(("127.0.0.1", port))
        except OSError:
            return
        for source, target, delay in ((client, server, 0.0), (server, client, seconds)):
            threading.Thread(target=_pass_on, args=(source, target, delay), daemon=True).start()


def _pass_on(source: socket.socket, target: socket.socket, delay: float) -> None:
    """Hands on what ``source`` says, and its end, each so many seconds after it came."""
    said: SimpleQueue[tuple[float, bytes]] = SimpleQueue()
    threading.Thread(target=_say, args=(said, target), daemon=True).start()
    data = b"begin"
    while data:
        try:
            data = source.recv(SIZE)
        except OSError:
            data = b""
        said.put((time.monotonic() + delay, data))


def _say(said: SimpleQueue[tuple[float, bytes]], target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            due, data = said.get()
            time.sleep(max(0.0, due - time.monotonic()))
            if not data:
                target.shutdown(socket.SHUT_WR)
                return
            target.sendall(data)
