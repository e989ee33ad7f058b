# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What can be done about a leftover: one write at a time, each decided from what was read last."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._cluster.kinds import Object, ref
from .undo import Undoing, applied


@dataclass(frozen=True)
class Delete:
    """Deletes an object, if it is as it was read."""

    obj: Object

    def __str__(self) -> str:
        return f"delete {ref(self.obj)}"

    def difference(self) -> tuple[str, t.Any, t.Any]:
        """What it is about, and that before and after."""
        return ref(self.obj), "present", "absent"


@dataclass(frozen=True)
class DropKey:
    """Takes one key out of a ConfigMap, if that is as it was read."""

    obj: Object
    key: str

    def __str__(self) -> str:
        return f"delete key {self.key} of {ref(self.obj)}"

    def difference(self) -> tuple[str, t.Any, t.Any]:
        """What it is about, and that before and after."""
        return f"{ref(self.obj)} key {self.key}", (self.obj.get("data") or {}).get(self.key), None


@dataclass(frozen=True)
class Evict:
    """Evicts one pod of a workload and waits for the one that takes its place. ``leftover`` says what that must not have."""

    pod: Object
    workload: tuple[str, str, str]
    leftover: str

    def __str__(self) -> str:
        return f"evict {ref(self.pod)}"

    def difference(self) -> tuple[str, t.Any, t.Any]:
        """What it is about, and that before and after."""
        return ref(self.pod), "present", "absent"


@dataclass(frozen=True)
class Undo:
    """Takes back what a client changed in a workload or a Service, if that is as it was read."""

    obj: Object
    undoing: Undoing

    def __str__(self) -> str:
        return f"put {ref(self.obj)} back"

    def difference(self) -> tuple[str, t.Any, t.Any]:
        """What it is about, and that before and after."""
        changes = self.undoing.changes
        return ref(self.obj), {one.what: one.before for one in changes}, {one.what: one.after for one in changes}

    def body(self) -> Object:
        """The object as it shall be."""
        return applied(self.obj, self.undoing.patch)


Action = t.Union[Delete, DropKey, Evict, Undo]  # noqa: UP007 - the oldest Python that Ansible checks for has no | here


def same(one: Action, other: Action) -> bool:
    """Whether two actions do the same to the same objects, in whatever state these are."""
    return (type(one), one.difference()[0], _uid(one)) == (type(other), other.difference()[0], _uid(other))


def _uid(action: Action) -> t.Any:
    return (action.pod if isinstance(action, Evict) else action.obj)["metadata"].get("uid")


def diff(actions: t.Iterable[Action]) -> dict[str, dict[str, t.Any]]:
    """Before and after of all that actions are about, as it stands in a module's result."""
    changes = [action.difference() for action in actions]
    return {
        "before": {name: before for name, before, _after in changes},
        "after": {name: after for name, _before, after in changes},
    }
