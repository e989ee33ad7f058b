"""The machine that was measured on, and the versions of what ran on it."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib import metadata
from pathlib import Path

from tests.lab.paths import BIN, ROOT

PACKAGES = ("ansible-core", "kubernetes", "websocket-client")


def describe() -> dict[str, str]:
    """By what it is called on the page: cores, memory, kernel, programs, libraries, the commit of this checkout."""
    return {
        "processor": f"{os.cpu_count()} cores, {model(Path('/proc/cpuinfo').read_text())}",
        "memory": f"{memory(Path('/proc/meminfo').read_text()):.0f} GB",
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "busy with other things": f"load average {os.getloadavg()[0]:.2f} at the start",
        "Python": platform.python_version(),
        **{package: metadata.version(package) for package in PACKAGES},
        "Kubernetes": _said([str(BIN / "kube-apiserver"), "--version"]).removeprefix("Kubernetes "),
        "commit": _said(["git", "describe", "--always", "--dirty"]),
    }


def model(cpuinfo: str) -> str:
    """The processor's name in the text of /proc/cpuinfo."""
    found = re.search(r"^model name\s*: (.+)$", cpuinfo, re.MULTILINE)
    return found[1] if found else "of an unknown kind"


def memory(meminfo: str) -> float:
    """Gigabytes in the text of a /proc/meminfo."""
    found = re.search(r"^MemTotal:\s*(\d+) kB$", meminfo, re.MULTILINE)
    return int(found[1]) * 1024 / 1e9 if found else 0.0


def _said(command: list[str]) -> str:
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "not known"
