"""Small builders of objects, readings and cases; every test changes only what it is about."""

from __future__ import annotations

import copy
import functools
import json
import re
import typing as t
from pathlib import Path

import yaml
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster import clock
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object, labels_of
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps import log as poller
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.counts import Evidence
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.liveness import Judgement, Reading
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.originals import LAST_APPLIED, Match
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.plan import Case, Policy
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.question import Answer
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.sessions import IMAGE, Session, recognise

CASES = Path(__file__).parents[1] / "fixtures" / "cases"
STATES = ("alive", "suspended", "clientless", "gone", "asleep-5s", "asleep-2min")

SID = "9bdd4ff98a184820b2d4027b00a9af39"
OTHER_SID = "a5e5aba7e66c4360b52dabfe010e5d68"
UUID = "0c1b2d3e-4f50-4617-8293-a4b5c6d7e8f9"
NOW = 1_800_000_000.0
"""The pod's clock, seconds since the epoch."""
SWAPPED_AT = "2026-11-22T02:37:09Z"
PROXY_IMAGE = "datawire/telepresence-k8s:0.109"
SWAP_ENV = [{"name": "TELEPRESENCE_CONTAINER_NAMESPACE", "value": "shop"}]
PATTERN = re.compile(IMAGE)


def at(text: str) -> float:
    """Seconds since the epoch of an RFC 3339 time that is known to be one."""
    seconds = clock.parse(text)
    assert seconds is not None, text
    return seconds


def later(seconds: float, than: str = SWAPPED_AT) -> str:
    """The time so many seconds after another one."""
    text = clock.text(at(than) + seconds)
    assert text is not None
    return text


# Recorded material


@functools.cache
def _read(name: str) -> list[Object]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    read = yaml.load((CASES / f"{name}.yaml").read_text(), Loader=loader)
    return list(read["items"]) if read["kind"] == "List" else [read]


def recorded_objects(name: str) -> list[Object]:
    """All objects of a recorded case, copied, so that a test may change them."""
    return copy.deepcopy(_read(name))


def of_kind(objects: t.Iterable[Object], kind: str) -> list[Object]:
    """Those of one kind."""
    return [obj for obj in objects if obj["kind"] == kind]


def recorded_sessions(name: str) -> list[Session]:
    """What is recognised in a recorded case."""
    objects = recorded_objects(name)
    return _recognised(objects)


def _recognised(objects: t.Sequence[Object]) -> list[Session]:
    workloads = [obj for obj in objects if obj["kind"] in ("Deployment", "DeploymentConfig", "ReplicationController")]
    return recognise(workloads, of_kind(objects, "Pod"), of_kind(objects, "Service"), PATTERN)


def recorded_log(state: str) -> str:
    """The log of the recorded proxy in a state of its client."""
    return (CASES / "liveness" / state / "log.txt").read_text()


def recorded_tables(state: str) -> tuple[str, str, str]:
    """(the pod's clock as text, /proc/net/tcp, /proc/net/tcp6) of the recorded proxy."""
    folder = CASES / "liveness" / state
    taken, _, table = (folder / "proc-net-tcp.txt").read_text().partition("\n")
    return taken, table, (folder / "proc-net-tcp6.txt").read_text()


def recorded_reading(state: str) -> Reading:
    """The reading that the recorded proxy would have given."""
    taken, table, table6 = recorded_tables(state)
    rows = [line.split() for line in (table + table6).splitlines() if not line.strip().startswith("sl")]
    ports = [(row[1].rpartition(":")[2], row[3]) for row in rows]
    said = (CASES / "liveness" / state / "head-by-python.txt").read_text()
    signs = {
        "200 OK": "alive",
        "TimeoutError": "silent",
        "ConnectionResetError": "closed",
        "ConnectionRefused": "refused",
    }
    (http,) = {word for sign, word in signs.items() if sign in said}
    answer = Answer(at(taken), http, ("235F", "0A") in ports, ("1F56", "0A") in ports, ports.count(("1F56", "01")))
    pod = json.loads((CASES / "liveness" / state / "pod.json").read_text())
    age = at(taken) - at(pod["metadata"]["creationTimestamp"])
    return Reading(
        pod["metadata"]["name"], age, "running", "containerd://1", answer=answer, log=poller.parse(recorded_log(state))
    )


