# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Carries plans out: scale first, delete the proxy last, so that a run killed anywhere is finished by the next one."""

from __future__ import annotations

import threading
import typing as t
from concurrent.futures import ThreadPoolExecutor

from .._cluster.api import Api
from .._cluster.errors import ClusterError
from .._cluster.kinds import ref, uid
from .counts import replicas
from .observe import Observer
from .plan import Case, Delete, Scale
from .write import delete, scale

ATTEMPTS = 3
"""A session that changes under our hands so often is left to the next run."""


def hold_beyond(cases: t.Iterable[Case], most: int | None) -> bool:
    """Holds all restorable cases but the ``most`` oldest. Whether there were any to hold."""
    restorable = sorted((case for case in cases if case.outcome == "restorable"), key=lambda case: case.session.created)
    beyond = [] if most is None else restorable[most:]
    for case in beyond:
        case.settle("held", f"max_restores ({most}) was reached before its turn; the next run goes on here.")
    return bool(beyond)


def restore(observer: Observer, chosen: t.Sequence[Case], cases: t.Sequence[Case]) -> None:
    """Carries out the plans of the chosen cases; settles each as restored, held, none, needs_decision or failed.

    ``cases``: all that were observed, so that a session that has come since is known for new. What happens to one original
    never stops the others: nothing is raised.
    """
    groups: dict[t.Any, list[Case]] = {}
    for case in chosen:
        if case.outcome == "restorable":
            original = case.match.original
            groups.setdefault(uid(original) if original else case.session.key, []).append(case)
    places = {case.session.namespace: _Place(observer, case.session.namespace, cases) for case in cases}
    with ThreadPoolExecutor(max_workers=observer.options.concurrency) as pool:
        list(pool.map(lambda group: _restore_group(places[group[0].session.namespace], group), groups.values()))


class _Place:
    """One namespace as last observed, shared by the threads that restore in it: they must not all ask its proxies anew."""

    def __init__(self, observer: Observer, namespace: str, cases: t.Iterable[Case]):
        self.api = observer.api
        self._observer = observer
        self._namespace = namespace
        self._lock = threading.Lock()
        self._known = {case.session.key: case for case in cases if case.session.namespace == namespace}

    def outdated(self, group: t.Sequence[Case]) -> bool:
        """Whether the verdicts are too old to act on, or a session has come since: it may stand in for the same original."""
        return not all(case.young for case in group) or self.has_newcomers()

    def has_newcomers(self) -> bool:
        """Whether a session has come that is not known. A second swap of an original at 0 leaves its resourceVersion as it was."""
        return bool(self._observer.session_keys(self._namespace) - set(self._known))

    def refresh(self, group: t.Sequence[Case], anew: bool) -> None:
        """Settles the cases by what is true now. ``anew``: an observation of another thread, however young, will not do."""
        with self._lock:
            if anew or self.outdated(
                [self._known[case.session.key] for case in group if case.session.key in self._known]
            ):
                fresh = self._observer.observe_again(self._namespace, self._known)
                self._known = {case.session.key: case for case in fresh}
            for case in group:
                if case.outcome == "restorable":
                    _take_over(case, self._known.get(case.session.key))


def _take_over(case: Case, now: Case | None) -> None:
    """Settles a case by a newer observation of its session, None where that has gone."""
    if now is None:
        case.settle("restored" if case.done else "none", told(case.done) or "It has gone meanwhile, by other hands.")
        return
    _look_for_scale(case, now)
    case.session, case.match = now.session, now.match
    case.take_answers(now)
    case.evidence, case.managed_by = now.evidence or case.evidence, now.managed_by or case.managed_by
    case.replicas = now.replicas if now.replicas is not None else case.replicas
    case.settle(now.outcome, now.message, now.plan)
    if case.outcome == "none" and case.done:
        case.settle("restored", told(case.done))


def _look_for_scale(case: Case, now: Case) -> None:
    """Notes a scale as done whose answer did not come, but whose effect is there."""
    scale, original = case.attempted, now.match.original
    if (
        scale
        and scale not in case.done
        and original
        and uid(original) == uid(scale.obj)
        and replicas(original) == scale.after
    ):
        case.done.append(scale)


def _restore_group(place: _Place, group: list[Case]) -> None:
    """Puts one original back (or removes what one ``--new-deployment`` left)."""
    problem, doubtful = "something else kept changing it", False
    for attempt in range(ATTEMPTS):
        try:
            if attempt or place.outdated(group):
                place.refresh(group, anew=attempt > 0)
                if place.has_newcomers():
                    problem = f"sessions keep coming in namespace {group[0].session.namespace}"
                    continue
            _carry_out(place.api, [case for case in group if case.outcome == "restorable"])
            return
        except ClusterError as error:
            problem, doubtful = str(error), error.may_have_happened
            if not (error.conflict or error.may_have_happened):
                break
        except Exception as error:  # a defect of ours must not hide what was done to this original and to others
            problem, doubtful = f"{type(error).__name__}: {error}", True
            break
    _give_up(place, group, problem, doubtful)


def _give_up(place: _Place, group: t.Sequence[Case], problem: str, doubtful: bool) -> None:
    """Settles what could not be carried out; a write that may have happened is looked for once more."""
    if doubtful:
        try:
            place.refresh(group, anew=True)
            doubtful = False
        except ClusterError:
            pass
    for case in group:
        if case.outcome == "restorable":
            done = f"Done before that: {told(case.done)}." if case.done else "Nothing was changed."
            far = "Whether that was done is not known." if doubtful else done
            case.settle("failed", f"{problem.rstrip('.')}. {far} The next run tries again.", case.plan)


def _carry_out(api: Api, group: t.Sequence[Case]) -> None:
    """Scales the original once, then deletes what the sessions left, the youngest session's first."""
    scaled: set[str] = set()
    for case in group:
        for action in [action for action in case.plan if isinstance(action, Scale)]:
            case.attempted = action
            if uid(action.obj) not in scaled:
                scale(api, action)
                scaled.add(uid(action.obj))
            _note(case, action)
    for case in sorted(group, key=lambda case: case.session.created, reverse=True):
        for deletion in [action for action in case.plan if isinstance(action, Delete)]:
            delete(api, deletion.obj)
            _note(case, deletion)
        case.settle("restored", f"{told(case.done)}.")


def _note(case: Case, action: Scale | Delete) -> None:
    case.plan.remove(action)
    case.done.append(action)


def told(done: t.Sequence[Scale | Delete]) -> str:
    """What was done, in words."""
    scaled = [f"{ref(action.obj)} is back at {action.after}" for action in done if isinstance(action, Scale)]
    deleted = [ref(action.obj) for action in done if isinstance(action, Delete)]
    return ", ".join(scaled + ([f"{' and '.join(deleted)} deleted"] if deleted else []))
