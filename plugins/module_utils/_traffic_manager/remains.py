# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What is left of traffic-managers themselves: webhooks, claims, jobs, releases, roles."""

from __future__ import annotations

import typing as t

from .._cluster import clock
from .._cluster.kinds import dig, ref, whole
from .managers import CLAIM
from .seen import CRITICAL, MAJOR, MINOR, Leftover, Seen

SETTLED = 3600.0
"""Seconds after which a release that says that Helm is at work on it is not being worked on: Helm waits 5 minutes by default."""
AT_REST = ("deployed", "superseded", "uninstalled")
"""Of the states of a release (helm v3, pkg/release/status.go)."""


def webhooks(seen: Seen) -> t.Iterator[Leftover]:
    for one in seen.webhooks:
        if one.works is not False:
            continue
        blocking = one.failure_policy != "Ignore"
        harm = (
            "No pod can be created in the namespaces that it selects."
            if blocking
            else f"Each pod in the namespaces that it selects is created up to {one.timeout} s late, and without an agent."
        )
        configuration = f"MutatingWebhookConfiguration {one.configuration}"
        yield Leftover(
            name="dead_webhook" if one.absent else "unreachable_webhook",
            severity=CRITICAL if blocking else MAJOR,
            namespace=one.namespace,
            objects=(configuration,),
            evidence=(one.reason, harm),
            remedy=f"Delete {configuration}." if one.absent else "Let the manager run, or uninstall it.",
            safe=one.absent,
        )


def certificates(seen: Seen) -> t.Iterator[Leftover]:
    for manager in seen.managers:
        ends = seen.ends.get(manager.namespace)
        if ends is not None and ends <= seen.now:
            yield Leftover(
                name="expired_certificate",
                severity=MAJOR,
                namespace=manager.namespace,
                objects=(f"{manager.kind} {manager.namespace}/{manager.name}",),
                evidence=(
                    f"The certificate of its webhook ended at {clock.text(ends)}, so that no agent is injected.",
                ),
                remedy="Upgrade the release with agentInjector.certificate.regenerate=true, and restart the manager.",
                safe=False,
            )


def claims(seen: Seen) -> t.Iterator[Leftover]:
    for claim in seen.claims:
        owner = next((one for one in seen.managers if one.namespace == claim.owner), None)
        if owner is None or owner.serves(seen.namespaces.get(claim.namespace)) is False:
            this = f"ConfigMap {claim.namespace}/{CLAIM}"
            given = f"It gives the namespace to the manager in namespace {claim.owner}, which "
            reason = given + ("does not exist." if owner is None else "does not serve it.")
            if claim.owner is None:
                reason = "It does not say which manager it gives the namespace to."
            yield Leftover(
                name="orphan_claim",
                severity=MINOR,
                namespace=claim.namespace,
                objects=(this,),
                evidence=(reason,),
                remedy=f"Delete {this}: no other manager can be installed for the namespace while it is there.",
                safe=claim.owner is not None,
            )


def jobs(seen: Seen) -> t.Iterator[Leftover]:
    for job in seen.jobs:
        this = f"Job {job.namespace}/{job.name}"
        yield Leftover(
            name="hook_job",
            severity=MINOR,
            namespace=job.namespace,
            objects=(this,),
            evidence=(f"It is {job.finished or 'not finished'}, and Helm has not removed it.",),
            remedy=f"Delete {this}." if job.finished else f"See why {this} does not end.",
            safe=job.finished is not None,
        )


def node_agents(seen: Seen) -> t.Iterator[Leftover]:
    for job in seen.node_agents:
        if not seen.manages(job.namespace):
            this = f"Job {job.namespace}/{job.name}"
            yield Leftover(
                name="node_agent_job",
                severity=MAJOR,
                namespace=job.namespace,
                objects=(this,),
                evidence=(f"It is {job.finished or 'not finished'}, and no traffic-manager stands in its namespace.",),
                remedy=f"Delete {this} when nobody uses it: it has rules in the network of a pod.",
                safe=False,
            )


def denials(seen: Seen) -> t.Iterator[Leftover]:
    """Those that still lack pods: a manager may deny one while it sets an agent up, and let the next one pass."""
    for one in seen.denied:
        workload = seen.objects.get(one.workload)
        wanted, there = dig(workload, "spec", "replicas"), dig(workload, "status", "replicas")
        if (whole(there) or 0) >= (whole(wanted) or 0):
            continue
        yield Leftover(
            name="denied_pod",
            severity=CRITICAL,
            namespace=one.namespace,
            objects=(one.workload,),
            evidence=(f"It has {whole(there) or 0} of {wanted} pods, and the last one was denied: {one.message}",),
            remedy="Put the annotation right that it names, or upgrade the manager to 2.29 or later.",
            safe=False,
        )


def releases(seen: Seen) -> t.Iterator[Leftover]:
    for one in seen.releases or ():
        there = seen.manages(one.namespace)
        at_rest = one.status in AT_REST
        if at_rest and (there or one.status != "deployed"):
            continue
        settled = one.changed is not None and seen.now - one.changed > SETTLED
        presence = "A traffic-manager stands" if there else "No traffic-manager stands"
        since = f"since {clock.text(one.changed)}" if one.changed else "nobody knows since when"
        yield Leftover(
            name="release_without_manager" if at_rest else "stuck_release",
            severity=MINOR if at_rest else MAJOR,
            namespace=one.namespace,
            objects=(f"Secret {one.namespace}/sh.helm.release.v1.{one.name}.v{one.revision}",),
            evidence=(
                f"Helm release {one.namespace}/{one.name} is {one.status}, {since}.",
                f"{presence} in namespace {one.namespace}.",
            ),
            remedy=f"helm uninstall {one.name} --namespace {one.namespace} --no-hooks",
            safe=not at_rest and not there and settled,
        )


def roles(seen: Seen) -> t.Iterator[Leftover]:
    for role in seen.roles:
        name = role["metadata"]["name"]
        namespace = name.removeprefix("traffic-manager-").removeprefix("cluster-wide-")
        if name.startswith("traffic-manager-") and not seen.manages(namespace):
            # A release may hold nothing but the roles (value rbac.only).
            released = [one for one in seen.releases or () if (one.namespace, one.status) == (namespace, "deployed")]
            doubt = []
            if released:
                doubt = [f"Helm release {namespace}/{released[0].name} is deployed, and it may be all that this holds."]
            elif seen.releases is None:
                doubt = ["Whether a Helm release holds it is not known."]
            yield Leftover(
                name="orphan_role",
                severity=MINOR,
                namespace=namespace,
                objects=(ref(role),),
                evidence=(f"It is for a traffic-manager in namespace {namespace}, where there is none.", *doubt),
                remedy=f"Delete {ref(role)}.",
                safe=not doubt,
            )
