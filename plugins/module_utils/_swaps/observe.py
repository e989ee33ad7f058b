# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Looks at a cluster: which sessions are there, do their clients live, what did they replace, what is to be done. Writes nothing."""

from __future__ import annotations

import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

from .._cluster.api import Api
from .._cluster.errors import ClusterError
from .._cluster.kinds import AUTOSCALER, DEPLOYMENT, EVENT, NAMESPACE, POD, REPLICA_SET, SERVICE, Kind, Object, ref, uid
from .ask import look
from .counts import Witnesses, gather, managers, replicas
from .options import Options
from .originals import Match, find
from .plan import Case, decide_all, over
from .sessions import SELECTOR, Session, ignored, recognise, session_of

SCALING_EVENTS = "reason=ScalingReplicaSet,involvedObject.kind=Deployment"


class Observer:
    """Observes one cluster with one set of options. Every method raises ClusterError where the cluster cannot be read."""

    def __init__(self, api: Api, options: Options, pool: ThreadPoolExecutor):
        self.api = api
        self.options = options
        self.pool = pool

    def observe(self) -> list[Case]:
        """Every session in the namespaces of the run, judged and decided, oldest first."""
        protected = self._protected_namespaces()
        sessions = self.sessions(self.options.listed)
        cases = list(self.pool.map(self._ask, sessions))
        self._find_originals(cases, protected)
        self._look_twice(cases)
        self.decide(cases)
        return cases

    def observe_again(self, namespace: str, before: t.Mapping[tuple[str, str], Case]) -> list[Case]:
        """All sessions of one namespace, anew: what is true now, for the writes that follow at once.

        ``before``: the cases known by session key. A verdict of theirs that is still young holds: each question is traffic
        that keeps a half-open tunnel alive.
        """
        protected = self._protected_namespaces()
        fresh = list(
            self.pool.map(lambda session: self._ask(session, before.get(session.key)), self.sessions([namespace]))
        )
        self._find_originals(fresh, protected)
        self.decide(fresh)
        return fresh

    def session_keys(self, namespace: str) -> set[tuple[str, str]]:
        """(namespace, session id) of every session that has a proxy in a namespace at this moment."""
        found = [
            obj for kind in (DEPLOYMENT, POD) for obj in self.api.list(kind, namespace, SELECTOR, metadata_only=True)
        ]
        return {(namespace, session_id) for session_id in map(session_of, found) if session_id}

    def sessions(self, namespaces: t.Sequence[str] | None) -> list[Session]:
        """The sessions in these namespaces (None: in all that the run looks at), oldest first."""
        places: t.Sequence[str | None] = [None] if namespaces is None else namespaces
        kinds = (DEPLOYMENT, POD, SERVICE)
        lists = self.pool.map(self._labelled, [(kind, place) for kind in kinds for place in places])
        found: dict[str, list[Object]] = {kind.name: [] for kind in kinds}
        for obj in (obj for objects in lists for obj in objects):
            if self.options.wants(obj["metadata"]["namespace"]):
                found[obj["kind"]].append(obj)
        return recognise(found["Deployment"], found["Pod"], found["Service"], self.options.image)

    def decide(self, cases: t.Sequence[Case]) -> None:
        """Gathers the evidence where a count is needed, and settles every case."""
        self._gather(cases)
        decide_all(cases, self.options.policy)

    def _labelled(self, where: tuple[Kind, str | None]) -> list[Object]:
        kind, namespace = where
        return self.api.list(kind, namespace, label_selector=SELECTOR)

    def _protected_namespaces(self) -> set[str]:
        """The names of the namespaces that ask to be left alone."""
        listed = self.options.listed
        if listed is None:
            found = self.api.list(NAMESPACE, metadata_only=True)
        else:
            found = [body for body in self.pool.map(self._namespace, listed) if body]
        return {namespace["metadata"]["name"] for namespace in found if ignored(namespace)}

    def _namespace(self, name: str) -> Object | None:
        try:
            return t.cast(Object, self.api.get(NAMESPACE.path(name=name), f"read namespace {name}").body)
        except ClusterError as error:
            if error.status == 404:
                raise ClusterError(
                    f"There is no namespace {name} on {self.api.server}: correct option namespaces.",
                    status=404,
                    reason="NotFound",
                ) from error
            raise

    def _ask(self, session: Session, before: Case | None = None) -> Case:
        """The case of a session after one question, or after none where an earlier answer about the same pods is young enough."""
        if before and before.young and _pods(before.session) == _pods(session):
            return Case(session, before.judgement, before.readings, before.asked_at)
        options = self.options
        earlier = {reading.pod: reading for reading in before.readings} if before else {}
        judgement, readings = look(self.api, session, options.probe, options.deadline, options.rules, earlier)
        return Case(session, judgement, readings, time.monotonic())

    def _look_twice(self, cases: t.Sequence[Case]) -> None:
        """Asks those again whose second look could change what this run does, each when it is due."""
        waiting = [
            (case.asked_at + case.judgement.look_again, case)
            for case in cases
            if case.judgement.look_again and not case.opted_out
        ]
        while waiting:
            time.sleep(max(0.0, min(pair[0] for pair in waiting) - time.monotonic()))
            now = time.monotonic()
            batch = [case for due, case in waiting if due <= now]
            waiting = [(due, case) for due, case in waiting if due > now]
            asked = self.pool.map(lambda case: self._ask(case.session, case), batch)
            for case, again in zip(batch, asked, strict=True):
                case.judgement, case.readings, case.asked_at = again.judgement, again.readings, again.asked_at

    def _find_originals(self, cases: t.Sequence[Case], protected: t.Container[str]) -> None:
        """Matches the swaps with the Deployments of their namespaces, and notes who asks to be left alone."""
        swaps = [case for case in cases if case.session.swaps and case.session.proxies]
        workloads = self._by_namespace(DEPLOYMENT, {case.session.namespace for case in swaps})
        for case in swaps:
            case.match = find(case.session, workloads[case.session.namespace])
        for case in cases:
            case.opted_out = _opted_out(case.session, case.match, protected)

    def _gather(self, cases: t.Sequence[Case]) -> None:
        """Evidence for the originals at 0 of sessions that are over."""
        wanting = [
            case
            for case in cases
            if case.match.original and over(case, self.options.policy) and replicas(case.match.original) == 0
        ]
        namespaces = {case.session.namespace for case in wanting}
        events = self._by_namespace(EVENT, namespaces, SCALING_EVENTS)
        replica_sets = self._by_namespace(REPLICA_SET, namespaces)
        autoscalers = self._by_namespace(AUTOSCALER, namespaces)
        for case in wanting:
            here, original = case.session.namespace, case.match.original
            if original is not None:
                witnesses = Witnesses(events[here], replica_sets[here], autoscalers[here])
                case.evidence = gather(case.session, original, witnesses, self.options.replicas)
                case.managed_by = managers(original, autoscalers[here])

    def _by_namespace(
        self, kind: Kind, namespaces: t.Iterable[str], field_selector: str | None = None
    ) -> dict[str, list[Object]]:
        names = sorted(namespaces)
        lists = self.pool.map(lambda name: self.api.list(kind, name, field_selector=field_selector), names)
        return dict(zip(names, lists, strict=True))


def _pods(session: Session) -> set[str]:
    return {uid(pod) for pod in session.pods}


def _opted_out(session: Session, match: Match, protected: t.Container[str]) -> str:
    """What asks that a session be left alone, or an empty string."""
    if session.namespace in protected:
        return f"Namespace {session.namespace}"
    marked = [obj for obj in (*session.proxies, *match.candidates) if ignored(obj)]
    return ref(marked[0]) if marked else ""
