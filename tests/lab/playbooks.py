"""ansible-playbook as the demo runs it: from the checkout, on the inventory of the lab's clusters, its output on the terminal."""

from __future__ import annotations

import os
import subprocess
import sys

from .paths import BIN, ROOT
from .say import LabError, Say

STOPPED = 2
"""The exit code of a run that stopped where a person has to look."""


def show(say: Say, what: str, playbook: str, *options: str, wanted: int = 0) -> None:
    """Says ``what`` comes, shows the command, and runs it. Raises LabError where it ends with another code than ``wanted``."""
    command = ["ansible-playbook", playbook, "-i", "dev-clusters", *options]
    say(f"{what}:\n\n$ {' '.join(command)}\n")
    # The lab's `helm` is the one that role traffic_manager needs.
    path = os.pathsep.join([os.path.dirname(sys.executable), str(BIN), os.environ["PATH"]])
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ, "PATH": path})
    if ended.returncode != wanted:
        raise LabError(
            f"{' '.join(command)} ended with {ended.returncode} instead of {wanted}; its output above says why."
        )