# Readings


def answer(http: str | None = "refused", *, listening: bool = False, tunnels: int = 0, clock: float = NOW) -> Answer:
    """What the inside of a proxy looked like: nothing listens on 9055, sshd waits for a client."""
    return Answer(clock, http, listening, sshd=True, tunnels=tunnels)


def log(
    alive: float | None = 100.0, since: float | None = None, until: float | None = None, *, clock: float = NOW
) -> poller.Log:
    """A log by ages: seconds before ``clock`` of the last sign of life, of the first and of the last failed poll after it."""

    def time(age: float | None) -> float | None:
        return None if age is None else clock - age

    return poller.Log(time(alive), time(since), time(until), 0 if since is None else 2)


def reading(answer: Answer | None, log: poller.Log | None, **changes: t.Any) -> Reading:
    """A reading of a pod that has run for an hour."""
    given: dict[str, t.Any] = {
        "pod": "web-1",
        "age": 3600.0,
        "state": "running",
        "instance": "containerd://1",
        "polled": True,
    }
    return Reading(**{**given, **changes}, answer=answer, log=log)


# Objects


def container(name: str = "c", image: str = "shop/web:1", env: t.Sequence[Object] = ()) -> Object:
    """A container."""
    return {"name": name, "image": image, "env": [*env]}


def proxy_container(name: str = "c", image: str = PROXY_IMAGE, *, swapped: bool = True) -> Object:
    """A proxy's container."""
    return container(name, image, SWAP_ENV if swapped else ())


def deployment(name: str = "web", replicas: int | None = 0, **changes: t.Any) -> Object:
    """A Deployment. ``changes``: labels and annotations of its own, pod_labels, selector, containers, uid, created, managed (fields)."""
    labels = changes.get("pod_labels", {"app": "web"})
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": changes.get("namespace", "shop"),
            "uid": changes.get("uid", f"uid-{name}"),
            "creationTimestamp": changes.get("created", "2026-11-01T00:00:00Z"),
            "labels": changes.get("labels", {}),
            "annotations": changes.get("annotations", {}),
            "managedFields": changes.get("managed", []),
        },
        "spec": {
            **({} if replicas is None else {"replicas": replicas}),
            "selector": changes.get("selector", {"matchLabels": {"app": "web"}}),
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": changes.get("containers", [container()])},
            },
        },
    }


def stateful_set(name: str = "web", replicas: int | None = 0, **changes: t.Any) -> Object:
    """A StatefulSet; ``changes`` as of a Deployment."""
    return {**deployment(name, replicas, **changes), "kind": "StatefulSet"}


def deployment_config(name: str = "web", replicas: int = 0, version: int = 3, **changes: t.Any) -> Object:
    """A DeploymentConfig of OpenShift that was rolled out so many times; ``changes`` as of a Deployment, its selector is a map of labels."""
    given: dict[str, t.Any] = {"selector": {"app": "web"}, "uid": f"uid-config-{name}"}
    made = deployment(name, replicas, **{**given, **changes})
    made["spec"] |= {"triggers": [{"type": "ConfigChange"}], "strategy": {"type": "Rolling"}}
    return {
        **made,
        "apiVersion": "apps.openshift.io/v1",
        "kind": "DeploymentConfig",
        "status": {"latestVersion": version},
    }


def rollout(config: Object, version: int = 3, replicas: int = 0, **changes: t.Any) -> Object:
    """The ReplicationController of a complete rollout of a DeploymentConfig as it is given; ``changes``: annotations, owner, created."""
    named = {key: config["metadata"][key] for key in ("name", "namespace")}
    encoded = {key: config[key] for key in ("apiVersion", "kind", "spec")}
    owner_uid = changes.get("owner", config["metadata"]["uid"])
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {
            "name": f"{named['name']}-{version}",
            "namespace": named["namespace"],
            "uid": f"uid-{named['name']}-{version}",
            "creationTimestamp": changes.get("created", SWAPPED_AT),
            "labels": {**labels_of(config), "openshift.io/deployment-config.name": named["name"]},
            "annotations": {
                "openshift.io/deployment.phase": "Complete",
                "openshift.io/deployment.replicas": str(config["spec"]["replicas"]),
                "openshift.io/encoded-deployment-config": json.dumps(
                    {**encoded, "metadata": {**named, "labels": labels_of(config)}}
                ),
                **changes.get("annotations", {}),
            },
            "ownerReferences": [{**owner("DeploymentConfig"), "name": named["name"], "uid": owner_uid}],
        },
        "spec": {"replicas": replicas, "template": copy.deepcopy(config["spec"]["template"])},
    }


