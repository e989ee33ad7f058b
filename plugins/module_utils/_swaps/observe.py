# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Looks at a cluster: which sessions are there, do their clients live, what did they replace, what is to be done. Writes nothing."""

from __future__ import annotations

import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

from .._cluster import oc
from .._cluster.api import Api
from .._cluster.errors import ClusterError
from .._cluster.kinds import (
    AUTOSCALER,
    CONFIG_MAP,
    DEPLOYMENT,
    DEPLOYMENT_CONFIG,
    EVENT,
    NAMESPACE,
    POD,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    SECRET,
    SERVICE,
    Kind,
    Object,
    dig,
    ref,
    uid,
)
from . import helm, record
from .ask import look
from .counts import replicas
from .in_place import kept_count, way_back
from .liveness import Judgement, Reading, earliest
from .managers import helm_release, managers
from .options import Options
from .originals import Match, find
from .plan import Case, decide_all, over, rivals
from .record import Stored
from .sessions import IGNORE, SELECTOR, Key, Session, existing, ignored, recognise, session_of
from .turns import Turns
from .witnesses import Witnesses, gather

NOT_ASKED = Judgement("unknown", "It was not asked.", firm=False)
KEPT = "it has no session's label, so somebody keeps it for developers to connect to"
SCALING_EVENTS = {
    DEPLOYMENT.name: "reason=ScalingReplicaSet,involvedObject.kind=Deployment",
    DEPLOYMENT_CONFIG.name: "reason=ReplicationControllerScaled,involvedObject.kind=DeploymentConfig",
}
"""By kind of original, the events that tell of its scaling; the controller of StatefulSets tells of single pods only."""
GOING = (2.0, 3.0, 5.0)
"""Seconds between looks at pods whose Deployment has gone; the garbage collector marks them within one or two (Kubernetes 1.34.4)."""


