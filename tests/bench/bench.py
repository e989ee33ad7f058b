"""What a figure is given: how often to repeat, room for files, and commands to measure."""

from __future__ import annotations

import json
import os
import pathlib
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tests.lab.paths import BIN, ROOT
from tests.lab.say import Say

from .measure import Sample, measure

TOOLS = pathlib.Path(sys.executable).parent
EMPTY_PLAY = ROOT / "tests" / "bench" / "playbooks" / "empty.yml"


@dataclass(frozen=True)
class Bench:
    """``directory`` is for files of this run; what is said goes to the terminal, beside the lines."""

    repeats: int
    directory: pathlib.Path
    say: Say

    def repeat(self, what: str, once: Callable[[], Sample]) -> list[Sample]:
        """Measures one thing as often as asked."""
        samples = []
        for number in range(1, self.repeats + 1):
            samples.append(once())
            self.say(f"{what}: {samples[-1].seconds:.2f} s ({number} of {self.repeats})")
        return samples

    def inventory(self, name: str, hosts: Mapping[str, Mapping[str, Any]]) -> pathlib.Path:
        """Writes an inventory of these hosts and their variables."""
        path = self.directory / f"{name}.json"
        path.write_text(json.dumps({"all": {"hosts": hosts}}))
        return path

    def play(
        self,
        name: str,
        playbook: str | pathlib.Path,
        inventory: pathlib.Path,
        *options: str,
        codes: Collection[int] = (0,),
        **variables: Any,
    ) -> Sample:
        """Measures one run of ansible-playbook from the checkout, as a user starts it; its reports lie in ``reports(name)``."""
        extra = json.dumps({"recover_report_dir": str(self.reports(name)), **variables})
        command = [str(TOOLS / "ansible-playbook"), str(playbook), "-i", str(inventory), "-e", extra, *options]
        return self.measure(name, command, codes=codes)

    def reports(self, name: str) -> pathlib.Path:
        """Where a run of that name leaves its reports."""
        return self.directory / f"{name}-reports"

    def measure(self, name: str, command: list[str], *, codes: Collection[int] = (0,)) -> Sample:
        """Measures one command, with the lab's programs first on its PATH; its output lies in ``log(name)``.

        Python keeps what it compiled, as it does for users, whatever the shell of a developer says.
        """
        path = os.pathsep.join([str(TOOLS), str(BIN), os.environ["PATH"]])
        env = {"PATH": path, "ANSIBLE_NOCOLOR": "1", "PYTHONDONTWRITEBYTECODE": ""}
        return measure(command, self.log(name), env=env, codes=codes)

    def log(self, name: str) -> pathlib.Path:
        """The output of the last command of that name."""
        return self.directory / f"{name}.log"
