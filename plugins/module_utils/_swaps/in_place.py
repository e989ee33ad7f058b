# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The way back from a swap that changed the workload itself, which clients did to OpenShift's DeploymentConfigs.

telepresence 0.97 to 0.105 (telepresence/proxy/deployment.py, swap_deployment_openshift) removes the triggers of the
DeploymentConfig, replaces it by a copy with the proxy's container, the session's label and 1 replica, and rolls that out; its
clean exit replaces it again and rolls out once more. What it was before is kept by the rollout before the client's. Up to 0.96
a ReplicationController is changed instead, and nothing keeps what that was.
"""

from __future__ import annotations

import copy
import json
import typing as t
from dataclasses import dataclass

from .._cluster.kinds import DEPLOYMENT_CONFIG, Object, annotations_of, dig, labels_of, ref, uid, whole
from .counts import Evidence, replicas
from .openshift import COMPLETE, GOING_ON, PHASE, rollout
from .originals import LAST_APPLIED, last_applied
from .sessions import LABEL, SWAPPED, Session, session_of

ENCODED = "openshift.io/encoded-deployment-config"
"""The whole DeploymentConfig as of a rollout, in its ReplicationController."""


@dataclass(frozen=True)
class Rollback:
    """Give a DeploymentConfig, which must still be the object that was read, the definition that an earlier rollout kept."""

    obj: Object
    source: Object
    definition: Object
    after: int

    @property
    def before(self) -> int:
        """The replicas that it has now."""
        return replicas(self.obj)

    def body(self) -> Object:
        """The object as it is to be: all that the client changed is as before, whatever else was written on it stays."""
        body = copy.deepcopy(self.obj)
        body["metadata"].pop("managedFields", None)
        body["metadata"]["labels"] = {key: value for key, value in labels_of(self.obj).items() if key != LABEL}
        if dig(last_applied(self.obj), "metadata", "labels", LABEL):
            # Replacing an object stores what it was replaced by (kubectl 1.34, pkg/cmd/replace).
            kept = dig(self.definition, "metadata", "annotations", LAST_APPLIED)
            others = {key: value for key, value in annotations_of(self.obj).items() if key != LAST_APPLIED}
            body["metadata"]["annotations"] = {**others, **({LAST_APPLIED: kept} if isinstance(kept, str) else {})}
        body["spec"] = {**copy.deepcopy(self.definition["spec"]), "replicas": self.after}
        return body

    def as_dict(self) -> dict[str, t.Any]:
        """The action as it stands in a session's record."""
        change = {"before": self.before, "after": self.after}
        return {"action": "rollback", "object": ref(self.obj), "to": ref(self.source), **change}

    def told(self) -> str:
        """The action in words, done."""
        return f"{ref(self.obj)} has what {ref(self.source)} kept of it, and {self.after} replicas"

    def has_happened(self, now: Object) -> bool:
        """Whether the object shows it as done."""
        return session_of(now) is None and replicas(now) == self.after


def summary_of(config: Object) -> dict[str, t.Any]:
    """What a client changes in a DeploymentConfig, for people to compare."""
    containers = dig(config, "spec", "template", "spec", "containers") or []
    return {
        "session": session_of(config),
        "replicas": replicas(config),
        "images": [container.get("image") for container in containers],
        "triggers": [dig(trigger, "type") for trigger in dig(config, "spec", "triggers") or []],
    }


@dataclass(frozen=True)
class Rollout:
    """Have a DeploymentConfig rolled out as it is then, so that its pods are no longer the proxy's."""

    obj: Object

    def as_dict(self) -> dict[str, t.Any]:
        """The action as it stands in a session's record."""
        return {"action": "rollout", "object": ref(self.obj)}

    def told(self) -> str:
        """The action in words, done."""
        return f"{ref(self.obj)} is rolled out"

    def has_happened(self, now: Object) -> bool:
        """Whether the object shows it as done: its version counts its rollouts."""
        return bool(dig(now, "status", "latestVersion") != dig(self.obj, "status", "latestVersion"))


@dataclass(frozen=True)
class WayBack:
    """What puts right a DeploymentConfig that a client changed.

    ``source``: the ReplicationController that keeps what it was, with the ``definition`` decoded; None where the DeploymentConfig
    has that back already and only has to be rolled out. ``problem``: why there is no way back, with what to do by hand, in
    sentences. ``wait``: why it has to wait, in a sentence.
    """

    config: Object | None = None
    source: Object | None = None
    definition: Object | None = None
    problem: str = ""
    wait: str = ""


