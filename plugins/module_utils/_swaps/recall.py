# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Looks for lost originals, and puts them back one by one, each after a look at what is true just then."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor

from .._cluster.errors import ClusterError
from .._cluster.kinds import AUTOSCALER, DEPLOYMENT_CONFIG, Object, uid
from .counts import replicas
from .event import restored_lost, write_event
from .hand import Hand
from .journal import Journal
from .lost import Lost, decide_lost, find_lost
from .observe import Observer
from .plan import Case, Scale, told
from .restore import ATTEMPTS


def look_for_lost(
    observer: Observer, cases: t.Sequence[Case], namespaces: t.Sequence[str] | None, wanted: bool
) -> list[Lost]:
    """The lost originals in these namespaces (None: in all of the run), decided. Raises ClusterError.

    ``cases``: the sessions there. Where nothing is noted, nothing is read. ``wanted``: whether they are to be put back.
    """
    places = [*observer.records] if namespaces is None else namespaces
    records = {place: observer.records[place].record for place in places if place in observer.records}
    if not any(record.workloads or record.sessions for record in records.values()):
        return []
    in_use = {uid(candidate) for case in cases for candidate in case.match.candidates}
    zeros: dict[str, list[Object]] = {}
    for workload in (one for kind in observer.kinds for one in observer.all(kind, namespaces)):
        if replicas(workload) == 0 and workload["metadata"]["namespace"] in records:
            zeros.setdefault(workload["metadata"]["namespace"], []).append(workload)
    found = []
    for place, here in sorted(zeros.items()):
        autoscalers = observer.api.list(AUTOSCALER, place) if find_lost(here, records[place], in_use, []) else []
        found += find_lost(here, records[place], in_use, autoscalers)
    for lost in found:
        decide_lost(lost, observer.options.replicas, wanted, observer.options.policy)
    return found


def restore_lost(observer: Observer, chosen: t.Iterable[Lost], journal: Journal) -> None:
    """Carries out the plans of the chosen; settles each as restored, none, needs_decision or failed. Raises nothing.

    Each write is noted in the ``journal`` first.
    """
    due = [lost for lost in chosen if lost.outcome == "restorable"]
    hand = Hand(observer.api, journal, observer.options.oc_binary)
    with ThreadPoolExecutor(max_workers=observer.options.concurrency) as pool:
        list(pool.map(lambda lost: _restore_one(observer, hand, lost), due))


def _restore_one(observer: Observer, hand: Hand, lost: Lost) -> None:
    problem, doubtful = "something else kept changing it", False
    for _attempt in range(ATTEMPTS):
        try:
            _look_again(observer, hand, lost)
            if lost.outcome == "restorable":
                _put_back(observer, hand, lost)
            return
        except ClusterError as error:
            problem, doubtful = str(error), error.may_have_happened
            if not error.may_be_tried_anew:
                break
        except Exception as error:  # a defect of ours must not hide what was done to others
            problem, doubtful = f"{type(error).__name__}: {error}", True
            break
    far = f"Done before that: {told(lost.done)}." if lost.done else "Nothing was changed."
    far = "Whether it was scaled is not known." if doubtful and lost.attempted and not lost.done else far
    lost.settle("failed", f"{problem.rstrip('.')}. {far} The next run tries again.", lost.plan)


def _look_again(observer: Observer, hand: Hand, lost: Lost) -> None:
    """Settles a lost original by what is true now."""
    namespace = lost.original["metadata"]["namespace"]
    found = look_for_lost(observer, observer.unasked([namespace]), [namespace], wanted=True)
    now = next((one for one in found if uid(one.original) == uid(lost.original)), None)
    if now:
        lost.original, lost.evidence, lost.replicas = now.original, now.evidence, now.replicas
        lost.settle(now.outcome, now.message, now.plan)
    elif lost.attempted and _present(observer, lost) == lost.attempted.after:
        _confirm(observer, hand, lost, lost.attempted)
    else:
        lost.settle("none", "It is no longer lost, by other hands.")


def _put_back(observer: Observer, hand: Hand, lost: Lost) -> None:
    (action,) = [action for action in lost.plan if isinstance(action, Scale)]
    lost.attempted = action
    hand.carry_out(action, uid(action.obj))
    _confirm(observer, hand, lost, action)


def _confirm(observer: Observer, hand: Hand, lost: Lost, action: Scale) -> None:
    """Settles a lost original that has been scaled, unless a session turns out to have replaced it at that very moment."""
    lost.done = [action]
    namespace = lost.original["metadata"]["namespace"]
    candidates = [one for case in observer.unasked([namespace]) for one in case.match.candidates]
    there = next((one for one in candidates if uid(one) == uid(action.obj)), None)
    if there is None or there["kind"] == DEPLOYMENT_CONFIG.name:
        lost.settle("restored", f"{told(lost.done)}.")
        problem = write_event(observer.api, action, "lost", restored_lost(lost.evidence, action))
        lost.remarks += [f"There is no Event about it: {problem}"] if problem else []
        return
    # A swap of a workload that is at 0 does not change it: no precondition can prevent that one comes at that very moment.
    if replicas(there) == action.after:
        hand.carry_out(Scale(there, action.after, 0), uid(action.obj))
    lost.attempted, lost.done = None, []
    lost.settle("none", "A session replaced it at that very moment: it is at 0 again.")


def _present(observer: Observer, lost: Lost) -> int | None:
    """The replicas that a lost original wants now, None where it is gone."""
    namespace = lost.original["metadata"]["namespace"]
    workloads = [one for kind in observer.kinds for one in observer.all(kind, [namespace])]
    return next((replicas(one) for one in workloads if uid(one) == uid(lost.original)), None)
