"""Clusters of the tests' scripted API server, for runs over more of them than a machine has room for control planes.

``python -m tests.bench.scripted DIRECTORY COUNT`` writes a kubeconfig for each and serves until its input ends. Nothing is in them.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

from wire.server import ApiServer
from wire.tls import make_identity


def kubeconfig(directory: Path, number: int) -> Path:
    """Where that of a cluster is written."""
    return directory / f"{number}.kubeconfig"


def hosts(directory: Path, count: int) -> dict[str, dict[str, Any]]:
    """The first clusters of a directory, as hosts of an inventory with their variables."""
    return {
        f"cluster-{one}": {"telepresence_kubeconfig": str(kubeconfig(directory, one)), "telepresence_context": "fake"}
        for one in range(count)
    }


def main() -> None:
    """Serves."""
    directory, count = Path(sys.argv[1]), int(sys.argv[2])
    directory.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        for number in range(count):
            # Each has a certificate of its own authority, as clusters do.
            stack.enter_context(ApiServer(identity=make_identity())).kubeconfig(kubeconfig(directory, number))
        print("serving", flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
