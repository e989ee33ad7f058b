"""What the page about monitoring shows, and the tools of others that judge it."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.lab import packages
from tests.lab.paths import LAB
from tests.lab.say import Say

RULEBOOK = ("ansible-rulebook==1.3.2", "pyparsing==3.3.3")
"""Its release, and the one of its requirements that its reading of conditions takes."""


@functools.cache
def promtool() -> Path:
    """Prometheus's own checker, from Debian's package, which is unpacked and not installed."""
    return packages.program("prometheus", "promtool", Say())


@functools.cache
def _rulebook() -> Path:
    """The directory of ansible-rulebook's package, without the Java that it needs to run a rulebook."""
    place = LAB / "rulebook"
    with (LAB / "rulebook.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "pyparsing").exists():
            pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--upgrade"]
            subprocess.run([*pip, f"--target={place}", *RULEBOOK], check=True)
    return place


@functools.cache
def rulebook_schema() -> dict[str, Any]:
    """The schema against which ansible-rulebook checks a rulebook."""
    schema: dict[str, Any] = json.loads((_rulebook() / "ansible_rulebook/schema/ruleset_schema.json").read_text())
    return schema


def condition_complaint(condition: str) -> str:
    """What ansible-rulebook complains of when it reads the condition of a rule; empty where it is content."""
    code = "import sys; from ansible_rulebook.condition_parser import parse_condition; parse_condition(sys.argv[1])"
    environment = {**os.environ, "PYTHONPATH": str(_rulebook())}
    done = subprocess.run(
        [sys.executable, "-c", code, condition], env=environment, check=False, capture_output=True, text=True
    )
    return done.stderr.strip().rpartition("\n")[2] if done.returncode else ""


def told(*arguments: str, given: str = "") -> str:
    """What promtool complains of; empty where it is content."""
    done = subprocess.run([str(promtool()), *arguments], input=given, check=False, capture_output=True, text=True)
    return "" if done.returncode == 0 and not done.stderr else done.stdout + done.stderr
