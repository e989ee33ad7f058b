"""The sessions of a scenario, planted on a real API server from what real clients left behind, and all that changes there.

Their controllers and their kubelet are scripted: what was scaled is ready at once, and what was owned goes with its owner.
"""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tests.lab.client import Client, Failed
from wire import states
from wire.store import Obj, make_ready, read_yaml

from .kubelet import NODE, PORT, Kubelet, Voice

NAMESPACE = "shop"
POD, DEPLOYMENT, NEW = "0.109-swap-web-pod-from-3", "0.105-swap-web-from-2", "0.105-new-deployment"
PLURALS = {
    "Deployment": ("apis/apps/v1", "deployments"),
    "ReplicaSet": ("apis/apps/v1", "replicasets"),
    "StatefulSet": ("apis/apps/v1", "statefulsets"),
    "Pod": ("api/v1", "pods"),
    "Service": ("api/v1", "services"),
    "Event": ("api/v1", "events"),
    "ConfigMap": ("api/v1", "configmaps"),
    "Secret": ("api/v1", "secrets"),
    "HorizontalPodAutoscaler": ("apis/autoscaling/v2", "horizontalpodautoscalers"),
}
"""Kind: where it is, in the order in which objects need each other."""

Key = tuple[str, str]
"""Kind and name of an object in the namespace of the scenario."""
Dump = dict[Key, Obj]


@dataclass(frozen=True)
class Swap:
    """One session: the recorded *case* it is made from, the *state* of its client, and whether its port can be reached."""

    case: str
    state: str
    reachable: bool = True


@dataclass(frozen=True)
class Scene:
    """One workload, named *name*, that had *count* replicas, and the sessions on it in their order.

    *restored*: whether a recovery puts it right; if not it must leave every object of it as it is.
    """

    name: str
    count: int
    swaps: tuple[Swap, ...]
    restored: bool = False


SCENES = (
    Scene("cart", 3, (Swap(POD, "gone"),), restored=True),
    Scene("orders", 2, (Swap(DEPLOYMENT, "gone"),), restored=True),
    Scene("mydev", 0, (Swap(NEW, "gone"),), restored=True),
    Scene("users", 3, (Swap(POD, "alive"),)),
    # The API server does not reach its pod: only exec tells that its client lives.
    Scene("stock", 3, (Swap(POD, "alive", reachable=False),)),
    Scene("checkout", 3, (Swap(POD, "gone"), Swap(POD, "alive", reachable=False))),
    Scene("frontend", 2, ()),
)


