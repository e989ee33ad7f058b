"""Somebody who follows the pages of the documentation: carries out their code blocks as they stand, in a home of their own."""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from tests.blocks import Block, collect, play_of
from tests.lab.paths import ROOT

INVENTORY = "my-clusters"
BUILD = "ansible-galaxy collection build"


def to_run() -> list[Block]:
    """All blocks that do not say that nobody runs them; what stands on several pages only once."""
    found: dict[str, Block] = {}
    for block in collect():
        if block.not_run is None:
            found.setdefault(block.text.replace("$ ", ""), block)
    return list(found.values())


@dataclass(frozen=True)
class Reader:
    """``home`` is where they work, with the inventory my-clusters in it; ``environment`` is what they have set.

    ``stands_for``: what other names on the pages are here. ``held``: by module, options that hold tasks of the pages to a part of the
    cluster; roles are held by variables of the inventory.
    """

    home: pathlib.Path
    environment: Mapping[str, str]
    stands_for: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def carry_out(self, block: Block) -> None:
        """Runs the commands, plays or tasks of a block, or something with its inventory or variables; it must end well."""
        stands_for = {f"-i {INVENTORY}": f"-i {self.home / INVENTORY}", **self.stands_for}
        text = re.sub("|".join(map(re.escape, stands_for)), lambda found: stands_for[found[0]], block.text)
        if block.language == "yaml":
            self._use(dataclasses.replace(block, text=text))
        else:
            lines = text.replace("\\\n", "").splitlines()
            self.run("\n".join(_placed(line.removeprefix("$ "), block.page) for line in lines))

    def run(self, script: str) -> str:
        """What a script of the shell prints, which must end well."""
        own = {"ANSIBLE_NOCOLOR": "1", "HOME": str(self.home)}
        environment = {
            name: value
            for name, value in {**os.environ, **self.environment, **own}.items()
            if not name.startswith("K8S_AUTH_") and name != "KUBECONFIG"
        }
        done = subprocess.run(
            ["bash", "-euc", script], cwd=self.home, env=environment, capture_output=True, text=True, timeout=600
        )
        print(script, done.stdout, done.stderr, sep="\n")
        assert done.returncode == 0
        return done.stdout

    def _use(self, block: Block) -> None:
        plays, content = play_of(block), yaml.safe_load(block.text)
        if plays is not None:
            held = {"module_defaults": {**self.held}}
            play = self.home / "play.yml"
            play.write_text(yaml.safe_dump([{**one, **held} if "hosts" in one else one for one in plays]))
            here = all(one.get("hosts") == "localhost" for one in plays)
            self.run("ansible-playbook play.yml" if here else f"ansible-playbook play.yml -i {INVENTORY}")
        elif "plugin" in content or "all" in content:
            for file in (self.home / INVENTORY).glob("*.yml"):
                file.unlink()
            name = content.get("plugin", "hosts").rpartition(".")[2]
            (self.home / INVENTORY / f"{name}.yml").write_text(block.text)
            assert re.search(r"--\S*dev-", self.run(f"ansible-inventory -i {INVENTORY} --graph"))
        else:
            # Variables of the role recover, or the run ends with an error.
            (self.home / "variables.yml").write_text(block.text)
            self.run(f"ansible-playbook devclusters.telepresence.recover -i {INVENTORY} -e @variables.yml")


def _placed(command: str, page: str) -> str:
    """A command that is run where the files that it names are: in the checkout, or else at home."""
    named = [word for word in shlex.split(command, comments=True) if not word.startswith("/")]
    for place in (ROOT / page).parent, ROOT:
        if any((place / word).is_file() for word in named) or (place == ROOT and command.startswith(BUILD)):
            return f"(cd {place} && {command}\n)"
    return command
