# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""exec into a pod over a websocket, with a hard deadline for connect and read.

kubernetes.stream.stream() has neither a time-out for the connect nor an error for a read that timed out, is not safe in
threads (kubernetes-client/python issue 928) and drops impersonation headers, so a failed question could pass for an answer.
"""

from __future__ import annotations

import base64
import json
import ssl
import time
import typing as t
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit, urlunsplit

from .api import Api, plainly
from .errors import ClusterError, refusal
from .kinds import POD

try:
    import websocket
except ImportError:  # kubernetes depends on it; connect() says so where both are missing
    websocket = None

SUBPROTOCOLS = ["v5.channel.k8s.io", "v4.channel.k8s.io"]
STDOUT, STDERR, STATUS = 1, 2, 3
"""Channel numbers of the subprotocol (k8s.io/apimachinery v0.34.4, pkg/util/remotecommand/constants.go)."""
MOST_OUTPUT = 65536
"""Bytes: an answer is one line; whatever sends more is not our question's program."""


@dataclass(frozen=True)
class Finished:
    """A command that ran to its end: what it printed, and its exit code."""

    stdout: str
    stderr: str
    exit_code: int


def execute(api: Api, namespace: str, pod: str, container: str, command: t.Sequence[str], deadline: float) -> Finished:
    """Runs a command in a container and waits for its end, ``deadline`` seconds at most.

    Raises ClusterError where the command could not be started, did not end in time, printed too much, or where the
    stream ended without its status: half an answer is none.
    """
    doing = f"exec into pod {namespace}/{pod}"
    ends = time.monotonic() + deadline
    query = [("container", container), ("stdout", "true"), ("stderr", "true"), *(("command", word) for word in command)]
    stream = _open(api, POD.path(namespace, pod, "exec") + "?" + urlencode(query), doing, deadline)
    try:
        return _read(stream, ends, doing, api.server)
    finally:
        stream.shutdown()


def _open(api: Api, path: str, doing: str, deadline: float) -> t.Any:
    configuration = api.client.configuration
    server = urlsplit(configuration.host)
    url = urlunsplit(
        ("wss" if server.scheme == "https" else "ws", server.netloc, server.path.rstrip("/") + path, "", "")
    )
    try:
        return websocket.create_connection(
            url,
            timeout=deadline,
            header=[f"{name}: {value}" for name, value in api.headers().items()],
            subprotocols=SUBPROTOCOLS,
            sslopt=_tls(configuration),
            **_proxy(configuration),
        )
    except websocket.WebSocketBadStatusException as error:
        raise refusal(doing, api.server, error.status_code, error.resp_body, error.resp_headers or {}) from error
    except (websocket.WebSocketException, OSError) as error:
        raise ClusterError(
            f"Failed to {doing} on {api.server}: {plainly(error)}.", reason=type(error).__name__
        ) from error


def _read(stream: t.Any, ends: float, doing: str, server: str) -> Finished:
    output = {STDOUT: b"", STDERR: b""}
    while True:
        remaining = ends - time.monotonic()
        try:
            if remaining <= 0:
                raise websocket.WebSocketTimeoutException("timed out")
            stream.settimeout(remaining)
            opcode, frame = stream.recv_data()
        except (websocket.WebSocketException, OSError) as error:
            raise ClusterError(
                f"Failed to {doing} on {server}: {plainly(error)}.", reason=type(error).__name__
            ) from error
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            raise ClusterError(f"Failed to {doing} on {server}: the stream ended without a status.", reason="NoStatus")
        if not frame:
            continue
        if frame[0] == STATUS:
            code = _exit_code(frame[1:], doing, server)
            return Finished(output[STDOUT].decode("utf-8", "replace"), output[STDERR].decode("utf-8", "replace"), code)
        if frame[0] in output:
            output[frame[0]] += frame[1:]
            if len(output[frame[0]]) > MOST_OUTPUT:
                raise ClusterError(
                    f"Failed to {doing} on {server}: more than {MOST_OUTPUT} bytes came back.", reason="TooMuch"
                )


def _exit_code(frame: bytes, doing: str, server: str) -> int:
    """The exit code in the Status object that ends a stream. Raises ClusterError where the command was not run."""
    try:
        status = json.loads(frame)
        if status["status"] == "Success":
            return 0
        if status.get("reason") == "NonZeroExitCode":
            return next(
                int(cause["message"]) for cause in status["details"]["causes"] if cause.get("reason") == "ExitCode"
            )
        message = str(status.get("message") or "no reason given")
    except (ValueError, KeyError, TypeError, StopIteration, AttributeError):
        message = "the status that ended the stream cannot be read"
    raise ClusterError(f"Failed to {doing} on {server}: {message}.", status=500, reason="NotRun")


def _tls(configuration: t.Any) -> dict[str, t.Any]:
    options: dict[str, t.Any] = {
        "cert_reqs": ssl.CERT_REQUIRED if configuration.verify_ssl else ssl.CERT_NONE,
        "ca_certs": configuration.ssl_ca_cert,
        "certfile": configuration.cert_file,
        "keyfile": configuration.key_file,
        "check_hostname": bool(configuration.verify_ssl) and configuration.assert_hostname is not False,
        "server_hostname": configuration.tls_server_name,
    }
    return {name: value for name, value in options.items() if value is not None}


def _proxy(configuration: t.Any) -> dict[str, t.Any]:
    """The proxy of the configuration for websocket-client, which else would read the environment by rules of its own."""
    if not configuration.proxy:
        return {"http_no_proxy": ["*"]}
    proxy = urlsplit(configuration.proxy)
    options: dict[str, t.Any] = {
        "http_proxy_host": proxy.hostname,
        "http_proxy_port": proxy.port,
        "proxy_type": proxy.scheme if proxy.scheme.startswith("socks") else "http",
        "http_no_proxy": [entry.strip() for entry in (configuration.no_proxy or "").split(",") if entry.strip()],
    }
    basic = (configuration.proxy_headers or {}).get("proxy-authorization", "")
    if basic.startswith("Basic "):
        options["http_proxy_auth"] = tuple(base64.b64decode(basic[len("Basic ") :]).decode().split(":", 1))
    return options
