# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plain sentences about the result of a module, for the terminal.

In: the result of M(devclusters.telepresence.telepresence_restore) or of M(devclusters.telepresence.telepresence_orphans) as
plain data. Out: text. No input or output happens here.

Names, messages and log lines come from clusters in which many people may write, so nothing of them may steer a terminal: every
text passes through :func:`clean`.

This is private to the collection.
"""

from __future__ import annotations

import typing as t
from collections import Counter

from .._cluster import clock
from .._cluster.foreign import LONGEST_TEXT, clean

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_LABELS = {
    "alive": "alive",
    "starting": "starting",
    "restored": "restored",
    "restorable": "restorable",
    "needs_decision": "needing a decision",
    "failed": "failed",
    "held": "held",
    "suspended": "suspended",
    "clientless": "clientless",
    "stale": "stale",
    "ended": "ended",
    "terminating": "terminating",
    "unknown": "unknown",
    "lost": "lost",
}
"""The states of :func:`state` in the order in which a summary names them."""

_SOURCES = {
    "told": "you said",
    "scaling_event": "the scaling event says",
    "proxy_last_applied": "the last-applied configuration of the proxy says",
    "session_record": "the note of the session says",
    "baseline": "the note of the workload says",
    "helm_release": "the Helm release says",
    "last_applied": "the last-applied configuration says",
    "telepolice": "telepolice's annotation says",
    "autoscaler_minimum": "the autoscaler's minimum is",
    "earlier_replica_set": "an earlier ReplicaSet says",
}


def entries(result: Mapping[str, t.Any]) -> list[Mapping[str, t.Any]]:
    """The sessions of a result, then its lost workloads as sessions without a proxy, of the verdict ``lost``."""
    return [*(result.get("sessions") or []), *({**lost, "verdict": "lost"} for lost in result.get("lost") or [])]


def failure(result: Mapping[str, t.Any]) -> str | None:
    """Why the cluster of this result could not be worked on, in one sentence, or None where it could.

    A module also fails where a session failed: then it is the sessions that tell.
    """
    if not result.get("msg") or any(state(entry) == "failed" for entry in entries(result)):
        return None
    return clean(result["msg"], LONGEST_TEXT)


def state(session: Mapping[str, t.Any]) -> str:
    """What counts of a session: what became of it, or where nothing was to be done, its verdict."""
    outcome = str(session.get("outcome", "none"))
    return str(session.get("verdict", "unknown")) if outcome == "none" else outcome


def subject(session: Mapping[str, t.Any]) -> str:
    """``NAMESPACE/NAME`` of the workload that a session replaced, else of the proxy itself."""
    original = session.get("original")
    if original:
        return clean(f"{original['namespace']}/{original['name']}")
    proxy = session.get("proxy")
    return clean(f"{session['namespace']}/{proxy['name'] if proxy else session['session_id']} (proxy)")


def last_alive(session: Mapping[str, t.Any]) -> str | None:
    """When the client was last seen alive, such as ``last alive 2 h ago``, or None where the log does not tell.

    Both times are read from the clock of the pod, so the clock of the controller does not matter.
    """
    probes = session.get("probes") or {}
    seen = clock.parse((probes.get("log") or {}).get("last_alive"))
    now = clock.parse((probes.get("sockets") or {}).get("clock"))
    if seen is None:
        return None
    return f"last alive {clock.span(now - seen)} ago" if now else f"last alive {clock.text(seen)}"


def evidence_words(evidence: Mapping[str, t.Any]) -> str:
    """One reading of a count in words, such as ``the scaling event says 3``."""
    source = str(evidence.get("source", "evidence"))
    return clean(f"{_SOURCES.get(source, source.replace('_', ' ') + ' says')} {evidence.get('value')}")


def _scales(session: Mapping[str, t.Any]) -> list[Mapping[str, t.Any]]:
    """The steps of a plan that set replicas."""
    return [step for step in session.get("plan") or [] if step.get("action") == "scale"]


def action(session: Mapping[str, t.Any], done: bool) -> str:
    """What a plan did or would do, in words that follow the name of the workload."""
    scales = _scales(session)
    if scales:
        return clean(f"{'restored' if done else 'would restore'} to {scales[-1].get('after')}")
    return "proxy removed" if done else "would remove the proxy"


def session_line(session: Mapping[str, t.Any]) -> str:
    """One line about one session: what it replaced, what became of it, why. A short record has it ready (:mod:`short`)."""
    if "line" in session:
        return clean(session["line"], LONGEST_TEXT)
    verdict = str(session.get("verdict", "unknown"))
    outcome = str(session.get("outcome", "none"))
    message = clean(session.get("message") or session.get("reason") or "no reason was given")
    if outcome in ("restored", "restorable"):
        best = next(iter(session.get("evidence") or []), None)
        why = ", ".join(filter(None, (verdict, last_alive(session))))
        because = f"; {evidence_words(best)}" if best and _scales(session) else ""
        return f"{subject(session)}: {action(session, outcome == 'restored')} ({clean(why)}{because})"
    if outcome == "none":
        return f"{subject(session)}: {clean(verdict)}, left alone - {clean(session.get('reason') or message)}"
    words = "needs a decision" if outcome == "needs_decision" else clean(outcome)
    return f"{subject(session)}: {words} - {message}"


def summary_line(found: Iterable[Mapping[str, t.Any]]) -> str:
    """How many sessions and lost workloads there are and what became of them.

    Such as ``3 sessions: 1 alive, 2 restored``, or ``no sessions, 2 lost workloads: 1 restored, 1 lost``.
    """
    found = list(found)
    sessions = [state(entry) for entry in found if entry.get("verdict") != "lost"]
    lost = [state(entry) for entry in found if entry.get("verdict") == "lost"]
    return _counted(sessions, "session") + (f", {_counted(lost, 'lost workload')}" if lost else "")


def _counted(states: t.Sequence[str], what: str) -> str:
    counts = Counter(states)
    if not counts:
        return f"no {what}s"
    order = [*_LABELS, *sorted(counts.keys() - _LABELS.keys())]
    parts = ", ".join(f"{counts[key]} {_LABELS.get(key, clean(key))}" for key in order if counts[key])
    return f"{len(states)} {what}{'s' if len(states) > 1 else ''}: {parts}"


def session_lines(result: Mapping[str, t.Any]) -> list[str]:
    """One line per session that is not alive, per lost workload and per notice, then a summary line, or why the cluster could not be worked on."""
    found = entries(result)
    lines = [session_line(entry) for entry in found if state(entry) != "alive"]
    return [*lines, *notices(result), failure(result) or summary_line(found)]


def notices(result: Mapping[str, t.Any]) -> list[str]:
    """The sentences about a run as a whole."""
    return [clean(notice, 1000) for notice in result.get("notices") or []]


def session_problem(result: Mapping[str, t.Any]) -> str:
    """Why somebody has to look at this cluster, in one sentence; empty where all is well."""
    problem = failure(result)
    if problem:
        return problem
    if not (result.get("summary") or {}).get("needs_attention"):
        return ""
    facts = digest(result)
    causes = [
        f"{len(facts[key])} {words} ({', '.join(facts[key])})"
        for key, words in (
            ("needs_decision", "to be decided"),
            ("failed", "failed"),
            ("unknown", "that could not be judged"),
            ("held", "held back"),
        )
        if facts[key]
    ]
    return clean(f"Somebody has to look at sessions: {', '.join(causes) or 'see the report'}.", LONGEST_TEXT)


def digest(result: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The few facts about a cluster that are worth handing to later jobs: summary, error, and names by what became of them."""
    facts: dict[str, t.Any] = {"summary": result.get("summary") or {}, "error": failure(result)}
    found = entries(result)
    for key in ("restored", "restorable", "held", "needs_decision", "failed", "unknown", "lost"):
        facts[key] = [subject(entry) for entry in found if state(entry) == key]
    return facts
