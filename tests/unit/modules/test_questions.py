"""The questions put to a proxy: a failed one is no answer, a cheap one comes first, a second one only where it can matter."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from wire import exec as exec_
from wire import pods, states, status
from wire.script import FOREVER, Fault, Hang, Reset, on
from wire.server import USER
from wire.store import timestamp

from . import probe_output
from .cluster import DEPLOYMENT_2, POD_3, Cluster, only

SWAP_POD = "web-9bdd4ff98a184820b2d4027b00a9af39"
RESTORED = ["PUT deployments/web/scale 3", f"DELETE pods/{SWAP_POD}"]

CHECKPOINT = "[Poll#info] Checkpoint"
FAILED_POLL = "[Poll#error] Failed to contact Telepresence client:"


def gone_answer(cluster: Cluster) -> bytes:
    """What the probe prints where the client is gone, now."""
    return probe_output.answer(states.recorded("gone").probe, clock=cluster.clock.time())


def ran(**options: Any) -> Callable[[bytes], exec_.Outcome]:
    """The probe's answer for a client that is gone, with something wrong about how the exec ended."""
    return lambda answer: exec_.Ran(answer, **options)


# Each would be a stale session but for what is wrong.
WRONG_EXECS: dict[str, Callable[[bytes], exec_.Outcome]] = {
    "closed without a status": ran(end=exec_.End.CLOSE),
    "reset after the answer": ran(end=exec_.End.RESET),
    "exit code 1": ran(exit_code=1),
    "exit code 137": ran(exit_code=137),
    "nothing printed": lambda answer: exec_.Ran(b""),
    "answer on stderr": lambda answer: exec_.Ran(b"", stderr=answer),
    "garbage": lambda answer: exec_.Ran(b"\xff\xfe{]\n" * 50),
    "no sentinel": lambda answer: exec_.Ran(answer.replace(b"telepresence_probe", b"something_else")),
    "half an answer": lambda answer: exec_.Ran(answer[: len(answer) // 2]),
    "a list": lambda answer: exec_.Ran(b"[" + answer.strip() + b"]"),
    "more than anybody asked for": lambda answer: exec_.Ran(answer + b"x" * 100_000),
    "no sh in the image": lambda answer: exec_.program_missing("sh"),
    "container not found though it runs": lambda answer: exec_.ContainerNotFound(),
}


@pytest.mark.parametrize("wrong", WRONG_EXECS)
def test_an_exec_that_went_wrong_is_no_answer(cluster: Cluster, wrong: str) -> None:
    pod = cluster.stage()
    cluster.server.exec("default", pod, lambda call: WRONG_EXECS[wrong](gone_answer(cluster)))
    _nothing_is_known(cluster, pod)


@pytest.mark.parametrize("wrong", ["hangs after the answer", "answers too late"])
def test_an_exec_that_takes_too_long_is_no_answer(cluster: Cluster, hasty: None, wrong: str) -> None:
    pod = cluster.stage()
    late = exec_.Ran(gone_answer(cluster), end=exec_.End.HANG)
    if wrong == "answers too late":
        late = exec_.Ran(gone_answer(cluster), delay=5.0)
    cluster.server.exec("default", pod, late)
    _nothing_is_known(cluster, pod)


FAULTS: dict[str, Fault] = {
    "403": status.forbidden(USER, "get", "", "pods/exec", "default", SWAP_POD),
    "401": status.unauthorized(),
    "429": status.too_many_requests(1),
    "500": status.internal_error("error dialing backend: dial tcp 10.0.0.3:10250: connect: connection refused"),
    "503": status.unavailable(),
    "hang": Hang(5),
    "reset": Reset(),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("question", ["exec", "log"])
def test_a_question_that_fails_is_no_answer(cluster: Cluster, hasty: None, question: str, fault: str) -> None:
    pod = cluster.stage()
    cluster.server.script(on("get", "pods", question), FAULTS[fault], times=FOREVER)
    _nothing_is_known(cluster, pod)


def _nothing_is_known(cluster: Cluster, pod: str) -> None:
    result = cluster.run()
    record = only(result)
    assert (record["verdict"], record["outcome"], record["plan"]) == ("unknown", "none", [])
    assert record["reason"].startswith("The proxy could not be asked: ")
    assert result["summary"]["needs_attention"] is True and result["changed"] is False
    assert set(cluster.execs) == {pod}
    assert cluster.writes == []


@pytest.mark.parametrize(
    ("question", "fault", "times", "asked", "verdict"),
    [
        ("exec", status.too_many_requests(1), 1, 2, "stale"),
        ("exec", status.too_many_requests(1), 3, 4, "stale"),
        ("exec", status.too_many_requests(1), FOREVER, 4, "unknown"),
        # A wish that the deadline leaves no room for.
        ("exec", status.too_many_requests(11), 1, 1, "unknown"),
        # It may be the kubelet that failed, and with the question in the pod.
        ("exec", status.unavailable(), 1, 1, "unknown"),
        ("log", status.too_many_requests(1), 3, 4, "stale"),
        ("log", status.too_many_requests(11), 1, 1, "unknown"),
        # The client's answer is cheap to do without.
        ("proxy", status.too_many_requests(1), FOREVER, 1, "stale"),
    ],
)
def test_a_busy_server_is_asked_again_when_it_wishes(
    cluster: Cluster, question: str, fault: Fault, times: int, asked: int, verdict: str
) -> None:
    cluster.stage()
    cluster.server.script(on(resource="pods", subresource=question), fault, times=times)
    result = cluster.run("orphans")
    assert only(result)["verdict"] == verdict
    assert len(cluster.seen(subresource=question)) == asked
    asked_at = [
        at
        for request, at in zip(cluster.requests, cluster.requests.times, strict=True)
        if request.access.subresource == question
    ]
    assert all(later - earlier >= 1.0 for earlier, later in itertools.pairwise(asked_at))


def test_a_pod_that_was_deleted_since_it_was_listed_tells_nothing(cluster: Cluster) -> None:
    pod = cluster.stage()
    cluster.server.script(on("get", subresource="exec"), lambda request: cluster.store.remove("Pod", pod, "default"))
    result = cluster.run()
    assert only(result)["verdict"] == "terminating"
    assert cluster.writes == []


@pytest.mark.parametrize("going", [True, False])
def test_a_question_that_is_killed_with_its_pod_tells_nothing(cluster: Cluster, going: bool) -> None:
    pod = cluster.stage()

    def killed(call: exec_.ExecCall) -> exec_.Ran:
        if going:
            gone = {"deletionTimestamp": timestamp(cluster.clock.time()), "finalizers": ["kubernetes"]}
            cluster.store.edit("Pod", pod, "default", lambda obj: obj["metadata"].update(gone))
        return exec_.Ran(exit_code=137)

    cluster.server.exec("default", pod, killed)
    assert only(cluster.run())["verdict"] == ("terminating" if going else "unknown")
    assert cluster.writes == []


@pytest.mark.parametrize(("stands", "verdict"), [(True, "unknown"), (False, "terminating")])
def test_the_only_pod_of_a_deployment_that_goes_while_it_is_asked(cluster: Cluster, stands: bool, verdict: str) -> None:
    pod = cluster.stage(DEPLOYMENT_2)
    (proxy,) = [one for one in cluster.store.all("Deployment") if "telepresence" in one["metadata"].get("labels", {})]

    def deleted(request: object) -> None:
        cluster.store.remove("Pod", pod, "default")
        if not stands:
            cluster.store.remove("Deployment", proxy["metadata"]["name"], "default")

    cluster.server.script(on("get", subresource="exec"), deleted)
    result = cluster.run()
    assert (only(result)["verdict"], result["summary"]["needs_attention"]) == (verdict, stands)
    assert cluster.writes == []


def test_a_pod_that_has_another_uid_now_tells_nothing_of_the_first(cluster: Cluster) -> None:
    pod = cluster.stage()

    def replaced(request: object) -> None:
        new = cluster.store.get("Pod", pod, "default")
        assert new
        del new["metadata"]["uid"]
        cluster.store.load(new)
        cluster.server.exec("default", pod, exec_.ContainerNotFound())

    cluster.server.script(on("get", subresource="exec"), replaced)
    result = cluster.run()
    assert only(result)["verdict"] == "terminating"
    assert cluster.writes == []


def test_a_container_that_ended_since_it_was_listed_is_the_end(cluster: Cluster) -> None:
    pod = cluster.stage()

    def ended(call: exec_.ExecCall) -> exec_.Outcome:
        cluster.store.edit("Pod", pod, "default", lambda obj: obj["status"].update(phase="Succeeded"))
        return exec_.ContainerNotFound()

    cluster.server.exec("default", pod, ended)
    result = cluster.run()
    assert (only(result)["verdict"], only(result)["outcome"]) == ("ended", "restored")
    assert cluster.writes == RESTORED


# Cheap first -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["orphans", "restore"])
def test_a_client_that_answers_through_the_pod_proxy_is_asked_nothing_more(cluster: Cluster, module: str) -> None:
    pod = cluster.stage(POD_3, "alive")
    result = cluster.run(module)
    assert only(result)["verdict"] == "alive"
    assert [str(request) for request in cluster.seen(resource="pods") if request.access.name] == [
        f"HEAD /api/v1/namespaces/default/pods/http:{pod}:9055/proxy/"
    ]
    assert cluster.writes == []


@pytest.mark.parametrize(
    "answered",
    [
        pods.Answered(200, {"Server": "nginx/1.25"}),
        pods.Answered(200),
        pods.Answered(404, {"Server": "BaseHTTP/0.6 Python/3.11.7"}),
        pods.Answered(500, {"Server": "BaseHTTP/0.6 Python/3.11.7"}),
        pods.Unreachable("dial tcp 10.244.0.28:9055: connect: connection refused"),
        pods.Unreachable("dial tcp 10.244.0.28:9055: i/o timeout"),
    ],
)
@pytest.mark.parametrize("state", ["alive", "gone"])
def test_any_other_answer_of_the_pod_proxy_is_none(cluster: Cluster, answered: pods.ProxyOutcome, state: str) -> None:
    pod = cluster.stage(POD_3, state)
    cluster.server.port("default", pod, "HEAD", answered)
    result = cluster.run()
    assert only(result)["verdict"] == {"alive": "alive", "gone": "stale"}[state]
    assert cluster.execs == [pod]
    assert len(cluster.seen(subresource="log")) == 1
    assert cluster.writes == (RESTORED if state == "gone" else [])


@pytest.mark.parametrize("state", ["alive", "gone"])
def test_without_the_right_to_the_pod_proxy_exec_answers(cluster: Cluster, state: str) -> None:
    pod = cluster.stage(POD_3, state)
    cluster.server.deny("get", "pods", "proxy")
    result = cluster.run()
    assert only(result)["verdict"] == {"alive": "alive", "gone": "stale"}[state]
    assert [request.status for request in cluster.seen(subresource="proxy")] == [403]
    assert cluster.execs == [pod]
    assert cluster.writes == (RESTORED if state == "gone" else [])


def test_a_silent_pod_proxy_is_given_up_soon(cluster: Cluster, hasty: None) -> None:
    pod = cluster.stage()
    cluster.server.port("default", pod, "HEAD", pods.Silent())
    began = cluster.clock.time()
    assert only(cluster.run())["verdict"] == "stale"
    assert cluster.clock.time() - began <= 4
    assert cluster.writes == RESTORED


@pytest.mark.parametrize(
    ("probe", "state", "verdict", "heads", "execs"),
    [
        ("auto", "alive", "alive", 1, 0),
        ("auto", "gone", "stale", 1, 1),
        ("exec", "alive", "alive", 0, 1),
        ("exec", "gone", "stale", 0, 1),
        ("pod_proxy", "alive", "alive", 1, 0),
        ("pod_proxy", "gone", "stale", 4, 0),
        ("pod_proxy", "clientless", "unknown", 2, 0),
        ("pod_proxy", "starting", "starting", 2, 0),
    ],
)
def test_the_option_probe(cluster: Cluster, probe: str, state: str, verdict: str, heads: int, execs: int) -> None:
    cluster.stage(POD_3, state)
    result = cluster.run(probe=probe)
    assert only(result)["verdict"] == verdict
    assert (len(cluster.seen(subresource="proxy")), len(cluster.execs)) == (heads, execs)
    assert cluster.writes == (RESTORED if verdict == "stale" else [])


# Twice where it matters ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "options", "apart"),
    [
        ({}, {}, 30),
        ({}, {"interval": 45}, 45),
        ({"tunnels": 2}, {}, 150),
        ({"tunnels": 1}, {"interval": 45}, 165),
        ({"head": None}, {}, 30),
        ({"head": "silent", "listening": True, "tunnels": 2}, {"verdicts": ["stale", "suspended"]}, 60),
        ({"head": "closed", "listening": True, "tunnels": 2}, {"verdicts": ["stale", "clientless"]}, 30),
        ({"head": "closed", "listening": True, "tunnels": 2}, {"verdicts": ["clientless"], "interval": 40}, 40),
    ],
)
@pytest.mark.parametrize("check", [False, True])
def test_a_second_look_condemns(
    cluster: Cluster, said: dict[str, Any], options: dict[str, Any], apart: int, check: bool
) -> None:
    pod = cluster.stage(age=1000)
    cluster.silent_log(pod)
    cluster.says(pod, said)
    result = cluster.run(check=check, **options)
    looks = [at for request, at in zip(cluster.requests, cluster.requests.times, strict=True) if _is_exec(request)]
    assert [second - first for first, second in itertools.pairwise(looks)] == [apart]
    assert only(result)["outcome"] == ("restorable" if check else "restored")
    assert cluster.writes == ([] if check else RESTORED)


def _is_exec(request: Any) -> bool:
    return bool(request.access.subresource == "exec")


REFUSED: dict[str, Any] = {}
OPEN = {"head": "silent", "listening": True, "tunnels": 2}
HUNG_UP = {"head": "closed", "listening": True, "tunnels": 2}


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (REFUSED, "alive", "alive"),
        (REFUSED, OPEN, "suspended"),
        (REFUSED, HUNG_UP, "clientless"),
        (REFUSED, {"listening": True}, "unknown"),
        (REFUSED, {"head": "other"}, "unknown"),
        (REFUSED, {"telepresence_probe": 2}, "unknown"),
        # A tunnel that came meanwhile needs a longer time between the two.
        (REFUSED, {"tunnels": 1}, "unknown"),
        ({"tunnels": 2}, "alive", "alive"),
    ],
)
def test_a_second_look_acquits(cluster: Cluster, first: dict[str, Any], second: Any, verdict: str) -> None:
    pod = cluster.stage(age=1000)
    cluster.silent_log(pod)
    cluster.says(pod, first, second)
    result = cluster.run()
    assert (only(result)["verdict"], only(result)["outcome"]) == (verdict, "none")
    assert cluster.execs == [pod, pod]
    assert cluster.writes == []


