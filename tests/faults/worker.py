"""What the processes of the pool do: each has a stage of its own, on an API server of its own."""

from __future__ import annotations

import time
import traceback
from multiprocessing.queues import Queue

from tests.lab.control_plane import ApiServer

from .cells import Cell
from .stage import Played, Stage

_stage: Stage


def begin(servers: Queue[ApiServer], speed: float) -> None:
    """Sets the stage, on the next of *servers*."""
    global _stage
    _stage = Stage(servers.get(), speed)


def calls() -> list[str]:
    """The calls of a run without faults."""
    return _stage.calls()


def play(cell: Cell) -> Played:
    """Plays one cell."""
    began = time.monotonic()
    try:
        return _stage.play(cell)
    except Exception:
        # A cell that cannot be played proves nothing.
        broken = f"it could not be played:\n{traceback.format_exc()}"
        return Played(cell.call, cell.name, (broken,), time.monotonic() - began)
