# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Where the count of an original is written down: at the swap, by its owner, and by what once was."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from .._cluster import clock
from .._cluster.access import RECORD
from .._cluster.kinds import DEPLOYMENT_CONFIG, Object, annotations_of, controller, dig, number, ref, uid, whole
from . import helm
from .counts import Evidence
from .managers import targets
from .openshift import REPLICAS, latest_rollout
from .originals import last_applied
from .record import Note, Record, key_of
from .sessions import LABEL, Session

SCALED_TO_ZERO = tuple(
    re.compile(text)
    for text in (
        r"Scaled down replica set (?P<name>\S+) to 0(?: from (?P<before>\d+))?$",
        r"Scaled down replica set (?P<name>\S+) from (?P<before>\d+) to 0$",
        r'Scaled replication controller "(?P<name>[^"]+)" from (?P<before>\d+) to 0$',
    )
)
"""The texts of the deployment controller's event, of Kubernetes before, with and after pull requests 101142 and 125118, and of
OpenShift's (openshift-controller-manager, pkg/apps/deploymentconfig/deploymentconfig_controller.go)."""
BEFORE_SWAP, AFTER_SWAP = 5.0, 120.0
"""Seconds around the creation of the proxy in which its client scales the original down (it does so at once)."""

DESIRED = "deployment.kubernetes.io/desired-replicas"
REVISION = "deployment.kubernetes.io/revision"
SETTLED = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
"""Fields of a Deployment's status that are equal while nothing is under way."""
TELEPOLICE = "telepolice/original-deployment"


@dataclass(frozen=True)
class Witnesses:
    """The objects of one namespace that may know a count, and what earlier runs noted there."""

    events: t.Sequence[Object] = ()
    replica_sets: t.Sequence[Object] = ()
    autoscalers: t.Sequence[Object] = ()
    controllers: t.Sequence[Object] = ()
    record: Record = field(default_factory=Record)
    releases: t.Sequence[Object] = ()


def gather(session: Session, original: Object, witnesses: Witnesses, told: t.Mapping[str, int]) -> list[Evidence]:
    """All evidence on the count of an original, best first. ``session``: the oldest one that replaced it."""
    meta = original["metadata"]
    found = []
    name = f"{meta['namespace']}/{meta['name']}"
    if name in told:
        found.append(Evidence("told", "told", told[name], None, ref(original)))
    rollout = latest_rollout(original, witnesses.controllers)
    found += _scaling_events(session, original, witnesses.events, rollout)
    found += _applied_by_swap(session, original)
    found += _recorded(session, original, witnesses.record)
    found += _declared(session, original, witnesses.autoscalers)
    found += helm.declared(original, witnesses.releases)
    found += _historic(original, witnesses.replica_sets)
    held = number(annotations_of(rollout).get(REPLICAS)) if rollout else None
    if rollout and held is not None:
        found.append(Evidence("rollout", "historic", held, None, ref(rollout)))
    return found


def _scaling_events(
    session: Session, original: Object, events: t.Iterable[Object], rollout: Object | None
) -> list[Evidence]:
    at_the_swap = []
    for event in events:
        if (event.get("involvedObject") or {}).get("uid") != uid(original):
            continue
        message = str(event.get("message"))
        text = next((match for match in (pattern.match(message) for pattern in SCALED_TO_ZERO) if match), None)
        if text and original["kind"] == DEPLOYMENT_CONFIG.name and text["name"] != dig(rollout, "metadata", "name"):
            # One whose rollout failed held a part of the count, or none of it.
            continue
        # A repeated event is counted up: its text held the first time as well as the last.
        times = [event.get(key) for key in ("firstTimestamp", "lastTimestamp", "eventTime")]
        seen = next((time for time in times if _at_the_swap(time, session)), None)
        if text and seen:
            at_the_swap.append((text, seen, ref(event)))
    if len({found[0]["name"] for found in at_the_swap}) != 1:
        # In the middle of a rollout each ReplicaSet held a part of the count.
        return []
    counts = [(number(text["before"]), seen, name) for text, seen, name in at_the_swap]
    return [Evidence("scaling_event", "swap", count, seen, name) for count, seen, name in counts if count is not None]


