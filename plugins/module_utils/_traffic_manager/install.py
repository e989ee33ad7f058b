# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What an installation or an upgrade of a traffic-manager would do, and what stands in its way."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._cluster.kinds import Object, dig
from . import chart, manifest, standing
from .managers import CONTAINER, KINDS
from .standing import Info, Release

RESTART = (
    "This change restarts the traffic-manager, which ends intercepts. "
    "traffic_manager_end_intercepts: true does it nevertheless."
)


@dataclass(frozen=True)
class Install:
    """What is to be installed: the release, its chart's version, and what is wanted of it, as chart.values() takes it."""

    namespace: str
    release: str
    version: str
    wanted: t.Mapping[str, t.Any]

    @property
    def values(self) -> chart.Values:
        """The values for the chart. Raises ValueError."""
        return chart.values(self.version, self.namespace, self.wanted)

    @property
    def injector(self) -> bool:
        """Whether it has a webhook."""
        return dig(self.values, "agentInjector", "enabled") is not False


@dataclass(frozen=True)
class Plan:
    """``problems``: why nothing is done. ``change``: whether Helm has anything to do. ``repair``: whether it has to go over objects that its
    release takes for unchanged, or over those that a run left. ``difference``: what changes, in lines.
    """

    problems: list[str]
    change: bool
    repair: bool
    difference: list[str]


def plan(
    install: Install,
    info: Info,
    release: Release | None,
    rendered: str,
    namespaces: t.Sequence[Object],
    force: bool,
    end_intercepts: bool,
) -> Plan:
    """What is to be done, in a cluster as ``info`` and ``release`` show it. ``rendered``: the chart with its values, as Helm renders it.

    Raises ValueError where what is wanted cannot be had.
    """
    after = manifest.objects(rendered)
    before = manifest.objects(release["manifest"]) if release is not None and standing.there(release) else []
    selector = chart.served(
        install.version, install.namespace, install.wanted.get("namespaces") or (), install.wanted.get("selector")
    )
    problems = standing.conflicts(info, install.namespace, install.release, selector, namespaces)
    charts = manifest.charts(after)
    problems += [
        f"The chart is {one}, and traffic_manager_version is {install.version}: one of the two is not what you want."
        for one in sorted(charts)
        if not one.endswith(f"-{install.version}")
    ]
    if release is not None and standing.broken(release) and not force:
        problems.append(standing.blocked(release, "forgets that run, and installs over what is there"))
    repair = standing.there(release) and (standing.broken(release) or _lacks(install, info))
    change = (
        release is None
        or repair
        or not standing.there(release)
        or release["values"] != install.values
        or release["chart"] not in charts
    )
    # What a broken run of Helm has changed already is not known.
    restarts = standing.broken(release) or _restarts(before, after)
    if change and restarts and not end_intercepts:
        alive = standing.living(info, install.namespace)
        problems += [*alive, RESTART] if alive else []
    difference = manifest.difference(before, after) if change else []
    return Plan(problems, change, repair, difference)


def _lacks(install: Install, info: Info) -> bool:
    """Whether the manager or its webhook is not there, whatever its release says."""
    managers = [one for one in info["managers"] if one["namespace"] == install.namespace]
    webhooks = [one for one in info["webhooks"] if one["namespace"] == install.namespace]
    return not managers or (install.injector and not webhooks)


def _restarts(before: t.Iterable[Object], after: t.Iterable[Object]) -> bool:
    """Whether the pods of a manager that was installed are made anew."""
    was, will = _templates(before), _templates(after)
    return bool(was) and was != will


def _templates(objects: t.Iterable[Object]) -> list[t.Any]:
    templates = [dig(one, "spec", "template") for one in objects if one["kind"] in KINDS]
    return [
        one
        for one in templates
        if any(dig(container, "name") == CONTAINER for container in dig(one, "spec", "containers") or [])
    ]
