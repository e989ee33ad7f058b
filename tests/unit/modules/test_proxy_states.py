"""Every state in which a node, a quota or a mesh can leave a proxy: what is made of it, and what is written."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from wire import exec as exec_
from wire import status
from wire.request import Request
from wire.script import FOREVER
from wire.store import Obj, timestamp

from .cluster import DEPLOYMENT_2, MULTI, NEW, POD_3, Cluster, only

POD = "web-9bdd4ff98a184820b2d4027b00a9af39"
PROXY = "web-a5e5aba7e66c4360b52dabfe010e5d68"
LONG = "checkout-service-with-long-name"
WRITES = {
    POD_3: ["PUT deployments/web/scale 3", f"DELETE pods/{POD}"],
    MULTI: [f"PUT deployments/{LONG}/scale 2", "DELETE pods/checkout-service--992b6093010c4ad283c793585a9312a5"],
    DEPLOYMENT_2: ["PUT deployments/web/scale 2", f"DELETE deployments/{PROXY}"],
    NEW: ["DELETE deployments/mydev", "DELETE services/mydev"],
}

Edit = Callable[[Obj], object]


def pod_status(phase: str, *containers: Obj, **changes: Any) -> Edit:
    """The whole status of a pod."""

    def edit(obj: Obj) -> None:
        obj["status"] = {"phase": phase, **({"containerStatuses": [*containers]} if containers else {}), **changes}

    return edit


def container(state: str, reason: str = "", name: str = "c", ran: bool = False, **changes: Any) -> Obj:
    """One container's status; *ran*: it has run before."""
    details = {"running": {}, "waiting": {"reason": reason}, "terminated": {"reason": reason, "exitCode": 137}}[state]
    return {"name": name, "state": {state: details}, **({"containerID": "containerd://1"} if ran else {}), **changes}


def never_ran(reason: str) -> Edit:
    """A pod whose container waits for ever."""
    return pod_status("Pending", container("waiting", reason))


def evicted() -> Edit:
    """A kubelet that needs room clears the containers' states."""
    return pod_status("Failed", reason="Evicted", message="The node was low on resource: memory.")


@dataclass(frozen=True)
class Row:
    """What was done to the pod of a session, how old that is, and what is to be said of it.

    ``asked``: whether its client is to be asked. A verdict ``ended`` or ``stale`` is restored; any other writes nothing.
    """

    case: str
    edit: Edit
    verdict: str
    age: int = 400
    asked: bool = False
    restart: str = field(default="")


UNSCHEDULABLE = pod_status(
    "Pending", conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]
)
INIT = pod_status(
    "Pending",
    container("waiting", "PodInitializing"),
    initContainerStatuses=[container("waiting", "CrashLoopBackOff", "init")],
)
ROWS = {
    # Never ran: judged by age alone. A client gives up after 210 s, and so 360 s are past any start.
    "unschedulable, new": Row(POD_3, UNSCHEDULABLE, "starting", age=100),
    "unschedulable": Row(POD_3, UNSCHEDULABLE, "ended"),
    "unschedulable, of a Deployment": Row(DEPLOYMENT_2, UNSCHEDULABLE, "ended"),
    "unschedulable, new deployment": Row(NEW, UNSCHEDULABLE, "ended"),
    "no status yet": Row(POD_3, lambda obj: obj.pop("status"), "starting", age=5),
    "image, new": Row(POD_3, never_ran("ErrImagePull"), "starting", age=359),
    **{
        f"{reason}, {case}": Row(case, never_ran(reason), "ended")
        for reason in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError")
        for case in (POD_3, DEPLOYMENT_2)
    },
    "still creating": Row(POD_3, never_ran("ContainerCreating"), "ended"),
    "init container does not end": Row(POD_3, INIT, "ended"),
    "init container does not end, new": Row(POD_3, INIT, "starting", age=100),
    "sidecar runs, proxy never did": Row(
        MULTI,
        pod_status("Pending", container("running", name="mesh", ran=True), container("waiting", "ErrImagePull", "app")),
        "ended",
    ),
    # Ended for good, at any age.
    "succeeded": Row(POD_3, pod_status("Succeeded", container("terminated", "Completed", ran=True)), "ended", age=20),
    "failed": Row(POD_3, pod_status("Failed", container("terminated", "Error", ran=True)), "ended", age=20),
    "evicted": Row(POD_3, evicted(), "ended", age=20),
    "evicted, of a Deployment": Row(DEPLOYMENT_2, evicted(), "ended"),
    "the node was shut down": Row(POD_3, pod_status("Failed", reason="Terminated"), "ended"),
    "killed for its memory": Row(
        POD_3, pod_status("Failed", container("terminated", "OOMKilled", ran=True)), "ended", age=20
    ),
    "killed beside a sidecar": Row(
        MULTI,
        pod_status(
            "Running",
            container("running", name="mesh", ran=True),
            container("terminated", "OOMKilled", "app", ran=True),
        ),
        "ended",
        age=20,
    ),
    # Stopped, but it will run again: nobody can say yet.
    "killed, to be restarted": Row(
        DEPLOYMENT_2, pod_status("Running", container("terminated", "OOMKilled", ran=True)), "unknown", restart="Always"
    ),
    "crashing": Row(
        DEPLOYMENT_2,
        pod_status("Running", container("waiting", "CrashLoopBackOff", ran=True)),
        "unknown",
        restart="Always",
    ),
    "crashing, new": Row(
        DEPLOYMENT_2,
        pod_status("Running", container("waiting", "CrashLoopBackOff", ran=True)),
        "starting",
        age=100,
        restart="Always",
    ),
    # Runs: asked, whatever else is in the pod or was before.
    "killed and running again": Row(
        DEPLOYMENT_2,
        pod_status(
            "Running",
            container("running", ran=True, restartCount=3, lastState={"terminated": {"reason": "OOMKilled"}}),
        ),
        "stale",
        age=4000,
        asked=True,
        restart="Always",
    ),
    "not ready": Row(
        POD_3,
        pod_status("Running", container("running", ran=True, ready=False)),
        "stale",
        age=4000,
        asked=True,
    ),
    "its sidecar has ended": Row(
        MULTI,
        pod_status(
            "Running", container("terminated", "Error", "mesh", ran=True), container("running", name="app", ran=True)
        ),
        "stale",
        age=4000,
        asked=True,
    ),
}


