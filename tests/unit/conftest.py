"""Makes this checkout importable as ``ansible_collections.devclusters.telepresence`` next to the installed collections,
``wire`` as it is, and the lab and the fault suite as ``tests.lab`` and ``tests.faults``.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_HERE = Path(__file__).resolve().parent

# `ansible_collections` is a namespace package: each directory on the path adds its collections to it.
for _directory in (_HERE, _HERE.parents[1] / "collections", _HERE.parents[1]):
    if str(_directory) not in sys.path:
        sys.path.insert(0, str(_directory))

from wire.server import ApiServer  # noqa: E402


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """A running fake cluster that holds ``kube-system`` and nothing else."""
    with ApiServer() as running:
        yield running


@pytest.fixture
def kubeconfig(server: ApiServer, tmp_path: Path) -> str:
    """The path of a kubeconfig for ``server``."""
    return str(server.kubeconfig(tmp_path / "kubeconfig"))
