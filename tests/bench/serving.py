"""Programs of the bench that serve while something is measured, so that their CPU is not that of what is measured."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.lab.paths import ROOT
from tests.lab.say import LabError


@contextmanager
def serving(module: str, *arguments: str) -> Iterator[int]:
    """The pid of ``python -m MODULE ARGUMENTS``, which serves from when it prints ``serving`` until its input ends. Raises LabError."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        try:
            if not server.stdout or server.stdout.readline() != "serving\n":
                raise LabError(f"The scripted server {module} did not start.")
            yield server.pid
        finally:
            server.terminate()
