"""kwok, which stands in for the kubelets of a control plane: thousands of pods that run at once, and run nothing.

It says of every pod that it runs, and answers exec and logs through the API server: exec with a program of this machine, logs
from one file, the same for all pods.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from . import kubeconfig
from .control_plane import ApiServer, await_ready, free_port, running
from .paths import HERE

CONFIG = HERE / "config" / "kwok.yaml"
NODE = "127.0.0.1"
"""Name and address of the one node."""


@contextlib.contextmanager
def kwok(server: ApiServer, programs: Path, log: Path) -> Iterator[None]:
    """A node called NODE on an API server, as long as the block lasts. Raises LabError.

    *programs* is the directory in which an exec finds its program first, *log* the file with what every container has written
    (lines of a kubelet's own kind, ``TIME stdout F TEXT``).
    """
    port, output = free_port(), server.directory / "kwok.log"
    config, access = server.directory / "kwok.yaml", server.directory / "kwok.kubeconfig"
    config.write_text(CONFIG.read_text().replace("LOG\n", f"{log}\n"))
    kubeconfig.write(access, {"kwok": server.access})
    argv = [
        # Else kwok asks for a kind of watch that needs a newer etcd, and tries so for half a minute before it makes do without.
        "env",
        "KUBE_FEATURE_WatchListClient=false",
        "kwok",
        f"--config={config}",
        f"--kubeconfig={access}",
        f"--node-ip={NODE}",
        f"--node-port={port}",
        f"--server-address={NODE}:{port}",
        f"--tls-cert-file={server.kubelet.certificate}",
        f"--tls-private-key-file={server.kubelet.key}",
    ]
    with running(argv, output, str(programs)):
        await_ready(lambda: _listens(port), "kwok", output)
        client = server.client()
        client.call("POST", "/api/v1/nodes", {"metadata": {"name": NODE}})
        await_ready(lambda: _ready(client.call("GET", f"/api/v1/nodes/{NODE}")), "the node of kwok", output)
        yield


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((NODE, port)) == 0


def _ready(node: dict[str, dict[str, object]]) -> bool:
    return node["status"].get("phase") == "Running"
