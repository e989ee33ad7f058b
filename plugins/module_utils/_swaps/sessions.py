# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Which objects are a Telepresence 1 client's, and which of them belong to one session.

Names, labels and environment are those that telepresence 0.91 to 0.109 writes (telepresence/proxy/operation.py, deployment.py,
manifest.py): label ``telepresence`` with the session's id on everything, the swap's environment variable on a swapped container.
"""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._cluster import clock
from .._cluster.kinds import (
    DEPLOYMENT,
    POD,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    Object,
    annotations_of,
    controller,
    labels_of,
)

LABEL = "telepresence"
SELECTOR = "telepresence,telepresence!=manager"
"""Everything with a session's label; Telepresence 2 labels its traffic-manager ``telepresence: manager``."""
SESSION_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SWAPPED = "TELEPRESENCE_CONTAINER_NAMESPACE"
"""Every swap since 0.72 sets this variable in the proxy's container, ``--new-deployment`` never does."""
IGNORE = "devclusters.telepresence/ignore"
"""Annotation on an original, a proxy or a namespace that keeps the collection's hands off: ``"true"``."""
IMAGE = r"(^|/)telepresence-(k8s|k8s-priv|ocp)([:@]|$)"
"""The three proxy images, whatever registry they were copied to."""

RELEASE = re.compile(r"0\.(\d{1,3})")
FIRST_POLLED = 88
"""The first release whose client answers its proxy on port 9055 (telepresence 0.88, telepresence/proxy.py; 0.87 has only ssh)."""

Key = tuple[str, str]
"""(namespace, session id, or the name of what has none)."""


@dataclass(frozen=True)
class Session:
    """One run of a client, as its objects show it.

    ``proxies``: the Deployment or the Pods that stand in for the original, or what the client changed in place; empty where only
    a Service is left. ``rollouts``: the ReplicationControllers with its label, which OpenShift made of a DeploymentConfig that
    was changed in place. ``pods``: all Pods of them. ``services``: Services that select exactly this session. ``container``: the name of the proxy's
    container, None where no image is recognised. ``created``: seconds since the epoch, of the oldest of them, or of the oldest
    rollout.
    ``deletable``: whether the proxies are certainly the client's own creation.
    """

    session_id: str
    namespace: str
    mode: str
    proxies: tuple[Object, ...]
    rollouts: tuple[Object, ...]
    pods: tuple[Object, ...]
    services: tuple[Object, ...]
    container: str | None
    client_version: str | None
    created: float
    deletable: bool

    @property
    def key(self) -> Key:
        """What tells it apart from the other sessions of its cluster."""
        return self.namespace, self.session_id or str(self.proxies[0]["metadata"]["name"])

    @property
    def swaps(self) -> bool:
        """Whether an original was scaled down for it."""
        return self.mode not in ("new", "existing")

    @property
    def polled(self) -> bool | None:
        """Whether clients of its version answer on port 9055; None where the tag of its image is no release."""
        release = RELEASE.fullmatch(self.client_version or "")
        return int(release.group(1)) >= FIRST_POLLED if release else None

    @property
    def terminating(self) -> bool:
        """Whether all that stands in for the original is being deleted already."""
        return bool(self.proxies) and all((proxy["metadata"]).get("deletionTimestamp") for proxy in self.proxies)

    @property
    def bereft(self) -> bool:
        """Whether only pods of a Deployment are left of it, which has gone: as a rule they follow it within seconds."""
        return (
            bool(self.proxies)
            and not self.terminating
            and all((controller(proxy) or {}).get("kind") == REPLICA_SET.name for proxy in self.proxies)
        )


def session_of(obj: Object) -> str | None:
    """The session id that an object is labelled with, None where it is not."""
    value = labels_of(obj).get(LABEL, "")
    return value if SESSION_ID.fullmatch(value) else None


def ignored(obj: Object) -> bool:
    """Whether the object asks to be left alone."""
    return annotations_of(obj).get(IGNORE) == "true"


def recognise(
    workloads: t.Iterable[Object], pods: t.Iterable[Object], services: t.Iterable[Object], image: t.Pattern[str]
) -> list[Session]:
    """The sessions among labelled objects, oldest first. ``image`` recognises the image of a proxy's container.

    ``workloads``: Deployments, DeploymentConfigs, ReplicationControllers.
    """
    parts: dict[tuple[str, str], dict[str, list[Object]]] = {}
    for sort, objects in (("workloads", workloads), ("pods", pods), ("services", services)):
        for obj in objects:
            session_id = session_of(obj)
            if session_id:
                part = parts.setdefault((obj["metadata"]["namespace"], session_id), {})
                part.setdefault(sort, []).append(obj)
    sessions = [_session(namespace, session_id, part, image) for (namespace, session_id), part in parts.items()]
    return sorted((session for session in sessions if session), key=lambda session: (session.created, session.key))


