"""YAML of the documentation: playbooks, tasks, inventories, settings of the inventory plugins, variables, and what monitoring reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from tests.blocks import Block, play_of

from . import monitoring, variables

PLUGINS = [f"{variables.COLLECTION}.{name}" for name in ("kubeconfig_contexts", "eks")]
_ABOUT_A_TASK = {
    *(
        "become",
        "changed_when",
        "check_mode",
        "delegate_to",
        "diff",
        "environment",
        "failed_when",
        "loop",
        "loop_control",
    ),
    *(
        "ignore_errors",
        "module_defaults",
        "name",
        "no_log",
        "notify",
        "register",
        "run_once",
        "tags",
        "until",
        "vars",
        "when",
    ),
}


def check(block: Block) -> list[str]:
    """What is wrong with a block of YAML, as far as ``ansible-playbook --syntax-check`` does not tell."""
    try:
        plays, content = play_of(block), yaml.safe_load(block.text)
    except yaml.YAMLError as error:
        return [f"this is no YAML: {error}"]
    if plays is not None:
        return [complaint for play in plays for complaint in _play(play)]
    if isinstance(content, list) and all(isinstance(one, dict) for one in content):
        return monitoring.rulebook(content)
    if not isinstance(content, dict):
        return ["this is neither a playbook nor tasks, an inventory or variables: mark the block"]
    if "groups" in content:
        return monitoring.rules(block.text)
    if "plugin" in content:
        if content["plugin"] not in PLUGINS:
            return [f"there is no check for the plugin {content['plugin']}"]
        return variables.complaints(content, variables.options("inventory", content["plugin"]))
    if "all" in content:
        return [complaint for given in _inventory(content["all"]) for complaint in _variables(given)]
    return _variables(content)


def _play(play: Mapping[str, Any]) -> Iterator[str]:
    yield from _variables(_prefixed(play.get("vars") or {}))
    for task in _tasks(play):
        yield from _variables(_prefixed(task.get("vars") or {}))
        for name in task.keys() - _ABOUT_A_TASK:
            try:
                known = variables.options("module", name)
            except ValueError as error:
                yield str(error)
            else:
                yield from (f"{name}: {one}" for one in variables.complaints(task[name] or {}, known))


def _tasks(holder: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for key in ("pre_tasks", "tasks", "post_tasks", "handlers", "block", "rescue", "always"):
        for task in holder.get(key) or []:
            if "block" in task:
                yield from _tasks(task)
            else:
                yield task


def _prefixed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of these variables that are meant for a role of ours."""
    prefixes = tuple(f"{role}_" for role in [*variables.roles(), "telepresence"])
    return {name: value for name, value in given.items() if name.startswith(prefixes)}


def _inventory(group: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield group.get("vars") or {}
    yield from (given or {} for given in (group.get("hosts") or {}).values())
    for child in (group.get("children") or {}).values():
        yield from _inventory(child or {})


def _variables(given: Mapping[str, Any]) -> list[str]:
    return variables.complaints(given, variables.anywhere(), whole=False)