def age_of(row: Row) -> int | None:
    """The age to stage a row with; where its client is asked, the one that goes with the recorded log."""
    return None if row.asked else row.age


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())
def test_a_proxy_in_a_state(cluster: Cluster, row: Row) -> None:
    pod = cluster.stage(row.case, "gone", age_of(row))

    def change(obj: Obj) -> None:
        row.edit(obj)
        if row.restart:
            obj["spec"]["restartPolicy"] = row.restart

    cluster.store.edit("Pod", pod, "default", change)
    record = only(cluster.run(check=True))
    restored = row.verdict in ("ended", "stale")
    assert (record["verdict"], record["outcome"]) == (row.verdict, "restorable" if restored else "none")
    result = cluster.run()
    assert (only(result)["verdict"], only(result)["outcome"]) == (row.verdict, "restored" if restored else "none")
    assert bool(cluster.execs) == row.asked
    assert cluster.writes == (WRITES[row.case] if restored else [])
    assert result["summary"]["needs_attention"] == (row.verdict == "unknown")


# A lost node ------------------------------------------------------------------------------------------------------------

LOST = {
    "phase Unknown, no containers": pod_status("Unknown"),
    "phase Unknown, last seen waiting": pod_status("Unknown", container("waiting", "ContainerCreating")),
    "phase Unknown, last seen running": pod_status("Unknown", container("running", ran=True), reason="NodeLost"),
    "last seen running": pod_status("Running", container("running", ran=True, ready=False)),
}


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("case", [POD_3, DEPLOYMENT_2])
def test_a_proxy_on_a_lost_node_cannot_be_judged(cluster: Cluster, case: str, lost: str) -> None:
    pod = cluster.stage(case, "gone", age=4000)
    cluster.store.edit("Pod", pod, "default", LOST[lost])
    dead = status.internal_error("error dialing backend: dial tcp 10.0.0.3:10250: connect: no route to host")

    def unreachable(request: Request) -> bool:
        return request.access.subresource in ("exec", "log")

    cluster.server.script(unreachable, dead, times=FOREVER)
    record = only(cluster.run())
    assert (record["verdict"], record["outcome"]) == ("unknown", "none")
    assert cluster.writes == []


# Being deleted ------------------------------------------------------------------------------------------------------------


def delete(cluster: Cluster, kind: str, name: str) -> None:
    """An object whose deletion waits: for a finalizer, or as long as its node is lost, which looks alike."""
    gone = {"deletionTimestamp": timestamp(cluster.clock.time()), "finalizers": ["example.org/keep"]}
    cluster.store.edit(kind, name, "default", lambda obj: obj["metadata"].update(gone))


