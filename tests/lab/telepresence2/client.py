"""A Telepresence 2 client that holds one intercept, through a port-forward to the manager as the real one comes in."""

from __future__ import annotations

import re
import subprocess
import threading
from typing import IO

from ..paths import BIN
from ..say import LabError
from .manager import TrafficManager

TIMEOUT = 90.0  # seconds; the pods of the workload are made anew, on a busy machine


class Client:
    """One client with one intercept of a Deployment."""

    def __init__(self, manager: TrafficManager, namespace: str, workload: str, name: str, *options: str) -> None:
        self._lines = {"port-forward": "", "intercept": ""}
        forward = manager.kubectl.command("port-forward", "deployment/traffic-manager", ":8081")
        self._processes: list[subprocess.Popen[str]] = []
        said = self._start("port-forward", forward)
        port = re.search(r"127\.0\.0\.1:(\d+)", said)
        where = ["-manager", f"127.0.0.1:{port[1] if port else '?'}", "-namespace", namespace, "-workload", workload]
        self.id = self._start("intercept", [str(BIN / "intercept"), *where, "-client", name, *options]).strip()

    def kill(self) -> None:
        """Ends it as a crash does: without a word to the manager."""
        for process in reversed(self._processes):
            process.kill()
            process.communicate()

    def _start(self, what: str, command: list[str]) -> str:
        """Starts a program, and returns the first line that it prints. Raises LabError where there is none."""
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self._processes.append(process)
        assert process.stdout is not None
        reader = threading.Thread(target=self._read, args=(what, process.stdout), daemon=True)
        reader.start()
        reader.join(TIMEOUT)
        line = self._lines[what]
        if not line or process.poll() is not None:
            self.kill()
            raise LabError(f"{what} of a Telepresence 2 client failed: {line.strip() or 'it printed nothing'}")
        return line

    def _read(self, what: str, output: IO[str]) -> None:
        self._lines[what] = output.readline()