class Observer:
    """Observes one cluster with one set of options. Every method raises ClusterError where the cluster cannot be read.

    ``kinds``: those of the workloads that are looked for. ``records``: what earlier runs noted, as last read, by namespace;
    without those that are to be left alone.
    """

    def __init__(self, api: Api, options: Options, pool: ThreadPoolExecutor, kinds: t.Sequence[Kind]):
        self.api = api
        self.options = options
        self.pool = pool
        self.kinds = kinds
        self.records: dict[str, Stored] = {}
        self._turns = Turns(pool, options.node_concurrency)

    def observe(self) -> list[Case]:
        """Every session in the namespaces of the run, judged and decided, oldest first."""
        cases = self.unasked(self.options.listed)
        if self.options.unlabelled:
            cases = sorted([*cases, *self._unlabelled()], key=lambda case: case.session.created)
        self._ask_all(cases, {}, ())
        self._look_twice(cases)
        self.decide(cases)
        return cases

    def observe_again(self, namespace: str, before: t.Mapping[Key, Case], due: t.AbstractSet[Key]) -> list[Case]:
        """All sessions of one namespace, anew: what is true now, for the writes that follow at once.

        ``before``: the cases known by session key. A verdict of theirs that is still young holds: each question is traffic
        that keeps a half-open tunnel alive. ``due``: those that are to be written for; an old verdict of one that has to do with
        none of them holds as well: its turn, and its question, come later.
        """
        cases = self.unasked([namespace], before.keys() - due - _rivals_of(due, before.values()))
        self._ask_all(cases, before, before.keys() - due - _rivals_of(due, cases))
        self.decide(cases)
        return cases

    def existing(self, namespaces: t.Iterable[str]) -> set[str]:
        """NAMESPACE/NAME of every workload in these namespaces, of the kinds that are looked for."""
        places = [(kind, namespace) for namespace in sorted(set(namespaces)) for kind in self.kinds]
        lists = self.pool.map(lambda place: self.api.list(place[0], place[1], metadata_only=True), places)
        return {f"{obj['metadata']['namespace']}/{obj['metadata']['name']}" for found in lists for obj in found}

    def unasked(self, namespaces: t.Sequence[str] | None, later: t.Container[Key] = ()) -> list[Case]:
        """The sessions in these namespaces (None: in all of the run) with their originals; no proxy is asked. Reads the records anew.

        ``later``: those for whose pods nobody waits that they go.
        """
        protected = self._protected(namespaces)
        stored = self.read_records(namespaces)
        # Other threads decide by the records meanwhile: none may be missing from them for a moment.
        for name in {*(namespaces or ()), *stored}:
            if name in stored and name not in protected:
                self.records[name] = stored[name]
            else:
                self.records.pop(name, None)
        return self._found(self._settled(namespaces, later), protected)

    def _settled(self, namespaces: t.Sequence[str] | None, later: t.Container[Key]) -> list[Session]:
        """The sessions, once the pods of proxies that somebody has just deleted have gone as well, or do not go at all."""
        sessions = self.sessions(namespaces)
        for pause in GOING:
            if not any(session.bereft and session.key not in later for session in sessions):
                break
            time.sleep(pause)
            sessions = self.sessions(namespaces)
        return sessions

    def proxies_now(self, namespace: str) -> dict[Key, list[Object]]:
        """By (namespace, session id), what stands in for the sessions of a namespace at this moment: no more than its metadata."""
        now: dict[Key, list[Object]] = {}
        for kind in (DEPLOYMENT, *(kind for kind in self.kinds if kind is DEPLOYMENT_CONFIG), POD):
            # The Pods of a proxy that is a workload are none themselves.
            known = set(now)
            for obj in self.api.list(kind, namespace, SELECTOR, metadata_only=True):
                key = (namespace, session_of(obj) or "")
                if key[1] and key not in known:
                    now.setdefault(key, []).append(obj)
        return now

    def sessions(self, namespaces: t.Sequence[str] | None) -> list[Session]:
        """The sessions in these namespaces (None: in all that the run looks at), oldest first."""
        places: t.Sequence[str | None] = [None] if namespaces is None else namespaces
        workloads = [DEPLOYMENT]
        if DEPLOYMENT_CONFIG in self.kinds:
            workloads += [DEPLOYMENT_CONFIG, REPLICATION_CONTROLLER]
        kinds = (*workloads, POD, SERVICE)
        lists = self.pool.map(self._labelled, [(kind, place) for kind in kinds for place in places])
        found: dict[str, list[Object]] = {kind.name: [] for kind in kinds}
        for obj in (obj for objects in lists for obj in objects):
            if self.options.wants(obj["metadata"]["namespace"]):
                found[obj["kind"]].append(obj)
        labelled = [obj for kind in workloads for obj in found[kind.name]]
        return recognise(labelled, found["Pod"], found["Service"], self.options.image)

    def _unlabelled(self) -> list[Case]:
        """Proxies without a session's label: never asked, never touched."""
        kinds = [DEPLOYMENT, *(kind for kind in self.kinds if kind is DEPLOYMENT_CONFIG)]
        found = [obj for kind in kinds for obj in self.all(kind, self.options.listed)]
        return [Case(session, NOT_ASKED, opted_out=KEPT) for session in existing(found, self.options.image)]

    def read_records(self, namespaces: t.Sequence[str] | None) -> dict[str, Stored]:
        """What earlier runs noted in these namespaces (None: in all that the run looks at), by namespace."""
        found = self.all(CONFIG_MAP, namespaces, record.SELECTOR, record.NAMED)
        return {one["metadata"]["namespace"]: record.parse(one) for one in found}

    def decide(self, cases: t.Sequence[Case]) -> None:
        """Gathers the evidence where a count is needed, and settles every case."""
        self._gather(cases)
        decide_all(cases, self.options.policy)

    def all(
        self,
        kind: Kind,
        namespaces: t.Sequence[str] | None,
        label_selector: str | None = None,
        field_selector: str | None = None,
    ) -> list[Object]:
        """The objects of a kind in these namespaces (None: in all that the run looks at)."""
        places: t.Sequence[str | None] = [None] if namespaces is None else namespaces
        lists = self.pool.map(lambda place: self.api.list(kind, place, label_selector, field_selector), places)
        return [obj for objects in lists for obj in objects if self.options.wants(obj["metadata"]["namespace"])]

    def _labelled(self, where: tuple[Kind, str | None]) -> list[Object]:
        kind, namespace = where
        return self.api.list(kind, namespace, label_selector=SELECTOR)

    def _found(self, sessions: t.Sequence[Session], protected: t.Container[str]) -> list[Case]:
        """The sessions with their originals, and who asks to be left alone; no proxy is asked for that."""
        swaps = [session for session in sessions if session.swaps and session.proxies]
        namespaces = {session.namespace for session in swaps}
        workloads = [self._by_namespace(kind, namespaces) for kind in self.kinds]
        matches = {
            session.key: find(session, [one for found in workloads for one in found[session.namespace]])
            for session in swaps
        }
        cases = []
        for session in sessions:
            match = matches.get(session.key, Match())
            cases.append(Case(session, NOT_ASKED, match=match, opted_out=_opted_out(session, match, protected)))
        return cases

    def namespaces(self, namespaces: t.Sequence[str] | None) -> list[Object]:
        """These namespaces (None: all)."""
        if self.options.listed is not None:
            return list(self.pool.map(self._namespace, namespaces or []))
        one = f"metadata.name={namespaces[0]}" if namespaces else None
        return self.api.list(NAMESPACE, field_selector=one, metadata_only=True)

    def _protected(self, namespaces: t.Sequence[str] | None) -> set[str]:
        """Which of these namespaces (None: of all) ask to be left alone."""
        return {one["metadata"]["name"] for one in self.namespaces(namespaces) if ignored(one)}

    def _namespace(self, name: str) -> Object:
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

    def _ask_all(self, cases: t.Sequence[Case], before: t.Mapping[Key, Case], later: t.Container[Key]) -> None:
        """Asks every session once, many at a time; see :meth:`observe_again`."""
        asked = [case for case in cases if not case.opted_out]
        self._turns.each(lambda case: self._ask(case, before.get(case.session.key), later), asked, _nodes)

    def _ask(self, case: Case, before: Case | None, later: t.Container[Key]) -> None:
        """Puts the questions to a session, or takes over earlier answers about the same pods.

        Only a verdict that condemns has to be young when it is acted on; any other can do no more than hold something back.
        """
        holds = before and (before.young or case.session.key in later or not over(before, self.options.policy))
        if before and holds and _pods(before.session) == _pods(case.session):
            case.take_answers(before)
        else:
            self._put_questions(case, before.first if before else {})

    def _put_questions(self, case: Case, first: t.Mapping[str, Reading]) -> None:
        options = self.options
        case.asked_at = time.monotonic()
        case.judgement, case.readings = look(
            self.api, case.session, options.probe, options.deadline, options.rules, first
        )
        case.answered_at = time.monotonic()
        case.first = {reading.pod: earliest(first.get(reading.pod), reading) for reading in case.readings}

    def _look_twice(self, cases: t.Sequence[Case]) -> None:
        """Asks those again whose second look could change what this run does, each when it is due."""
        waiting = [(case.answered_at + case.judgement.look_again, case) for case in cases if case.judgement.look_again]
        while waiting:
            time.sleep(max(0.0, min(pair[0] for pair in waiting) - time.monotonic()))
            now = time.monotonic()
            batch = [case for due, case in waiting if due <= now]
            waiting = [(due, case) for due, case in waiting if due > now]
            self._turns.each(lambda case: self._put_questions(case, case.first), batch, _nodes)

    def _gather(self, cases: t.Sequence[Case]) -> None:
        """Evidence for the originals of sessions that are over, where a count is needed, and the way back from changes in place."""
        wanting = [
            (case, case.match.original)
            for case in cases
            if case.match.original
            and over(case, self.options.policy)
            and (replicas(case.match.original) == 0 or _in_place(case.session))
        ]
        places: dict[str, set[str]] = {kind.name: set() for kind in self.kinds}
        for case, original in wanting:
            places[original["kind"]].add(case.session.namespace)
        events = {
            kind: self._by_namespace(EVENT, places.get(kind, ()), selector) for kind, selector in SCALING_EVENTS.items()
        }
        replica_sets = self._by_namespace(REPLICA_SET, places.get(DEPLOYMENT.name, ()))
        controllers = self._by_namespace(REPLICATION_CONTROLLER, places.get(DEPLOYMENT_CONFIG.name, ()))
        autoscalers = self._by_namespace(AUTOSCALER, set().union(*places.values()))
        releases = self._releases([original for _case, original in wanting])
        for case, original in wanting:
            here = case.session.namespace
            witnesses = Witnesses(
                events.get(original["kind"], {}).get(here, []),
                replica_sets.get(here, []),
                autoscalers[here],
                controllers.get(here, []),
                self.records.get(here, Stored()).record,
                releases,
            )
            case.evidence = gather(case.session, original, witnesses, self.options.replicas)
            case.managed_by = managers(original, autoscalers[here])
            if _in_place(case.session):
                case.way_back = way_back(case.session, original, witnesses.controllers, self.options.image)
                case.evidence += kept_count(case.way_back)
                case.obstacle = oc.missing(self.options.oc_binary)

    def _releases(self, originals: t.Iterable[Object]) -> list[Object]:
        """The Secrets of the Helm releases that these workloads belong to, as far as they may be read."""
        if not self.options.helm_releases:
            return []
        named = {release for release in map(helm_release, originals) if release and self.options.wants(release[0])}
        wanted = [(namespace, helm.selector(name)) for namespace, name in sorted(named) if namespace]
        lists = self.pool.map(
            lambda one: self.api.list(SECRET, one[0], one[1], helm.TYPE), [one for one in wanted if one[1]]
        )
        return [secret for found in lists for secret in found]

    def _by_namespace(
        self, kind: Kind, namespaces: t.Iterable[str], field_selector: str | None = None
    ) -> dict[str, list[Object]]:
        names = sorted(namespaces)
        lists = self.pool.map(lambda name: self.api.list(kind, name, field_selector=field_selector), names)
        return dict(zip(names, lists, strict=True))


def _in_place(session: Session) -> bool:
    """Whether OpenShift itself keeps what the session changed."""
    return bool(session.proxies) and session.proxies[0]["kind"] in (DEPLOYMENT_CONFIG.name, REPLICATION_CONTROLLER.name)


def _rivals_of(keys: t.Container[Key], cases: t.Collection[Case]) -> set[Key]:
    return {rival.session.key for rival in rivals([case for case in cases if case.session.key in keys], cases)}


def _nodes(case: Case) -> set[str]:
    """The nodes whose kubelets the questions to a session reach; a pod without one is not asked."""
    return {str(node) for pod in case.session.pods if (node := dig(pod, "spec", "nodeName"))}


def _pods(session: Session) -> set[str]:
    return {uid(pod) for pod in session.pods}


def _opted_out(session: Session, match: Match, protected: t.Container[str]) -> str:
    """Why a session is to be left alone, or an empty string."""
    marked = [ref(obj) for obj in (*session.proxies, *match.candidates) if ignored(obj)]
    if session.namespace in protected:
        marked.insert(0, f"Namespace {session.namespace}")
    return f"{marked[0]} is annotated {IGNORE}" if marked else ""
