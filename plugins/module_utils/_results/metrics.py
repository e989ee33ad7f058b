# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""A run as Prometheus reads it: the text format of node-exporter's textfile collector.

In: a report as the role ``recover`` writes it to ``recover.json``. Out: text. No input or output happens here.
"""

from __future__ import annotations

import typing as t
from collections import Counter

from .._cluster import clock
from .._cluster.foreign import clean
from .._swaps.liveness import BEST_FIRST
from .text import entries, failure, state

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Result = Mapping[str, t.Any]
    Sample = tuple[dict[str, str], int]

OUTCOMES = ("none", "restorable", "restored", "needs_decision", "held", "failed")
"""What becomes of a session (docs/docsite/rst/guide.rst)."""


def metrics(report: Mapping[str, t.Any]) -> str:
    """The metrics of a report, all of them gauges.

    Of a cluster that could not be worked on nothing is known, so it has no numbers of sessions: no 0 says that all is well there.
    """
    clusters: Mapping[str, Result] = report["clusters"]
    worked_on = {name: result for name, result in clusters.items() if failure(result) is None}
    run = int(clock.parse(report["generated"]) or 0)
    return "".join(
        (
            _family(
                "telepresence_sessions",
                "Sessions of Telepresence 1 that the last run found, by its verdict on each.",
                _counted(worked_on, "verdict", BEST_FIRST),
            ),
            _family(
                "telepresence_outcomes",
                "Sessions and lost workloads that the last run found, by what became of each.",
                _counted(worked_on, "outcome", OUTCOMES),
            ),
            _family(
                "telepresence_lost_workloads",
                "Workloads without replicas and without a session that had some by earlier notes, and were left so.",
                (
                    (_of(name), sum(state(one) == "lost" for one in entries(result)))
                    for name, result in worked_on.items()
                ),
            ),
            _family(
                "telepresence_run_failed",
                "1 if the last run could not work on the cluster, else 0.",
                ((_of(name), int(name not in worked_on)) for name in clusters),
            ),
            _family(
                "telepresence_run_timestamp_seconds",
                "When the last run ended, in seconds since 1970.",
                ((_of(name), run) for name in clusters),
            ),
        )
    )


def _counted(results: Mapping[str, Result], key: str, values: Iterable[str]) -> Iterable[Sample]:
    """A sample for each of these values on each cluster, 0 included, or a series would end that is to be compared."""
    for name, result in results.items():
        # The verdict on a lost workload is none: it has no session.
        of = result.get("sessions") or [] if key == "verdict" else entries(result)
        counts = Counter(one.get(key) for one in of)
        for value in values:
            yield _of(name) | {key: value}, counts[value]


def _of(cluster: str) -> dict[str, str]:
    return {"cluster": clean(cluster)}


def _family(name: str, about: str, samples: Iterable[Sample]) -> str:
    lines = [f"{name}{{{','.join(map(_label, labels.items()))}}} {value}\n" for labels, value in samples]
    return f"# HELP {name} {about}\n# TYPE {name} gauge\n{''.join(lines)}" if lines else ""


def _label(pair: tuple[str, str]) -> str:
    """One label, escaped as the text format asks (prometheus.io/docs/instrumenting/exposition_formats, version 0.0.4)."""
    name, value = pair
    escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'{name}="{escaped}"'
