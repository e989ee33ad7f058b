"""What the lab tells its user: progress lines, and one clear sentence where it has to give up."""

from __future__ import annotations

import time
from typing import TextIO


class LabError(Exception):
    """The lab cannot go on. The message is one sentence for the user: what failed, where, and what to do next."""


class Say:
    """Prints one line per step, with the seconds since the start of the command in front; to stdout, unless told where to."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._start = time.monotonic()
        self._stream = stream

    def __call__(self, text: str) -> None:
        # One write per line: both clusters are started at the same time.
        print(f"[{time.monotonic() - self._start:5.0f} s] {text}\n", end="", flush=True, file=self._stream)
