"""Processes the lab started, remembered by pid and start time so that a reused pid is never taken for one of them."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import time
from dataclasses import asdict, dataclass

from .say import LabError

PROC = pathlib.Path("/proc")


@dataclass(frozen=True)
class Process:
    """One process: its pid, its start in clock ticks since boot (field 22 of /proc/PID/stat), and the boot's id."""

    pid: int
    started: int
    boot: str

    @classmethod
    def find(cls, pid: int, proc: pathlib.Path = PROC) -> Process | None:
        """The living process with this pid now; None if there is none, or only a zombie."""
        try:
            state, started = parse_stat((proc / str(pid) / "stat").read_text(errors="replace"))
        except (FileNotFoundError, ProcessLookupError):
            return None
        if state in "ZX":
            return None
        return cls(pid, started, (proc / "sys/kernel/random/boot_id").read_text().strip())

    @classmethod
    def load(cls, record: pathlib.Path) -> Process | None:
        """The process that `record` remembers; None without a (readable) record."""
        try:
            return cls(**json.loads(record.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def save(self, record: pathlib.Path) -> None:
        """Remember this process in the file `record`."""
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps(asdict(self)))

    def alive(self, proc: pathlib.Path = PROC) -> bool:
        """Whether this very process still runs."""
        return Process.find(self.pid, proc) == self

    def kill(self, timeout: float = 20.0) -> None:
        """Kill the process, if it still is the same one, and wait for its end; LabError after `timeout` seconds."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            # The handle is held before the identity is checked: from here on the pid cannot pass to another process.
            if self.alive():
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        except ProcessLookupError:
            return
        finally:
            os.close(handle)
        deadline = time.monotonic() + timeout
        while self.alive():
            if time.monotonic() > deadline:
                raise LabError(
                    f"process {self.pid} does not end although it was killed: look at /proc/{self.pid}/stack."
                )
            time.sleep(0.05)


def parse_stat(text: str) -> tuple[str, int]:
    """State letter and start time (clock ticks) of a /proc/PID/stat; the command in it may hold blanks and brackets."""
    fields = text[text.rindex(")") + 1 :].split()
    return fields[0], int(fields[19])
