# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.
"""Reads the records of a cluster, and keeps them: each is written only where there is news, and only in place of what was read."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._cluster import clock
from .._cluster.access import RECORD
from .._cluster.api import Api
from .._cluster.errors import ClusterError
from .._cluster.kinds import AUTOSCALER, CONFIG_MAP, DEPLOYMENT_CONFIG, EVENT, REPLICATION_CONTROLLER, Object
from .baseline import Seen, Swap, renewed
from .observe import SCALING_EVENTS, Observer
from .originals import find
from .record import NAMED, SELECTOR, Record, Stored, config_map, parse
from .sessions import Session, ignored
from .witnesses import Witnesses, gather

MANAGER = "devclusters.telepresence"
"""The field manager of the records."""
ATTEMPTS = 3
"""A record that others write so often in between is left to the next run."""


@dataclass(frozen=True)
class Kept:
    """What became of the record of one namespace: as it was, as it is or would be, and a sentence if it could not be written."""

    namespace: str
    before: Stored
    after: Record
    problem: str = ""

    @property
    def changed(self) -> bool:
        """Whether there was news, and it was written or would be."""
        return not self.problem and (self.after != self.before.record or self.before.spoilt)


def survey(observer: Observer, records: t.Mapping[str, Stored]) -> list[Seen]:
    """What there is to be noted in every namespace of the run that is not to be left alone. Raises ClusterError."""
    started = clock.text(observer.api.now()) or ""
    listed = observer.options.listed
    closed = {
        namespace["metadata"]["name"]
        for namespace in observer.namespaces(listed)
        if ignored(namespace) or namespace["metadata"].get("deletionTimestamp")
    }
    sessions = _by_namespace(observer.sessions(listed), lambda session: session.namespace)
    workloads = _by_namespace((one for kind in observer.kinds for one in observer.all(kind, listed)), _namespace)
    autoscalers = _by_namespace(observer.all(AUTOSCALER, listed), _namespace)
    kinds = {kind.name for kind in observer.kinds}
    told: dict[str, dict[str, int]] = {}
    for name, count in observer.options.replicas.items():
        namespace, _slash, workload = name.partition("/")
        told.setdefault(namespace, {})[workload] = count

    def one(namespace: str) -> Seen:
        here, told_here = workloads.get(namespace, []), told.get(namespace, {})
        known = records.get(namespace, Stored()).record.sessions
        swaps = _swaps(observer, namespace, sessions.get(namespace, []), here, known)
        return Seen(namespace, started, kinds, here, autoscalers.get(namespace, []), swaps, told_here)

    return list(observer.pool.map(one, sorted({*workloads, *sessions, *records} - closed)))


def strangers(observer: Observer, seen: t.Iterable[Seen]) -> list[str]:
    """A sentence for each count that the user gave of a workload that was not seen. One dictionary may serve many clusters."""
    there = {f"{one.namespace}/{workload['metadata']['name']}" for one in seen for workload in one.workloads}
    told = {name for name in observer.options.replicas if observer.options.wants(name.partition("/")[0])}
    return [f"Option replicas has {name}, but no such workload was seen." for name in sorted(told - there)]


def keep(api: Api, seen: Seen, stored: Stored, write: bool) -> Kept:
    """Brings the record of one namespace up to date; without ``write`` it only tells what that would be. Raises nothing.

    Two runs at once overwrite nothing unread: what is applied replaces exactly the version that it was made from.
    """
    first, problem = stored, ""
    for _attempt in range(ATTEMPTS):
        wanted = renewed(stored.record, seen)
        if not write or (wanted == stored.record and not stored.spoilt):
            return Kept(seen.namespace, first, wanted)
        try:
            body = config_map(seen.namespace, wanted, stored.version)
            api.apply(CONFIG_MAP.path(seen.namespace, RECORD), _doing(seen.namespace), body, MANAGER)
            return Kept(seen.namespace, first, wanted)
        except ClusterError as error:
            problem = str(error)
            if not error.may_be_tried_anew:
                break
        try:
            stored = _read_again(api, seen.namespace)
        except ClusterError as error:
            problem = str(error)
            break
    return Kept(seen.namespace, first, first.record, problem)


def _read_again(api: Api, namespace: str) -> Stored:
    found = api.list(CONFIG_MAP, namespace, field_selector=NAMED)
    if not found:
        return Stored()
    labels = found[0]["metadata"].get("labels") or {}
    key, _equals, value = SELECTOR.partition("=")
    if labels.get(key) != value:
        raise ClusterError(
            f"ConfigMap {namespace}/{RECORD} is no record of this version: it lacks the label {SELECTOR}. Rename or delete it."
        )
    return parse(found[0])


def _swaps(
    observer: Observer,
    namespace: str,
    sessions: t.Sequence[Session],
    workloads: t.Sequence[Object],
    known: t.Container[str],
) -> list[Swap]:
    """The swaps of a namespace; evidence is looked for only where a session is not yet known."""
    swaps = [session for session in sessions if session.swaps and session.proxies]
    matches = {session.session_id: find(session, workloads) for session in swaps}
    found = {one.session_id: matches[one.session_id].original for one in swaps if one.session_id not in known}
    kinds = {original["kind"] for original in found.values() if original}
    api = observer.api
    selectors = [selector for kind, selector in SCALING_EVENTS.items() if kind in kinds]
    events = [event for selector in selectors for event in api.list(EVENT, namespace, field_selector=selector)]
    controllers = api.list(REPLICATION_CONTROLLER, namespace) if DEPLOYMENT_CONFIG.name in kinds else []

    def one(session: Session) -> Swap:
        original = found.get(session.session_id)
        witnesses = Witnesses(events=events, controllers=controllers)
        return Swap(session, matches[session.session_id], gather(session, original, witnesses, {}) if original else ())

    return [one(session) for session in swaps]


def _doing(namespace: str) -> str:
    return f"write ConfigMap {namespace}/{RECORD}"


def _namespace(obj: Object) -> str:
    return str(obj["metadata"]["namespace"])


T = t.TypeVar("T")


def _by_namespace(found: t.Iterable[T], namespace: t.Callable[[T], str]) -> dict[str, list[T]]:
    sorted_: dict[str, list[T]] = {}
    for one in found:
        sorted_.setdefault(namespace(one), []).append(one)
    return sorted_
