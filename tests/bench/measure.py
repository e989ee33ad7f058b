"""One whole command: how long it took, and what of the machine it used."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass

from tests.lab.paths import ROOT
from tests.lab.say import LabError

LAUNCH = pathlib.Path(__file__).with_name("launch.py")
LONGEST = 1800.0
"""Seconds; what takes longer will not end."""


@dataclass(frozen=True)
class Sample:
    """One run of a command, from its start to its end.

    ``seconds`` by the clock. ``cpu_seconds``: user and system, of the process and of all below it that were waited for (which
    leaves out daemons, of which what is measured here starts none). ``peak_bytes``: the resident memory of the one process
    that had most.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: float

    def __add__(self, other: Sample) -> Sample:
        """Both, one after the other."""
        peak = max(self.peak_bytes, other.peak_bytes)
        return Sample(self.seconds + other.seconds, self.cpu_seconds + other.cpu_seconds, peak)


def median(samples: Iterable[Sample]) -> Sample:
    """The median of each value by itself. Raises ValueError where there is no sample."""
    columns = list(zip(*(astuple(sample) for sample in samples)))
    if not columns:
        raise ValueError("there is no sample")
    return Sample(*(statistics.median(column) for column in columns))


def measure(
    command: Sequence[str],
    log: pathlib.Path,
    *,
    env: Mapping[str, str] | None = None,
    cwd: pathlib.Path = ROOT,
    codes: Collection[int] = (0,),
    limit: float = LONGEST,
) -> Sample:
    """Runs a command to its end, its output in the file ``log``; ``env`` is added to the environment, ``limit`` in seconds.

    Raises LabError where it ends with another code than ``codes``, or too late. Whatever ends this function (Ctrl-C too) ends
    the command, and everything that it started.
    """
    reader, writer = os.pipe()
    with open(reader, "rb") as answer, log.open("wb") as output:
        try:
            launcher = subprocess.Popen(
                [sys.executable, "-I", "-S", str(LAUNCH), str(writer), *command],
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=[writer],
                start_new_session=True,  # Ctrl-C on the terminal is ours to pass on
            )
        finally:
            os.close(writer)
        try:
            launcher.wait(limit)
        except subprocess.TimeoutExpired:
            raise LabError(f"{' '.join(command)} did not end within {limit:.0f} s (output: {log}).") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                launcher.send_signal(signal.SIGTERM)
            launcher.wait()
        written = answer.read()
    cost = json.loads(written or b"{}")
    code = cost.pop("code", "an error of its own")
    if code not in codes:
        said = log.read_text(errors="replace").strip().splitlines()
        raise LabError(f"{' '.join(command)} ended with {code}: {said[-1] if said else 'no output'} (output: {log}).")
    return Sample(**cost)
