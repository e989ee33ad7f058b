# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""One namespace while originals are put back in it: what is true there now, and what that means for a restore under way."""

from __future__ import annotations

import threading
import typing as t

from .._cluster.errors import ClusterError
from .._cluster.kinds import DEPLOYMENT_CONFIG, WORKLOADS, Object, ref, uid
from .counts import replicas
from .hand import Hand
from .journal import Journal
from .observe import Observer
from .plan import Case, Scale, over, told
from .sessions import Key, ignored
from .together import Together

SIGNS_OF_LIFE = ("alive", "starting", "suspended", "clientless")
"""Verdicts that something of a client was seen, or may yet come."""


class Place:
    """One namespace as last observed, shared by the threads that restore in it: they must not all ask its proxies anew."""

    def __init__(self, observer: Observer, namespace: str, cases: t.Iterable[Case], journal: Journal):
        self.api = observer.api
        self.hand = Hand(observer.api, journal, observer.options.oc_binary)
        self._observer = observer
        self._namespace = namespace
        self._proxies_now = Together(lambda: observer.proxies_now(namespace))
        self._observe_due = Together(self._observe_those_due)
        self._lock = threading.Lock()
        self._due: set[Key] = set()
        self._known = {case.session.key: case for case in cases if case.session.namespace == namespace}
        self._first = frozenset(self._known)

    def outdated(self, group: t.Sequence[Case]) -> bool:
        """Whether the verdicts are too old to act on, or the sessions are not those that were observed."""
        # In this order: a slow cluster may take its time over the lists, and the verdicts age meanwhile.
        return self.has_changed() or not all(case.young for case in group)

    def has_changed(self) -> bool:
        """Whether a session, or a proxy of one, has come that is not known, or asks to be left alone by now.

        A second swap of an original at 0 leaves its resourceVersion as it was: only the proxies show it. One that came between two
        lists of an observation is known by its Pod alone, and not yet for what it is.
        """
        now = self._proxies_now()
        return any(key not in self._known or _is_news(self._known[key], proxies) for key, proxies in now.items())

    def expect_no_news(self) -> None:
        """Raises ClusterError (a conflict) where the sessions are no longer those that were observed."""
        if self.has_changed():
            raise _changed(f"Sessions keep coming in namespace {self._namespace} on {self.api.server}.")

    def expect_running(self, original: Object) -> None:
        """Raises ClusterError (a conflict) where the original has gone, is at 0, or is to be left alone: its evidence must stay then."""
        meta = original["metadata"]
        kind, named = WORKLOADS[original["kind"]], f"metadata.name={meta['name']}"
        present = self.api.list(kind, meta["namespace"], field_selector=named)
        if not any(uid(now) == uid(original) and replicas(now) > 0 and not ignored(now) for now in present):
            raise _changed(f"{ref(original)} on {self.api.server} was changed by other hands.")

    def refresh(self, group: t.Sequence[Case]) -> None:
        """Settles the cases by what is true now."""
        with self._lock:
            self._due.update(case.session.key for case in group)
        known = self._observe_due()
        unsettled = [case for case in group if case.outcome != "restored"]
        for case in unsettled:
            _look_for_change(case, known.get(case.session.key))
        self._make_way(unsettled, list(known.values()))
        for case in unsettled:
            self._take_over(case, known.get(case.session.key))

    def _observe_those_due(self) -> dict[Key, Case]:
        """Observes for all threads that wait: who comes while this is under way has to wait for the next."""
        with self._lock:
            due, self._due = self._due, set()
        fresh = self._observer.observe_again(self._namespace, self._known, due)
        self._known = {case.session.key: case for case in fresh}
        return self._known

    def _make_way(self, group: t.Sequence[Case], known: t.Sequence[Case]) -> None:
        """Takes our own scale back where a session turns out to stand in for the original: it came, or woke up, at that very moment.

        No precondition can prevent that: a swap of an original that is at 0 does not change the original. A DeploymentConfig stays as
        it is: the patch that scales it would leave an owner of its 0, as one leaves who means it.
        """
        scaled = next((action for case in group for action in case.done if isinstance(action, Scale)), None)
        there = [
            candidate
            for case in known
            for candidate in case.match.candidates
            if scaled and uid(candidate) == uid(scaled.obj) and self._stands_in(case)
            if candidate["kind"] != DEPLOYMENT_CONFIG.name
        ]
        if scaled is None or not there or replicas(there[0]) not in (0, scaled.after):
            return
        if replicas(there[0]):
            self.hand.carry_out(Scale(there[0], scaled.after, 0), group[0].session.session_id)
            there[0]["spec"]["replicas"] = 0  # what was observed a moment ago is no longer so
        for case in group:
            case.done = [action for action in case.done if not isinstance(action, Scale)]
            case.remark(f"{ref(scaled.obj)} was scaled to {scaled.after} at that very moment, and is at 0 again.")

    def _stands_in(self, case: Case) -> bool:
        """Whether a session shows life, or has only just come. One that could not be asked again is no reason to stop a workload."""
        if case.opted_out or over(case, self._observer.options.policy):
            return False
        new = case.session.key not in self._first
        return case.verdict in SIGNS_OF_LIFE or (new and case.verdict == "unknown")

    def _take_over(self, case: Case, now: Case | None) -> None:
        """Settles a case by a newer observation of its session, None where that has gone."""
        if now is None:
            case.settle(
                "restored" if case.done else "none", told(case.done) or "It has gone meanwhile, by other hands."
            )
            return
        case.session, case.match, case.opted_out = now.session, now.match, now.opted_out
        case.take_answers(now)
        case.evidence, case.managed_by = now.evidence or case.evidence, now.managed_by or case.managed_by
        case.replicas = now.replicas if now.replicas is not None else case.replicas
        case.settle(now.outcome, now.message, now.plan)
        if case.done and case.outcome != "restorable":
            # What is still there is being removed by other hands, or is to be left alone: nothing more is to be done.
            through = case.outcome == "none" and (
                case.opted_out or case.verdict == "terminating" or over(case, self._observer.options.policy)
            )
            case.settle("restored" if through else "failed", f"{told(case.done)}. {now.message}", now.plan)


def _is_news(case: Case, proxies: t.Iterable[Object]) -> bool:
    known = {uid(obj) for obj in (*case.session.proxies, *case.session.pods)}
    return any(uid(proxy) not in known or (ignored(proxy) and not case.opted_out) for proxy in proxies)


def _changed(problem: str) -> ClusterError:
    return ClusterError(problem, status=409, reason="Changed")


def _look_for_change(case: Case, now: Case | None) -> None:
    """Notes a change as done whose answer did not come, but whose effect is there."""
    change, original = case.attempted, now.match.original if now else None
    if (
        change
        and change not in case.done
        and original
        and uid(original) == uid(change.obj)
        and change.has_happened(original)
    ):
        case.done.append(change)