class World:
    """The scenario on one API server, with its kubelet."""

    def __init__(self, client: Client, kubelet: Kubelet) -> None:
        self.client, self.kubelet = client, kubelet
        self.planted: dict[str, Dump] = {}
        self._addresses = 0
        for path, body in (
            ("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}}),
            ("/api/v1/nodes", {"metadata": {"name": "localhost"}}),
        ):
            client.call("POST", path, body)
        node = {
            "addresses": [{"type": "InternalIP", "address": NODE}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": PORT}},
        }
        client.call("PATCH", "/api/v1/nodes/localhost/status", {"status": node}, "application/merge-patch+json")

    # What is there ----------------------------------------------------------------------------------------------------

    def dump(self) -> Dump:
        """Every object of the scenario's namespace, as it is now."""
        found: Dump = {}
        for kind, (group, plural) in PLURALS.items():
            for item in self.client.call("GET", f"/{group}/namespaces/{NAMESPACE}/{plural}")["items"]:
                # The API server itself tells of addresses of Services that it has not got to know yet.
                if not str(item.get("reportingComponent")).startswith("ipallocator"):
                    found[kind, item["metadata"]["name"]] = item
        return found

    # Planting ---------------------------------------------------------------------------------------------------------

    def restore(self, now: Dump) -> None:
        """Makes the scenario what it was, given what is there: only what has changed is planted anew."""
        known: set[Key] = set()
        for scene in SCENES:
            planted = self.planted.get(scene.name, {})
            if not planted or any(version(now.get(key)) != version(obj) for key, obj in planted.items()):
                self._remove(key for key in planted if key in now)
                self.planted[scene.name] = self._plant(scene)
            known |= set(self.planted[scene.name])
        self._remove(key for key in now if key not in known)

    def _remove(self, keys: Iterable[Key]) -> None:
        for key in keys:
            try:
                self.client.call("DELETE", path(*key), {"gracePeriodSeconds": 0, "propagationPolicy": "Background"})
            except Failed as error:
                if error.status != 404:
                    raise

    def _plant(self, scene: Scene) -> Dump:
        """A workload and its sessions, in the order of their clients: first the proxy, then the original is scaled to 0."""
        if scene.swaps:
            objects = self._create(renamed(recorded(scene.swaps[0].case), scene.name, session_id(scene)), scene.count)
            self._let_speak(objects, scene.swaps[0])
        else:
            originals = [obj for obj in recorded(POD) if obj["kind"] == "Deployment"]
            objects = self._create(renamed(originals, scene.name, ""), scene.count)
        if scene.swaps and scene.count:
            self.scale(scene.name, 0)
        for number, swap in enumerate(scene.swaps[1:], 1):
            objects += self.add_proxy(scene, swap, number)
        return {(obj["kind"], obj["metadata"]["name"]): self._now(obj) for obj in objects}

    def add_proxy(self, scene: Scene, swap: Swap, number: int) -> list[Obj]:
        """Plants only the Pod of a session, the scene's *number*: of one more, say. What was created."""
        pods = [obj for obj in recorded(swap.case) if obj["kind"] == "Pod"]
        objects = self._create(renamed(pods, scene.name, session_id(scene, number)), scene.count)
        self._let_speak(objects, swap)
        return objects

    def _let_speak(self, objects: Iterable[Obj], swap: Swap) -> None:
        (pod,) = [obj for obj in objects if obj["kind"] == "Pod"]
        self.kubelet.voices[pod["metadata"]["name"]] = Voice(swap.state, pod["status"]["podIP"], swap.reachable)

    def scale(self, name: str, count: int) -> None:
        """Scales a Deployment, as kubectl does."""
        scale = f"{path('Deployment', name)}/scale"
        self.client.call("PATCH", scale, {"spec": {"replicas": count}}, "application/merge-patch+json")
        self.roll_out(name)

    def _create(self, items: Sequence[Obj], count: int) -> list[Obj]:
        """Creates recorded objects, with the uids that they get now in all that names them; an original has *count* replicas."""
        created = []
        uids: dict[str, str] = {}
        for item in in_order(items):
            body, status = creatable(item, uids), item.get("status")
            if body["kind"] == "Deployment" and not states.is_proxy(body):
                body["spec"]["replicas"] = count
            if body["kind"] == "Service":
                body["spec"] = {key: body["spec"][key] for key in ("ports", "selector")}
            group, plural = PLURALS[body["kind"]]
            obj = self.client.call("POST", f"/{group}/namespaces/{NAMESPACE}/{plural}", body)
            uids[item["metadata"]["uid"]] = obj["metadata"]["uid"]
            if status and body["kind"] in ("Deployment", "ReplicaSet", "Pod"):
                obj = self._set_status(obj, status)
            created.append(obj)
        return created

    def _set_status(self, obj: Obj, status: Obj) -> Obj:
        status = {**status, "observedGeneration": obj["metadata"].get("generation", 1)}
        if obj["kind"] == "Pod":
            self._addresses += 1
            address = f"10.244.{self._addresses // 250}.{self._addresses % 250 + 1}"
            status = {**status, "podIP": address, "podIPs": [{"ip": address}]}
        at = f"{path(obj['kind'], obj['metadata']['name'])}/status"
        changed: Obj = self.client.call("PUT", at, {**obj, "status": status})
        return changed

    def _now(self, obj: Obj) -> Obj:
        found: Obj = self.client.call("GET", path(obj["kind"], obj["metadata"]["name"]))
        return {**found, "kind": obj["kind"]}

    # What its controllers do ------------------------------------------------------------------------------------------

    def roll_out(self, name: str) -> None:
        """A Deployment has all the replicas that it wants, at once."""
        obj = self.client.call("GET", path("Deployment", name))
        make_ready(obj)
        self.client.call("PUT", f"{path('Deployment', name)}/status", obj)

    def collect(self) -> None:
        """What was owned by something that is gone, goes."""
        while True:
            now = self.dump()
            uids = {obj["metadata"]["uid"] for obj in now.values()}
            orphaned = [
                key
                for key, obj in now.items()
                for owner in obj["metadata"].get("ownerReferences", ())
                if owner["uid"] not in uids
            ]
            if not orphaned:
                return
            self._remove(orphaned)


def path(kind: str, name: str) -> str:
    """Where an object of the scenario is."""
    group, plural = PLURALS[kind]
    return f"/{group}/namespaces/{NAMESPACE}/{plural}/{name}"


def version(obj: Obj | None) -> tuple[str, str] | None:
    """What changes with every write to an object, None where there is none."""
    return None if obj is None else (obj["metadata"]["uid"], obj["metadata"]["resourceVersion"])


def session_id(scene: Scene, number: int = 0) -> str:
    """The id of a scene's session, the same in every run."""
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{scene.name} {number}").hex


def proxy_name(scene: Scene, number: int = 0) -> str:
    """The name of a scene's proxy."""
    swap = scene.swaps[number]
    return scene.name if swap.case == NEW else f"{scene.name}-{session_id(scene, number)}"


def recorded(case: str) -> list[Obj]:
    """The objects of a recorded case."""
    items: list[Obj] = read_yaml(states.CASES / f"{case}.yaml")["items"]
    return items


def in_order(items: Iterable[Obj]) -> list[Obj]:
    """Recorded objects as they need each other, originals before proxies."""
    order = [*PLURALS]
    return sorted(items, key=lambda obj: (order.index(obj["kind"]), "telepresence" in str(obj["metadata"])))


def creatable(item: Obj, uids: Mapping[str, str]) -> Obj:
    """A recorded object as it can be created: without what the API server sets, and with *uids* (old: new) in all that names them."""
    text = json.dumps(item)
    for old, new in uids.items():
        text = text.replace(old, new)
    body: Obj = json.loads(text)
    body.pop("status", None)
    kept = ("name", "namespace", "labels", "annotations", "ownerReferences")
    return {**body, "metadata": {key: body["metadata"][key] for key in kept if key in body["metadata"]}}


def renamed(items: Sequence[Obj], name: str, session: str, namespace: str = NAMESPACE) -> list[Obj]:
    """Recorded objects under another name, with another session, and times as if the proxy had been made just now."""
    proxies = [obj for obj in items if states.is_proxy(obj)]
    shift = 0
    text = json.dumps(items)
    if proxies:
        created = max(states.epoch(obj["metadata"]["creationTimestamp"]) for obj in proxies)
        shift = round(time.time() - created)
        text = text.replace(proxies[0]["metadata"]["labels"]["telepresence"], session)
    for old in ("web", "mydev"):
        # As a name of its own, also inside of JSON in an annotation, and as the beginning of other names.
        text = re.sub(rf'(?<=["]){old}(?=\\?["]|[-.])|(?<= ){old}(?=-)', name, text)
    text = re.sub(r'(?<=["])default(?=\\?["])', namespace, text)
    return [states.shift_object(obj, shift) for obj in json.loads(text)]
