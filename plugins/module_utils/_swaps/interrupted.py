# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What is said of sessions that an earlier run has begun and not reported, because it was interrupted."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._cluster.api import Api
from .._cluster.errors import ClusterError
from .._cluster.kinds import WORKLOADS, Object, uid
from .counts import replicas
from .notes import COUNTED, Begun, Note
from .plan import Case


@dataclass
class Said:
    """``notices``: sentences about the run as a whole; ``keys``: of the notes in the journal that they, or remarks on cases, tell of."""

    notices: list[str] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)


def tell(api: Api, begun: t.Iterable[Begun], chosen: t.Iterable[Case], cases: t.Iterable[Case]) -> Said:
    """Says what became of everything that was begun, and remarks it on the cases that are still there.

    What was not chosen is left for the run that chooses it. Raises nothing.
    """
    said = Said()
    settled = {case.session.key: case for case in chosen}
    present = {case.session.key for case in cases}
    for one in begun:
        case = settled.get(one.key)
        if case is None and one.key in present:
            continue
        if case:
            case.remark(f"It was begun by {_run(one)}.")
        said.notices.append(_going_on(one, case) if case else _gone(one, *_now(api, one)))
        said.keys.add(one.notes[0].key)
    return said


def _run(begun: Begun) -> str:
    if begun.ended:
        return f"a run that ended at {begun.time} and has not reported it"
    return f"a run that was interrupted at {begun.time}"


def _going_on(begun: Begun, case: Case) -> str:
    original = case.match.original or {"metadata": {"namespace": begun.key[0], "name": f"session {begun.key[1]}"}}
    name = f"{original['metadata']['namespace']}/{original['metadata']['name']}"
    return f"{name}: begun by {_run(begun)}; now {case.outcome.replace('_', ' ')}."


def _gone(begun: Begun, known: bool, workload: Object | None) -> str:
    """``known``: whether it could be read what the workload is now; ``workload``: None where it is no longer there."""
    scaled = _scaled(begun)
    parts = [f"{begun.key[0]}: {_run(begun)} had set out to {' and '.join(dict.fromkeys(map(_order, begun.notes)))}"]
    if scaled is None or scaled.uid != begun.key[1]:
        parts.append(f"session {begun.key[1]} has gone since")
    if scaled and known:
        parts.append(
            f"the workload has {replicas(workload)} replicas now" if workload else "the workload is no longer there"
        )
    return "; ".join(parts) + "."


def _order(note: Note) -> str:
    what = f"{note.kind} {note.namespace}/{note.name}"
    orders = {
        "scale": f"scale {what} to {note.count}",
        "rollback": f"give {what} its definition back, with {note.count} replicas",
        "rollout": f"roll {what} out",
    }
    return orders.get(note.action, f"delete {what}")


def _scaled(begun: Begun) -> Note | None:
    return next((note for note in reversed(begun.notes) if note.action in COUNTED and note.kind in WORKLOADS), None)


def _now(api: Api, begun: Begun) -> tuple[bool, Object | None]:
    note = _scaled(begun)
    if note is None:
        return False, None
    try:
        found = api.list(WORKLOADS[note.kind], note.namespace, field_selector=f"metadata.name={note.name}")
    except ClusterError:
        return False, None
    return True, next((obj for obj in found if uid(obj) == note.uid), None)
