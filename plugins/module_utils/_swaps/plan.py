# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What is to be done about each session: typed actions with before and after, or the reason why nothing is."""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass, field

from .._cluster.kinds import DEPLOYMENT_CONFIG, Object, ref, uid
from .counts import Count, Evidence, decide, deliberate_zero, replicas
from .in_place import Rollback, Rollout, WayBack
from .liveness import Judgement, Reading
from .managers import Manager, heeding
from .originals import Match
from .sessions import Session, session_of

VERDICT_HOLDS = 10.0
"""Seconds. An ssh server counts a silent client's misses only while nothing else happens on the tunnel (OpenSSH 9.2), so
questions of ours closer together than this would keep a dead client's tunnel open."""


@dataclass(frozen=True)
class Scale:
    """Set the replicas of the original, which must still be the object that was read."""

    obj: Object
    before: int
    after: int

    def as_dict(self) -> dict[str, t.Any]:
        """The action as it stands in a session's record."""
        return {"action": "scale", "object": ref(self.obj), "before": self.before, "after": self.after}

    def told(self) -> str:
        """The action in words, done."""
        return f"{ref(self.obj)} is back at {self.after}"

    def has_happened(self, now: Object) -> bool:
        """Whether the object shows it as done."""
        return replicas(now) == self.after


@dataclass(frozen=True)
class Delete:
    """Delete exactly this object (by uid)."""

    obj: Object

    def as_dict(self) -> dict[str, t.Any]:
        """The action as it stands in a session's record."""
        return {"action": "delete", "object": ref(self.obj)}


Action = t.Union[Scale, Delete, Rollback, Rollout]  # noqa: UP007 - the oldest Python that Ansible checks for has no | here
"""One write of a plan, with ``obj``, the object that it changes, and ``as_dict``."""


@dataclass
class Case:
    """One session with all that is known of it, and what is decided.

    ``readings``: of its pods, first the one that the verdict stands on; ``asked_at`` and ``answered_at``: time.monotonic() before
    and after them. ``first``: by pod, the earliest reading since which every one was the same.
    ``opted_out``: why our hands are kept off, or empty. ``way_back``: what undoes a change in place, None where that is not known or
    not wanted; ``obstacle``: what this machine lacks for it, in a sentence, or empty.
    ``plan``: what is still to do; ``done``: what has been carried out; ``attempted``: the change of the original that was sent off,
    whether or not an answer came.
    ``outcome``: ``none restorable restored needs_decision held failed``; ``message``: one sentence for people; ``remarks``: what
    they are to know besides, whatever becomes of the session.
    """

    session: Session
    judgement: Judgement
    readings: list[Reading] = field(default_factory=list)
    asked_at: float = 0.0
    answered_at: float = 0.0
    first: dict[str, Reading] = field(default_factory=dict)
    match: Match = field(default_factory=Match)
    opted_out: str = ""
    way_back: WayBack | None = None
    obstacle: str = ""
    evidence: list[Evidence] = field(default_factory=list)
    managed_by: list[Manager] = field(default_factory=list)
    replicas: int | None = None
    plan: list[Action] = field(default_factory=list)
    done: list[Action] = field(default_factory=list)
    attempted: Scale | Rollback | Rollout | None = None
    outcome: str = "none"
    message: str = ""
    remarks: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """The verdict on its client."""
        return self.judgement.verdict

    @property
    def young(self) -> bool:
        """Whether the verdict is fresh enough to act on, and too fresh to ask again."""
        return time.monotonic() - self.asked_at < VERDICT_HOLDS

    def take_answers(self, other: Case) -> None:
        """Takes over what was asked and answered for another case of the same session."""
        self.judgement, self.readings, self.first = other.judgement, other.readings, other.first
        self.asked_at, self.answered_at = other.asked_at, other.answered_at

    def settle(self, outcome: str, message: str, plan: t.Sequence[Action] = ()) -> None:
        """Notes what is decided."""
        self.outcome, self.message, self.plan = outcome, message, [*plan]

    def remark(self, sentence: str) -> None:
        """Notes what people are to know besides, once."""
        if sentence not in self.remarks:
            self.remarks.append(sentence)


@dataclass(frozen=True)
class Policy:
    """What the user allows: restorable verdicts, weakest class of evidence, largest count believed, whose workloads are only reported."""

    restorable: frozenset[str]
    trust: str
    replicas_limit: int
    reported: frozenset[str] = frozenset()


def over(case: Case, policy: Policy) -> bool:
    """Whether the session has certainly ended, so that its original may be put back.

    One whose proxy was listed as being deleted has: a client scales the original before it deletes (telepresence 0.109,
    telepresence/proxy/operation.py), and what the proxy knows of the count goes with it.
    """
    condemned = case.judgement.firm and case.verdict in policy.restorable
    return not case.opted_out and (condemned or case.session.terminating)


def decide_all(cases: t.Sequence[Case], policy: Policy) -> None:
    """Settles every case: outcome, message, plan, replicas."""
    for case in cases:
        if case.opted_out:
            case.settle("none", f"Left alone: {case.opted_out}.")
        elif not over(case, policy):
            case.settle("none", case.judgement.reason)
        elif case.session.terminating and not case.session.deletable:
            case.settle("none", "What is left of it is being deleted.")
        elif case.way_back:
            _decide_in_place(case, case.way_back, cases, policy)
        elif not case.session.deletable:
            case.settle("needs_decision", _not_ours(case))
        elif not case.session.swaps:
            _clean_up(case, "Nothing was swapped for it")
        elif case.match.original is None:
            case.settle(
                "needs_decision",
                f"Nothing was changed: {case.match.problem}. Put the replicas back by hand, then delete the proxy.",
            )
        else:
            _decide_swap(case, case.match.original, cases, policy)