@pytest.mark.parametrize("present", [0, 3])
def test_a_pod_that_is_being_deleted(cluster: Cluster, present: int) -> None:
    """What it knows of the count goes with it: the original is put back now, and the pod not deleted again."""
    pod = cluster.stage(age=4000)
    delete(cluster, "Pod", pod)
    cluster.store.edit("Deployment", "web", "default", lambda obj: obj["spec"].update(replicas=present))
    record = only(cluster.run())
    assert (record["verdict"], record["outcome"]) == ("terminating", "none" if present else "restored")
    assert cluster.writes == ([] if present else WRITES[POD_3][:1])
    assert (cluster.replicas(), cluster.execs) == (3, [])
    assert only(cluster.run())["outcome"] == "none"
    assert cluster.writes == []


def test_a_deployment_that_is_being_deleted(cluster: Cluster) -> None:
    cluster.stage(DEPLOYMENT_2, age=4000)
    delete(cluster, "Deployment", PROXY)
    assert only(cluster.run())["outcome"] == "restored"
    assert cluster.writes == WRITES[DEPLOYMENT_2][:1]


# A Deployment, and none, one or two pods ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("age", "verdict"), [(100, "starting"), (400, "ended")])
@pytest.mark.parametrize("case", [DEPLOYMENT_2, NEW])
def test_a_deployment_whose_pod_a_quota_forbids(cluster: Cluster, case: str, age: int, verdict: str) -> None:
    pod = cluster.stage(case, age=age)
    cluster.store.remove("Pod", pod, "default")

    def forbid(obj: Obj) -> None:
        failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
        obj["status"] = {"observedGeneration": 1, "unavailableReplicas": 1, "conditions": [failure]}

    cluster.store.edit("Deployment", {DEPLOYMENT_2: PROXY, NEW: "mydev"}[case], "default", forbid)
    record = only(cluster.run())
    assert (record["verdict"], record["outcome"]) == (verdict, "restored" if verdict == "ended" else "none")
    assert cluster.writes == (WRITES[case] if verdict == "ended" else [])


def second_pod(cluster: Cluster, first: str, age: float) -> str:
    """Another pod of the same proxy, so many seconds old."""
    other = copy.deepcopy(cluster.store.get("Pod", first, "default"))
    assert other
    del other["metadata"]["uid"]
    other["metadata"].update(name=f"{first[:-1]}2", creationTimestamp=timestamp(cluster.clock.time() - age))
    cluster.store.load(other)
    return f"{first[:-1]}2"


PAIRS: dict[str, tuple[str | Edit, str | Edit, str]] = {
    # what the older pod is like, what the younger, the verdict
    "one lives": ("gone", "alive", "alive"),
    "the older lives": ("alive", "gone", "alive"),
    "both are gone": ("gone", "gone", "stale"),
    "evicted, its successor starts": (evicted(), UNSCHEDULABLE, "starting"),
    "evicted, its successor's client is gone": (evicted(), "gone", "stale"),
    "evicted, its successor's client lives": (evicted(), "alive", "alive"),
    "evicted twice": (evicted(), evicted(), "ended"),
    "evicted, its successor crashes": (
        evicted(),
        pod_status("Running", container("waiting", "CrashLoopBackOff", ran=True)),
        "unknown",
    ),
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
def test_of_two_pods_the_best_tells(cluster: Cluster, pair: tuple[str | Edit, str | Edit, str]) -> None:
    older, younger, verdict = pair
    first = cluster.stage(DEPLOYMENT_2, "gone")
    second = second_pod(cluster, first, 100 if younger is UNSCHEDULABLE else 5000)
    cluster.store.edit("Pod", first, "default", lambda obj: obj["spec"].update(restartPolicy="Always"))
    cluster.store.edit("Pod", second, "default", lambda obj: obj["spec"].update(restartPolicy="Always"))
    for pod, state in ((first, older), (second, younger)):
        if isinstance(state, str):
            cluster.client(pod, state)
        else:
            cluster.store.edit("Pod", pod, "default", state)
    assert only(cluster.run())["verdict"] == verdict
    assert cluster.writes == (WRITES[DEPLOYMENT_2] if verdict in ("stale", "ended") else [])


def test_a_pod_on_a_lost_node_beside_its_successor(cluster: Cluster) -> None:
    """The one that is only being replaced says nothing, and cannot be asked."""
    first = cluster.stage(DEPLOYMENT_2, "gone")
    second = second_pod(cluster, first, 5000)
    cluster.client(second, "gone")
    delete(cluster, "Pod", first)
    cluster.server.exec("default", first, exec_.ContainerNotFound())
    assert only(cluster.run())["verdict"] == "stale"
    assert (cluster.execs, cluster.writes) == ([second], WRITES[DEPLOYMENT_2])
