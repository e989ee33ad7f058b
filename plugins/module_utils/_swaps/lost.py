# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.
"""Originals that lost their replicas and left no proxy: a client that was ended while it scaled them back, say.

Nothing but a note tells them from workloads that somebody scaled to 0 on purpose, so they are put back only when that is asked for.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._cluster.kinds import Object, labels_of, ref, uid
from .baseline import left_at_zero
from .counts import Evidence, decide
from .managers import Manager, heeding, managers, targets
from .plan import Action, Policy, Scale
from .record import Record, key_of
from .sessions import LABEL, ignored
from .witnesses import evidence_of


@dataclass
class Lost:
    """One lost original with the evidence of its count; the rest is as in a Case."""

    original: Object
    evidence: list[Evidence] = field(default_factory=list)
    managed_by: list[Manager] = field(default_factory=list)
    replicas: int | None = None
    plan: list[Action] = field(default_factory=list)
    done: list[Action] = field(default_factory=list)
    attempted: Scale | None = None
    outcome: str = "none"
    message: str = ""
    remarks: list[str] = field(default_factory=list)

    def settle(self, outcome: str, message: str, plan: t.Sequence[Action] = ()) -> None:
        """Notes what is decided."""
        self.outcome, self.message, self.plan = outcome, message, [*plan]


def find_lost(
    workloads: t.Iterable[Object], record: Record, in_use: t.Container[str], autoscalers: t.Sequence[Object]
) -> list[Lost]:
    """The lost originals among the workloads of a namespace. ``in_use``: uids of those that a session replaced, or may have.

    One that an autoscaler scales, or did when it was noted, is none: to scale it to 0 is to pause it, and KEDA does that by itself.
    """
    found = []
    for workload in workloads:
        scaled = any(targets(autoscaler, workload) for autoscaler in autoscalers)
        if scaled or uid(workload) in in_use or ignored(workload) or LABEL in labels_of(workload):
            continue
        evidence = _evidence(workload, record)
        if evidence:
            found.append(Lost(workload, evidence, managers(workload, autoscalers)))
    return found


def _evidence(workload: Object, record: Record) -> list[Evidence]:
    """What was noted of a workload that was left at 0 since, best first; empty where it was not."""
    of_sessions = [note for note in record.sessions.values() if note.uid == uid(workload)]
    noted = record.workloads.get(key_of(workload))
    of_itself = [noted] if noted and noted.uid == uid(workload) else []
    if not all(left_at_zero(workload, note) and not note.autoscaler for note in [*of_sessions, *of_itself]):
        return []
    found = [evidence_of("session_record", note, workload) for note in of_sessions]
    return found + [evidence_of("baseline", note, workload) for note in of_itself]


def decide_lost(lost: Lost, told: t.Mapping[str, int], wanted: bool, policy: Policy) -> None:
    """Settles a lost original. ``told``: counts that the user gave; ``wanted``: whether lost originals are to be put back."""
    name, noted = ref(lost.original), lost.evidence[0]
    workload = f"{lost.original['metadata']['namespace']}/{lost.original['metadata']['name']}"
    reported = policy.reported
    if workload in told:
        lost.evidence.insert(0, Evidence("told", "told", told[workload], None, name))
        reported = frozenset()
    count = heeding(decide(lost.evidence, policy.trust, policy.replicas_limit), lost.managed_by, reported)
    lost.replicas = count.value
    since = f"{name} is at 0 without a session, and was noted with {noted.value} at {noted.time}"
    if count.value is None:
        problem = f"{since}, but {count.problem}. Give its count with replicas: {{{workload}: N}}."
        lost.settle("needs_decision" if wanted else "none", problem)
    elif count.value == 0:
        lost.settle("none", f"{name} is to stay at 0, as told.")
    elif wanted:
        lost.settle("restorable", f"{since}: it goes to {count.value}.", [Scale(lost.original, 0, count.value)])
    else:
        lost.settle(
            "none", f"{since}. It is put back where that is asked for (option lost, variable recover_restore_lost)."
        )
