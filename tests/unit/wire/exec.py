"""Exec into scripted pods, over websockets.

Channels, statuses and their order as in k8s.io/kubelet ``pkg/cri/streaming/remotecommand`` (``v4.channel.k8s.io``) and
k8s.io/apiserver ``pkg/util/proxy/streamtranslator.go`` (``v5.channel.k8s.io``): a first empty message, the output, a
Status on the error channel, a close frame. With v5 the API server ends the websocket itself, so what the kubelet
refuses arrives as a Status on the error channel; with v4 the kubelet's refusal is the answer to the handshake.

Faults of the handshake itself (403, 404, hang, reset) are scripted like those of any other request, see :mod:`.script`.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from . import status, websocket

STDOUT, STDERR, ERROR = 1, 2, 3
V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"
# The copy buffer of Go's io.Copy: one message holds no more.
_MESSAGE = 32 * 1024


class End(enum.Enum):
    """How an exec ends after its output."""

    STATUS = "the exit code on the error channel, then a close frame"
    CLOSE = "a close frame, no status"
    RESET = "the connection is reset"
    HANG = "nothing more, until the client gives up"


@dataclass(frozen=True)
class ExecCall:
    """What the client asked to run."""

    namespace: str
    pod: str
    container: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Ran:
    """The command ran: its output and exit code. *delay*: seconds before the first output."""

    stdout: bytes = b""
    stderr: bytes = b""
    exit_code: int = 0
    delay: float = 0.0
    end: End = End.STATUS


@dataclass(frozen=True)
class NotRun:
    """The runtime could not run the command; *message* is its error."""

    message: str


@dataclass(frozen=True)
class ContainerNotFound:
    """The kubelet knows no running container of that name: it has ended, or not begun."""


def program_missing(program: str) -> NotRun:
    """What containerd and runc say if the image does not hold the program."""
    return NotRun(
        "error executing command in container: failed to exec in container: failed to start exec "
        f'"{"0" * 64}": OCI runtime exec failed: exec failed: '
        f'unable to start container process: exec: "{program}": executable file not found in $PATH: unknown'
    )


Outcome = Ran | NotRun | ContainerNotFound
Handler = Callable[[ExecCall], Outcome]


def in_order(*outcomes: Outcome) -> Handler:
    """A handler that gives *outcomes* one after another; one more call is an error of the test."""
    remaining = iter(outcomes)

    def handler(call: ExecCall) -> Outcome:
        try:
            return next(remaining)
        except StopIteration:
            raise AssertionError(
                f"exec into {call.namespace}/{call.pod}: all {len(outcomes)} scripted outcomes are used up"
            ) from None

    return handler


def choose_protocol(offered: str) -> str | None:
    """The first offered subprotocol that the server speaks (*offered*: the header's value)."""
    return next((protocol for protocol in map(str.strip, offered.split(",")) if protocol in (V5, V4)), None)


def handshake_refusal(call: ExecCall, outcome: Outcome, protocol: str) -> bytes | None:
    """The kubelet's body of a 500 answer to the handshake, if that is where *outcome* shows."""
    if isinstance(outcome, ContainerNotFound) and protocol == V4:
        return f'container not found ("{call.container}")'.encode()
    return None


def _without_type(body: dict[str, Any]) -> dict[str, Any]:
    """A Status as the error channel carries it."""
    return {key: value for key, value in body.items() if key not in ("kind", "apiVersion")}


def _exit_status(call: ExecCall, code: int, protocol: str) -> dict[str, Any]:
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    error = f"error executing command [{' '.join(call.command)}], exit code {code}"
    if protocol == V5:
        error = f"command terminated with exit code {code}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: {error}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


def _messages(call: ExecCall, outcome: Outcome, protocol: str) -> Iterator[tuple[int, bytes]]:
    """Channel and payload of every message after the first."""
    if isinstance(outcome, Ran):
        for channel, output in ((STDOUT, outcome.stdout), (STDERR, outcome.stderr)):
            for start in range(0, len(output), _MESSAGE):
                yield channel, output[start : start + _MESSAGE]
        if outcome.end is End.STATUS:
            yield ERROR, json.dumps(_exit_status(call, outcome.exit_code, protocol)).encode()
        return
    if isinstance(outcome, ContainerNotFound):
        cause = f'unable to upgrade connection: container not found ("{call.container}")'
    else:
        # With v5 the API server wraps what the kubelet has wrapped already.
        cause = ("Internal error occurred: " if protocol == V5 else "") + outcome.message
    yield ERROR, json.dumps(_without_type(status.internal_error(cause).body)).encode()


def serve(
    reader: BinaryIO,
    writer: BinaryIO,
    call: ExecCall,
    outcome: Outcome,
    protocol: str,
    wanted: frozenset[int],
    sleep: Callable[[float], object],
) -> bool:
    """Speaks the exec protocol after the handshake; *wanted* are the output channels the client asked for.

    Returns False if the connection is to be reset rather than closed.
    """

    def send(channel: int, payload: bytes) -> None:
        writer.write(websocket.encode(websocket.BINARY, bytes([channel]) + payload))
        writer.flush()

    # The empty message tells the client that the streams are there.
    send(min(wanted | {ERROR}), b"")
    if isinstance(outcome, Ran):
        sleep(outcome.delay)
    for channel, payload in _messages(call, outcome, protocol):
        if channel in wanted | {ERROR}:
            send(channel, payload)
    if isinstance(outcome, Ran) and outcome.end is End.RESET:
        return False
    if isinstance(outcome, Ran) and outcome.end is End.HANG:
        _stay_silent(reader, writer)
    writer.write(websocket.closing())
    writer.flush()
    return True


def _stay_silent(reader: BinaryIO, writer: BinaryIO) -> None:
    """Answers pings until the client closes: the connection lives, the command says nothing."""
    while (frame := websocket.read_frame(reader)) and frame.opcode != websocket.CLOSE:
        if frame.opcode == websocket.PING:
            writer.write(websocket.encode(websocket.PONG, frame.payload))
            writer.flush()
