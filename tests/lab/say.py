"""What the lab tells its user: progress lines, and one clear sentence where it has to give up."""

from __future__ import annotations

import time


class LabError(Exception):
    """The lab cannot go on. The message is one sentence for the user: what failed, where, and what to do next."""


class Say:
    """Prints one line per step, with the seconds since the start of the command in front."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self, text: str) -> None:
        # One write per line: both clusters are started at the same time.
        print(f"[{time.monotonic() - self._start:5.0f} s] {text}\n", end="", flush=True)
