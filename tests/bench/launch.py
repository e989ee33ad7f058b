"""Runs one command to its end and writes what it cost, as JSON, to the file descriptor named first.

A program of its own, to be started by ``python -I -S``, because it must be small: Linux counts the memory of a process
before its exec, which is that of its parent, into its peak (fs/exec.c of Linux 6.18, ``exec_mmap``).

SIGTERM ends the command as Ctrl-C would, and then everything that it started.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36  # include/uapi/linux/prctl.h of Linux
PATIENCE = 5.0  # seconds for the command to end after SIGINT


def main() -> int:
    result, command = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(result, False)
    # What outlives the command becomes a child of this process, so that it can be found.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    started = time.monotonic()
    pid = os.posix_spawnp(command[0], command, os.environ)
    signal.signal(signal.SIGTERM, lambda *_: _interrupt(pid))
    _, status, usage = os.wait4(pid, 0)
    seconds = time.monotonic() - started
    _end(_descendants(os.getpid()))
    cost = {
        "code": os.waitstatus_to_exitcode(status),
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * 1024,
    }
    os.write(result, json.dumps(cost).encode())
    return 0


def _interrupt(pid: int) -> None:
    """Ends the command in order, or else by force; `main` then ends the rest."""
    signal.signal(signal.SIGALRM, lambda *_: _end([*_descendants(pid), pid]))
    signal.setitimer(signal.ITIMER_REAL, PATIENCE)
    _end([pid], signal.SIGINT)


def _descendants(pid: int) -> list[int]:
    """The children of a process, theirs, and so on."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            with open(f"/proc/{int(name)}/stat") as file:
                parent = int(file.read().rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(name))
    found, left = [], [pid]
    while left:
        mine = children.get(left.pop(), [])
        found += mine
        left += mine
    return found


def _end(pids: list[int], number: int = signal.SIGKILL) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


if __name__ == "__main__":
    sys.exit(main())
