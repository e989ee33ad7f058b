# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The Event on a workload that was put back: what was done, for which session, on what evidence. It outlives the proxy."""

from __future__ import annotations

import hashlib
import typing as t

from .._cluster import clock
from .._cluster.api import Api
from .._cluster.errors import ClusterError
from .._cluster.kinds import EVENT, Object, ref, uid
from .counts import Evidence
from .in_place import Rollback
from .plan import Case, Scale

REASON = "TelepresenceRestored"
COMPONENT = "devclusters.telepresence"
LONGEST_NAME = 253
"""Characters of an object's name (kubernetes 1.34, apimachinery/pkg/util/validation, DNS1123SubdomainMaxLength)."""
LONGEST_MESSAGE = 1024
"""Bytes of an Event's message (kubernetes 1.34, pkg/apis/core/validation/events.go, NoteLengthLimit)."""


def write_event(api: Api, change: Scale | Rollback, subject: str, message: str) -> str:
    """Writes the Event on the workload of a change that was made. Raises nothing: what went wrong, in a sentence, or an empty string.

    ``subject``: for what it was done (a session's id), so that one reason leaves one Event, however often it is written.
    """
    body = event(change, subject, message, api.now())
    where = EVENT.path(body["metadata"]["namespace"])
    try:
        api.send("post", where, f"write an Event on {ref(change.obj)}", body)
    except ClusterError as error:
        return "" if error.reason == "AlreadyExists" else str(error)
    return ""


def event(change: Scale | Rollback, subject: str, message: str, now: float) -> Object:
    """The Event as it is written. ``now``: the API server's clock, seconds since the epoch."""
    meta = change.obj["metadata"]
    tail = "." + hashlib.sha256(f"{uid(change.obj)}/{subject}".encode()).hexdigest()[:16]
    involved = {"apiVersion": change.obj["apiVersion"], "kind": change.obj["kind"]}
    return {
        "apiVersion": EVENT.api_version,
        "kind": EVENT.name,
        "metadata": {
            "name": meta["name"][: LONGEST_NAME - len(tail)].rstrip("-.") + tail,
            "namespace": meta["namespace"],
        },
        "involvedObject": {**involved, **{key: meta[key] for key in ("namespace", "name", "uid")}},
        "reason": REASON,
        "message": _cut(message),
        "type": "Normal",
        "count": 1,
        "firstTimestamp": clock.text(now),
        "lastTimestamp": clock.text(now),
        "source": {"component": COMPONENT},
        "reportingComponent": COMPONENT,
    }


def restored_for(case: Case, change: Scale | Rollback) -> str:
    """The message of the Event for a session."""
    session = case.session
    gone = f"Telepresence session {session.session_id} ({case.verdict})"
    proxy = f", proxy {ref(session.proxies[0])}" if session.proxies else ""
    count = f"from {change.before} back to {change.after}"
    what = (
        f"Scaled {count}"
        if isinstance(change, Scale)
        else f"Given back what {ref(change.source)} kept of it, and scaled {count},"
    )
    return f"{what} for {gone}{proxy}. {_because(case.evidence, change.after)}"


def restored_lost(evidence: t.Sequence[Evidence], scale: Scale) -> str:
    """The message of the Event for a lost original."""
    lost = "it had lost its replicas, and no Telepresence session was left"
    return f"Scaled from {scale.before} back to {scale.after}: {lost}. {_because(evidence, scale.after)}"


def _because(evidence: t.Sequence[Evidence], count: int) -> str:
    for one in evidence:
        if one.value == count:
            return f"Evidence of class {one.cls}: {one.source} of {one.object} says {count}."
    return "The evidence is no longer at hand."


def _cut(message: str) -> str:
    data = message.encode()
    return message if len(data) <= LONGEST_MESSAGE else data[: LONGEST_MESSAGE - 3].decode(errors="ignore") + "…"