@pytest.mark.parametrize("first", [OPEN, HUNG_UP])
def test_a_client_that_comes_back_before_the_second_look_is_not_cut(cluster: Cluster, first: dict[str, Any]) -> None:
    pod = cluster.stage(age=1000)
    cluster.silent_log(pod)
    cluster.says(pod, first, "alive")
    result = cluster.run(verdicts=["stale", "ended", "suspended", "clientless"])
    assert (only(result)["verdict"], only(result)["outcome"]) == ("alive", "none")
    assert cluster.execs == [pod, pod]
    assert cluster.writes == []


@pytest.mark.parametrize("said", [OPEN, HUNG_UP, {"listening": True}, {"head": "other"}])
def test_no_second_look_where_it_changes_nothing(cluster: Cluster, said: dict[str, Any]) -> None:
    pod = cluster.stage(age=1000)
    cluster.says(pod, said)
    began = cluster.clock.time()
    assert only(cluster.run())["outcome"] == "none"
    assert (cluster.execs, cluster.clock.time() - began) == ([pod], 0)
    assert cluster.writes == []


@pytest.mark.parametrize(
    ("polls", "verdict", "looks"),
    [
        # Failed polls over at least 30 s since a sign of life, the last at most 45 s old: no second look.
        ([(100, CHECKPOINT), (70, FAILED_POLL), (40, FAILED_POLL)], "stale", 1),
        ([(100, CHECKPOINT), (60, FAILED_POLL), (45, FAILED_POLL), (30, FAILED_POLL)], "stale", 1),
        # Too short, too old, too few: two looks of our own.
        ([(100, CHECKPOINT), (33, FAILED_POLL), (4, FAILED_POLL)], "stale", 2),
        ([(200, CHECKPOINT), (100, FAILED_POLL), (46, FAILED_POLL)], "stale", 2),
        ([(20, CHECKPOINT)], "stale", 2),
        # What looks like a poll but is none.
        ([(100, CHECKPOINT), (70, "x" + FAILED_POLL), (40, FAILED_POLL)], "stale", 2),
    ],
)
def test_the_log_condemns_alone_only_where_its_polls_tell(
    cluster: Cluster, polls: list[tuple[float, str]], verdict: str, looks: int
) -> None:
    pod = cluster.stage(age=1000)
    cluster.logs(pod, *polls)
    cluster.says(pod, {})
    assert only(cluster.run())["verdict"] == verdict
    assert cluster.execs == [pod] * looks
    assert cluster.writes == RESTORED