def _at_the_swap(time: str | None, session: Session) -> bool:
    at = clock.parse(time)
    return at is not None and -BEFORE_SWAP <= at - session.created <= AFTER_SWAP


def _applied_by_swap(session: Session, original: Object) -> list[Evidence]:
    """The count in the status that kubectl apply stored with the proxy, where it is the original's and was settled."""
    found = []
    for proxy in session.proxies:
        if uid(proxy) == uid(original):
            # Changed in place: what was applied to it once says nothing of the moment of the swap.
            continue
        stored = last_applied(proxy)
        counts = {whole(dig(stored, "status", key)) for key in SETTLED}
        settled = len(counts) == 1 and dig(stored, "status", "observedGeneration") == dig(
            stored, "metadata", "generation"
        )
        count = counts.pop()
        if dig(stored, "metadata", "uid") == uid(original) and settled and count is not None:
            time = proxy["metadata"].get("creationTimestamp")
            found.append(Evidence("proxy_last_applied", "swap", count, time, ref(proxy)))
    return found


def _recorded(session: Session, original: Object, record: Record) -> list[Evidence]:
    """What was noted of the session itself, then what was noted of its original before the swap, or told since."""
    of_session, of_original = record.sessions.get(session.session_id), record.workloads.get(key_of(original))
    found = []
    if of_session and of_session.uid == uid(original):
        found.append(evidence_of("session_record", of_session, original))
    if of_original and of_original.uid == uid(original) and _holds(of_original, session):
        found.append(evidence_of("baseline", of_original, original))
    return found


def _holds(note: Note, session: Session) -> bool:
    """Whether a note tells what there was before a session: what the user told does, whenever it was noted."""
    noted_at = clock.parse(note.time)
    return note.source == "told" or (noted_at is not None and noted_at < session.created)


def evidence_of(source: str, note: Note, original: Object) -> Evidence:
    """What a note says of the count of an original."""
    where = f"ConfigMap {original['metadata']['namespace']}/{RECORD}"
    return Evidence(source, "recorded", note.replicas, note.time, where)


def _declared(session: Session, original: Object, autoscalers: t.Iterable[Object]) -> list[Evidence]:
    found = []
    stored = last_applied(original)
    applied = whole(dig(stored, "spec", "replicas"))
    # Replacing an object stores what it was replaced by (kubectl 1.34, pkg/cmd/replace): of a change in place, the client's 1.
    if applied is not None and not dig(stored, "metadata", "labels", LABEL):
        found.append(Evidence("last_applied", "declared", applied, None, ref(original)))
    for proxy in session.proxies:
        noted = annotations_of(proxy)
        count = number(noted.get(f"{TELEPOLICE}-replicas"))
        if noted.get(TELEPOLICE) == original["metadata"]["name"] and count is not None:
            found.append(Evidence("telepolice", "declared", count, None, ref(proxy)))
    for autoscaler in autoscalers:
        least = whole(dig(autoscaler, "spec", "minReplicas"))
        if targets(autoscaler, original) and least is not None:
            found.append(Evidence("autoscaler_minimum", "declared", least, None, ref(autoscaler)))
    return found


def _historic(original: Object, replica_sets: t.Iterable[Object]) -> list[Evidence]:
    """What the newest ReplicaSet of an earlier revision was last scaled to; that of the present one says 0 after a swap."""
    present = annotations_of(original).get(REVISION)
    earlier = []
    for replica_set in replica_sets:
        noted = annotations_of(replica_set)
        revision, desired = number(noted.get(REVISION)), number(noted.get(DESIRED))
        ours = (controller(replica_set) or {}).get("uid") == uid(original) and noted.get(REVISION) != present
        if ours and revision is not None and desired is not None:
            earlier.append((revision, desired, ref(replica_set)))
    if not earlier:
        return []
    count, name = max(earlier)[1:]
    return [Evidence("earlier_replica_set", "historic", count, None, name)]
