# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.
"""What of a namespace is worth noting: counts while all is well, and those of swaps as long as the cluster still tells them."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._cluster import clock
from .._cluster.kinds import DEPLOYMENT_CONFIG, Object, dig, labels_of, uid, whole
from .counts import Evidence, decide, deliberate_zero, replicas
from .managers import targets
from .originals import Match
from .record import LARGEST, Autoscaler, Note, Record, key_of
from .sessions import LABEL, Session, ignored


@dataclass(frozen=True)
class Swap:
    """A session that replaced a workload, what it may have replaced, and the evidence of class ``swap`` on the count of that."""

    session: Session
    match: Match
    evidence: t.Sequence[Evidence] = ()


@dataclass(frozen=True)
class Seen:
    """One namespace as a run saw it, begun at ``time``.

    ``kinds``: names of the kinds of workload that it looked for. ``told``: counts that the user gave, by the name of the workload.
    """

    namespace: str
    time: str
    kinds: t.Container[str]
    workloads: t.Sequence[Object] = ()
    autoscalers: t.Sequence[Object] = ()
    swaps: t.Sequence[Swap] = ()
    told: t.Mapping[str, int] = field(default_factory=dict)


def renewed(old: Record, seen: Seen) -> Record:
    """The record that follows from an older one and what was seen since: what is gone goes, what is not sure stays as it was."""
    swapped = {uid(candidate) for swap in seen.swaps for candidate in swap.match.candidates}
    # What this run did not look for is not gone.
    workloads = {key: note for key, note in old.workloads.items() if not _looked_for(note, seen)}
    for workload in seen.workloads:
        note = _of_workload(old.workloads.get(key_of(workload)), workload, seen, swapped)
        if note:
            workloads[note.workload] = note
    return Record(workloads, _of_sessions(old, seen))


def _looked_for(note: Note, seen: Seen) -> bool:
    return note.workload.partition("/")[0] in seen.kinds


def left_at_zero(workload: Object, note: Note) -> bool:
    """Whether a workload that was noted with more is at 0, and nobody owns that: as ``kubectl scale`` leaves it, and so Telepresence.

    An owner who has not written since the note did not write the 0.
    """
    return note.replicas > 0 and replicas(workload) == 0 and deliberate_zero(workload, _since(note)) is None


def _since(note: Note | None) -> float:
    return clock.parse(note.time) or 0.0 if note and note.replicas else 0.0


def _of_workload(old: Note | None, workload: Object, seen: Seen, swapped: t.Container[str]) -> Note | None:
    known = old if old and old.uid == uid(workload) else None
    told = seen.told.get(workload["metadata"]["name"])
    if ignored(workload):
        return known
    if told is not None:
        fresh = _note(workload, told, "told", seen)
    elif LABEL in labels_of(workload) or uid(workload) in swapped:
        return known
    elif replicas(workload) == 0:
        owner = deliberate_zero(workload, _since(known))
        if owner is None or workload["kind"] == DEPLOYMENT_CONFIG.name:
            # Whoever scaled it down, whether on purpose or not: that tells nothing of how many there should be. OpenShift's scale
            # leaves the owners of the number before.
            return known
        fresh = _note(workload, 0, "owner", seen)
    else:
        scaler = next((one for one in seen.autoscalers if targets(one, workload)), None)
        fresh = _scaled(workload, scaler, seen) if scaler else _note(workload, replicas(workload), "running", seen)
    return known if fresh.says_as(known) else fresh


def _scaled(workload: Object, scaler: Object, seen: Seen) -> Note:
    """The note of a workload that an autoscaler holds between two numbers.

    The lower of them is what counts: the autoscaler goes on from there by itself, and it is what its owner wants at any time. The
    present number is a matter of the load, and would be news in every run.
    """
    least, most = (whole(dig(scaler, "spec", key)) for key in ("minReplicas", "maxReplicas"))
    found = Autoscaler(scaler["metadata"]["name"], least, most, whole(dig(scaler, "status", "desiredReplicas")))
    return _note(workload, least or replicas(workload), "autoscaler", seen, found)


def _note(workload: Object, count: int, source: str, seen: Seen, scaler: Autoscaler | None = None) -> Note:
    return Note(key_of(workload), uid(workload), count, source, seen.time, scaler)


def _of_sessions(old: Record, seen: Seen) -> dict[str, Note]:
    notes = {}
    for swap in seen.swaps:
        session_id = swap.session.session_id
        # What was noted first holds: later there is less to know it from.
        note = old.sessions.get(session_id) or _of_swap(swap)
        if note:
            notes[session_id] = note
    present = {uid(workload): workload for workload in seen.workloads}
    for session_id, note in old.sessions.items():
        # The session has gone and left its original at 0, perhaps: nothing else may know the count.
        if not _looked_for(note, seen) or (note.uid in present and _may_be_left(present[note.uid], note)):
            notes.setdefault(session_id, note)
    return notes


def _may_be_left(workload: Object, note: Note) -> bool:
    # OpenShift's scale leaves the owners of the number before, who then seem to own the 0.
    unowned = workload["kind"] == DEPLOYMENT_CONFIG.name and replicas(workload) == 0
    return unowned or left_at_zero(workload, note)


def _of_swap(swap: Swap) -> Note | None:
    original = swap.match.original
    noticed = [one for one in swap.evidence if one.cls == "swap"]
    count = decide(noticed, "swap", LARGEST).value
    if original is None or not count or ignored(original) or any(map(ignored, swap.session.proxies)):
        return None
    best = next(one for one in noticed if one.value == count)
    return Note(key_of(original), uid(original), count, best.source, best.time or "")
