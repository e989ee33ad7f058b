"""What the page about monitoring shows, and the tools of others that judge it."""

from __future__ import annotations

import fcntl
import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.lab import packages
from tests.lab.paths import LAB
from tests.lab.say import Say

RULEBOOK = "ansible-rulebook==1.3.2"


@functools.cache
def promtool() -> Path:
    """Prometheus's own checker, from Debian's package, which is unpacked and not installed."""
    return packages.program("prometheus", "promtool", Say())


@functools.cache
def rulebook_schema() -> dict[str, Any]:
    """The schema against which ansible-rulebook checks a rulebook: from its package, without the Java that it needs to run one."""
    place = LAB / "rulebook"
    with (LAB / "rulebook.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
            subprocess.run([*pip, f"--target={place}", RULEBOOK], check=True)
    schema: dict[str, Any] = json.loads((place / "ansible_rulebook/schema/ruleset_schema.json").read_text())
    return schema


def told(*arguments: str, given: str = "") -> str:
    """What promtool complains of; empty where it is content."""
    done = subprocess.run([str(promtool()), *arguments], input=given, check=False, capture_output=True, text=True)
    return "" if done.returncode == 0 and not done.stderr else done.stdout + done.stderr
