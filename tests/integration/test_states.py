"""What a real kubelet, scheduler and quota make of proxies, and the crash points that no other test plants.

One cluster, two namespaces, one recovery: proxies that never ran have to wait until their start window is over, so all others are planted
meanwhile.
"""

from __future__ import annotations

import copy
import pathlib
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from tests.integration.conftest import Place, Ran
from tests.lab.scenes import clear, workload
from tests.lab.swap import plant
from tests.lab.target import clusters
from tests.lab.telepresence1 import manifests
from tests.lab.telepresence1.client import wait_for
from tests.lab.telepresence1.kubectl import Kubectl
from tests.lab.telepresence1.session import Session

START_WINDOW = 210
"""The shortest that may be set, as long as a client tries."""
POLL = 30

Spec = dict[str, Any]


def nowhere(spec: Spec) -> None:
    """No node is like that."""
    spec["nodeSelector"] = {"sessions": "nowhere"}


def no_image(spec: Spec) -> None:
    """No node has it, and no registry."""
    spec["containers"][0]["image"] = "lab.local/telepresence-k8s:0.1"


def no_settings(spec: Spec) -> None:
    """The container cannot be made."""
    spec["containers"][0]["envFrom"] = [{"configMapRef": {"name": "sessions-nowhere"}}]


def exits(spec: Spec) -> None:
    """The proxy's program ends by itself."""
    spec["containers"][0]["command"] = ["/bin/sh", "-c", "exit 3"]


def eats(spec: Spec) -> None:
    """More memory than the app's limit allows."""
    spec["containers"][0]["resources"] = {"limits": {"memory": "48Mi"}}
    spec["containers"][0]["command"] = ["python3", "-c", "bytearray(10**9); import time; time.sleep(999)"]


# Proxies that never have a client: (mode, what is wrong with the pod, verdict).
BROKEN: dict[str, tuple[str, Callable[[Spec], None], str]] = {
    "unscheduled": ("pod", nowhere, "ended"),
    "unscheduled-deployment": ("deployment", nowhere, "ended"),
    "no-image": ("pod", no_image, "ended"),
    "no-settings": ("pod", no_settings, "ended"),
    "exits": ("pod", exits, "ended"),
    "out-of-memory": ("pod", eats, "ended"),
    "crashing": ("deployment", exits, "unknown"),
}

# Proxies with clients: (workload or its container, the sessions' modes, states, client versions).
PLANTED: dict[str, tuple[tuple[str, str, str | None], ...]] = {
    "gone": (("pod", "gone", None),),
    "alive": (("pod", "alive", None),),
    "returned": (("pod", "gone", None),),
    "twice": (("deployment", "gone", None), ("pod", "gone", None)),
    "stuck": (("pod", "gone", None),),
    "sidecar": (("pod", "gone", None),),
    "old-alive": (("deployment", "alive", "0.87"),),
    "old-gone": (("deployment", "gone", "0.87"),),
}
EXPECTED: dict[str, tuple[tuple[str, str], ...]] = {
    "gone": (("stale", "restored"),),
    "alive": (("alive", "none"),),
    "returned": (("stale", "restored"),),
    "twice": (("stale", "restored"), ("stale", "restored")),
    "stuck": (("terminating", "restored"),),
    "sidecar": (("stale", "restored"),),
    "old-alive": (("alive", "none"),),
    "old-gone": (("stale", "restored"),),
    "forbidden": (("ended", "restored"),),
    **{
        name: ((verdict, "restored" if verdict == "ended" else "none"),)
        for name, (_mode, _wrong, verdict) in BROKEN.items()
    },
}
REPLICAS = {name: 2 if name in ("twice", "forbidden") else 1 for name in EXPECTED}


