# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What stands in the way of installing, upgrading or removing a traffic-manager, and whether one that was installed works.

``info`` is the result of telepresence_traffic_manager_info, ``release`` what Helm says of a release (status of kubernetes.core.helm_info),
or None where there is none.
"""

from __future__ import annotations

import typing as t

from .._cluster import clock
from .._cluster.kinds import Object
from . import selectors, versions
from .managers import CLAIM

Info = t.Mapping[str, t.Any]
Release = t.Mapping[str, t.Any]

ENDED = ("REMOVED", "NO_CLIENT")
"""Intercepts that no client has any more (rpc/manager/manager.proto of 2.20.2)."""
GONE = "uninstalled"
"""The state of a release of which Helm keeps no more than the history (helm v3, pkg/release/status.go)."""
EXPIRED = "expired_certificate"
DAY = 86400.0


def there(release: Release | None) -> bool:
    """Whether a release is there, in whatever state."""
    return release is not None and release["status"] != GONE


def broken(release: Release | None) -> bool:
    """Whether a release is in a state in which a run of Helm left it, or has it now."""
    return release is not None and release["status"] not in ("deployed", GONE)


def blocked(release: Release, doing: str) -> str:
    """Why nothing is done with a broken release, and what to do."""
    name = f"{release['namespace']}/{release['name']}"
    return (
        f"Helm release {name} is {release['status']} since {release['updated']}: a run of Helm failed or was broken off, or is at work now. "
        f"If none is at work, traffic_manager_force: true {doing}."
    )


def foreign(manager: Info, release: str) -> str:
    """That a manager does not belong to a release."""
    whose = f"belongs to Helm release {manager['release']}" if manager["release"] else "belongs to no Helm release"
    return f"The traffic-manager that stands in namespace {manager['namespace']} {whose}, not to {release}."


def conflicts(info: Info, namespace: str, release: str, selector: t.Any, namespaces: t.Iterable[Object]) -> list[str]:
    """Why a manager in ``namespace`` that serves what ``selector`` selects cannot be installed beside what is there.

    ``namespaces`` are all of the cluster; one that is named and does not exist yet counts as well.
    """
    known = {one["metadata"]["name"]: one for one in namespaces}
    named = selectors.only_these(selector) or ()
    known = {**{name: {"metadata": {"name": name}} for name in named}, **known}
    mine = sorted(name for name, one in known.items() if selectors.matches(selector, one) is not False)
    found = []
    for one in info["managers"]:
        if one["namespace"] == namespace:
            if one["release"] != release:
                found.append(foreign(one, release))
            continue
        both = [name for name in mine if selectors.matches(one["selector"], known[name]) is not False]
        if both:
            sure = one["selector"] is not None
            found.append(
                f"The traffic-manager in namespace {one['namespace']} serves {_some(both)} already."
                if sure
                else f"The traffic-manager in namespace {one['namespace']} may serve {_some(both)} already: which it serves is not known."
            )
    managers = {one["namespace"] for one in info["managers"]}
    for one in info["state_objects"]:
        claimed = one["name"] == CLAIM and one["namespace"] in mine
        if claimed and one["holds"] != [namespace] and not managers.intersection(one["holds"]):
            owner = one["holds"][0] if one["holds"] else "nobody"
            found.append(
                f"Namespace {one['namespace']} is claimed for a traffic-manager in namespace {owner}, where there is none: "
                "remove the claim with telepresence_leftovers (class orphan_claim)."
            )
    return found


def living(info: Info, namespace: str) -> list[str]:
    """The intercepts that look alive, or of which it is not known, of the manager in ``namespace``; empty where nobody loses anything."""
    managers = _of(info["managers"], namespace)
    found = [
        f"{one['client']} intercepts {one['namespace']}/{one['agent']} ({one['disposition']})."
        for one in info["intercepts"]
        if one["manager"] == namespace and one["disposition"] not in ENDED
    ]
    if any(one["intercepts"] is None for one in managers):
        return [*found, "Which intercepts the traffic-manager holds is not known.", *info["unknown"]]
    unsure = [one for one in info["agents"] if one["manager"] == namespace and one["intercepted"] is None]
    if managers and unsure:
        names = [f"{one['namespace']}/{one['name']}" for one in unsure]
        found += [f"Whether somebody intercepts {_some(names)} is not known.", *info["unknown"]]
    return found


def faults(info: Info, namespace: str, injector: bool) -> list[str]:
    """What does not work of the manager in ``namespace``; ``injector``: whether it has a webhook."""
    found = []
    managers = _of(info["managers"], namespace)
    for one in managers:
        if not one["ready"] or one["ready"] < one["replicas"]:
            found.append(f"Of {one['replicas']} pods of the traffic-manager, {one['ready']} are ready.")
        elif versions.parse(one["answers_as"]) != versions.parse(one["version"]):
            answers = f"answers as {one['answers_as']}" if one["answers_as"] else "does not answer"
            found.append(f"The traffic-manager is of {one['version']}, and {answers}.")
        elif injector and one["certificate_ends"] is None:
            found.append("The webhook of the traffic-manager shows no certificate.")
    found += [" ".join(one["evidence"]) for one in _of(info["leftovers"], namespace) if one["class"] == EXPIRED]
    if not managers:
        found.append(f"No traffic-manager stands in namespace {namespace}.")
    webhooks = _of(info["webhooks"], namespace)
    if injector:
        found += [
            f"Webhook {one['name']} does not work. {one['reason']}" for one in webhooks if one["works"] is not True
        ]
        if not webhooks:
            found.append("The traffic-manager has no webhook, so that no agent is injected.")
    return [*found, *info["unknown"]] if found else []


def ending(info: Info, namespace: str, days: int, now: float) -> list[str]:
    """The certificates of the webhook of the manager in ``namespace`` that end within so many days."""
    ends = [
        (f"The authority that webhook {one['name']} is believed from", one["authority_ends"])
        for one in _of(info["webhooks"], namespace)
    ]
    ends += [
        ("The certificate that the traffic-manager shows", one["certificate_ends"])
        for one in _of(info["managers"], namespace)
    ]
    found = []
    for what, end in ends:
        seconds = clock.parse(end)
        if seconds is not None and seconds - now < days * DAY:
            found.append(
                f"{what} ends at {end}, and nothing renews it. Let "
                "traffic_manager_values: {agentInjector: {certificate: {regenerate: true}}} do that once."
            )
    return found


def _of(records: t.Iterable[t.Any], namespace: str) -> list[Info]:
    return [one for one in records if one["namespace"] == namespace]


def _some(names: t.Sequence[str]) -> str:
    """Names for people: at most five of them."""
    shown = [f"namespace {names[0]}"] if len(names) == 1 and "/" not in names[0] else [*names[:5]]
    return ", ".join(shown) + (f", and {len(names) - 5} more" if len(names) > 5 else "")
