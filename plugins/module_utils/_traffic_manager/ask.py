# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Asks managers through port-forwards: for their intercepts, and for the certificate that their webhook shows."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .._cluster import clock
from .._cluster.access import missing
from .._cluster.api import Api
from .._cluster.errors import ClusterError
from .._cluster.kinds import Object, dig
from .._cluster.port_forward import forward
from . import certificates, intercepts, rights, versions
from .managers import Manager, labelled

SETTLED = 180.0
"""Seconds after which the clients of a manager that was restarted have come back: they ping it once a minute (``grpc.pingInterval``,
pkg/client/config.go of 2.27.4), and from 2.25 bring their intercepts along (CHANGELOG.yml)."""
FOUND_AGAIN = (2, 21)
"""The first managers to which such clients connect (CHANGELOG.yml of 2.25.0). To older ones no intercept comes back."""


@dataclass
class Answer:
    """What a manager said. ``unknown``: sentences that say what it did not say and why; ``intercepts`` None where not those;
    ``complete``: these are all, and none is on its way back. ``pod``: the name of the pod that was asked.
    """

    pod: str | None = None
    version: str | None = None
    intercepts: list[intercepts.Intercept] | None = None
    complete: bool = False
    ends: float | None = None
    unknown: list[str] = field(default_factory=list)


def ask(api: Api, manager: Manager, pods: t.Sequence[Object], deadline: float, version: str | None) -> Answer:
    """What a manager says, as far as it says anything. ``pods`` are those of all namespaces, ``version`` is the cluster's."""
    answer = ask_for_intercepts(api, manager, pods, deadline, version)
    try:
        if answer.pod and manager.https_port:
            with forward(api, manager.namespace, answer.pod, manager.https_port, deadline) as path:
                answer.ends = certificates.end(certificates.served(path, deadline))
    except (ClusterError, OSError) as error:
        answer.unknown.append(f"The certificate of the manager in namespace {manager.namespace} is not known. {error}")
    return answer


def ask_for_intercepts(
    api: Api, manager: Manager, pods: t.Sequence[Object], deadline: float, version: str | None
) -> Answer:
    """As :func:`ask`, but for the certificate of its webhook."""
    answer = Answer()
    whose = f"of the manager in namespace {manager.namespace}"
    reason = _lacking(api, manager, version)
    pod = pod_of(manager, pods)
    if not reason and pod is None:
        reason = "none of its pods is ready"
    if reason or pod is None:
        answer.unknown.append(f"The intercepts {whose} are not known: {reason}.")
        return answer
    answer.pod = pod["metadata"]["name"]
    try:
        with (
            forward(api, manager.namespace, answer.pod, manager.api_port, deadline) as path,
            intercepts.talk(path, manager.namespace, deadline) as talk,
        ):
            answer.version, answer.intercepts = talk.version(), talk.intercepts()
        began = _began(pod)
        settled = began is not None and api.now() - began >= SETTLED
        answer.complete = settled or (versions.parse(manager.version) or FOUND_AGAIN) < FOUND_AGAIN
        if not answer.complete:
            answer.unknown.append(
                f"Not all intercepts {whose} may be known: it began less than {SETTLED:.0f} s ago, and clients come back one by one."
            )
    except ClusterError as error:
        answer.unknown.append(f"The intercepts {whose} are not known. {error}")
    return answer


def pod_of(manager: Manager, pods: t.Iterable[Object]) -> Object | None:
    """The pod of a manager that is asked, None where none is ready."""
    return next((one for one in pods if _ready(one) and _is_of(one, manager)), None)


def not_asked(manager: Manager) -> Answer:
    """The answer of a manager that nobody wants to ask."""
    return Answer(
        unknown=[
            f"The intercepts of the manager in namespace {manager.namespace} are not known: option intercepts is false."
        ]
    )


def _lacking(api: Api, manager: Manager, version: str | None) -> str:
    """Which right is missing to ask a manager, empty where none is."""
    lacking = missing(api, rights.to_ask(version), [manager.namespace])
    mine = [one for one in lacking if "portforward" in one]
    return f"the account may not {'; not '.join(mine)}" if mine else ""


def _is_of(pod: Object, manager: Manager) -> bool:
    return labelled(pod) and pod["metadata"]["namespace"] == manager.namespace


def _ready(pod: Object) -> bool:
    conditions = dig(pod, "status", "conditions") or []
    ready = any((one.get("type"), one.get("status")) == ("Ready", "True") for one in conditions)
    return ready and not pod["metadata"].get("deletionTimestamp")


def _began(pod: Object) -> float | None:
    """When the processes of a pod began, the last of them: its creation, or a later restart."""
    started = [
        clock.parse(dig(one, "state", "running", "startedAt"))
        for one in dig(pod, "status", "containerStatuses") or []
        if one.get("restartCount")
    ]
    times = [clock.parse(pod["metadata"].get("creationTimestamp")), *started]
    return None if None in times else max(time for time in times if time is not None)