@dataclass
class Scenery:
    """The namespaces, and the session ids of each workload, the oldest first."""

    kubectl: Kubectl
    forbidding: Kubectl
    sessions: dict[str, list[str]] = field(default_factory=dict)
    planted: list[Session] = field(default_factory=list)

    def wait_for_the_start_window(self) -> None:
        """Waits until every proxy that has shown no sign of life is too old to be starting."""
        for name in (*BROKEN, "old-gone"):
            (session_id,) = self.sessions[name]
            (pod,) = self.kubectl.get("pods", f"--selector=telepresence={session_id}")["items"]
            created = datetime.fromisoformat(pod["metadata"]["creationTimestamp"].replace("Z", "+00:00")).timestamp()
            time.sleep(max(0.0, created + START_WINDOW + 2 - time.time()))

    def of(self, ran: Ran, name: str) -> tuple[tuple[str, str], ...]:
        """(verdict, outcome) of a workload's sessions, the oldest first."""
        records = {one["session_id"]: one for one in ran.report[self.kubectl.context]["sessions"]}
        return tuple((records[one]["verdict"], records[one]["outcome"]) for one in self.sessions[name])


def swap_badly(kubectl: Kubectl, name: str, mode: str, wrong: Callable[[Spec], None]) -> str:
    """A swap whose proxy has something wrong with it, and no client; the session's id."""
    original, session_id = kubectl.get("deployment", name), uuid.uuid4().hex
    if mode == "pod":
        proxy = manifests.swapped_pod(original, session_id, "app")
        wrong(proxy["items"][0]["spec"])
        kubectl.run("create", "--filename=-", stdin=proxy)
    else:
        proxy = manifests.swapped_deployment(original, session_id, "app")
        wrong(proxy["spec"]["template"]["spec"])
        kubectl.run("apply", "--filename=-", stdin=proxy)
    kubectl.run("scale", "deployment", name, "--replicas=0")
    return session_id


def with_sidecar(plain: dict[str, Any]) -> dict[str, Any]:
    """The workload with a container that comes first."""
    containers = plain["spec"]["template"]["spec"]["containers"]
    containers.insert(0, {**copy.deepcopy(containers[0]), "name": "mesh", "command": ["sleep", "infinity"]})
    return plain


@pytest.fixture(scope="module")
def scenery() -> Iterator[Scenery]:
    """Everything, as it is when the proxies of clients that are gone have noticed it."""
    kubeconfig, contexts = clusters()
    kubectl, forbidding = (
        Kubectl(contexts[0], name, kubeconfig) for name in ("sessions-states", "sessions-forbidding")
    )
    scene = Scenery(kubectl, forbidding)
    for one, names in ((kubectl, [*BROKEN, *PLANTED]), (forbidding, ["forbidden"])):
        clear(one)
        one.run("delete", "namespace", one.namespace, "--ignore-not-found")
        one.run("create", "namespace", one.namespace)
        items = [workload(name, REPLICAS[name]) for name in names]
        items = [with_sidecar(item) if item["metadata"]["name"] == "sidecar" else item for item in items]
        one.run("apply", "--filename=-", stdin={"apiVersion": "v1", "kind": "List", "items": items})
    for one in (kubectl, forbidding):
        one.run("wait", "deployments", "--all", "--for=condition=Available", "--timeout=180s")
    try:
        _limit(forbidding)
        scene.sessions["forbidden"] = [swap_badly(forbidding, "forbidden", "deployment", lambda spec: None)]
        for name, (mode, wrong, _verdict) in BROKEN.items():
            scene.sessions[name] = [swap_badly(kubectl, name, mode, wrong)]
        with ThreadPoolExecutor(len(PLANTED)) as pool:
            for name, sessions in zip(PLANTED, pool.map(lambda name: _plant(kubectl, name), PLANTED), strict=True):
                scene.planted += sessions
                scene.sessions[name] = [session.session_id for session in sessions]
        _change(kubectl, scene)
        time.sleep(POLL)
        yield scene
    finally:
        for pod in kubectl.get("pods")["items"]:
            if pod["metadata"].get("finalizers"):
                kubectl.run(
                    "patch", "pod", pod["metadata"]["name"], "--type=merge", '-p={"metadata":{"finalizers":[]}}'
                )
        clear(kubectl)
        clear(forbidding)