@pytest.mark.parametrize(
    ("age", "options", "verdict"),
    [
        (5, {}, "starting"),
        (359, {}, "starting"),
        (360, {}, "stale"),
        (599, {"start_window": 600}, "starting"),
        (210, {"start_window": 210}, "stale"),
    ],
)
def test_no_client_is_condemned_in_its_start_window(
    cluster: Cluster, age: int, options: dict[str, Any], verdict: str
) -> None:
    pod = cluster.stage(age=age)
    cluster.silent_log(pod)
    cluster.says(pod, {})
    assert only(cluster.run(**options))["verdict"] == verdict
    assert cluster.writes == (RESTORED if verdict == "stale" else [])


def test_there_is_no_start_window_after_a_sign_of_life(cluster: Cluster) -> None:
    pod = cluster.stage(age=120)
    cluster.logs(pod, (90, CHECKPOINT), (60, FAILED_POLL), (30, FAILED_POLL))
    cluster.says(pod, {})
    assert only(cluster.run())["verdict"] == "stale"
    assert cluster.execs == [pod]
    assert cluster.writes == RESTORED


WAITING = {"waiting": {"reason": "ImagePullBackOff"}}
TERMINATED = {"terminated": {"exitCode": 1, "reason": "Error"}}


@pytest.mark.parametrize(
    ("container", "policy", "age", "verdict"),
    [
        ({"state": WAITING}, "Never", 100, "starting"),
        ({"state": WAITING}, "Never", 400, "ended"),
        ({"state": WAITING, "containerID": "containerd://1"}, "Always", 400, "unknown"),
        ({"state": TERMINATED, "containerID": "containerd://1"}, "Never", 100, "ended"),
        ({"state": TERMINATED, "containerID": "containerd://1"}, "Always", 400, "unknown"),
    ],
)
def test_a_container_that_does_not_run_is_judged_by_its_status(
    cluster: Cluster, container: dict[str, Any], policy: str, age: int, verdict: str
) -> None:
    pod = cluster.stage(age=age)

    def change(obj: dict[str, Any]) -> None:
        obj["spec"]["restartPolicy"] = policy
        obj["status"]["containerStatuses"] = [{"name": "c", **container}]

    cluster.store.edit("Pod", pod, "default", change)
    assert only(cluster.run())["verdict"] == verdict
    assert cluster.execs == []
    assert cluster.writes == (RESTORED if verdict == "ended" else [])


