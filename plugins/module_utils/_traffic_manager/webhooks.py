# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The webhooks by which traffic-managers put agents into pods, and whether each can do so."""

from __future__ import annotations

import base64
import binascii
import re
import typing as t
from dataclasses import dataclass

from .._cluster import clock
from .._cluster.kinds import Object, dig, whole
from . import certificates

ENTRY = re.compile(r"agent-injector(-.+)?\.(getambassador|telepresence)\.io")
"""The name of the webhook inside its configuration (agentInjectorWebhook.yaml of 2.4.11 to 2.27.4): the configuration itself may
be renamed by a value of the chart."""


@dataclass(frozen=True)
class Webhook:
    """One webhook. ``works``: False where the API server cannot get an answer from it, None where that is not known; ``reason``
    says why. ``absent``: its namespace or its Service does not exist. ``ends``: seconds since the epoch, of the authority that
    the API server believes.
    """

    configuration: str
    name: str
    namespace: str | None
    service: str | None
    failure_policy: str
    timeout: int
    selector: t.Any
    works: bool | None
    absent: bool
    reason: str
    ends: float | None


def recognise(
    configurations: t.Iterable[Object],
    namespaces: t.Iterable[Object],
    behind: t.Iterable[Object],
    slices: t.Sequence[Object] | None,
    now: float,
) -> list[Webhook]:
    """The webhooks of traffic-managers among all MutatingWebhookConfigurations, by name.

    ``behind`` are the Services that they are called at, ``slices`` the EndpointSlices of these, None where these may not be read; ``now`` is the API
    server's clock.
    """
    names = {one["metadata"]["name"] for one in namespaces}
    known = {(one["metadata"]["namespace"], one["metadata"]["name"]): one for one in behind}
    found = [
        _webhook(configuration, entry, names, known, slices, now)
        for configuration in configurations
        for entry in configuration.get("webhooks") or []
        if ENTRY.fullmatch(str(entry.get("name")))
    ]
    return sorted(found, key=lambda webhook: (webhook.configuration, webhook.name))


def services(configurations: t.Iterable[Object]) -> list[tuple[str, str]]:
    """Namespace and name of the Services that the webhooks of traffic-managers are called at."""
    called = [
        dig(entry, "clientConfig", "service")
        for configuration in configurations
        for entry in configuration.get("webhooks") or []
        if ENTRY.fullmatch(str(entry.get("name")))
    ]
    return sorted({(str(one.get("namespace")), str(one.get("name"))) for one in called if one})


def _webhook(
    configuration: Object,
    entry: Object,
    namespaces: t.Container[str],
    behind: t.Mapping[tuple[str, str], Object],
    slices: t.Sequence[Object] | None,
    now: float,
) -> Webhook:
    service = dig(entry, "clientConfig", "service")
    where = (str(service.get("namespace")), str(service.get("name"))) if service else None
    ends = certificates.first_end(_decoded(dig(entry, "clientConfig", "caBundle")))
    if where is None:
        works, absent, reason = (
            None,
            False,
            f"It is called at {dig(entry, 'clientConfig', 'url')}, which is not looked at.",
        )
    elif where[0] not in namespaces:
        works, absent, reason = False, True, f"There is no namespace {where[0]}."
    elif where not in behind:
        works, absent, reason = False, True, f"There is no Service {where[0]}/{where[1]}."
    else:
        absent = False
        works, reason = _answers(behind[where], whole(service.get("port")) or 443, slices)
    if works is not False and ends is not None and ends <= now:
        works, reason = False, f"The authority of its certificate ended at {clock.text(ends)}."
    return Webhook(
        configuration=configuration["metadata"]["name"],
        name=str(entry["name"]),
        namespace=where[0] if where else None,
        service=where[1] if where else None,
        failure_policy=str(entry.get("failurePolicy", "Fail")),
        timeout=whole(entry.get("timeoutSeconds")) or 10,
        selector=entry.get("namespaceSelector") or {},
        works=works,
        absent=absent,
        reason=reason,
        ends=ends,
    )


def _answers(service: Object, port: int, slices: t.Sequence[Object] | None) -> tuple[bool | None, str]:
    meta = service["metadata"]
    if port not in [dig(one, "port") for one in dig(service, "spec", "ports") or []]:
        return False, f"Service {meta['namespace']}/{meta['name']} has no port {port}."
    if slices is None:
        return None, "Whether its Service has ready endpoints may not be read."
    mine = [
        endpoint
        for one in slices
        if one["metadata"]["namespace"] == meta["namespace"]
        and dig(one, "metadata", "labels", "kubernetes.io/service-name") == meta["name"]
        for endpoint in one.get("endpoints") or []
    ]
    # An endpoint that does not say whether it is ready is ready (discovery/v1, EndpointConditions).
    ready = [endpoint for endpoint in mine if dig(endpoint, "conditions", "ready") is not False]
    if not ready:
        return False, f"Service {meta['namespace']}/{meta['name']} has no ready endpoint."
    return True, f"Service {meta['namespace']}/{meta['name']} has {len(ready)} ready endpoint{'s' * (len(ready) != 1)}."


def _decoded(text: t.Any) -> bytes:
    try:
        return base64.b64decode(str(text or ""), validate=True)
    except binascii.Error:
        return b""
