# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Removes leftovers one after another. Each write is decided from a look that was taken immediately before it, and what was removed counts
as removed only when a later look does not find it.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._cluster import remove as removing
from .._cluster.api import Api
from .._cluster.errors import ClusterError
from .._cluster.kinds import CONFIG_MAP, DEPLOYMENT, REPLICA_SET, SECRET, SERVICE, STATEFUL_SET, Kind
from . import rights
from .actions import Action, Delete, DropKey, Undo, same
from .decide import REMOVABLE, REPORTED, decide
from .evict import Patience, evict
from .imagine import after
from .leftovers import find
from .observe import Observed, Observer
from .seen import Leftover, Seen

ATTEMPTS = 3
"""A leftover that changes under our hands so often is left to the next run."""
DELETABLE: t.Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        CONFIG_MAP,
        SECRET,
        rights.JOB,
        rights.WEBHOOK,
        rights.CLUSTER_ROLE,
        rights.CLUSTER_ROLE_BINDING,
    )
}

WRITABLE: t.Mapping[str, Kind] = {kind.name: kind for kind in (DEPLOYMENT, REPLICA_SET, STATEFUL_SET, SERVICE)}


@dataclass
class Outcome:
    """What became of one leftover: ``state`` is ``removed``, ``skipped`` or ``failed``, ``message`` says why; ``done``: what was written;
    ``doubtful``: what may have been, because the answer got lost.
    """

    leftover: Leftover
    state: str = ""
    message: str = ""
    done: list[Action] = field(default_factory=list)
    doubtful: Action | None = None

    def settle(self, state: str, message: str) -> Outcome:
        """The same outcome, decided."""
        self.state, self.message = state, message
        return self


class World(t.Protocol):
    """Where leftovers are removed: a cluster, or what check mode imagines of it."""

    def look(self, anew: bool = False) -> Seen:
        """What there is; ``anew`` even where nothing was written since the last look."""

    def carry_out(self, action: Action) -> str:
        """Does it; what is wrong after it was done, empty where nothing is."""


class Cluster:
    """The cluster itself."""

    def __init__(self, api: Api, observer: Observer, first: Observed, patience: Patience):
        self.api = api
        self.observer = observer
        self.patience = patience
        self._seen: Seen | None = first.seen

    def look(self, anew: bool = False) -> Seen:
        """What is read of it. Raises ClusterError."""
        if anew or self._seen is None:
            self._seen = None
            self._seen = self.observer.observe().seen
        return self._seen

    def carry_out(self, action: Action) -> str:
        """Writes, and has what was seen forgotten. Raises ClusterError where that failed."""
        self._seen = None
        if isinstance(action, Delete):
            removing.delete(self.api, DELETABLE[action.obj["kind"]], action.obj, unchanged=True)
        elif isinstance(action, DropKey):
            meta = action.obj["metadata"]
            body = {"metadata": {key: meta[key] for key in ("uid", "resourceVersion")}, "data": {action.key: None}}
            path = CONFIG_MAP.path(meta["namespace"], meta["name"])
            self.api.send("patch", path, str(action), body)
        elif isinstance(action, Undo):
            meta, kind = action.obj["metadata"], WRITABLE[action.obj["kind"]]
            self.api.send("put", kind.path(meta["namespace"], meta["name"]), str(action), action.body())
        else:
            return evict(self.api, action, self.patience)
        return ""


class Imagined:
    """What the cluster would be after each action, for check mode: nothing is written."""

    def __init__(self, first: Observed):
        self._seen = first.seen

    def look(self, anew: bool = False) -> Seen:
        """What there would be."""
        return self._seen

    def carry_out(self, action: Action) -> str:
        """Has it had its effect."""
        self._seen = after(self._seen, action)
        return ""


def remove(world: World, classes: t.Container[str], wants: t.Callable[[str], bool], outcomes: list[Outcome]) -> None:
    """Removes the leftovers of some classes in the namespaces that ``wants`` wants, and notes what becomes of each in ``outcomes``, those of
    other classes too. What happens to one never stops the others; raises ClusterError where the cluster cannot be read any more.
    """
    for name in (*REMOVABLE, *REPORTED):
        for leftover in find(world.look()):
            known = any(one.leftover.same(leftover) for one in outcomes)
            if leftover.name == name and not known and wants(leftover.namespace or ""):
                outcomes.append(_handle(world, leftover, classes))


def _handle(world: World, leftover: Leftover, classes: t.Container[str]) -> Outcome:
    outcome, problem = Outcome(leftover), ""
    first = decide(leftover, world.look(), classes)
    if isinstance(first, str):
        return outcome.settle("skipped", first)
    attempts = 0
    while attempts < ATTEMPTS:
        try:
            if _step(world, outcome, classes):
                return outcome
        except ClusterError as error:
            attempts += 1
            problem = str(error)
            if not error.may_be_tried_anew:
                break
        except Exception as error:  # a defect of ours must not hide what was done about others
            problem = f"{type(error).__name__}: {error}."
            break
    doubt = [f"Whether it came to {outcome.doubtful} is not known."] if outcome.doubtful else []
    return outcome.settle("failed", " ".join([problem, *doubt, "The next run tries again."]))


def _step(world: World, outcome: Outcome, classes: t.Container[str]) -> bool:
    """Looks, and does what is next; whether the outcome is settled. Raises ClusterError."""
    seen = world.look(anew=True)
    found = next((one for one in find(seen) if one.same(outcome.leftover)), None)
    lost, outcome.doubtful = outcome.doubtful, None
    if found is None:
        outcome.done += [lost] if lost else []
        gone = "removed" if outcome.done else "skipped"
        outcome.settle(gone, "" if outcome.done else "Somebody else has put it right meanwhile.")
        return True
    action = decide(found, seen, classes)
    if isinstance(action, str):
        outcome.settle("failed" if outcome.done else "skipped", action)
        return True
    if any(same(action, one) for one in outcome.done):
        outcome.settle("failed", f"The cluster took the order to {action}, but that is still there.")
        return True
    try:
        problem = world.carry_out(action)
    except ClusterError as error:
        outcome.doubtful = action if error.may_have_happened else None
        raise
    outcome.done.append(action)
    if problem:
        outcome.settle("failed", problem)
    return bool(problem)