def pod(name: str = f"web-{SID}", sid: str = SID, **changes: t.Any) -> Object:
    """A Pod with a session's label. ``changes``: labels beside it, annotations, containers, owners, uid, created."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": changes.get("namespace", "shop"),
            "uid": changes.get("uid", f"uid-{name}"),
            "creationTimestamp": changes.get("created", SWAPPED_AT),
            "labels": {**changes.get("labels", {"app": "web"}), "telepresence": sid},
            "annotations": changes.get("annotations", {}),
            "ownerReferences": changes.get("owners", []),
        },
        "spec": {"containers": changes.get("containers", [proxy_container()]), "restartPolicy": "Never"},
    }


def proxy_deployment(name: str = f"web-{SID}", sid: str = SID, **changes: t.Any) -> Object:
    """A proxy as clients up to 0.105 made it: a copy of the original Deployment."""
    given: dict[str, t.Any] = {
        "labels": {"telepresence": sid},
        "pod_labels": {"app": "web", "telepresence": sid},
        "containers": [proxy_container(image="datawire/telepresence-k8s:0.105")],
        "created": SWAPPED_AT,
    }
    return deployment(name, 1, **{**given, **changes})


def service(
    name: str = "mydev", sid: str = SID, selector: dict[str, str] | None = None, created: str = SWAPPED_AT
) -> Object:
    """A Service with a session's label, that selects exactly it unless told otherwise."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-service-{name}",
            "creationTimestamp": created,
            "labels": {"telepresence": sid},
        },
        "spec": {"selector": {"telepresence": sid} if selector is None else selector},
    }


def owner(kind: str, *, controls: bool = True) -> Object:
    """An owner reference."""
    return {
        "apiVersion": "v1",
        "kind": kind,
        "name": "web-5",
        "uid": "uid-owner",
        **({"controller": True} if controls else {}),
    }


def applied(stored: t.Any) -> dict[str, str]:
    """The annotation in which kubectl apply keeps what it applied."""
    return {LAST_APPLIED: stored if isinstance(stored, str) else json.dumps(stored)}


def changed(obj: Object, **meta: t.Any) -> Object:
    """A copy of an object with other metadata."""
    copied = copy.deepcopy(obj)
    copied["metadata"].update(meta)
    return copied


def one_session(*objects: Object) -> Session:
    """The only session among objects."""
    (session,) = _recognised(objects)
    return session


# Counts and cases


def scaling_event(message: str, after: float = 0.0, original: str = "uid-web", **changes: t.Any) -> Object:
    """An event of the deployment controller, so many seconds after the creation of the proxy."""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": changes.pop("name", "web.18ea"), "namespace": "shop"},
        "involvedObject": {"kind": "Deployment", "uid": original},
        "message": message,
        "lastTimestamp": later(after),
        **changes,
    }


def autoscaler(least: t.Any = 2, kind: str = "Deployment", name: str = "web") -> Object:
    """A HorizontalPodAutoscaler."""
    return {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "scaler", "namespace": "shop"},
        "spec": {"minReplicas": least, "scaleTargetRef": {"kind": kind, "name": name}},
    }


def evidence(cls: str, value: int, source: str = "scaling_event") -> Evidence:
    """One reading of a count."""
    return Evidence(source, cls, value, None, "Deployment shop/web")


def owned_replicas(manager: str, time: str | None) -> Object:
    """An entry of managedFields that owns spec.replicas."""
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": {"f:spec": {"f:replicas": {}}}}


POLICY = Policy(frozenset({"stale", "ended"}), "declared", 50)


def case(session: Session, verdict: str, original: Object | None = None, *counts: Evidence, firm: bool = True) -> Case:
    """A session with a verdict, an original, and evidence of its count."""
    match = Match(original, "name", (original,)) if original else Match(problem="nothing fits it")
    return Case(session, Judgement(verdict, f"It is {verdict}.", firm=firm), match=match, evidence=[*counts])
