# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Carries plans out: scale first, delete the proxy last, so that a run killed anywhere is finished by the next one."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor

from .._cluster.api import Api
from .._cluster.errors import ClusterError
from .._cluster.kinds import uid
from .counts import replicas
from .event import restored_for, write_event
from .in_place import Rollback
from .journal import Journal
from .lost import Lost
from .observe import Observer
from .place import Place
from .plan import Action, Case, Delete, Scale, told

ATTEMPTS = 3
"""A session that changes under our hands so often is left to the next run."""


def hold_beyond(cases: t.Iterable[Case], lost: t.Iterable[Lost], most: int | None) -> bool:
    """Holds all that is restorable but the ``most`` oldest sessions, and lost originals after them. Whether there were any to hold."""
    sessions = sorted((case for case in cases if case.outcome == "restorable"), key=lambda case: case.session.created)
    restorable: list[Case | Lost] = [*sessions, *(one for one in lost if one.outcome == "restorable")]
    beyond = [] if most is None else restorable[most:]
    for one in beyond:
        one.settle("held", f"max_restores ({most}) was reached before its turn; the next run goes on here.")
    return bool(beyond)


def restore(observer: Observer, chosen: t.Sequence[Case], cases: t.Sequence[Case], journal: Journal) -> None:
    """Carries out the plans of the chosen cases; settles each as restored, held, none, needs_decision or failed.

    ``cases``: all that were observed, so that a session that has come since is known for new. What happens to one original
    never stops the others: nothing is raised. Each write is noted in the ``journal`` first.
    """
    groups: dict[t.Any, list[Case]] = {}
    for case in chosen:
        if case.outcome == "restorable":
            original = case.match.original
            groups.setdefault(uid(original) if original else case.session.key, []).append(case)
    places = {case.session.namespace: Place(observer, case.session.namespace, cases, journal) for case in cases}
    with ThreadPoolExecutor(max_workers=observer.options.concurrency) as pool:
        list(pool.map(lambda group: _restore_group(places[group[0].session.namespace], group), groups.values()))


def _restore_group(place: Place, group: list[Case]) -> None:
    """Puts one original back (or removes what one ``--new-deployment`` left)."""
    problem, doubtful = "something else kept changing it", False
    for attempt in range(ATTEMPTS):
        try:
            if attempt or place.outdated(group):
                place.refresh(group)
                if place.has_changed():
                    problem = f"sessions keep coming in namespace {group[0].session.namespace}"
                    continue
            _carry_out(place, group)
            return
        except ClusterError as error:
            problem, doubtful = str(error), error.may_have_happened
            if not error.may_be_tried_anew:
                break
        except Exception as error:  # a defect of ours must not hide what was done to this original and to others
            problem, doubtful = f"{type(error).__name__}: {error}", True
            break
    _give_up(place, group, problem, doubtful)


def _give_up(place: Place, group: t.Sequence[Case], problem: str, doubtful: bool) -> None:
    """Settles what could not be carried out; a write that may have happened is looked for once more."""
    if doubtful:
        try:
            place.refresh(group)
            doubtful = False
        except Exception:  # noqa: S110 - what could not be looked at stays doubtful, and is said to be
            pass
    for case in group:
        if case.outcome == "restorable":
            done = f"Done before that: {told(case.done)}." if case.done else "Nothing was changed."
            far = "Whether that was done is not known." if doubtful else done
            case.settle("failed", f"{problem.rstrip('.')}. {far} The next run tries again.", case.plan)


def _carry_out(place: Place, group: t.Sequence[Case]) -> None:
    """Puts the original back once and says so on it, then deletes what the sessions left, the youngest session's first."""
    due = [case for case in group if case.outcome == "restorable"]
    scaled: set[str] = set()
    for case in due:
        for action in [action for action in case.plan if not isinstance(action, Delete)]:
            case.attempted = action
            if not isinstance(action, Scale) or uid(action.obj) not in scaled:
                place.hand.carry_out(action, case.session.session_id)
                scaled.add(uid(action.obj))
            _note(case, action)
    original = due[0].match.original if due else None
    if original:
        place.expect_no_news()
        _say_so(place.api, due)
    runs = bool(scaled) or (original is not None and replicas(original) > 0)
    for case in sorted(due, key=lambda case: case.session.created, reverse=True):
        deletions = [action for action in case.plan if isinstance(action, Delete)]
        if original and runs and deletions:
            place.expect_running(original)
        for deletion in deletions:
            place.hand.carry_out(deletion, case.session.session_id)
            _note(case, deletion)
        case.settle("restored", f"{told(case.done)}.")


def _say_so(api: Api, due: t.Sequence[Case]) -> None:
    """Writes the Event of what was changed. That it cannot be written stops nothing."""
    case, action = next(
        ((one, action) for one in due for action in one.done if isinstance(action, (Scale, Rollback))), (None, None)
    )
    problem = write_event(api, action, case.session.session_id, restored_for(case, action)) if case and action else ""
    if case and problem:
        case.remark(f"There is no Event about it: {problem}")


def _note(case: Case, action: Action) -> None:
    case.plan.remove(action)
    case.done.append(action)