def test_the_clock_of_the_node_may_differ_from_the_api_servers(cluster: Cluster) -> None:
    pod = cluster.stage()
    states.answers(cluster.server, "default", pod, "gone", probe_output.answer, pod_clock_ahead=7200)
    assert only(cluster.run())["verdict"] == "stale"
    assert cluster.writes == RESTORED


@pytest.mark.parametrize("proxies_of_each", [1, 2])
def test_hundreds_of_proxies_are_asked_once_more_each_when_their_turn_comes(
    cluster: Cluster, proxies_of_each: int
) -> None:
    """Questions that take longer than a verdict holds: no session waits for, or depends on, the questions of others."""
    originals, took = 4, 4.0 / proxies_of_each
    for number in range(originals):
        cluster.web(f"web-{number}", app=f"web-{number}")
        for younger in range(proxies_of_each):
            pod = cluster.proxy(f"{number}{younger}".rjust(32, "a"), 5000 - younger, f"web-{number}")
            cluster.client(pod, "gone")
            cluster.server.exec("default", pod, lambda call: _after(cluster, took))
    # One thread, for the fake clock adds up what threads wait beside each other.
    result = cluster.run(probe="exec", concurrency=1, replicas={f"default/web-{n}": 3 for n in range(originals)})
    assert result["summary"]["outcomes"] == {"restored": originals * proxies_of_each}
    assert set(Counter(cluster.execs).values()) == {2}


