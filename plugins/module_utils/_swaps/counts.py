# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""How many replicas did an original have before it was swapped? Only what something wrote down; never a guess, never 1 for nothing."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._cluster import clock
from .._cluster.kinds import Object

CLASSES = ("told", "swap", "recorded", "declared", "historic")
"""Best first: the user, the swap itself, our own records, what the owner declared, what once was."""


@dataclass(frozen=True)
class Evidence:
    """One reading of a count: where from, how much it is worth, what it says, since when (RFC 3339), on which object."""

    source: str
    cls: str
    value: int
    time: str | None
    object: str

    def as_dict(self) -> dict[str, t.Any]:
        """The evidence as it stands in a session's record."""
        return {"source": self.source, "class": self.cls, "value": self.value, "time": self.time, "object": self.object}


@dataclass(frozen=True)
class Count:
    """What the evidence comes to: ``value``, or None and then ``problem`` says why in a sentence.

    ``proposal``: a value that evidence too weak for the user's trust points to.
    """

    value: int | None = None
    problem: str = ""
    proposal: int | None = None


def decide(evidence: t.Sequence[Evidence], trust: str, limit: int) -> Count:
    """The count that the best class of evidence gives.

    ``trust``: the weakest class that may set one. ``limit``: a count above it is not believed without being told.
    """
    for cls in CLASSES:
        # A swap or a rollout that found 0 says nothing of what there was before; an owner who wrote 0 meant it.
        counted = cls not in ("swap", "historic")
        found = [one for one in evidence if one.cls == cls and (one.value > 0 or counted)]
        if cls == "recorded":
            # What was noted of a session is newer than what was noted of its original.
            found = [one for one in found if one.source == found[0].source]
        values = sorted({one.value for one in found})
        if not values:
            continue
        if len(values) > 1:
            said = ", ".join(f"{one.source} {one.value}" for one in found)
            return Count(problem=f"the evidence on its replicas disagrees ({said})")
        if CLASSES.index(cls) > CLASSES.index(trust):
            return Count(problem=f"only {cls} evidence speaks of {values[0]} replicas", proposal=values[0])
        if values == [0] and cls != "told":
            return Count(problem=f"{'its owner declared' if cls == 'declared' else 'an earlier run noted'} 0 replicas")
        if values[0] > limit and cls != "told":
            return Count(problem=f"{values[0]} replicas are more than replicas_limit ({limit})", proposal=values[0])
        return Count(values[0])
    return Count(problem="nothing says how many replicas it had")


def deliberate_zero(original: Object, since: float) -> str | None:
    """The manager that set the original to 0 on purpose after the swap, or None.

    ``kubectl scale`` to 0, the only way Telepresence scales, leaves no owner of ``spec.replicas`` in managedFields (measured on
    Kubernetes 1.34.4); whoever applies or patches a 0 owns it. ``since``: creation of the proxy, seconds since the epoch.
    """
    for entry in original["metadata"].get("managedFields") or []:
        owns = "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
        if owns and (clock.parse(entry.get("time")) or 0.0) > since:
            return str(entry.get("manager") or "unknown")
    return None


def replicas(workload: Object) -> int:
    """The replicas that a workload wants. The API server defaults the field, so in an answer of its own 0 may be left out."""
    return int((workload.get("spec") or {}).get("replicas") or 0)
