"""Server-side apply, as far as the tests need it: labels, annotations and data of a ConfigMap, each key a field of its own.

As on a real server (measured on Kubernetes 1.34.4): a field that its manager no longer applies goes, unless another owns it too;
a field of another manager changes hands where the value changes; what is applied as it is already changes
nothing; an object that does not exist is created, whatever resourceVersion is named (the real answer to that is 201, here it is 200).
"""

from __future__ import annotations

import copy
from typing import Any

from . import status
from .kinds import Kind

Obj = dict[str, Any]
Path = tuple[str, ...]

MEDIA_TYPE = "application/apply-patch+yaml"
_MAPS: tuple[Path, ...] = (("metadata", "labels"), ("metadata", "annotations"), ("data",))


def applied(kind: Kind, before: Obj, body: Obj, manager: str, force: bool, now: str) -> Obj:
    """*before* with *body* applied to it by *manager* at the time *now*. Refuses what it does not do as the real server does."""
    if kind.name != "ConfigMap" or not force:
        raise status.unsupported("the fake server applies nothing but ConfigMaps, and these only by force")
    if not manager:
        raise status.bad_request(
            'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
        )
    after = copy.deepcopy(before)
    wanted = _values(body)
    entries: list[Obj] = after["metadata"].setdefault("managedFields", [])
    mine = next((one for one in entries if (one["manager"], one["operation"]) == (manager, "Apply")), None)
    others = [one for one in entries if one is not mine]
    current = _values(before)
    for other in others:
        taken = {path for path in _fields(other) & wanted.keys() if current.get(path) != wanted[path]}
        other["fieldsV1"] = _fields_v1(_fields(other) - taken)
    kept = {path for other in others for path in _fields(other)}
    for path in (_fields(mine) if mine else set()) - wanted.keys() - kept:
        _at(after, path[:-1]).pop(path[-1], None)
    for path, value in wanted.items():
        _at(after, path[:-1])[path[-1]] = value
    if mine is None or _fields(mine) != set(wanted) or _values(after) != current:
        entry = {"manager": manager, "operation": "Apply", "apiVersion": "v1", "time": now, "fieldsType": "FieldsV1"}
        entries[:] = [*(one for one in others if _fields(one)), {**entry, "fieldsV1": _fields_v1(set(wanted))}]
    return after


def _values(obj: Obj) -> dict[Path, str]:
    found = {}
    for where in _MAPS:
        held: Any = obj
        for key in where:
            held = (held or {}).get(key)
        found.update({(*where, key): value for key, value in (held or {}).items()})
    return found


def _at(obj: Obj, path: Path) -> Obj:
    for key in path:
        obj = obj.setdefault(key, {})
    return obj


def _fields(entry: Obj) -> set[Path]:
    """The fields of an entry of managedFields."""
    found = set()
    for where in _MAPS:
        held: Any = entry.get("fieldsV1") or {}
        for key in where:
            held = (held or {}).get(f"f:{key}")
        found.update({(*where, key[2:]) for key in held or {} if key.startswith("f:")})
    return found


def _fields_v1(fields: set[Path]) -> Obj:
    tree: Obj = {}
    for path in sorted(fields):
        _at(tree, tuple(f"f:{key}" for key in path))
    return tree
