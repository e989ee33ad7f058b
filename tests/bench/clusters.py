"""The clusters of the bench: an API server and kwok each, all with one etcd, on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.lab import kubeconfig
from tests.lab.control_plane import ApiServer, control_plane
from tests.lab.kwok import kwok

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


def hosts(servers: list[ApiServer]) -> dict[str, dict[str, Any]]:
    """An inventory's hosts with their variables, one per cluster."""
    found = {}
    for number, server in enumerate(servers):
        path = server.directory / "kubeconfig"
        kubeconfig.write(path, {"admin": server.access})
        found[f"cluster-{number}"] = {"telepresence_kubeconfig": str(path), "telepresence_context": "admin"}
    return found
