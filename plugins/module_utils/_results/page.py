# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the report page shows, arranged for its template.

In: a report as the role ``recover`` writes it to ``recover.json``. Out: plain lists and dictionaries of texts, cleaned by
:func:`foreign.clean` but not escaped for HTML. No input or output happens here.

This is private to the collection.
"""

from __future__ import annotations

import json
import re
import shlex
import typing as t

from .._cluster import clock
from .._cluster.foreign import LONGEST_TEXT, clean
from .text import (
    entries,
    evidence_words,
    failure,
    notices,
    state,
    subject,
    summary_line,
)

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Session = Mapping[str, t.Any]
    View = dict[str, t.Any]

_GROUPS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("Needs a decision", ("needs_decision",), "ask"),
    ("Failed", ("failed",), "bad"),
    ("Could not be judged", ("unknown",), "ask"),
    ("Restored", ("restored",), "good"),
    ("Would be restored", ("restorable",), "note"),
    ("Held back", ("held",), "wait"),
    ("Lost, and left alone", ("lost",), "note"),
)
"""Title, states and tone of the groups that come first, the most urgent at the top."""

_GROUPED = {"alive", *(name for _title, names, _tone in _GROUPS for name in names)}

_TONES = {
    **{name: tone for _title, names, tone in _GROUPS for name in names},
    "alive": "good",
    "starting": "good",
    "stale": "bad",
    "ended": "bad",
}

_NAME = re.compile(r"[a-z0-9][a-z0-9.-]*")
"""Names of objects in Kubernetes (RFC 1123 subdomains), and kinds in lower case."""


def page(report: Mapping[str, t.Any]) -> View:
    """The whole page: ``generated``, ``check_mode``, ``totals``, and ``clusters`` in the order of the report."""
    results: Mapping[str, t.Any] = report["clusters"]
    sessions = [entry for result in results.values() for entry in entries(result)]
    failed = sum(1 for result in results.values() if failure(result))
    states = [state(session) for session in sessions]
    restored = "Restored" if "restored" in states or "restorable" not in states else "Would be restored"
    totals = [
        ("Clusters", len(results), ""),
        ("Clusters failed", failed, "bad"),
        ("Sessions", sum(1 for session in sessions if session.get("verdict") != "lost"), ""),
        (restored, states.count("restored") + states.count("restorable"), "good"),
        ("Held back", states.count("held"), "wait"),
        ("Lost", states.count("lost"), "note"),
        ("Need a decision", states.count("needs_decision") + states.count("unknown"), "ask"),
        ("Failed", states.count("failed"), "bad"),
    ]
    return {
        "generated": _time(report.get("generated")),
        "check_mode": bool(report.get("check_mode")),
        "totals": [{"label": label, "value": value, "tone": tone if value else ""} for label, value, tone in totals],
        "clusters": [_cluster(name, results[name], index) for index, name in enumerate(results)],
    }


def _cluster(name: str, result: Mapping[str, t.Any], index: int) -> View:
    identity = result.get("cluster") or {}
    sessions = entries(result)
    groups = [(title, tone, [item for item in sessions if state(item) in names]) for title, names, tone in _GROUPS]
    groups.append(("Left alone", "", [item for item in sessions if state(item) not in _GROUPED]))
    return {
        "name": clean(name),
        "anchor": f"cluster-{index}",
        "error": failure(result),
        "identity": [clean(text) for text in _identity(identity)],
        "summary": summary_line(sessions) if sessions or not failure(result) else "",
        "notices": notices(result),
        "groups": [
            {"title": title, "tone": tone, "sessions": [_session(name, item) for item in members]}
            for title, tone, members in groups
            if members
        ],
        "alive": [_session(name, item) for item in sessions if state(item) == "alive"],
    }


def _identity(cluster: Mapping[str, t.Any]) -> Iterable[str]:
    if cluster.get("server"):
        yield str(cluster["server"])
    if cluster.get("version"):
        yield f"Kubernetes {cluster['version']}"
    if cluster.get("user"):
        yield f"as {cluster['user']}"
    if cluster.get("identity"):
        yield f"{cluster.get('identity_source') or 'identity'} {cluster['identity']}"


def _session(host: str, session: Session) -> View:
    outcome = str(session.get("outcome", "none"))
    verdict = str(session.get("verdict", "unknown"))
    chips = [{"text": clean(verdict), "tone": _TONES.get(verdict, "")}]
    if outcome != "none":
        chips.append({"text": clean(outcome.replace("_", " ")), "tone": _TONES.get(outcome, "")})
    done = outcome == "restored"
    plan = session.get("plan") or []
    message = clean(session.get("message") or "", LONGEST_TEXT)
    reason = clean(session.get("reason") or "", LONGEST_TEXT)
    return {
        "name": subject(session),
        "kind": clean((session.get("original") or session.get("proxy") or {"kind": ""})["kind"]),
        "chips": chips,
        "message": message,
        "reason": reason if reason != message else "",
        "facts": [(label, clean(value)) for label, value in _facts(session)],
        "evidence": [_evidence(item) for item in session.get("evidence") or []],
        "probes": [(label, clean(value)) for label, value in _probes(session.get("probes") or {})],
        "plan_title": "What was done" if done else "What would be done" if outcome == "restorable" else "The plan",
        "plan": [_step(step) for step in plan],
        "choices": _choices(host, session) if state(session) in ("needs_decision", "lost") else [],
    }


def _facts(session: Session) -> Iterable[tuple[str, str]]:
    proxy = session.get("proxy")
    if proxy:
        yield "Proxy", f"{proxy['kind']} {proxy['namespace']}/{proxy['name']}"
        yield "Made", _time(proxy.get("created"))
    if session.get("mode"):
        yield "Client", f"Telepresence {session.get('client_version') or 'of unknown version'}, {session['mode']}"
    if session.get("verdict") != "lost":
        yield "Session", str(session.get("session_id") or "none")
    original = session.get("original")
    if original and "replicas" in original:
        yield "Replicas now", str(original["replicas"])
        yield "Found by", str(original.get("matched_by") or "")
    if session.get("managed_by"):
        yield "Managed by", ", ".join(map(str, session["managed_by"]))


def _evidence(item: Mapping[str, t.Any]) -> View:
    source = str(item.get("source", "")).replace("_", " ")
    return {
        "class": clean(item.get("class", "")),
        "source": clean(source),
        "value": clean(item.get("value", "")),
        "time": _time(item.get("time")),
        "object": clean(item.get("object") or ""),
    }


def _probes(probes: Mapping[str, t.Any]) -> Iterable[tuple[str, str]]:
    if not probes:
        return
    yield "HEAD on port 9055", str(probes.get("http") or "not asked")
    sockets = probes.get("sockets")
    if sockets:
        listening = "a listener on 9055" if sockets.get("listening") else "no listener on 9055"
        sshd = "sshd runs" if sockets.get("sshd") else "no sshd"
        tunnels = sockets.get("tunnels")
        yield "Sockets", f"{listening}, {tunnels} tunnel{'' if tunnels == 1 else 's'} on 8022, {sshd}"
    log = probes.get("log")
    if log:
        yield "Log: last alive", _time(log.get("last_alive")) or "never"
        if log.get("failures"):
            failing = f"{_time(log.get('failing_since'))} to {_time(log.get('failing_until'))}"
            yield "Log: failed polls", f"{log['failures']}, from {failing}"
    containers = probes.get("containers") or {}
    if containers:
        yield "Proxy container", ", ".join(f"{pod}: {status}" for pod, status in sorted(containers.items()))


def _step(step: Mapping[str, t.Any]) -> View:
    change = f"{step['before']} → {step['after']}" if "after" in step else ""
    return {
        "action": clean(step.get("action", "")),
        "object": clean(step.get("object", "")),
        "change": clean(change),
        "state": "done" if step.get("done") else "not done",
    }


def _choices(host: str, session: Session) -> list[View]:
    """What a person can do about a session whose count is not settled: a sentence and a command for each way out."""
    original = session.get("original") or {}
    namespace, name, kind = (str(original.get(key, "")) for key in ("namespace", "name", "kind"))
    # Whoever copies a command runs it: only what can be a name goes into one.
    if not all(_NAME.fullmatch(text) for text in (namespace, name, kind.lower())):
        return []
    workload, lost = f"{namespace}/{name}", session.get("verdict") == "lost"
    proposals = {str(item.get("value")): evidence_words(item) for item in reversed(session.get("evidence") or [])}
    ways = [(f"Restore to {clean(value)}: {words}", value) for value, words in reversed(list(proposals.items()))]
    choices = [
        {"text": text, "command": _command(host, workload, value, lost)}
        for text, value in ways
        if value.isdecimal() and value != "0"
    ] or [{"text": "Restore to the count you know, in place of N", "command": _command(host, workload, "N", lost)}]
    annotate = [
        "kubectl",
        "--namespace",
        namespace,
        "annotate",
        kind.lower(),
        name,
        "devclusters.telepresence/ignore=true",
    ]
    if lost:
        choices.append(
            {"text": "Note that it is at 0 on purpose", "command": _zero_on_purpose(host, namespace, workload)}
        )
    choices.append({"text": "Leave it alone in every later run", "command": shlex.join(annotate)})
    return choices


def _command(host: str, workload: str, value: str, lost: bool) -> str:
    # Two lines: the page is read on narrow screens too. N stays a bare word, to be replaced by a number.
    replicas = {"recover_replicas": {workload: "COUNT"}, **({"recover_restore_lost": True} if lost else {})}
    variables = json.dumps(replicas).replace('"COUNT"', value)
    return _play("recover", host) + " \\\n  " + shlex.join(["-e", f"recover_workload={workload}", "-e", variables])


def _zero_on_purpose(host: str, namespace: str, workload: str) -> str:
    variables = json.dumps({"baseline_namespaces": [namespace], "baseline_replicas": {workload: 0}})
    return _play("baseline", host) + " \\\n  " + shlex.join(["-e", variables])


def _play(playbook: str, host: str) -> str:
    return shlex.join(
        ["ansible-playbook", f"devclusters.telepresence.{playbook}", "-i", "INVENTORY", "--limit", clean(host)]
    )


def _time(text: t.Any) -> str:
    """A time as people read it, or the cleaned text itself where it is none; nothing for None."""
    if text is None:
        return ""
    read = clock.text(clock.parse(str(text)))
    return read.replace("T", " ").replace("Z", " UTC") if read else clean(text)
