# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Session records, summaries and diffs: what the modules return."""

from __future__ import annotations

import typing as t
from collections import Counter

from .._cluster import clock
from .._cluster.connect import Identity
from .._cluster.kinds import Object, ref, uid
from .._swaps.counts import replicas
from .._swaps.in_place import Rollback, summary_of
from .._swaps.liveness import Reading
from .._swaps.lost import Lost
from .._swaps.plan import Action, Case, Delete, Scale

Record = dict[str, t.Any]


def record(case: Case) -> Record:
    """The public record of one session."""
    session = case.session
    return {
        "session_id": session.session_id or None,
        "namespace": session.namespace,
        "client_version": session.client_version,
        "mode": session.mode,
        "proxy": _proxy(session.proxies[0]) if session.proxies else None,
        "verdict": case.verdict,
        "reason": case.judgement.reason,
        "probes": _probes(case.readings),
        "original": _original(case),
        "replicas": case.replicas,
        "evidence": [evidence.as_dict() for evidence in case.evidence],
        "managed_by": [str(one) for one in case.managed_by],
        "plan": _plan(case),
        "outcome": case.outcome,
        "message": " ".join([case.message, *case.remarks]),
    }


def lost_record(lost: Lost) -> Record:
    """The public record of one lost original: as that of a session, without what only a session has."""
    return {
        "namespace": lost.original["metadata"]["namespace"],
        "original": {**_named(lost.original), "replicas": _now(lost.original, lost.done)},
        "replicas": lost.replicas,
        "evidence": [evidence.as_dict() for evidence in lost.evidence],
        "managed_by": [str(one) for one in lost.managed_by],
        "plan": _plan(lost),
        "outcome": lost.outcome,
        "message": " ".join([lost.message, *lost.remarks]),
    }


def result(
    cluster: Identity,
    cases: t.Sequence[Case],
    lost: t.Sequence[Lost],
    restorable: t.Container[str],
    limit_reached: bool = False,
) -> Record:
    """The keys that both modules return: cluster, sessions, orphans, lost, summary."""
    records = [record(case) for case in cases]
    return {
        "cluster": cluster.as_dict(),
        "sessions": records,
        "orphans": [one for one in records if one["verdict"] in restorable],
        "lost": [lost_record(one) for one in lost],
        "summary": summary(cases, lost, limit_reached),
    }


def empty(cluster: Identity | None = None) -> Record:
    """The same keys for a run that failed before it saw a session."""
    return {
        "cluster": cluster.as_dict() if cluster else None,
        "sessions": [],
        "orphans": [],
        "lost": [],
        "summary": summary([], []),
        "notices": [],
    }


def summary(cases: t.Sequence[Case], lost: t.Sequence[Lost], limit_reached: bool = False) -> Record:
    """Counts by verdict and outcome, and whether a person has to look: not at a session that asks to be left alone.

    Nor at a lost original that nobody asked to put back: whoever scales a workload to 0 by hand leaves it just so.
    """
    stuck = any(one.outcome in ("failed", "needs_decision") for one in lost)
    outcomes = Counter(case.outcome for case in cases)
    unknown = any(case.verdict == "unknown" and not case.opted_out for case in cases)
    return {
        "sessions": len(cases),
        "verdicts": dict(Counter(case.verdict for case in cases)),
        "outcomes": dict(outcomes),
        "lost": len(lost),
        "needs_attention": bool(unknown or stuck or outcomes["failed"] or outcomes["needs_decision"] or limit_reached),
    }


def by_outcome(sessions: t.Sequence[Record]) -> dict[str, list[Record]]:
    """The records that telepresence_restore lists once more. Ansible takes the keys ``skipped`` and ``failed`` for the task's own state."""
    return {
        "restored": [one for one in sessions if one["outcome"] == "restored"],
        "skipped_sessions": [one for one in sessions if one["outcome"] in ("held", "needs_decision")],
        "failed_sessions": [one for one in sessions if one["outcome"] == "failed"],
    }


def diff(cases: t.Iterable[Case | Lost]) -> dict[str, dict[str, t.Any]]:
    """Before and after of everything that a run changed, or would change: replicas or definition of originals, presence of the rest."""
    before: dict[str, t.Any] = {}
    after: dict[str, t.Any] = {}
    for case in cases:
        for action in [*case.done, *(case.plan if case.outcome == "restorable" else [])]:
            name = ref(action.obj)
            if isinstance(action, Scale):
                before[name], after[name] = {"replicas": action.before}, {"replicas": action.after}
            elif isinstance(action, Rollback):
                before[name], after[name] = summary_of(action.obj), summary_of(action.body())
            elif isinstance(action, Delete):
                before[name], after[name] = "present", "absent"
    return {"before": before, "after": after}


def _proxy(proxy: Object) -> Record:
    return {**_named(proxy), "created": proxy["metadata"].get("creationTimestamp")}


def _original(case: Case) -> Record | None:
    original = case.match.original
    if original is None:
        return None
    return {
        **_named(original),
        "matched_by": case.match.matched_by,
        "replicas": _now(original, case.done),
    }


def _now(original: Object, done: t.Iterable[Action]) -> int:
    """The replicas that an original wants, after what was done."""
    scaled = [action.after for action in done if isinstance(action, (Scale, Rollback))]
    return scaled[-1] if scaled else replicas(original)


def _plan(case: Case | Lost) -> list[Record]:
    done = [{**action.as_dict(), "done": True} for action in case.done]
    return done + [{**action.as_dict(), "done": False} for action in case.plan]


def _named(obj: Object) -> Record:
    meta = obj["metadata"]
    return {
        "api_version": obj["apiVersion"],
        "kind": obj["kind"],
        "namespace": meta["namespace"],
        "name": meta["name"],
        "uid": uid(obj),
    }


def _probes(readings: t.Sequence[Reading]) -> Record:
    """What the proxies said: of the first reading, on which the verdict stands, and the state of every pod."""
    probes: Record = {
        "http": None,
        "sockets": None,
        "log": None,
        "containers": {one.pod: one.state for one in readings},
    }
    if not readings:
        return probes
    reading = readings[0]
    probes["http"] = "alive" if reading.alive_by_proxy else reading.http
    if reading.answer:
        answer = reading.answer
        probes["sockets"] = {
            "clock": clock.text(answer.clock),
            "listening": answer.listening,
            "sshd": answer.sshd,
            "tunnels": answer.tunnels,
        }
    if reading.log:
        log = reading.log
        probes["log"] = {
            "last_alive": clock.text(log.last_alive),
            "failing_since": clock.text(log.failing_since),
            "failing_until": clock.text(log.failing_until),
            "failures": log.failures,
        }
    return probes
