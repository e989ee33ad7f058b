"""The states in which developers leave a shared cluster, each as a small workload with its sessions, and what must become of it.

Used by the demo and by the integration tests: both show the same claims.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from .say import LabError
from .swap import plant
from .telepresence1.kubectl import Kubectl
from .telepresence1.session import Session, planted

APP_IMAGE = "lab.local/app:1"
AT_ONCE = 10  # sessions planted at the same time; each takes half a minute, in which it mostly waits


@dataclasses.dataclass(frozen=True)
class Scene:
    """One workload and what happens to it.

    ``replicas`` are applied, ``scaled`` set by hand afterwards; ``swaps`` are (mode, client state) of the sessions in their order,
    of ``client_version`` (None: the one that goes with the mode).
    ``verdicts`` and ``outcomes`` are those that a recovery must report for the sessions in that order; ``after``: the replicas
    that the workload must have then (None: it must be gone, with its Service).
    """

    name: str
    replicas: int
    swaps: tuple[tuple[str, str], ...] = ()
    verdicts: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    after: int | None = 0
    scaled: int | None = None
    client_version: str | None = None


SCENES = (
    Scene("cart", 2, (("pod", "gone"),), ("stale",), ("restored",), after=3, scaled=3),
    Scene("orders", 2, (("deployment", "gone"),), ("stale",), ("restored",), after=2),
    Scene("search", 1, (("pod", "gone"),), ("stale",), ("restored",), after=1),
    Scene("mail", 2, (("deployment", "asleep"),), ("stale",), ("restored",), after=2),
    Scene("stats", 1, (("deployment", "gone"),), ("stale",), ("restored",), after=1, client_version="0.109"),
    Scene("mydev", 0, (("new", "gone"),), ("stale",), ("restored",), after=None),
    Scene("trial", 0, (("new", "gone"),), ("stale",), ("restored",), after=None, client_version="0.109"),
    Scene("checkout", 2, (("deployment", "gone"), ("pod", "alive")), ("stale", "alive"), ("held", "none")),
    Scene("users", 1, (("pod", "alive"),), ("alive",), ("none",)),
    Scene("stock", 1, (("deployment", "suspended"),), ("suspended",), ("none",)),
    Scene("offers", 1, (("pod", "clientless"),), ("clientless",), ("none",)),
    Scene("frontend", 2, after=2),
    Scene("reports", 0, after=0),
)
"""Two ordinary workloads at the end, one of them deliberately at 0."""

STARTING = Scene("ratings", 1, (("pod", "starting"),), ("starting",), ("none",))
"""Planted last: after six minutes without a client it would be an orphan."""


def workload(name: str, replicas: int) -> dict[str, Any]:
    """The manifest of an ordinary Deployment of the lab's app."""
    labels = {"app": name}
    container = {"name": "app", "image": APP_IMAGE, "imagePullPolicy": "IfNotPresent"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"terminationGracePeriodSeconds": 0, "containers": [container]},
            },
        },
    }


def set_up(kubectls: Sequence[Kubectl], scenes: Sequence[Scene]) -> None:
    """Creates each namespace anew and the workloads of the scenes in it, ready. Raises LabError."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda kubectl: _set_up(kubectl, [scene for scene in scenes if not _new(scene)]), kubectls))


def _set_up(kubectl: Kubectl, scenes: Sequence[Scene]) -> None:
    clear(kubectl)
    kubectl.run("delete", "namespace", kubectl.namespace, "--ignore-not-found")
    kubectl.run("create", "namespace", kubectl.namespace)
    workloads = [workload(scene.name, scene.replicas) for scene in scenes]
    kubectl.run("apply", "--filename=-", stdin={"apiVersion": "v1", "kind": "List", "items": workloads})
    for scene in scenes:
        if scene.scaled is not None:
            kubectl.run("scale", "deployment", scene.name, f"--replicas={scene.scaled}")
    kubectl.run("wait", "deployments", "--all", "--for=condition=Available", "--timeout=180s")


def clear(kubectl: Kubectl) -> None:
    """Ends the clients that were planted in the namespace, and begins to delete it."""
    for session in planted(kubectl.context, kubectl.namespace):
        session.stop_client()
    kubectl.run("delete", "namespace", kubectl.namespace, "--ignore-not-found", "--wait=false")


def play(jobs: Sequence[tuple[Kubectl, Scene]]) -> dict[tuple[str, str, str], list[Session]]:
    """Plants the sessions of scenes, several at once; by (context, namespace, workload), in the order of the scene.

    Raises LabError.
    """

    def one(job: tuple[Kubectl, Scene]) -> list[Session]:
        kubectl, scene = job
        return [
            plant(kubectl, scene.name, mode, state, client_version=scene.client_version) for mode, state in scene.swaps
        ]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        sessions = list(pool.map(one, jobs))
    return {(kubectl.context, kubectl.namespace, scene.name): mine for (kubectl, scene), mine in zip(jobs, sessions)}


def broken_claims(kubectl: Kubectl, scene: Scene, sessions: Sequence[Session]) -> list[str]:
    """What is not as it must be after a recovery, one sentence each; empty where all is well."""
    wrong = []
    replicas = _replicas(kubectl, scene.name)
    if replicas != scene.after:
        wrong.append(f"{scene.name} has {replicas} replicas instead of {scene.after}")
    for session, outcome in zip(sessions, scene.outcomes):
        selector = f"--selector=telepresence={session.session_id}"
        there = kubectl.get("pods,deployments,services", selector)["items"]
        left = [item for item in there if not item["metadata"].get("deletionTimestamp")]
        if outcome == "restored" and left:
            wrong.append(f"{scene.name} was restored, but of session {session.session_id} {len(left)} objects are left")
        if outcome != "restored" and not left:
            wrong.append(f"{scene.name} was not to be touched, but its session {session.session_id} has gone")
        if session.client == "alive" and not session.client_answers():
            wrong.append(f"the living client of {scene.name} no longer answers")
    return wrong


def _replicas(kubectl: Kubectl, name: str) -> int | None:
    try:
        found = kubectl.get("deployment", name)
    except LabError as error:
        if "not found" in str(error).lower():
            return None
        raise
    return int(found["spec"].get("replicas", 0))


def _new(scene: Scene) -> bool:
    return any(mode == "new" for mode, _ in scene.swaps)
