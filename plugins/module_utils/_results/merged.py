# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The reports of several runs, each over a part of the inventory, as the one that a run over all of it would have written."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

FORMAT = 1
"""Of recover.json and orphans.json, as the role recover writes it (roles/recover/tasks/report.yml)."""

Report = dict[str, t.Any]


def merge(reports: Sequence[Mapping[str, t.Any]]) -> Report:
    """One report with the clusters of all. Raises ValueError with one sentence where they are not the parts of one run.

    Clusters of different parts that are one and the same get a ``msg``: no run has seen both.
    """
    if not reports:
        raise ValueError("There is no report to merge.")
    clusters: dict[str, t.Any] = {}
    for report in reports:
        if report.get("format") != FORMAT or not isinstance(report.get("clusters"), Mapping):
            raise ValueError(f"One of the files is no report of the role recover in format {FORMAT}.")
        twice = sorted(clusters.keys() & report["clusters"].keys())
        if twice:
            raise ValueError(
                f"Host {twice[0]} is in two of the reports: merge those of one run over parts of an inventory."
            )
        clusters.update(report["clusters"])
    modes = {bool(report.get("check_mode")) for report in reports}
    if len(modes) > 1:
        raise ValueError("Some of the reports are of check mode, and some are not: merge those of one run.")
    return {
        "format": FORMAT,
        "generated": max(str(report.get("generated") or "") for report in reports),
        "check_mode": modes.pop(),
        "clusters": _told_apart(clusters),
    }


def _told_apart(clusters: Mapping[str, Mapping[str, t.Any]]) -> dict[str, Mapping[str, t.Any]]:
    """The clusters by host; those that were worked on twice with a message.

    They are reached in two ways, by certificates of two authorities, or from two runs. Two runs at once do each other no harm, but
    they may have different options.
    """
    hosts: dict[str, list[str]] = {}
    for host, result in clusters.items():
        identity = (result.get("cluster") or {}).get("identity")
        worked_on = result.get("sessions") or not result.get("msg")
        if identity and worked_on:
            hosts.setdefault(str(identity), []).append(host)
    told = dict(clusters)
    for identity, same in hosts.items():
        if len(same) > 1:
            words = (
                f"The hosts {', '.join(sorted(same))} of the inventory are one and the same cluster ({identity}), "
                "which was worked on from each of them. Keep one."
            )
            told.update({host: {**clusters[host], "msg": words} for host in same})
    return told