def _after(cluster: Cluster, took: float) -> exec_.Ran:
    cluster.clock.sleep(took)
    return exec_.Ran(gone_answer(cluster))


@pytest.mark.parametrize(("most", "at_once"), [(1, 1), (2, 2), (4, 4)])
def test_the_kubelet_of_a_node_is_asked_no_more_at_once_than_it_may(cluster: Cluster, most: int, at_once: int) -> None:
    now: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    lock = threading.Lock()

    def on_node(node: str) -> exec_.Handler:
        def run(call: exec_.ExecCall) -> exec_.Ran:
            with lock:
                now[node] += 1
                seen[node] = max(seen[node], now[node])
            time.sleep(0.1)
            with lock:
                now[node] -= 1
            return exec_.Ran(gone_answer(cluster))

        return run

    for number in range(8):
        namespace, node = f"ns-{number}", "a" if number < 6 else "b"
        pod = cluster.stage(namespace=namespace)
        cluster.store.edit("Pod", pod, namespace, lambda obj, node=node: obj["spec"].update(nodeName=node))  # type: ignore[misc]
        cluster.server.exec(namespace, pod, on_node(node))
    result = cluster.run("orphans", node_concurrency=most)
    assert [record["verdict"] for record in result["sessions"]] == ["stale"] * 8
    assert (seen["a"], seen["b"]) == (at_once, min(at_once, 2))
