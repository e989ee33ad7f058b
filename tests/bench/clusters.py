"""The clusters of the bench: an API server and kwok each, all with one etcd, on loopback."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.lab import kubeconfig
from tests.lab.control_plane import ApiServer, control_plane
from tests.lab.kwok import kwok
from tests.lab.say import LabError

from .stale import speaking


@contextlib.contextmanager
def clusters(directory: Path, count: int) -> Iterator[list[ApiServer]]:
    """Starts so many clusters, with everything they write below ``directory``, and ends them. Raises LabError."""
    with contextlib.ExitStack() as stack:
        servers = stack.enter_context(control_plane(directory, count))
        voice = stack.enter_context(speaking(directory))
        for server in servers:
            stack.enter_context(kwok(server, voice.programs, voice.log))
        yield servers


def hosts(servers: Sequence[ApiServer], ports: Mapping[int, int] | None = None) -> dict[str, dict[str, Any]]:
    """An inventory's hosts with their variables, one per cluster; ``ports`` are other ways to some of them, by their number."""
    found = {}
    for number, server in enumerate(servers):
        port = (ports or {}).get(number, server.port)
        path = server.directory / f"{port}.kubeconfig"
        kubeconfig.write(path, {"admin": replace(server, port=port).access})
        found[f"cluster-{number}"] = {"telepresence_kubeconfig": str(path), "telepresence_context": "admin"}
    return found


def check(report: Path, verdicts: Mapping[str, int]) -> None:
    """Raises LabError unless a run came to these verdicts, this many times each, in every cluster of its report."""
    for host, result in json.loads(report.read_text())["clusters"].items():
        found = result.get("summary", {}).get("verdicts")
        if found != verdicts:
            raise LabError(f"the verdicts on {host} are {found}, and not {dict(verdicts)} (report: {report}).")