def rivals(group: t.Collection[Case], cases: t.Iterable[Case]) -> list[Case]:
    """The sessions besides these that have, or may have, scaled down an original of theirs."""
    keys = {case.session.key for case in group}
    mine = {uid(candidate) for case in group for candidate in case.match.candidates}
    return [
        other
        for other in cases
        if other.session.key not in keys and mine & {uid(candidate) for candidate in other.match.candidates}
    ]


def _decide_swap(case: Case, original: Object, cases: t.Sequence[Case], policy: Policy) -> None:
    others = rivals([case], cases)
    if _held(case, original, others, policy):
        return
    if session_of(original):
        case.settle("held", f"{ref(original)} itself was changed by session {session_of(original)}: that comes first.")
        return
    oldest = min([case, *others], key=lambda one: one.session.created)
    here = replicas(original)
    keeper = deliberate_zero(original, oldest.session.created)
    told = [one for one in case.evidence if one.cls == "told"]
    if here > 0:
        _clean_up(case, f"{ref(original)} runs with {here} already")
    elif told:
        _put_back(case, original, decide(told, policy.trust, policy.replicas_limit))
    elif keeper is not None and original["kind"] == DEPLOYMENT_CONFIG.name:
        # OpenShift's scale leaves managedFields as they were: whoever owned the old count still owns the field, and any later
        # change of theirs looks like a 0 of theirs (openshift-apiserver, pkg/apps/apiserver/registry/deployconfig/etcd/etcd.go).
        _put_back(case, original, Count(problem=f"{keeper} changed it after the swap, perhaps to keep it there"))
    elif keeper is not None:
        _clean_up(case, f"{keeper} set {ref(original)} to 0 after the swap")
    else:
        # A younger session found the original at 0 already: only the oldest one's evidence knows the count.
        case.evidence = oldest.evidence
        count = decide(oldest.evidence, policy.trust, policy.replicas_limit)
        _put_back(case, original, heeding(count, case.managed_by, policy.reported))


def _held(case: Case, original: Object, others: t.Iterable[Case], policy: Policy) -> bool:
    """Holds the case where another session on the original is not certainly over; whether it is."""
    for other in others:
        if not over(other, policy):
            state = "opted out" if other.opted_out else other.verdict
            case.settle("held", f"Session {other.session.session_id} ({state}) stands in for {ref(original)} as well.")
            return True
    return False


def _decide_in_place(case: Case, way: WayBack, cases: t.Sequence[Case], policy: Policy) -> None:
    """Settles a session that changed a DeploymentConfig itself. Nothing of it is ever deleted."""
    if way.config is not None and _held(case, way.config, rivals([case], cases), policy):
        return
    if way.wait:
        case.settle("held", way.wait)
    elif way.config is None:
        case.settle("needs_decision", f"Nothing was changed: {way.problem}")
    elif case.obstacle:
        case.settle("needs_decision", f"Nothing was changed: {ref(way.config)} has to be rolled out. {case.obstacle}")
    elif way.source is None or way.definition is None:
        message = f"{ref(way.config)} has its own definition back already: only its rollout is lacking."
        case.settle("restorable", message, [Rollout(way.config)])
    else:
        count = decide(case.evidence, policy.trust, policy.replicas_limit)
        if not any(one.cls == "told" for one in case.evidence):
            count = heeding(count, case.managed_by, policy.reported)
        case.replicas = count.value
        if count.value is None:
            _ask_for_count(case, way.config, f"{ref(way.config)} stays as the client left it", count)
        else:
            message = f"{ref(way.config)} gets back what {ref(way.source)} kept of it, with {count.value} replicas, and is rolled out."
            back = Rollback(way.config, way.source, way.definition, count.value)
            case.settle("restorable", message, [back, Rollout(way.config)])


def _put_back(case: Case, original: Object, count: Count) -> None:
    case.replicas = count.value
    if count.value is None:
        _ask_for_count(case, original, f"{ref(original)} stays at 0", count)
    elif count.value == 0:
        _clean_up(case, f"{ref(original)} is to stay at 0, as told")
    else:
        message = f"{ref(original)} goes from 0 to {count.value}."
        case.settle("restorable", message, [Scale(original, 0, count.value), *_deletions(case)])


def _ask_for_count(case: Case, original: Object, stays: str, count: Count) -> None:
    name = f"{original['metadata']['namespace']}/{original['metadata']['name']}"
    case.settle("needs_decision", f"{stays}: {count.problem}. Give its count with replicas: {{{name}: N}}.")


def _clean_up(case: Case, because: str) -> None:
    deletions = _deletions(case)
    if deletions:
        case.settle("restorable", f"{because}: only what the session left is removed.", deletions)
    else:
        case.settle("none", f"{because}, and what the session left is being removed.")


def _deletions(case: Case) -> list[Delete]:
    """The proxies, then the Services: as long as a proxy stands, its Service shows where it came from."""
    objects = [*case.session.proxies, *case.session.services]
    return [Delete(obj) for obj in objects if not obj["metadata"].get("deletionTimestamp")]


def _not_ours(case: Case) -> str:
    names = ", ".join(ref(proxy) for proxy in case.session.proxies)
    return (
        f"Nothing was changed: {names} may be the original itself, changed in place, or belongs to something else. "
        "Put back its own image and replicas (a rollout undo or a new deployment does), which removes the session's label."
    )


def told(done: t.Sequence[Action]) -> str:
    """What was done, in words."""
    changed = [action.told() for action in done if not isinstance(action, Delete)]
    deleted = [ref(action.obj) for action in done if isinstance(action, Delete)]
    return ", ".join(changed + ([f"{' and '.join(deleted)} deleted"] if deleted else []))
