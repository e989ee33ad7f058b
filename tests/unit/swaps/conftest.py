"""Shells like those of the proxy images, and networks of their own."""

from __future__ import annotations

import shutil
import typing as t
from pathlib import Path

import pytest

from tests.lab import packages
from tests.lab.say import Say

from .network import Network


@pytest.fixture
def network() -> t.Iterator[Network]:
    """A network with nothing but loopback. Fails with a sentence where the tests do not run as root."""
    own = Network()
    yield own
    own.close()


@pytest.fixture(scope="session")
def busybox() -> Path:
    """busybox, whose ash is ``sh`` in the Alpine images: the machine's, or Debian's package unpacked and not installed."""
    installed = shutil.which("busybox")
    if installed:
        return Path(installed)
    return packages.program("busybox-static", "busybox", Say())


@pytest.fixture
def shells(busybox: Path, tmp_path: Path) -> dict[str, str]:
    """By the name of the shell, a PATH on which it is ``sh``, and on which nothing else is but ``date``: no python3."""
    found = {}
    for name, program in (("ash", str(busybox)), ("bash", shutil.which("bash")), ("dash", shutil.which("dash"))):
        assert program, f"{name} is missing from this machine: install Debian's package of that name."
        directory = tmp_path / name
        directory.mkdir()
        (directory / "sh").symlink_to(program)
        (directory / "date").symlink_to(shutil.which("date") or "/bin/date")
        found[name] = str(directory)
    return found