def way_back(session: Session, config: Object, controllers: t.Sequence[Object], image: t.Pattern[str]) -> WayBack:
    """The way back for a session that changed something in place.

    ``config``: the DeploymentConfig that it changed, or whose ReplicationController it changed.
    ``controllers``: all ReplicationControllers of its namespace. ``image`` recognises a proxy's container.
    """
    changed = session.proxies[0]
    latest = dig(config, "status", "latestVersion")
    if uid(changed) != uid(config) and not _rolled_out_for(session, changed):
        return WayBack(problem=_by_hand(changed, config))
    own = rollout(config, controllers, latest) if isinstance(latest, int) else None
    if own is not None and annotations_of(own).get(PHASE) in GOING_ON:
        return WayBack(
            wait=f"{ref(own)}, the latest rollout of {ref(config)}, still goes on: the next run comes back to it."
        )
    if uid(changed) == uid(config):
        return _back_to_previous(session, config, controllers, own, image)
    if own is not None and uid(own) != uid(changed) and annotations_of(own).get(PHASE) == COMPLETE:
        return WayBack(wait=f"{ref(own)} has taken its place: it is about to go.")
    proxy = _proxy(config, image)
    return WayBack(problem=f"{ref(config)} still has {proxy}. {ADVICE}") if proxy else WayBack(config)


def _back_to_previous(
    session: Session, config: Object, controllers: t.Sequence[Object], own: Object | None, image: t.Pattern[str]
) -> WayBack:
    """The way back from ``own``, the rollout of the session's own label, to the one before."""
    name = ref(config)
    if own is None or session_of(own) != session.session_id:
        return WayBack(problem=f"{name} has the session's label, but its latest rollout is not the client's. {ADVICE}")
    previous = rollout(config, controllers, config["status"]["latestVersion"] - 1)
    if previous is None:
        return WayBack(
            problem=f"the rollout of {name} before the client's, which kept its definition, is gone. {ADVICE}"
        )
    definition = _decoded(previous, config)
    if definition is None:
        return WayBack(problem=f"{ref(previous)} keeps no definition of {name} that can be read. {ADVICE}")
    proxy = _proxy(definition, image)
    if proxy:
        return WayBack(problem=f"{ref(previous)} keeps a definition of {name} that has {proxy} itself. {ADVICE}")
    return WayBack(config, previous, definition)


ADVICE = "Replace it by its own definition, triggers included, and roll that out."


def kept_count(way: WayBack) -> list[Evidence]:
    """The replicas in the definition that is to come back: with the rest of it, its owner's word."""
    count = whole(dig(way.definition, "spec", "replicas"))
    if way.source is None or count is None:
        return []
    return [
        Evidence("kept_definition", "declared", count, way.source["metadata"].get("creationTimestamp"), ref(way.source))
    ]


def _rolled_out_for(session: Session, controller: Object) -> bool:
    """Whether OpenShift made a ReplicationController of a DeploymentConfig with the session's label, which that has lost since.

    Otherwise a client changed the ReplicationController itself.
    """
    return bool(dig(_encoded(controller), "metadata", "labels", LABEL) == session.session_id)


def _by_hand(changed: Object, config: Object) -> str:
    name, namespace = config["metadata"]["name"], config["metadata"]["namespace"]
    return (
        f"{ref(changed)} was changed in place, as clients up to 0.96 do; {ref(config)} itself is as it was. "
        f"Roll that out: oc rollout latest dc/{name} -n {namespace}."
    )


def _encoded(controller: Object) -> t.Any:
    try:
        return json.loads(annotations_of(controller).get(ENCODED) or "null")
    except (ValueError, RecursionError):
        return None


def _decoded(controller: Object, config: Object) -> Object | None:
    """The definition of a DeploymentConfig that a rollout of it kept, None where that is no such thing."""
    stored = _encoded(controller)
    meta = dig(stored, "metadata")
    containers = dig(stored, "spec", "template", "spec", "containers")
    if not isinstance(meta, dict) or not isinstance(containers, list) or not containers:
        return None
    if stored.get("kind") != DEPLOYMENT_CONFIG.name or meta.get("name") != config["metadata"]["name"]:
        return None
    if meta.get("uid", uid(config)) != uid(config) or not all(isinstance(one, dict) for one in containers):
        return None
    return t.cast(Object, stored)


def _proxy(config: Object, image: t.Pattern[str]) -> str:
    """What of a proxy a definition has, in words, empty where nothing."""
    if dig(config, "metadata", "labels", LABEL) or dig(config, "spec", "template", "metadata", "labels", LABEL):
        return "a session's label"
    for container in dig(config, "spec", "template", "spec", "containers") or []:
        variables = container.get("env")
        swapped = isinstance(variables, list) and any(dig(one, "name") == SWAPPED for one in variables)
        if swapped or image.search(str(container.get("image"))):
            return "a proxy's container"
    return ""
