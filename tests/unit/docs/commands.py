"""Command lines of the documentation: that what they name exists, and that what they give may be given.

Nothing is run. A command that is not known here is a complaint, so that a block is either checked or marked.
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
from pathlib import Path
from typing import Any, NoReturn

import yaml
from ansible.parsing.splitter import parse_kv

from tests.blocks import ROOT, Block

from . import variables

PLACEHOLDER = "my-clusters"
"""The inventory of the reader."""
INSTALLED = "~/.ansible/collections/ansible_collections/devclusters/telepresence"


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def commands(block: Block) -> list[list[str]]:
    """The words of each command of a block. Raises ValueError where a line of a console is none."""
    lines = block.text.replace("\\\n", "").splitlines()
    if block.language == "console":
        if not all(line.startswith("$ ") for line in lines):
            raise ValueError("a line of the console is no command: mark its block, or show commands only")
        lines = [line[2:] for line in lines]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def check(block: Block) -> list[str]:
    """What is wrong with the commands of a block."""
    found: list[str] = []
    names_ours = False
    for words in commands(block):
        given = [word for word in words if re.fullmatch(r"[A-Z0-9_]+=.*", word)]
        while words and words[0] in given:
            words = words[1:]
        name = Path(words[0]).name if words else "export"
        checker = _CHECKERS.get(name)
        if checker is None:
            found.append(f"nobody checks the command {name}: mark the block, or write a check")
            continue
        try:
            found += checker(words[1:], given)
        except ValueError as error:
            found.append(f"{name}: {error}")
        found += [f"nothing reads {one}" for one in variables.strangers(one.partition("=")[0] for one in given)]
        names_ours = names_ours or name != "kubectl" or bool(_ours(words))
    if not names_ours:
        found.append("no command names anything of this collection: mark the block")
    return found


def _playbook(words: list[str], _given: list[str]) -> list[str]:
    parser = _Parser(allow_abbrev=False)
    parser.add_argument("playbooks", nargs="+")
    parser.add_argument("-i", "--inventory", required="devclusters.telepresence.root_env" not in words)
    parser.add_argument("-e", "--extra-vars", action="append", default=[])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--diff", action="store_true")
    parser.add_argument("--limit")
    parser.add_argument("--forks", type=int)
    asked = parser.parse_args(words)
    found = []
    if asked.inventory not in (None, PLACEHOLDER) and not (ROOT / asked.inventory).exists():
        found.append(f"there is no inventory {asked.inventory}")
    for name in asked.playbooks:
        path = variables.playbook(name)
        if path is None:
            found.append(f"there is no playbook {name}")
            continue
        found += variables.complaints(_extra(asked.extra_vars), variables.variables_of(path), whole=False)
    return found


def _extra(given: list[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for one in given:
        values.update(json.loads(one) if one.startswith("{") else parse_kv(one))
    return values


def _galaxy(words: list[str], _given: list[str]) -> list[str]:
    parser = _Parser(allow_abbrev=False)
    verbs = parser.add_subparsers(dest="type", required=True).add_parser("collection").add_subparsers(required=True)
    verbs.add_parser("build").add_argument("--output-path")
    verbs.add_parser("install").add_argument("what", nargs="+")
    asked = parser.parse_args(words)
    galaxy = yaml.safe_load((ROOT / "galaxy.yml").read_text())
    built = f"{galaxy['namespace']}-{galaxy['name']}-{galaxy['version']}.tar.gz"
    return [f"there is nothing to install as {one}" for one in getattr(asked, "what", []) if Path(one).name != built]


def _inventory(words: list[str], _given: list[str]) -> list[str]:
    parser = _Parser(allow_abbrev=False)
    parser.add_argument("-i", choices=[PLACEHOLDER], required=True)
    parser.add_argument("--graph", action="store_true", required=True)
    parser.parse_args(words)
    return []


def _make(words: list[str], _given: list[str]) -> list[str]:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    return [f"there is no target {word}" for word in words if "=" not in word and word not in targets]


def _kubectl(words: list[str], _given: list[str]) -> list[str]:
    manifests = [words[place + 1] for place, word in enumerate(words[:-1]) if word == "-f"]
    return [f"there is no manifest {one}" for one in manifests if not (ROOT / "docs" / "rbac" / one).is_file()]


def _ours(words: list[str]) -> list[str]:
    """What a command of kubectl names of this collection: its manifests, annotations, and the kubeconfig of its lab."""
    return [word for word in words if word == "-f" or f"{variables.COLLECTION}/ignore" in word or ".lab/" in word]


def _cd(words: list[str], _given: list[str]) -> list[str]:
    (place,) = words
    there = ROOT / place.replace(INSTALLED, ".")
    return [] if there.is_dir() else [f"there is no directory {place}"]


def _pip(words: list[str], _given: list[str]) -> list[str]:
    known = re.findall(r"^[\w.-]+", (ROOT / "requirements" / "dev.txt").read_text(), re.MULTILINE)
    return [f"the tests do not install {one}" for one in words[1:] if one not in known]


def _pytest(words: list[str], _given: list[str]) -> list[str]:
    paths = [word.partition("::")[0] for word in words if word.startswith("tests/")]
    return [f"there is no {path}" for path in paths if not (ROOT / path).exists()]


def _python(words: list[str], given: list[str]) -> list[str]:
    if words[:2] == ["-m", "pytest"]:
        return _pytest(words[2:], given)
    module = ROOT.joinpath(*words[1].split(".")) if words[:1] == ["-m"] else ROOT / "-"
    return [] if module.is_dir() or module.with_suffix(".py").is_file() else [f"there is no {' '.join(words)}"]


def _export(words: list[str], given: list[str]) -> list[str]:
    return [f"{word} gives nothing a value" for word in words if word not in given]


_CHECKERS = {
    "ansible-galaxy": _galaxy,
    "ansible-inventory": _inventory,
    "ansible-playbook": _playbook,
    "cd": _cd,
    "export": _export,
    "kubectl": _kubectl,
    "make": _make,
    "pip": _pip,
    "pytest": _pytest,
    "python": _python,
}
