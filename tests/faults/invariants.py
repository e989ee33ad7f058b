"""What must hold after every run, whatever happened to it; each violation is a sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .world import NAMESPACE, NEW, Dump, Key, Scene, proxy_name, session_id, version

Result = dict[str, Any]
_DOUBTFUL = "Whether that was done is not known."


@dataclass(frozen=True)
class Claim:
    """What must become of one scene: *before* is all that belongs to it, *at* its original's count, *to* the right one.

    *living*: nothing of it may be touched, for a client lives, or it is nobody's session; but a count that was set for a
    session that has ended may be taken back.
    """

    scene: Scene
    before: Dump
    at: int
    to: int
    living: bool

    @classmethod
    def of(cls, scene: Scene, before: Dump) -> Claim:
        """The claim on a scene as it was planted."""
        return cls(scene, before, 0, scene.count if scene.restored else 0, living=not scene.restored)

    @property
    def proxy(self) -> Key:
        """The proxy's kind and name."""
        name = proxy_name(self.scene)
        return ("Pod" if ("Pod", name) in self.before else "Deployment"), name

    def broken(self, now: Dump) -> Iterator[str]:
        """What a run has done to the scene that none may do."""
        original = ("Deployment", self.scene.name)
        count = replicas(now, self.scene.name)
        if self.living:
            yield from self._changed(now, {original} if count == self.to != self.at else set())
            return
        may_change = {key for key in self.before if key[1].startswith(self.proxy[1])}
        if self.scene.swaps[0].case == NEW:
            service = ("Service", self.scene.name)
            if service not in now and self.proxy in now:
                yield f"the Service of {self.scene.name} is gone, its proxy is not"
            yield from self._changed(now, may_change | {service})
            return
        if count not in (self.at, self.to):
            yield f"{self.scene.name} has {count} replicas, neither {self.at} nor {self.to}"
        if self.proxy not in now and count != self.to:
            yield f"the proxy of {self.scene.name} is gone, and {self.scene.name} has {count} replicas"
        yield from self._changed(now, may_change | ({original} if count != self.at else set()))

    def _changed(self, now: Dump, gone: set[Key]) -> Iterator[str]:
        """What has changed; of *gone*, what is there but not as it was (an original may have been scaled)."""
        for key, obj in self.before.items():
            if key in gone and (key not in now or key == ("Deployment", self.scene.name)):
                continue
            if version(now.get(key)) != version(obj):
                yield f"{' '.join(key)} has {'gone' if key not in now else 'been changed'}"

    def reached(self, now: Dump) -> bool:
        """Whether the scene is as a recovery should leave it."""
        if self.living:
            return True
        if self.scene.swaps[0].case == NEW:
            return self.proxy not in now and ("Service", self.scene.name) not in now
        return self.proxy not in now and replicas(now, self.scene.name) == self.to


def replicas(now: Dump, name: str) -> int | None:
    """What a Deployment wants, None where there is none."""
    obj = now.get(("Deployment", name))
    return None if obj is None else int(obj["spec"].get("replicas", 0))


def of_cluster(claims: Mapping[str, Claim], now: Dump) -> Iterator[str]:
    """What is wrong with the cluster after a run."""
    for claim in claims.values():
        yield from claim.broken(now)
    known = {key for claim in claims.values() for key in claim.before}
    restored = {claim.scene.name for claim in claims.values() if not claim.living}
    for kind, name in set(now) - known:
        about = (now[kind, name].get("involvedObject") or {}).get("name")
        if kind != "Event" or about not in restored:
            yield f"{kind} {name} has come"


def of_result(claims: Mapping[str, Claim], start: Dump, now: Dump, result: Result, server: str) -> Iterator[str]:
    """What is wrong with what a run says of itself."""
    text = json.dumps(result)
    for sign in ("Traceback", "object at 0x", "\\u001b", "\\u0000"):
        if sign in text:
            yield f"the result holds {sign}"
    told = said(result)
    owners = {session_id(claim.scene, number): claim for claim in claims.values() for number in range(2)}
    if result.get("failed") and not re.search(r"\.$", result["msg"]):
        yield f"the message is no sentence: {result['msg']}"
    if not well(result) and server not in told and "the cluster of context" not in told:
        yield f"nothing that was said names the server {server}: {told}"
    for record in result["sessions"]:
        claim = owners[record["session_id"]]
        if record["outcome"] == "restored" and not claim.reached(now):
            yield f"{claim.scene.name} is said to be restored"
    reached = {name: claim.reached(now) for name, claim in claims.items()}
    if well(result) and not all(reached.values()):
        yield f"the run says that all is well, but {[name for name, there in reached.items() if not there]} are not restored"
    moved = sorted(changed(start, now))
    if moved and not result.get("changed") and _DOUBTFUL not in told:
        yield f"the run says that it changed nothing, but {moved} changed"
    if result.get("changed") and not moved:
        yield "the run says that it changed something"


def changed(start: Dump, now: Dump) -> set[Key]:
    """The objects that are not as they were, have come or have gone."""
    return {key for key in (*start, *now) if version(start.get(key)) != version(now.get(key))}


def said(result: Result) -> str:
    """All that a run says for people."""
    records = result["sessions"]
    return " ".join([result.get("msg", ""), *(f"{one['reason']} {one['message']}" for one in records)])


def well(result: Result) -> bool:
    """Whether a run says that all is well: exit code 0, as documented."""
    return not result.get("failed") and not result["summary"]["needs_attention"]


def names(call: str) -> str:
    """What a run must say where this call failed it."""
    verb, resource, about = (*call.split(" "), "", "")[:3]
    if resource == "/apis/apps.openshift.io/v1":
        return "ask whether there are deploymentconfigs"
    if resource.startswith("/"):
        return "connect to the cluster"
    return {
        "get namespaces": f"namespace {about}",
        "create selfsubjectreviews": "ask who these credentials are",
        "create selfsubjectaccessreviews": "ask for the right to",
        "get pods/exec": f"exec into pod {NAMESPACE}/{about}",
        "get pods/log": f"read the log of pod {NAMESPACE}/{about}",
        "get pods": f"exec into pod {NAMESPACE}/{about}",
        "update deployments/scale": f"scale Deployment {NAMESPACE}/{about}",
        "delete pods": f"delete Pod {NAMESPACE}/{about}",
        "delete deployments": f"delete Deployment {NAMESPACE}/{about}",
        "delete services": f"delete Service {NAMESPACE}/{about}",
    }.get(f"{verb} {resource}", f"{verb} {resource}")
