"""The manifests of docs/rbac, read as the rights that they give: those that the tests grant are those that users apply."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import yaml

from tests.lab.paths import ROOT

Manifest = dict[str, Any]

DIRECTORY = ROOT / "docs" / "rbac"
PURPOSES = ("orphans", "restore", "baseline")
SCOPES = ("cluster", "namespace")
WHOLE = ("leftovers", "intercepts", "traffic-manager")
"""The purposes of Telepresence 2, whose managers may stand anywhere: they have one manifest, for the whole cluster."""


@dataclass(frozen=True)
class Grant:
    """One verb on one resource (``pods/exec``), on all objects or, where ``name`` is not empty, on the one of that name."""

    verb: str
    group: str
    resource: str
    name: str = ""

    def __str__(self) -> str:
        """As the product names a right."""
        group = f" ({self.group})" if self.group else ""
        return f"{self.verb} {self.resource}{group}" + (f" named {self.name}" if self.name else "")

    def covers(self, verb: str, group: str, resource: str, name: str) -> bool:
        """Whether it allows this, by the rules of RBAC."""
        return (verb, group, resource) == (self.verb, self.group, self.resource) and self.name in ("", name)


def read(purpose: str, scope: str = "") -> tuple[Manifest, Manifest]:
    """The role and its binding for a purpose (``orphans``) and a scope (``cluster`` or ``namespace``; none for one of WHOLE)."""
    name = f"{purpose}-{scope}" if scope else purpose
    role, binding = yaml.safe_load((DIRECTORY / f"{name}.yml").read_text())["items"]
    return role, binding


def grants(role: Manifest) -> list[Grant]:
    """Everything that a role allows, in its order."""
    return [
        Grant(verb, group, resource, name)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        for name in rule.get("resourceNames", [""])
    ]


def without(role: Manifest, grant: Grant) -> Manifest:
    """The same role but for one verb on one resource."""
    less = copy.deepcopy(role)
    less["rules"] = [
        {"apiGroups": [one.group], "resources": [one.resource], "verbs": [one.verb]}
        | ({"resourceNames": [one.name]} if one.name else {})
        for one in grants(role)
        if one != grant
    ]
    return less
