# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""exec into a pod over a websocket, with a hard deadline for connect and read."""

from __future__ import annotations

import json
import time
import typing as t
from dataclasses import dataclass
from urllib.parse import urlencode

from .api import Api, patiently, plainly
from .errors import ClusterError
from .foreign import LONGEST_REASON, clean
from .kinds import POD
from .websockets import open_stream

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
    stream ended without its status: half an answer is none. Only a server that says it is too busy is asked again, when it wishes;
    the deadline counts from the try that it lets in.
    """
    doing = f"exec into pod {namespace}/{pod}"
    query = [("container", container), ("stdout", "true"), ("stderr", "true"), *(("command", word) for word in command)]
    path = POD.path(namespace, pod, "exec") + "?" + urlencode(query)

    def connected() -> tuple[t.Any, float]:
        ends = time.monotonic() + deadline
        return open_stream(api, path, SUBPROTOCOLS, doing, deadline), ends

    stream, ends = patiently(connected, deadline, lambda error: error.status == 429)
    try:
        return _read(stream, ends, doing, api.server)
    finally:
        stream.shutdown()


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
        message = clean(status.get("message") or "no reason given", LONGEST_REASON)
    except (ValueError, KeyError, TypeError, StopIteration, AttributeError, RecursionError):
        message = "the status that ended the stream cannot be read"
    raise ClusterError(f"Failed to {doing} on {server}: {message}.", status=500, reason="NotRun")
