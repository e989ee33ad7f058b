"""What a scripted pod says besides exec: its log, and its port through the API server's pod proxy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from . import status
from .request import Request

# The kubelet's words for these reasons; it gives others as they are (pkg/kubelet/kubelet_pods.go).
_WAITING = {"ErrImagePull": "image can't be pulled", "ImagePullBackOff": "trying and failing to pull image"}


@dataclass(frozen=True)
class Answered:
    """The pod's port answered: passed on as it is. *body* is left out for HEAD."""

    code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True)
class Unreachable:
    """The API server could not get an answer: 503 with *cause* (``dial tcp ...: connect: connection refused``)."""

    cause: str


@dataclass(frozen=True)
class Silent:
    """The port accepts and says nothing; neither does the API server, until the client gives up."""


ProxyOutcome = Answered | Unreachable | Silent


def unreachable(outcome: Unreachable) -> status.ApiError:
    """The API server's answer for an :class:`Unreachable` port."""
    return status.unavailable(f"error trying to reach service: {outcome.cause}")


def container_of(pod: Mapping[str, Any], wanted: str) -> str:
    """The container a log or exec request means; 400 if that is not clear or there is none of that name."""
    name = pod["metadata"]["name"]
    containers = [container["name"] for container in pod["spec"]["containers"]]
    if not wanted and len(containers) == 1:
        return str(containers[0])
    if not wanted:
        choice = " ".join(containers)
        raise status.bad_request(f"a container name must be specified for pod {name}, choose one of: [{choice}]")
    others = [container["name"] for container in pod["spec"].get("initContainers", ())]
    if wanted not in containers + others:
        raise status.bad_request(f"container {wanted} is not valid for pod {name}")
    return wanted


def _logged_at(line: str) -> datetime:
    # Nine digits of a second are more than Python's clock has.
    return datetime.fromisoformat(line[:26] + "+00:00")


def log(pod: Mapping[str, Any], container: str, text: str, request: Request, now: float) -> bytes:
    """The answer to a log request. *text* is the log with timestamps, as ``kubectl logs --timestamps`` prints it; *now*
    in seconds.

    Honours ``timestamps``, ``tailLines``, ``sinceSeconds`` and ``limitBytes``. A container that waits to start is a
    400, an earlier instance asked for with ``previous`` too.
    """
    name = pod["metadata"]["name"]
    if request.flag("previous"):
        raise status.bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
    for entry in (pod.get("status") or {}).get("containerStatuses", ()):
        if entry["name"] == container and (waiting := (entry.get("state") or {}).get("waiting")):
            cause = _WAITING.get(waiting["reason"], waiting["reason"])
            raise status.bad_request(f'container "{container}" in pod "{name}" is waiting to start: {cause}')
    lines = text.splitlines(keepends=True)
    if since := request.param("sinceSeconds"):
        lines = [line for line in lines if _logged_at(line).timestamp() >= now - int(since)]
    if tail := request.param("tailLines"):
        lines = lines[max(0, len(lines) - int(tail)) :]
    if not request.flag("timestamps"):
        lines = [line.split(" ", 1)[1] for line in lines]
    data = "".join(lines).encode()
    return data[: int(limit)] if (limit := request.param("limitBytes")) else data