def existing(workloads: t.Iterable[Object], image: t.Pattern[str]) -> list[Session]:
    """What owners keep running for ``--deployment``: a proxy's image, and no session's label on it or on its pods.

    A client gives it no label and creates nothing, so it is nobody's session: its id is empty.
    """
    found = []
    for workload in workloads:
        containers = pod_spec(workload).get("containers") or []
        container = next((one for one in containers if image.search(str(one.get("image")))), None)
        labels = (labels_of(workload).get(LABEL, ""), pod_labels(workload).get(LABEL, ""))
        if container is not None and not any(SESSION_ID.fullmatch(value) for value in labels):
            found.append(
                Session(
                    session_id="",
                    namespace=workload["metadata"]["namespace"],
                    mode="existing",
                    proxies=(workload,),
                    rollouts=(),
                    pods=(),
                    services=(),
                    container=container["name"],
                    client_version=_version(str(container["image"])),
                    created=created(workload),
                    deletable=False,
                )
            )
    return found


def _session(namespace: str, session_id: str, part: dict[str, list[Object]], image: t.Pattern[str]) -> Session | None:
    pods = part.get("pods", [])
    rollouts = [one for one in part.get("workloads", []) if one["kind"] == REPLICATION_CONTROLLER.name]
    # Pods of a labelled workload stand behind it, and a rollout behind its DeploymentConfig; one that runs nothing is history.
    # A Pod that something else controls is shown, never deleted.
    proxies = (
        [one for one in part.get("workloads", []) if one not in rollouts]
        or [one for one in rollouts if (one.get("spec") or {}).get("replicas")]
        or pods
    )
    services = [service for service in part.get("services", []) if _selects_only(service, session_id)]
    if not proxies and not services:
        return None
    containers = [container for proxy in proxies for container in pod_spec(proxy).get("containers") or []]
    # A swap is known by its variable, whatever its image is called: taken for new, its proxy would go and the original stay at 0.
    marked = [one for one in containers if any(env.get("name") == SWAPPED for env in one.get("env") or [])]
    swapped = bool(marked)
    container = next((one for one in marked or containers if image.search(str(one.get("image")))), None)
    own = all(_made_by_client(proxy, session_id, swapped) for proxy in proxies)
    return Session(
        session_id=session_id,
        namespace=namespace,
        mode=_mode(proxies, swapped, own),
        proxies=tuple(proxies),
        rollouts=tuple(rollouts),
        pods=tuple(pods),
        services=tuple(services),
        container=None if container is None else container["name"],
        client_version=None if container is None else _version(str(container["image"])),
        created=min(created(obj) for obj in rollouts or proxies or services),
        deletable=own and (container is not None or not proxies),
    )


def _mode(proxies: t.Sequence[Object], swapped: bool, own: bool) -> str:
    if not swapped:
        return "new"
    if not own:
        return "swap_in_place"
    return "swap_pod" if proxies[0]["kind"] == "Pod" else "swap_deployment"


def _made_by_client(proxy: Object, session_id: str, swapped: bool) -> bool:
    """Whether a proxy is the client's own creation. A swap's ends in its session's id; one that does not may be the original."""
    if proxy["metadata"].get("ownerReferences") or proxy["kind"] not in (POD.name, DEPLOYMENT.name):
        return False
    return not swapped or named_for(proxy, session_id)


def named_for(obj: Object, session_id: str) -> bool:
    """Whether the name is that of a swap's proxy (clients up to 0.84 gave it the original's)."""
    return str(obj["metadata"]["name"]).endswith(f"-{session_id}")


def _selects_only(service: Object, session_id: str) -> bool:
    return (service.get("spec") or {}).get("selector") == {LABEL: session_id}


def _version(image: str) -> str | None:
    """The client's version is the tag of its image (telepresence/cli.py: TELEPRESENCE_VERSION replaces both)."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    return tag or None


def pod_spec(obj: Object) -> Object:
    """The spec of a Pod, or of the pods that a workload makes."""
    spec: Object = obj.get("spec") or {}
    return spec if obj["kind"] == "Pod" else (spec.get("template") or {}).get("spec") or {}


def pod_labels(obj: Object) -> dict[str, str]:
    """The labels of a Pod, or of the pods that a workload makes."""
    if obj["kind"] == "Pod":
        return labels_of(obj)
    return ((obj.get("spec") or {}).get("template") or {}).get("metadata", {}).get("labels") or {}


def created(obj: Object) -> float:
    """Seconds since the epoch of the object's creation, by the API server's clock."""
    return clock.parse(obj["metadata"].get("creationTimestamp")) or 0.0
