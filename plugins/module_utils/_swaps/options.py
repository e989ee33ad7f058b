# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The options that telepresence_orphans and telepresence_restore share; documented in doc fragment ``sessions``."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._params import Where, at_least, globs
from .liveness import Rules
from .managers import POLICIES, TOOLS
from .plan import Policy
from .sessions import IMAGE

try:
    import jmespath
except ImportError:
    jmespath = None

SPEC: dict[str, dict[str, t.Any]] = {
    "namespaces": {"type": "list", "elements": "str", "default": []},
    "exclude_namespaces": {"type": "list", "elements": "str", "default": []},
    "select": {"type": "str"},
    "probe": {"type": "str", "choices": ["auto", "exec", "pod_proxy"], "default": "auto"},
    "start_window": {"type": "int", "default": 360},
    "interval": {"type": "int", "default": 30},
    "deadline": {"type": "int", "default": 10},
    "concurrency": {"type": "int", "default": 16},
    "node_concurrency": {"type": "int", "default": 8},
    "trust": {"type": "str", "choices": ["recorded", "declared", "historic"], "default": "declared"},
    "replicas": {"type": "dict", "default": {}},
    "replicas_limit": {"type": "int", "default": 50},
    "verdicts": {
        "type": "list",
        "elements": "str",
        "choices": ["stale", "ended", "clientless", "suspended"],
        "default": ["stale", "ended"],
    },
    "managers": {"type": "dict", "default": {}},
    "helm_releases": {"type": "bool", "default": False},
    "image_pattern": {"type": "str", "default": IMAGE},
    "unlabelled": {"type": "bool", "default": False},
    "workload_kinds": {
        "type": "list",
        "elements": "str",
        "choices": ["Deployment", "DeploymentConfig", "StatefulSet"],
        "default": ["Deployment", "DeploymentConfig"],
    },
    "oc_binary": {"type": "path", "default": "oc"},
    "details": {"type": "path"},
}

DEFAULTS = {name: option.get("default") for name, option in SPEC.items()}

LEAST = {
    "start_window": 210,
    "interval": 30,
    "deadline": 6,
    "concurrency": 1,
    "node_concurrency": 1,
    "replicas_limit": 1,
    "max_restores": 0,
    "wait_timeout": 0,
    "wait_sleep": 1,
}
"""A client gives up after 60 + 120 s for its pod and 30 s for ssh (telepresence 0.109, telepresence/connect/connect.py); it is
polled every 30 s; a probe needs 4 s beside waiting for the client."""


@dataclass(frozen=True)
class Options(Where):
    """The options of a run, checked. ``select`` is compiled, None where everything is selected."""

    select: t.Any
    probe: str
    deadline: float
    concurrency: int
    node_concurrency: int
    replicas: t.Mapping[str, int]
    image: t.Pattern[str]
    unlabelled: bool
    workload_kinds: frozenset[str]
    oc_binary: str
    helm_releases: bool
    rules: Rules
    policy: Policy

    @classmethod
    def of(cls, params: t.Mapping[str, t.Any]) -> Options:
        """The options in a module's parameters. Raises ValueError with one sentence that says what to correct."""
        at_least(params, LEAST)
        restorable = frozenset(params["verdicts"])
        return cls(
            namespaces=globs(params, "namespaces"),
            exclude_namespaces=globs(params, "exclude_namespaces"),
            select=_compiled(params["select"]),
            probe=params["probe"],
            deadline=float(params["deadline"]),
            concurrency=params["concurrency"],
            node_concurrency=params["node_concurrency"],
            replicas={name: _count(name, count) for name, count in params["replicas"].items()},
            image=_pattern(params["image_pattern"]),
            unlabelled=params["unlabelled"],
            workload_kinds=frozenset(params["workload_kinds"]),
            oc_binary=params["oc_binary"],
            helm_releases=params["helm_releases"],
            rules=Rules(float(params["start_window"]), float(params["interval"]), restorable),
            policy=Policy(restorable, params["trust"], params["replicas_limit"], _reported(params["managers"])),
        )

    def selects(self, record: t.Mapping[str, t.Any]) -> bool:
        """Whether the user's expression is true for a session's record."""
        if self.select is None:
            return True
        try:
            return bool(self.select.search(record))
        except jmespath.exceptions.JMESPathError as error:
            problem = str(error).rstrip(".")
            raise ValueError(f"Option select cannot be applied to a session's record: {problem}.") from error


def _count(name: str, count: t.Any) -> int:
    if (
        isinstance(count, bool)
        or not str(count).isdecimal()
        or [bool(part) for part in name.split("/")] != [True, True]
    ):
        raise ValueError(f"Option replicas has {name}: {count}, but takes NAMESPACE/NAME: a whole number from 0.")
    return int(count)


def _reported(policies: t.Mapping[str, t.Any]) -> frozenset[str]:
    for tool, policy in policies.items():
        if tool not in TOOLS or policy not in POLICIES:
            known = f"{', '.join(TOOLS[:-1])} or {TOOLS[-1]}: {' or '.join(POLICIES)}"
            raise ValueError(f"Option managers has {tool}: {policy}, but takes {known}.")
    return frozenset(tool for tool, policy in policies.items() if policy == "report")


def _pattern(text: str) -> t.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as error:
        raise ValueError(f"Option image_pattern is no regular expression ({error}).") from error


def _compiled(expression: str | None) -> t.Any:
    if not expression:
        return None
    if jmespath is None:
        raise ValueError(
            "Option select needs the Python library jmespath, which is missing from this Python: install it there."
        )
    try:
        return jmespath.compile(expression)
    except jmespath.exceptions.JMESPathError as error:
        raise ValueError(f"Option select is no JMESPath expression: {expression} cannot be parsed.") from error
