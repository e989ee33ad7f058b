"""`python -m tests.faults`: plays every cell, or those whose names begin with what `--cell` gives; `--list` names them.

Needs what `python -m tests.lab build` builds. Exit code 1 if anything was violated.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import signal
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing.queues import Queue
from pathlib import Path

from tests.lab.control_plane import ApiServer, control_plane
from tests.lab.say import LabError, Say

from . import kubelet, worker
from .cells import Cell, cells
from .stage import Played

WORKERS = 2 * (os.cpu_count() or 1)
"""Cells mostly work, but some of them wait."""


SPEED = 5.0
AGAIN = "python -m tests.faults"


def main() -> int:
    """Plays the cells; returns the exit code."""
    parser = argparse.ArgumentParser(prog=AGAIN, description=__doc__)
    parser.add_argument("--cell", action="append", help="only cells whose names begin so; may be given again")
    parser.add_argument("--list", action="store_true", help="only name them")
    parser.add_argument("--workers", type=int, default=WORKERS, help="cells to play at once (%(default)s)")
    parser.add_argument(
        "--speed",
        type=float,
        default=SPEED,
        help="how much shorter the module's pauses and time limits are than it believes (%(default)s); less on a busy machine",
    )
    wish = parser.parse_args()
    say = Say()
    # So that everything that was started is ended then too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="faults-") as directory:
        try:
            say(f"starting etcd and {wish.workers} API servers")
            with control_plane(Path(directory), wish.workers, kubelet.options) as servers:
                return _play(servers, wish, say)
        except LabError as error:
            print(f"faults: {error}", file=sys.stderr)
            return 1


def _play(servers: Sequence[ApiServer], wish: argparse.Namespace, say: Say) -> int:
    context = multiprocessing.get_context("forkserver")
    queue: Queue[ApiServer] = context.Queue()
    for server in servers:
        queue.put(server)
    with ProcessPoolExecutor(len(servers), context, worker.begin, (queue, wish.speed)) as pool:
        calls = pool.submit(worker.calls).result()
        chosen = [cell for cell in cells(calls) if cell.name.startswith(tuple(wish.cell or [""]))]
        if wish.list:
            print(*[cell.name for cell in chosen], sep="\n")
            return 0
        say(f"a recovery makes {len(calls)} calls; {len(chosen)} faults to try")
        played = _all(pool, chosen, say)
    slowest = max(played, key=lambda one: one.seconds)
    say(f"the slowest took {slowest.seconds:.0f} s: {slowest.name}")
    violated = sum(bool(one.violations) for one in played)
    print(f"faults tried: {len(played)}, violations: {violated}")
    return 1 if violated or not played else 0


def _all(pool: ProcessPoolExecutor, chosen: Sequence[Cell], say: Say) -> list[Played]:
    """Plays cells, several at once; says when those of one call are through."""
    left: dict[str, int] = defaultdict(int)
    for cell in chosen:
        left[cell.call] += 1
    played: list[Played] = []
    futures = [pool.submit(worker.play, cell) for cell in chosen]
    try:
        for future in as_completed(futures):
            one = future.result()
            played.append(one)
            if one.violations:
                say("\n  ".join([f"VIOLATED: {one.name}", *one.violations, f"again: {AGAIN} --cell '{one.name}'"]))
            left[one.call] -= 1
            if not left[one.call]:
                mine = [other for other in played if other.call == one.call]
                violated = sum(bool(other.violations) for other in mine)
                say(f"{one.call}: {len(mine)} faults, {violated} violated")
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return played


if __name__ == "__main__":
    sys.exit(main())
