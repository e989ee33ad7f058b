"""What can happen to a call on its way to an API server and back."""

from __future__ import annotations

import json
from dataclasses import dataclass

from wire import status
from wire.status import ApiError


@dataclass(frozen=True)
class Refusal:
    """An answer other than success, instead of acting: its HTTP status, its body (JSON), and for Retry-After, seconds."""

    code: int
    body: str
    retry_after: int | None

    @classmethod
    def of(cls, error: ApiError) -> Refusal:
        """The answer that says this."""
        return cls(error.code, json.dumps(error.body), error.retry_after)


@dataclass(frozen=True)
class Refused:
    """The server is gone from this call on: its connections are reset, new ones refused, for *seconds* (real ones)."""

    seconds: float


@dataclass(frozen=True)
class Reset:
    """The connection is reset, before the server got the call or after it *acted*."""

    acted: bool


@dataclass(frozen=True)
class Hang:
    """No answer for as long as the client waits, before the server got the call or after it *acted*."""

    acted: bool


@dataclass(frozen=True)
class Truncated:
    """The answer ends in the middle; *announced*: with a length that fits, so that only its contents tell."""

    announced: bool


@dataclass(frozen=True)
class Stream:
    """An exec's stream after *frames* frames of the server: cut, or silent for as long as the client waits."""

    frames: int
    silent: bool = False


@dataclass(frozen=True)
class Killed:
    """The module is killed while it waits for the answer, before the server got the call or after it *acted*."""

    acted: bool


@dataclass(frozen=True)
class Meanwhile:
    """Something that others do at this very moment, by its name in the scenario; then the call goes on."""

    what: str


Fault = Refusal | Refused | Reset | Hang | Truncated | Stream | Killed | Meanwhile


REFUSALS = {
    name: Refusal.of(error)
    for name, error in {
        "401": status.unauthorized(),
        "403": status.forbidden("faults-admin", "get", "", "pods", "shop"),
        "404": status.no_such_path(),
        "409": ApiError(409, "Conflict", f"Operation cannot be fulfilled on the object: {status.MODIFIED}"),
        "410": status.expired(),
        "429": ApiError(429, "TooManyRequests", "the server has received too many requests"),
        "429 retry-after": status.too_many_requests(2),
        "500": status.internal_error("etcdserver: leader changed"),
        "503": status.unavailable(),
    }.items()
}
"""In the words of a Kubernetes 1.34.4 server."""
