"""What reaches a cluster of the lab with nothing to spare: its administrator's requests, and execs."""

from __future__ import annotations

import base64
import json
import pathlib
import ssl
import tempfile
from collections.abc import Sequence
from urllib.parse import urlencode, urlsplit

import websocket

from tests.lab.client import TIMEOUT, Client
from tests.lab.say import LabError

AT_ONCE = 16
"""Requests or execs; as many as the product makes by default."""
PROTOCOL = "v5.channel.k8s.io"
STDOUT, STATUS = 1, 3


def connect(kubeconfig: pathlib.Path, context: str) -> Client:
    """A client for a context of the lab's kubeconfig, which is JSON, and whose users have certificates."""
    config = json.loads(kubeconfig.read_text())
    names = next(one["context"] for one in config["contexts"] if one["name"] == context)
    cluster = next(one["cluster"] for one in config["clusters"] if one["name"] == names["cluster"])
    user = next(one["user"] for one in config["users"] if one["name"] == names["user"])
    tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as pair:
        pair.write(b"\n".join(base64.b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key")))
        pair.flush()
        tls.load_cert_chain(pair.name)
    server = urlsplit(cluster["server"])
    return Client(str(server.hostname), server.port or 443, tls)


def execute(client: Client, pod: str, container: str, command: Sequence[str]) -> bytes:
    """What a command printed in a container of a pod, which is given by its path. Raises LabError unless it ended with 0."""
    try:
        return _execute(client, pod, container, command)
    except (websocket.WebSocketException, OSError) as error:
        raise LabError(f"the exec at {pod} failed: {error}.") from error


def _execute(client: Client, pod: str, container: str, command: Sequence[str]) -> bytes:
    words = [("container", container), ("stdout", "true"), ("stderr", "true"), *(("command", one) for one in command)]
    stream = websocket.create_connection(
        f"wss://{client.host}:{client.port}{pod}/exec?{urlencode(words)}",
        timeout=TIMEOUT,
        sslopt={"context": client.context},
        subprotocols=[PROTOCOL],
        http_no_proxy=["*"],
    )
    printed = b""
    try:
        while True:
            opcode, frame = stream.recv_data()
            if opcode != websocket.ABNF.OPCODE_BINARY:
                raise LabError(f"the exec at {pod} ended without a status.")
            if frame[:1] == bytes([STDOUT]):
                printed += frame[1:]
            if frame[:1] == bytes([STATUS]):
                if json.loads(frame[1:])["status"] != "Success":
                    raise LabError(f"the exec at {pod} failed: {frame[1:]!r}.")
                return printed
    finally:
        stream.shutdown()
