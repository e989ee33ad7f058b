# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.
"""What earlier runs noted in one ConfigMap per namespace: the counts of workloads that were well, and those of sessions when first seen.

The ConfigMap is written by people with rights in its namespace as well: nothing in it is believed that this collection would not write.
"""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass, field

from .._cluster import clock
from .._cluster.access import RECORD
from .._cluster.kinds import CONFIG_MAP, Object, dig, whole
from .sessions import SESSION_ID

LABELS = {"app.kubernetes.io/managed-by": "devclusters.telepresence", "devclusters.telepresence/record": "v1"}
SELECTOR = "devclusters.telepresence/record=v1"
"""One list over all namespaces finds every record, and none of a later version that this one could not read."""
NAMED = f"metadata.name={RECORD}"
"""The same list by name too: then a right on the objects of this name suffices."""
NOWHERE = "1"
"""The resourceVersion of no ConfigMap there ever is: applied with it, one is created, but none that exists is replaced (measured on
Kubernetes 1.34.4: 201, then 409)."""

WORKLOAD = re.compile(r"(Deployment|DeploymentConfig|StatefulSet)/[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
SHAPES = {"workload": WORKLOAD, "uid": re.compile(r"[-0-9A-Za-z]{1,64}"), "source": re.compile(r"[a-z_]{1,40}")}
LARGEST = 2**31 - 1


@dataclass(frozen=True)
class Autoscaler:
    """A HorizontalPodAutoscaler as it was when the count of its workload was noted. ``desired`` is what it wanted just then."""

    name: str
    least: int | None
    most: int | None
    desired: int | None = field(compare=False)


@dataclass(frozen=True)
class Note:
    """One count: of ``workload`` (``Deployment/web``) with this ``uid``, so many ``replicas`` at ``time``, known from ``source``."""

    workload: str
    uid: str
    replicas: int
    source: str
    time: str
    autoscaler: Autoscaler | None = None

    def says_as(self, other: Note | None) -> bool:
        """Whether another note of the same workload says the same, whenever and from whatever it was noted."""
        mine = (self.uid, self.replicas, self.autoscaler)
        return other is not None and mine == (other.uid, other.replicas, other.autoscaler)


@dataclass(frozen=True)
class Record:
    """What is noted in one namespace: ``workloads`` by ``Kind/name``, ``sessions`` by session id."""

    workloads: t.Mapping[str, Note] = field(default_factory=dict)
    sessions: t.Mapping[str, Note] = field(default_factory=dict)


@dataclass(frozen=True)
class Stored:
    """A record as it lies in the cluster. ``version``: its resourceVersion; ``spoilt``: it holds what is not believed."""

    record: Record = field(default_factory=Record)
    version: str = NOWHERE
    spoilt: bool = False


def key_of(workload: Object) -> str:
    """How a workload is named in a record."""
    return f"{workload['kind']}/{workload['metadata']['name']}"


def parse(config_map: Object) -> Stored:
    """The record in a ConfigMap; whatever in it is no note of ours is left out. Never raises."""
    workloads, spoilt_workloads = _notes(dig(config_map, "data", "workloads"), WORKLOAD)
    sessions, spoilt_sessions = _notes(dig(config_map, "data", "sessions"), SESSION_ID)
    version = str(config_map["metadata"].get("resourceVersion") or NOWHERE)
    return Stored(Record(workloads, sessions), version, spoilt_workloads or spoilt_sessions)


def config_map(namespace: str, record: Record, version: str) -> Object:
    """The ConfigMap to be applied in place of the one of this version."""
    return {
        "apiVersion": CONFIG_MAP.api_version,
        "kind": CONFIG_MAP.name,
        "metadata": {"name": RECORD, "namespace": namespace, "labels": LABELS, "resourceVersion": version},
        "data": {"workloads": _text(record.workloads), "sessions": _text(record.sessions)},
    }


def _text(notes: t.Mapping[str, Note]) -> str:
    """One note on a line, so that people can read it."""
    lines = [f"{json.dumps(key)}: {json.dumps(_as_dict(key, note))}" for key, note in sorted(notes.items())]
    return "{" + ",\n ".join(lines) + "}"


def _as_dict(key: str, note: Note) -> dict[str, t.Any]:
    said: dict[str, t.Any] = {} if key == note.workload else {"workload": note.workload}
    said |= {"replicas": note.replicas, "uid": note.uid, "source": note.source, "time": note.time}
    if note.autoscaler:
        scaler = note.autoscaler
        counts = {"min": scaler.least, "max": scaler.most, "desired": scaler.desired}
        said["autoscaler"] = {"name": scaler.name, **counts}
    return said


def _notes(text: t.Any, key: t.Pattern[str]) -> tuple[dict[str, Note], bool]:
    """The notes in one text of the ConfigMap by their keys, and whether it holds anything else."""
    try:
        read = json.loads(text or "{}")
    except (TypeError, ValueError, RecursionError):
        return {}, True
    if not isinstance(read, dict):
        return {}, True
    notes = {name: _note(name, value) for name, value in read.items() if key.fullmatch(name)}
    good = {name: note for name, note in notes.items() if note}
    return good, len(good) < len(read)


def _note(key: str, value: t.Any) -> Note | None:
    texts = {name: dig(value, name) for name in ("uid", "source", "time")}
    texts["workload"] = key if WORKLOAD.fullmatch(key) else dig(value, "workload")
    count, scaler = whole(dig(value, "replicas")), dig(value, "autoscaler")
    if count is None or count > LARGEST or any(not isinstance(text, str) for text in texts.values()):
        return None
    if (
        not all(pattern.fullmatch(texts[name]) for name, pattern in SHAPES.items())
        or clock.parse(texts["time"]) is None
    ):
        return None
    return Note(**texts, replicas=count, autoscaler=None if scaler is None else _autoscaler(scaler))


def _autoscaler(value: t.Any) -> Autoscaler:
    least, most, desired = (whole(dig(value, key)) for key in ("min", "max", "desired"))
    return Autoscaler(str(dig(value, "name"))[:253], least, most, desired)
