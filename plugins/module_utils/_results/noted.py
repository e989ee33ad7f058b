# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What telepresence_baseline returns: per namespace what is noted, and the difference to before."""

from __future__ import annotations

import typing as t

from .._cluster.access import RECORD
from .._cluster.connect import Identity
from .._swaps.keep import Kept
from .._swaps.record import Note, Record, Stored

Result = dict[str, t.Any]


def result(cluster: Identity, kept: t.Sequence[Kept]) -> Result:
    """The keys that telepresence_baseline returns."""
    records = [_record(one) for one in kept if one.after != Record() or one.changed or one.problem]
    changed = [one for one in kept if one.changed]
    return {
        "changed": bool(changed),
        "diff": {
            "before": {_name(one): _shown(one.before.record) for one in changed},
            "after": {_name(one): _shown(one.after) for one in changed},
        },
        "cluster": cluster.as_dict(),
        "records": records,
        "summary": _summary(records),
    }


def empty(cluster: Identity | None) -> Result:
    """The same keys for a run that failed before it saw anything."""
    return {"cluster": cluster.as_dict() if cluster else None, "records": [], "summary": _summary([])}


def warnings(kept: t.Iterable[Kept]) -> list[str]:
    """A sentence for every record in which something was found that this collection did not write."""
    return [
        f"{_name(one)} held what this collection does not write; that was not believed, and is replaced."
        for one in kept
        if one.before.spoilt
    ]


def not_believed(records: t.Mapping[str, Stored]) -> list[str]:
    """A sentence for every record that holds something that this collection did not write, for who only reads it."""
    return [
        f"ConfigMap {namespace}/{RECORD} holds what this collection does not write: that was not believed."
        for namespace, stored in records.items()
        if stored.spoilt
    ]


def _record(kept: Kept) -> Result:
    return {
        "namespace": kept.namespace,
        "workloads": _counts(kept.after.workloads),
        "sessions": _counts(kept.after.sessions),
        "changed": kept.changed,
        "problem": kept.problem or None,
    }


def _counts(notes: t.Mapping[str, Note]) -> dict[str, int]:
    return {key: note.replicas for key, note in sorted(notes.items())}


def _shown(record: Record) -> Result:
    return {"workloads": _counts(record.workloads), "sessions": _counts(record.sessions)}


def _name(kept: Kept) -> str:
    return f"ConfigMap {kept.namespace}/{RECORD}"


def _summary(records: t.Sequence[Result]) -> dict[str, int]:
    return {
        "namespaces": len(records),
        "workloads": sum(len(one["workloads"]) for one in records),
        "sessions": sum(len(one["sessions"]) for one in records),
        "changed": sum(one["changed"] for one in records),
    }
