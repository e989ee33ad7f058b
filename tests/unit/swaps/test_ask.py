"""What is asked of whom: the parts that read an object and decide without a network."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.errors import ClusterError
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Kind, Object
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.ask import container_state, look
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.liveness import Rules
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.sessions import Session

from . import builders
from .builders import SWAPPED_AT, at, changed, one_session, pod, proxy_deployment, service


def test_a_recorded_pod_that_runs() -> None:
    for state in builders.STATES:
        recorded = json.loads((builders.CASES / "liveness" / state / "pod.json").read_text())
        (name, instance) = container_state(recorded, "c")
        assert name == "running" and instance.startswith("containerd://")


def test_a_recorded_pod_whose_proxy_ended() -> None:
    """Its phase may read Running for as long as a sidecar runs."""
    (recorded,) = builders.recorded_objects("0.109-proxy-pod-completed")
    assert container_state(recorded, "c")[0] == "over"
    recorded["status"]["phase"] = "Running"
    assert container_state(recorded, "c")[0] == "over"


def status(state: Object, phase: str = "Running", policy: str = "Never", **changes: t.Any) -> Object:
    """A pod whose containers c (the proxy's) and mesh are in a state."""
    of_proxy = {"name": "c", "state": state, "containerID": "containerd://1", **changes}
    other = {"name": "mesh", "state": {"running": {}}, "containerID": "containerd://2"}
    return {"status": {"phase": phase, "containerStatuses": [other, of_proxy]}, "spec": {"restartPolicy": policy}}


RUNNING: Object = {"running": {"startedAt": SWAPPED_AT}}
ENDED: Object = {"terminated": {"exitCode": 0}}
WAITING: Object = {"waiting": {"reason": "ImagePullBackOff"}}


@pytest.mark.parametrize(
    ("of", "container", "expected"),
    [
        pytest.param(status(RUNNING), "c", ("running", "containerd://1"), id="running"),
        pytest.param(status(RUNNING, "Pending"), "c", ("running", "containerd://1"), id="running-beside-a-slow-one"),
        pytest.param(status(RUNNING, "Failed"), "c", ("over", ""), id="failed"),
        pytest.param(status(RUNNING, "Succeeded"), None, ("over", ""), id="succeeded"),
        pytest.param(status(ENDED), "c", ("over", "containerd://1"), id="ended-for-good"),
        pytest.param(status(ENDED, policy="Always"), "c", ("waiting", "containerd://1"), id="ended-to-be-restarted"),
        pytest.param(status(ENDED, policy="OnFailure"), "c", ("waiting", "containerd://1"), id="ended-on-failure"),
        pytest.param(status(WAITING, "Pending", containerID=""), "c", ("waiting", ""), id="pulling"),
        pytest.param(status(WAITING), "c", ("waiting", "containerd://1"), id="crashing"),
        pytest.param(status(RUNNING), None, ("missing", ""), id="no-proxy"),
        pytest.param(status(RUNNING), "mesh", ("running", "containerd://2"), id="another-container"),
        pytest.param(status(RUNNING), "gone", ("waiting", ""), id="container-without-status"),
        pytest.param({"status": {"phase": "Pending"}, "spec": {}}, "c", ("waiting", ""), id="unscheduled"),
        pytest.param({"spec": {}}, "c", ("waiting", ""), id="no-status"),
        # A lost node says nothing more of its pods: they are asked, and are not reached.
        pytest.param({"status": {"phase": "Unknown"}, "spec": {}}, "c", ("running", ""), id="lost"),
        pytest.param(status(WAITING, "Unknown"), "c", ("running", "containerd://1"), id="lost-crashing"),
        pytest.param(status(ENDED, "Unknown"), "c", ("running", "containerd://1"), id="lost-ended"),
        pytest.param({"status": {"phase": "Unknown"}, "spec": {}}, None, ("missing", ""), id="lost-no-proxy"),
    ],
)
def test_container_state(of: Object, container: str | None, expected: tuple[str, str]) -> None:
    assert container_state(of, container) == expected


class Clock:
    """An API server that only knows what time it is, and what stands in for originals; None: nobody may list that."""

    def __init__(self, now: float, standing: list[Object] | None = None):
        self.time = now
        self.standing = standing

    def now(self) -> float:
        """Its clock."""
        return self.time

    def list(self, kind: Kind, *_args: t.Any, **_options: t.Any) -> list[Object]:
        """The objects of a kind."""
        if self.standing is None:
            raise ClusterError("nobody may list that", status=403)
        return [one for one in self.standing if one["kind"] == kind.name]


@pytest.mark.parametrize(
    ("session", "age", "verdict"),
    [
        (one_session(proxy_deployment()), 359, "starting"),
        (one_session(proxy_deployment()), 360, "ended"),
        (one_session(service()), 359, "starting"),
        (one_session(service()), 360, "ended"),
        (one_session(changed(proxy_deployment(), deletionTimestamp=SWAPPED_AT)), 9999, "terminating"),
        (one_session(changed(pod(), deletionTimestamp=SWAPPED_AT)), 9999, "terminating"),
    ],
    ids=["deployment-359", "deployment-360", "service-359", "service-360", "deployment-deleted", "pod-deleted"],
)
def test_sessions_that_nobody_can_be_asked_of(session: Session, age: float, verdict: str) -> None:
    api: t.Any = Clock(at(SWAPPED_AT) + age)
    judgement, readings = look(api, session, "auto", 10.0, Rules(), {})
    assert (judgement.verdict, readings) == (verdict, [])


@pytest.mark.parametrize(
    ("stands_in", "standing", "verdict"),
    [
        (proxy_deployment(), [proxy_deployment()], "unknown"),
        (proxy_deployment(), None, "unknown"),
        (proxy_deployment(), [], "terminating"),
        (proxy_deployment(), [changed(proxy_deployment(), uid="another")], "terminating"),
        (proxy_deployment(), [changed(proxy_deployment(), deletionTimestamp=SWAPPED_AT)], "terminating"),
        (None, None, "terminating"),
    ],
    ids=["stands", "cannot-be-read", "deleted", "another", "being-deleted", "pod-itself"],
)
def test_a_pod_that_goes_says_nothing_of_a_deployment_that_stands(
    stands_in: Object | None, standing: list[Object] | None, verdict: str
) -> None:
    going = changed(pod(owners=[builders.owner("ReplicaSet")]) if stands_in else pod(), deletionTimestamp=SWAPPED_AT)
    api: t.Any = Clock(at(SWAPPED_AT) + 9999, standing)
    judgement, _ = look(api, one_session(*([stands_in] if stands_in else []), going), "auto", 10.0, Rules(), {})
    assert judgement.verdict == verdict
    assert not judgement.firm
