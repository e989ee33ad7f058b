"""What may be given to whom: variables of roles and playbooks, options of modules and plugins, by their own documentation."""

from __future__ import annotations

import functools
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from tests.blocks import ROOT

COLLECTION = "devclusters.telepresence"
Options = Mapping[str, Mapping[str, Any]]


@functools.cache
def roles() -> dict[str, dict[str, Any]]:
    """The variables of each role, whatever the entry point."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted(ROOT.glob("roles/*/meta/argument_specs.yml")):
        found[path.parents[1].name] = {
            name: option
            for entry in yaml.safe_load(path.read_text())["argument_specs"].values()
            for name, option in entry["options"].items()
        }
    return found


def playbook(name: str) -> Path | None:
    """The file of a playbook as a user names it: a file at the root of the checkout, or by the name of the collection."""
    path = ROOT / "playbooks" / f"{name.removeprefix(COLLECTION + '.')}.yml" if COLLECTION in name else ROOT / name
    return path if path.is_file() else None


def variables_of(path: Path) -> dict[str, Any]:
    """What may be set for a playbook: the variables of the roles that it names, and those that it reads by itself."""
    text = path.read_text()
    for imported in re.findall(r"import_playbook: (\S+)", text):
        text += (path.parent / imported).read_text()
    read = re.findall(r"(\w+) (?:\| default|is (?:not )?defined)", text)
    known: dict[str, Any] = {name: {"type": "raw"} for name in read}
    for role in re.findall(rf"{re.escape(COLLECTION)}\.(\w+)", text):
        known.update(roles().get(role, {}))
    return known


@functools.cache
def options(kind: str, name: str) -> dict[str, Any]:
    """The options of a module or plugin by its full name. Raises ValueError where there is none."""
    command = [str(Path(sys.executable).parent / "ansible-doc"), "--json", "--type", kind, name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    documents = json.loads(done.stdout or "{}")
    if name not in documents:
        raise ValueError(f"there is no {kind} {name}")
    found: dict[str, Any] = documents[name]["doc"]["options"]
    return found


def complaints(given: Mapping[str, Any], known: Options, whole: bool = True) -> list[str]:
    """What is wrong with these values: unknown names, wrong types, choices that are none; where it is the ``whole``, what is missing."""
    spec = {name: _spec(option, whole) for name, option in known.items()}
    # What a template gives is known only when it runs.
    spec.update({name: {"type": "raw"} for name in given if name in spec and "{{" in str(given[name])})
    return list(ArgumentSpecValidator(spec).validate(dict(given)).error_messages)


def _spec(option: Mapping[str, Any], whole: bool) -> dict[str, Any]:
    kept = {key: option[key] for key in ("type", "elements", "choices", "aliases") if key in option}
    if isinstance(kept.get("choices"), dict):
        kept["choices"] = list(kept["choices"])
    return {**kept, "required": whole and bool(option.get("required"))}


def anywhere() -> dict[str, Any]:
    """The variables of all roles."""
    return {name: option for options in roles().values() for name, option in options.items()}


def strangers(names: Iterable[str]) -> list[str]:
    """Those of these names of environment variables that nothing in the collection, its playbooks and its lab reads."""
    places = [ROOT / "plugins", ROOT / "playbooks", ROOT / "tests" / "lab"]
    texts = [path.read_text() for place in places for path in place.rglob("*.py")]
    return [name for name in names if name != "PATH" and not any(name in text for text in texts)]
