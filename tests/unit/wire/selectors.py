"""Label and field selectors, in the syntax of the API (k8s.io/apimachinery, pkg/labels and pkg/fields)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from . import status
from .kinds import METADATA_FIELDS

Matcher = Callable[[Mapping[str, Any]], bool]

_SET = re.compile(r"^(?P<key>\S+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUALITY = re.compile(r"^(?P<key>[^\s=!]+)\s*(?P<operator>!=|==|=)\s*(?P<value>[^\s=!]*)$")
_PRESENCE = re.compile(r"^(?P<not>!?)\s*(?P<key>[^\s=!()]+)$")


def _label_requirement(text: str) -> Callable[[Mapping[str, str]], bool]:
    text = text.strip()
    if found := _SET.match(text):
        key, values = found["key"], {value.strip() for value in found["values"].split(",")}
        if found["operator"] == "in":
            return lambda labels: labels.get(key) in values
        return lambda labels: labels.get(key) not in values
    if found := _EQUALITY.match(text):
        key, value = found["key"], found["value"]
        if found["operator"] == "!=":
            return lambda labels: labels.get(key) != value
        return lambda labels: labels.get(key) == value
    if found := _PRESENCE.match(text):
        key, wanted = found["key"], not found["not"]
        return lambda labels: (key in labels) is wanted
    raise status.bad_request(f"unable to parse requirement: {text!r} is not a label selector")


def labels(selector: str) -> Matcher:
    """A predicate on objects for a label selector ("" matches all); a selector that does not parse is a 400 answer."""
    # A comma inside parentheses belongs to a set.
    requirements = [_label_requirement(part) for part in re.split(r",(?![^()]*\))", selector) if part.strip()]
    return lambda obj: all(requirement(obj["metadata"].get("labels") or {}) for requirement in requirements)


def _field(obj: Mapping[str, Any], path: str) -> str:
    value: Any = obj
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return "" if value is None else str(value)


def _unsupported(field: str, supported: frozenset[str]) -> str:
    if supported != METADATA_FIELDS:
        return f"field label not supported: {field}"
    return f'"{field}" is not a known field selector: only "metadata.name", "metadata.namespace"'


def fields(selector: str, supported: frozenset[str]) -> Matcher:
    """A predicate on objects for a field selector ("" matches all); a field not in *supported* is a 400 answer, as in
    reality.
    """
    requirements: list[tuple[str, bool, str]] = []
    for part in filter(None, selector.split(",")):
        found = _EQUALITY.match(part.strip())
        if found is None:
            raise status.bad_request(f"invalid selector: {part!r}; can't understand {selector!r}")
        if found["key"] not in supported:
            raise status.bad_request(_unsupported(found["key"], supported))
        requirements.append((found["key"], found["operator"] != "!=", found["value"]))
    return lambda obj: all((_field(obj, path) == value) is wanted for path, wanted, value in requirements)
