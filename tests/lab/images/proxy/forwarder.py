"""A stand-in for the forwarder of a Telepresence 1 proxy, as far as the health of its client can be seen from it.

It polls the client as telepresenceio/telepresence 0.109, ``k8s-proxy/periodic.py``, does and logs what that one logs:
a HEAD request to http://localhost:9055/ every 30 seconds, the first after 30, with 10 seconds to connect and **no limit
on the answer**, so that polls of a silent client pile up and later succeed or fail together. It listens on the port of
the SOCKS proxy too, but does not speak SOCKS: sessions of the lab carry no traffic but these polls.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time

POLL_INTERVAL = 30.0  # seconds
CONNECT_TIMEOUT = 10.0  # seconds
CLIENT_PORT = 9055
SOCKS_PORT = 9050
NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
REQUEST = b"HEAD / HTTP/1.1\r\nHost: localhost:9055\r\n\r\n"

# The sentences in which Twisted's agent names the reason of a failed request.
REFUSED = "Connection was refused by other side: 111: Connection refused."
CONNECT_TIMED_OUT = "User timeout caused connection failure."
LOST = (
    "[<twisted.python.failure.Failure twisted.internet.error.ConnectionLost: "
    "Connection to the other side was lost in a non-clean fashion.>]"
)
CLOSED = "[<twisted.python.failure.Failure twisted.internet.error.ConnectionDone: Connection was closed cleanly.>]"


class PollFailed(Exception):
    """The client did not answer a poll; the message is the reason as Twisted puts it."""


def log(system: str, text: str) -> None:
    """Print a line as Twisted's log observer does, in UTC."""
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%S+0000', time.gmtime())} [{system}] {text}")


def send_request() -> socket.socket:
    """Connect to the first loopback address that accepts, in the resolver's order (::1 before 127.0.0.1), and ask.

    Request and connection go out in one breath: a client that hangs up at once must find the request unread, for only
    then is the connection reset, as recorded, instead of closed.
    """
    connection = socket.create_connection(("localhost", CLIENT_PORT), CONNECT_TIMEOUT)
    connection.sendall(REQUEST)
    connection.setblocking(False)
    return connection


async def ask_client() -> int:
    """Return the status code the client answers with, however long that takes; raise `PollFailed` if it cannot."""
    loop = asyncio.get_running_loop()
    try:
        with await loop.run_in_executor(None, send_request) as connection:
            answer = await loop.sock_recv(connection, 4096)
    except ConnectionRefusedError:
        raise PollFailed(REFUSED) from None
    except TimeoutError:
        raise PollFailed(CONNECT_TIMED_OUT) from None
    except ConnectionError:
        raise PollFailed(LOST) from None
    if not answer:
        raise PollFailed(CLOSED)
    return int(answer.split()[1])


async def poll() -> None:
    """Ask the client once and log what came of it."""
    try:
        code = await ask_client()
    except PollFailed as failure:
        log("Poll#error", "Failed to contact Telepresence client:")
        log("Poll#error", str(failure))
        log("Poll#warn", "Perhaps it's time to exit?")
        return
    if code == 200:
        log("Poll#info", "Checkpoint")
    else:
        log("Poll#warn", f"Client returned code {code}")


async def forward() -> None:
    """Listen on the SOCKS port and poll for ever, a new poll being due whether or not earlier ones were answered."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, sys.exit)
    log("-", f"SOCKSv5Factory starting on {SOCKS_PORT}")
    with socket.create_server(("0.0.0.0", SOCKS_PORT)):
        log("-", "Loaded.")
        due, unanswered = loop.time(), set()
        while True:
            due += POLL_INTERVAL
            await asyncio.sleep(due - loop.time())
            asking = asyncio.create_task(poll())
            unanswered.add(asking)
            asking.add_done_callback(unanswered.discard)


def namespace() -> str:
    """Return the pod's namespace from the variable that swaps set, else from the service account."""
    print("Retrieving this pod's namespace from the process environment")
    value = os.environ.get("TELEPRESENCE_CONTAINER_NAMESPACE")
    if value is not None:
        return value
    print("Failed: TELEPRESENCE_CONTAINER_NAMESPACE not set")
    print("Reading this pod's namespace from the k8s service account")
    with open(NAMESPACE_FILE) as file:
        return file.read()


if __name__ == "__main__":
    print(f"Pod's namespace is {namespace()!r}")
    print("Listening...")
    log("-", "Loading ./forwarder.py...")
    asyncio.run(forward())
