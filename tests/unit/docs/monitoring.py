"""Rules for Prometheus and rulebooks of Event-Driven Ansible in the documentation, judged by the tools that read them."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import jsonschema

from tests.monitoring import condition_complaint, rulebook_schema, told

from . import variables

CLUSTERS = ("dev-eu-1", "dev_2.example.com")
HOSTILE = (
    "{{ lookup('pipe', 'id') }}",
    "dev{{ 1 }}",
    "{% if true %}a{% endif %}",
    "a\n{{ 1 }}",
    "!all",
    "a:b",
    "a,b",
    "",
    "*",
)
"""Labels of an alert that whoever sends one may choose, each of which would be more than the name of a cluster."""


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
        complaint = condition_complaint(rule["condition"])
        found += [complaint] if complaint else _open(rule)
        playbook = rule.get("action", {}).get("run_playbook", {})
        path = variables.playbook(playbook.get("name", ""))
        if path is None:
            found.append(f"there is no playbook {playbook.get('name')}")
        else:
            found += variables.complaints(playbook.get("extra_vars", {}), variables.variables_of(path), whole=False)
    return found


def _open(rule: dict[str, Any]) -> list[str]:
    """What of an event a rule hands to a playbook as it came, where Ansible would carry out the templates in it."""
    handed = re.findall(r"\{\{ *(event[\w.]*)", str(rule.get("action")))
    patterns = dict(re.findall(r'(event[\w.]*) is match\("([^"]*)"\)', rule["condition"]))
    return [
        f"{name} may be anything, and Ansible takes it for a template"
        for name in handed
        if name not in patterns
        or any(re.match(patterns[name], text) for text in HOSTILE)
        or not all(re.match(patterns[name], text) for text in CLUSTERS)
    ]