def _limit(kubectl: Kubectl) -> None:
    """From now on the namespace takes only pods that say how much they need, which none of ours does."""
    kubectl.run("create", "quota", "sessions", "--hard=requests.cpu=1")


def _plant(kubectl: Kubectl, name: str) -> list[Session]:
    of = "sidecar:app" if name == "sidecar" else name
    return [plant(kubectl, of, mode, state, client_version=version) for mode, state, version in PLANTED[name]]


def _change(kubectl: Kubectl, scene: Scenery) -> None:
    """What happened to some of them afterwards."""
    kubectl.run("scale", "deployment", "returned", "--replicas=1")
    (stuck,) = (session.proxy for session in scene.planted if session.name == "stuck")
    kubectl.run("patch", "pod", stuck, "--type=merge", '-p={"metadata":{"finalizers":["sessions.test/keep"]}}')
    kubectl.run("delete", "pod", stuck, "--wait=false")


# The tests of this module are one story, in this order.


@pytest.fixture(scope="module")
def where(scenery: Scenery) -> dict[str, Any]:
    """The variables that keep a run to these namespaces."""
    return {
        "recover_namespaces": [scenery.kubectl.namespace, scenery.forbidding.namespace],
        "recover_start_window": START_WINDOW,
    }


def test_without_exec_a_client_is_gone_only_where_nothing_else_may_have_refused(
    checkout: Place, inventory: pathlib.Path, scenery: Scenery, where: dict[str, Any]
) -> None:
    limit = ("--limit", scenery.kubectl.context)
    ran = checkout.play("orphans", inventory, *limit, recover_probe="pod_proxy", **where)
    found = {name: scenery.of(ran, name)[0][0] for name in ("gone", "alive", "sidecar")}
    assert found == {"gone": "stale", "alive": "alive", "sidecar": "unknown"}
    # Whether a client that is never polled has a tunnel cannot be seen without exec.
    assert {scenery.of(ran, name)[0][0] for name in ("old-alive", "old-gone")} <= {"starting", "unknown"}


def test_each_state_is_recovered_as_it_must_be(
    checkout: Place, inventory: pathlib.Path, scenery: Scenery, where: dict[str, Any]
) -> None:
    scenery.wait_for_the_start_window()
    limit = ("--limit", scenery.kubectl.context)
    ran = checkout.play("recover", inventory, *limit, recover_wait=False, **where)
    assert {name: scenery.of(ran, name) for name in EXPECTED} == EXPECTED
    # A person has to look at the one that crashes.
    assert ran.code == 2
    for name, outcomes in EXPECTED.items():
        kubectl = scenery.forbidding if name == "forbidden" else scenery.kubectl
        restored = outcomes[0][1] == "restored"
        wanted = kubectl.get("deployment", name)["spec"].get("replicas", 0)
        assert wanted == (REPLICAS[name] if restored else 0), name
        for session_id in scenery.sessions[name]:
            left = kubectl.get("pods,deployments", f"--selector=telepresence={session_id}")["items"]
            assert bool([one for one in left if not one["metadata"].get("deletionTimestamp")]) != restored, name
    for session in scenery.planted:
        assert session.client != "alive" or session.client_answers(), session.name


def test_a_second_run_finds_only_what_lives_or_crashes(
    checkout: Place, inventory: pathlib.Path, scenery: Scenery, where: dict[str, Any]
) -> None:
    def settled() -> bool:
        """The deleted pods have gone, but for the one that a finalizer keeps."""
        pods = scenery.kubectl.get("pods", "--selector=telepresence")["items"]
        return len([pod for pod in pods if pod["metadata"].get("deletionTimestamp")]) == 1

    wait_for(settled, "the end of the deleted proxies", 60.0)
    limit = ("--limit", scenery.kubectl.context)
    ran = checkout.play("recover", inventory, *limit, recover_wait=False, **where)
    result = ran.report[scenery.kubectl.context]
    assert result["changed"] is False
    living = [*scenery.sessions["alive"], *scenery.sessions["old-alive"], *scenery.sessions["crashing"]]
    assert {one["session_id"] for one in result["sessions"]} == {*living, *scenery.sessions["stuck"]}
