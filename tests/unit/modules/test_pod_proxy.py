"""Where nothing may be run in a pod: condemned only if its own address refused twice and its log says the same."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from wire import pods, states
from wire.script import FOREVER, on
from wire.server import USER
from wire.status import forbidden

from . import probe_output
from .cluster import DEPLOYMENT_2, MULTI, NEW, POD_3, Cluster, only

SWAP_POD = "web-9bdd4ff98a184820b2d4027b00a9af39"
RESTORED = ["PUT deployments/web/scale 3", f"DELETE pods/{SWAP_POD}"]
CHECKPOINT = "[Poll#info] Checkpoint"
FAILED_POLL = "[Poll#error] Failed to contact Telepresence client:"


def asked(cluster: Cluster) -> list[str]:
    """The methods of the last run's requests to the pod's port."""
    return [request.method for request in cluster.seen(subresource="proxy")]


def failing_log(cluster: Cluster, pod: str) -> None:
    """The log of a poller that fails, current enough for two looks 30 s apart."""
    cluster.logs(pod, (500, CHECKPOINT), (100, FAILED_POLL), (5, FAILED_POLL))


@pytest.mark.parametrize("case", [POD_3, DEPLOYMENT_2, NEW])
def test_a_client_that_is_gone(cluster: Cluster, case: str) -> None:
    pod = cluster.stage(case, "gone")
    failing_log(cluster, pod)
    record = only(cluster.run(probe="pod_proxy"))
    assert (record["verdict"], record["outcome"]) == ("stale", "restored"), record["reason"]
    assert (record["probes"]["http"], record["probes"]["sockets"]) == ("refused", None)
    assert record["probes"]["log"]["failures"] == 2
    assert asked(cluster) == ["HEAD", "GET", "HEAD", "GET"]
    timed = zip(cluster.requests, cluster.requests.times, strict=True)
    times = [at for request, at in timed if request.method == "HEAD"]
    assert [second - first for first, second in itertools.pairwise(times)] == [31]
    assert cluster.execs == []
    assert len(cluster.writes) > 1


@pytest.mark.parametrize("options", [{}, {"interval": 38}])
def test_the_second_refusal_waits_for_the_interval(cluster: Cluster, options: dict[str, Any]) -> None:
    pod = cluster.stage()
    failing_log(cluster, pod)
    began = cluster.clock.time()
    assert only(cluster.run("orphans", probe="pod_proxy", **options))["verdict"] == "stale"
    # The server's clock tells whole seconds: one more makes sure.
    assert cluster.clock.time() - began == options.get("interval", 30) + 1
    assert cluster.writes == []


OWN = "dial tcp 10.244.0.24:9055: connect: connection refused"
NO_REFUSALS: dict[str, pods.ProxyOutcome] = {
    "another address": pods.Unreachable("dial tcp 10.244.0.2:9055: connect: connection refused"),
    "something on the way": pods.Unreachable(f"proxyconnect tcp: {OWN}"),
    "a reset": pods.Unreachable("read tcp 10.0.0.1:54->10.244.0.24:9055: read: connection reset by peer"),
    "no route": pods.Unreachable("dial tcp 10.244.0.24:9055: connect: no route to host"),
    "a mesh": pods.Answered(503, {"Server": "envoy"}, b"upstream connect error: connection refused"),
    "another server": pods.Answered(200, {"Server": "nginx"}, OWN.encode()),
    "a page that says so": pods.Answered(502, {}, f'{{"kind": "Status", "message": "{OWN}"}}'.encode()),
    "a flood": pods.Answered(503, {}, b"x" * 1_000_000),
}


@pytest.mark.parametrize("said", NO_REFUSALS)
def test_what_is_no_refusal_by_the_pods_own_address(cluster: Cluster, said: str) -> None:
    pod = cluster.stage()
    failing_log(cluster, pod)
    for method in ("HEAD", "GET"):
        cluster.server.port("default", pod, method, NO_REFUSALS[said])
    _nothing_is_known(cluster)


def test_a_port_that_says_nothing(cluster: Cluster, hasty: None) -> None:
    pod = cluster.stage()
    failing_log(cluster, pod)
    for method in ("HEAD", "GET"):
        cluster.server.port("default", pod, method, pods.Silent())
    _nothing_is_known(cluster)
    # A client that is only stopped would show the second request to its developer later.
    assert asked(cluster) == ["HEAD"]


def test_no_right_to_the_log(cluster: Cluster) -> None:
    pod = cluster.stage()
    failing_log(cluster, pod)
    cluster.server.script(
        on("get", "pods", "log"), forbidden(USER, "get", "", "pods/log", "default", pod), times=FOREVER
    )
    _nothing_is_known(cluster)


@pytest.mark.parametrize(
    "polls",
    [
        [(1000, "[-] Loaded.")],
        [(100, CHECKPOINT)],
        [(1000, CHECKPOINT), (600, FAILED_POLL), (500, FAILED_POLL)],
        [(1000, CHECKPOINT), (600, FAILED_POLL), (40, FAILED_POLL), (20, CHECKPOINT)],
    ],
    ids=["no-poll", "no-failed-poll", "failed-long-ago", "alive-since"],
)
def test_a_log_that_does_not_agree(cluster: Cluster, polls: list[tuple[float, str]]) -> None:
    pod = cluster.stage(age=3000)
    cluster.logs(pod, *polls)
    record = only(cluster.run(probe="pod_proxy"))
    assert (record["verdict"], record["outcome"]) == ("unknown", "none")
    assert cluster.writes == []


def _nothing_is_known(cluster: Cluster) -> None:
    record = only(cluster.run(probe="pod_proxy"))
    assert (record["verdict"], record["outcome"]) == ("unknown", "none")
    assert record["reason"].startswith("The proxy could not be asked: ")
    assert (cluster.execs, cluster.writes) == ([], [])


def test_a_client_that_comes_before_the_second_look(cluster: Cluster) -> None:
    pod = cluster.stage()
    looks = []

    def comes(request: object) -> None:
        looks.append(request)
        if len(looks) == 2:
            states.answers(cluster.server, "default", pod, "alive", probe_output.answer)

    cluster.server.script(lambda request: request.method == "HEAD", comes, times=FOREVER)
    assert only(cluster.run(probe="pod_proxy"))["verdict"] == "alive"
    assert asked(cluster) == ["HEAD", "GET", "HEAD"]
    assert cluster.writes == []


def test_a_client_that_comes_between_the_two_requests(cluster: Cluster) -> None:
    pod = cluster.stage()
    cluster.server.port("default", pod, "GET", states.recorded("alive").ports["GET"])
    assert only(cluster.run(probe="pod_proxy"))["verdict"] == "alive"
    assert cluster.writes == []


@pytest.mark.parametrize("container", ["istio-proxy", "linkerd-proxy", "logs"])
@pytest.mark.parametrize("state", ["gone", "alive"])
def test_beside_another_container_only_life_is_proven(cluster: Cluster, container: str, state: str) -> None:
    """A mesh that is down refuses at the pod's address, whoever lives behind it."""
    pod = cluster.stage(POD_3, state)
    failing_log(cluster, pod)

    def join(obj: dict[str, Any]) -> None:
        obj["spec"]["containers"].insert(0, {"name": container, "image": "mesh/proxy:1"})

    cluster.store.edit("Pod", pod, "default", join)
    record = only(cluster.run(probe="pod_proxy"))
    assert record["verdict"] == {"gone": "unknown", "alive": "alive"}[state]
    assert state == "alive" or container in record["reason"]
    assert asked(cluster) == ["HEAD"]
    assert cluster.writes == []


def test_a_recorded_pod_with_a_sidecar(cluster: Cluster) -> None:
    pod = cluster.stage(MULTI, "gone")
    failing_log(cluster, pod)
    assert only(cluster.run(probe="pod_proxy"))["verdict"] == "unknown"
    assert cluster.writes == []


def test_a_container_that_ended_meanwhile_is_the_end(cluster: Cluster) -> None:
    pod = cluster.stage()
    failing_log(cluster, pod)

    def ends(request: object) -> None:
        cluster.store.edit("Pod", pod, "default", lambda obj: obj["status"].update(phase="Failed"))

    cluster.server.script(lambda request: request.method == "GET" and request.access.subresource == "proxy", ends)
    assert only(cluster.run(probe="pod_proxy"))["verdict"] == "ended"
    assert cluster.writes == RESTORED


def test_check_mode_asks_twice_and_writes_nothing(cluster: Cluster) -> None:
    pod = cluster.stage()
    failing_log(cluster, pod)
    record = only(cluster.run(check=True, probe="pod_proxy"))
    assert (record["verdict"], record["outcome"]) == ("stale", "restorable")
    assert (cluster.execs, cluster.writes) == ([], [])
