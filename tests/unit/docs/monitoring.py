"""Rules for Prometheus and rulebooks of Event-Driven Ansible in the documentation, judged by the tools that read them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import jsonschema

from tests.monitoring import rulebook_schema, told

from . import variables


def rules(text: str) -> list[str]:
    """What promtool has against a file of rules."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "rules.yml"
        file.write_text(text)
        complaint = told("check", "rules", str(file))
    return [complaint] if complaint else []


def rulebook(rulesets: list[dict[str, Any]]) -> list[str]:
    """What the schema of ansible-rulebook, and our playbooks, have against a rulebook."""
    validator = jsonschema.validators.validator_for(rulebook_schema())(rulebook_schema())
    found = [error.message for error in validator.iter_errors(rulesets)]
    for rule in (rule for ruleset in rulesets for rule in ruleset.get("rules", [])):
        playbook = rule.get("action", {}).get("run_playbook", {})
        path = variables.playbook(playbook.get("name", ""))
        if path is None:
            found.append(f"there is no playbook {playbook.get('name')}")
        else:
            found += variables.complaints(playbook.get("extra_vars", {}), variables.variables_of(path), whole=False)
    return found
