"""What kwok lets every proxy say: what one said whose client was gone (``tests/unit/fixtures/cases/liveness/gone``).

The output of the probe and the log are the recorded ones, their times moved to now. No probe is run: its cost inside the pod
is the nodes' business, and this machine is not so many nodes.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tests.faults  # noqa: F401 - makes `wire` and `modules` importable
from modules import probe_output
from wire import states

EVERY = 10.0
"""Seconds after which the log goes on; a log whose last poll is 45 s old proves nothing any more."""


@dataclass(frozen=True)
class Voice:
    """``programs``: where an exec finds the program that it is to run. ``log``: what every container has written."""

    programs: Path
    log: Path


@contextlib.contextmanager
def speaking(directory: Path) -> Iterator[Voice]:
    """Proxies without a client, as long as the block lasts; the files for that lie in ``directory``."""
    voice = Voice(directory / "programs", directory / "log")
    voice.programs.mkdir(parents=True)
    program = voice.programs / "sh"
    program.write_text(script())
    program.chmod(0o755)
    ended = threading.Event()
    _write(voice.log)

    def go_on() -> None:
        while not ended.wait(EVERY):
            _write(voice.log)

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield voice
    finally:
        ended.set()
        thread.join()


def script() -> str:
    """A program that prints the recorded answer with the time of now, whatever it is asked."""
    answer = probe_output.answer(states.recorded("gone").probe, clock="NOW").decode().strip()
    before, after = answer.split('"NOW"')
    return f"#!/bin/sh\nprintf '%s%s%s\\n' '{before}' \"$(date +%s)\" '{after}'\n"


def log_at(now: float) -> str:
    """The recorded log as a kubelet's file, as if its state had been recorded at ``now`` (seconds since the epoch)."""
    state = states.recorded("gone")
    lines = (line.split(" ", 1) for line in states.shift(state.log, round(now - state.probe.clock)).splitlines())
    return "".join(f"{at} stdout F {text}\n" for at, text in lines)


def _write(path: Path) -> None:
    partial = path.with_suffix(".new")
    partial.write_text(log_at(time.time()))
    partial.rename(path)
