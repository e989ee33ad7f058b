"""Writes: what happens to them on the way, and what happens in the cluster just before them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from wire import status, store
from wire.request import Request
from wire.script import FOREVER, Fault, Hang, Reset, Truncate, on
from wire.server import USER

from .cluster import NEW, POD_3, Cluster, only

POD = "web-9bdd4ff98a184820b2d4027b00a9af39"
SCALE, DELETE = "PUT deployments/web/scale 3", f"DELETE pods/{POD}"
NEWCOMER = "f" * 32

scaling = on("update", "deployments", "scale")
deleting = on("delete", "pods")


# On the way ---------------------------------------------------------------------------------------------------------------

SCALE_FAULTS: dict[str, tuple[tuple[Fault, ...], int, list[str]]] = {
    "reset after the server acted": ((Reset(acts=True),), 1, [SCALE, SCALE, DELETE]),
    "cut off after the server acted": ((Truncate(),), 1, [SCALE, SCALE, DELETE]),
    "silence after the server acted": ((Hang(3, acts=True),), 1, [SCALE, SCALE, DELETE]),
    "reset before": ((Reset(),), 1, [SCALE, SCALE, DELETE]),
    "429": ((status.too_many_requests(1),), 1, [SCALE, SCALE, DELETE]),
    "429 three times": ((status.too_many_requests(2),), 3, [SCALE] * 4 + [DELETE]),
    "500": ((status.internal_error("etcdserver: leader changed"),), 1, [SCALE, SCALE, DELETE]),
    "503 twice": ((status.unavailable(),), 2, [SCALE, SCALE, SCALE, DELETE]),
    "503, then reset after the server acted": ((status.unavailable(), Reset(acts=True)), 1, [SCALE] * 3 + [DELETE]),
}


@pytest.mark.parametrize("fault", SCALE_FAULTS)
def test_a_scale_whose_answer_does_not_come_is_looked_into(cluster: Cluster, hasty: None, fault: str) -> None:
    cluster.stage()
    faults, times, writes = SCALE_FAULTS[fault]
    cluster.server.script(scaling, *faults, times=times)
    result = cluster.run()
    assert cluster.writes == writes
    assert cluster.replicas() == 3
    assert (only(result)["outcome"], only(result)["replicas"], result["changed"]) == ("restored", 3, True)
    # What was done is told, whoever's answer told us so.
    assert result["diff"] == {
        "before": {"Deployment default/web": {"replicas": 0}, f"Pod default/{POD}": "present"},
        "after": {"Deployment default/web": {"replicas": 3}, f"Pod default/{POD}": "absent"},
    }
    assert [(action["action"], action["done"]) for action in only(result)["plan"]] == [
        ("scale", True),
        ("delete", True),
    ]


DELETE_FAULTS: dict[str, tuple[Fault, int, int]] = {
    "reset after the server acted": (Reset(acts=True), 1, 2),
    "reset before": (Reset(), 1, 2),
    "429": (status.too_many_requests(1), 1, 2),
    "503 twice": (status.unavailable(), 2, 3),
}


@pytest.mark.parametrize("fault", DELETE_FAULTS)
def test_a_delete_whose_answer_does_not_come_is_put_again(cluster: Cluster, fault: str) -> None:
    cluster.stage()
    what, times, deletes = DELETE_FAULTS[fault]
    cluster.server.script(deleting, what, times=times)
    result = cluster.run()
    assert cluster.writes == [SCALE] + [DELETE] * deletes
    assert only(result)["outcome"] == "restored"
    assert cluster.proxies() == []


def test_a_delete_that_is_not_found_is_no_proof_that_the_proxy_has_gone(cluster: Cluster) -> None:
    """A server that knows no such path answers 404 as well."""
    cluster.stage()
    cluster.server.script(deleting, status.no_such_path())
    result = cluster.run()
    assert (only(result)["outcome"], cluster.proxies()) == ("failed", [POD])
    assert (
        "could not find the requested resource. Done before that: Deployment default/web is back at 3." in result["msg"]
    )
    assert only(cluster.run())["outcome"] == "restored"
    assert cluster.proxies() == []


def test_retry_after_is_obeyed(cluster: Cluster) -> None:
    cluster.stage()
    cluster.server.script(scaling, status.too_many_requests(7))
    began = cluster.clock.time()
    assert only(cluster.run())["outcome"] == "restored"
    assert cluster.clock.time() - began == 7
    assert cluster.writes == [SCALE, SCALE, DELETE]


@pytest.mark.parametrize("fault", [status.too_many_requests(600), status.unavailable(retry_after=600)])
def test_a_pause_that_is_too_long_is_left_to_the_next_run(cluster: Cluster, fault: Fault) -> None:
    cluster.stage()
    cluster.server.script(scaling, fault)
    result = cluster.run()
    assert (only(result)["outcome"], result["failed"], cluster.writes) == ("failed", True, [SCALE])
    assert "Nothing was changed." in only(result)["message"]


@pytest.mark.parametrize("fault", [status.unavailable(), Reset()])
def test_a_scale_that_never_succeeds_leaves_the_proxy(cluster: Cluster, fault: Fault) -> None:
    cluster.stage()
    cluster.server.script(scaling, fault, times=FOREVER)
    result = cluster.run()
    assert set(cluster.writes) == {SCALE}
    assert len(cluster.writes) <= 12
    assert (only(result)["outcome"], result["changed"], result["failed"]) == ("failed", False, True)
    assert "Nothing was changed. The next run tries again." in only(result)["message"]
    assert result["msg"].startswith(f"default: {only(result)['message']}")
    assert result["failed_sessions"] == result["sessions"]


def test_a_scale_that_the_cluster_does_not_take_is_no_success(cluster: Cluster) -> None:
    """An admission webhook may set another number."""
    cluster.stage()
    update_scale: Callable[..., Any] = cluster.store.update_scale

    def stubborn(kind: Any, namespace: str, name: str, body: Any, dry_run: bool = False) -> Any:
        return update_scale(kind, namespace, name, {**body, "spec": {"replicas": 0}}, dry_run)

    cluster.store.update_scale = stubborn  # type: ignore[method-assign]
    result = cluster.run()
    assert set(cluster.writes) == {SCALE} and cluster.proxies() == [POD]
    assert (only(result)["outcome"], result["changed"]) == ("failed", False)
    assert "did not take 3 replicas" in only(result)["message"]


def test_a_proxy_that_may_not_be_deleted_is_deleted_by_the_next_run(cluster: Cluster) -> None:
    cluster.stage()
    cluster.server.script(deleting, status.forbidden(USER, "delete", "", "pods", "default", POD))
    first = cluster.run()
    assert cluster.writes == [SCALE, DELETE]
    record = only(first)
    assert (record["outcome"], first["changed"], first["failed"]) == ("failed", True, True)
    assert f"Failed to delete Pod default/{POD}" in record["message"]
    assert "Done before that: Deployment default/web is back at 3." in record["message"]
    assert record["message"].endswith("The next run tries again.")
    assert [(action["action"], action["done"]) for action in record["plan"]] == [("scale", True), ("delete", False)]
    assert first["diff"]["after"] == {"Deployment default/web": {"replicas": 3}}
    second = cluster.run()
    assert cluster.writes == [DELETE]
    assert (only(second)["outcome"], second["changed"], cluster.replicas()) == ("restored", True, 3)


def test_a_service_that_may_not_be_deleted_is_deleted_by_the_next_run(cluster: Cluster) -> None:
    cluster.stage(NEW, age=1000)
    fault = status.forbidden(USER, "delete", "", "services", "default", "mydev")
    cluster.server.script(on("delete", "services"), fault)
    first = cluster.run()
    assert cluster.writes == ["DELETE deployments/mydev", "DELETE services/mydev"]
    assert (only(first)["outcome"], first["changed"]) == ("failed", True)
    assert "Done before that: Deployment default/mydev deleted." in only(first)["message"]
    second = cluster.run()
    assert cluster.writes == ["DELETE services/mydev"]
    assert (only(second)["verdict"], only(second)["outcome"], only(second)["proxy"]) == ("ended", "restored", None)
    assert cluster.run()["changed"] is False


def test_a_proxy_that_is_gone_already_is_what_was_wanted(cluster: Cluster) -> None:
    cluster.stage()
    cluster.server.script(deleting, lambda request: cluster.store.remove("Pod", POD, "default"))
    result = cluster.run()
    assert [request.status for request in cluster.seen("delete")] == [404]
    assert (only(result)["outcome"], cluster.writes) == ("restored", [SCALE, DELETE])


def test_another_object_of_the_proxys_name_is_not_deleted(cluster: Cluster) -> None:
    cluster.stage()

    def replace(request: Request) -> None:
        cluster.store.remove("Pod", POD, "default")
        cluster.store.load({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": POD}, "spec": {"containers": []}})

    cluster.server.script(deleting, replace)
    result = cluster.run()
    assert [request.status for request in cluster.seen("delete")] == [409]
    assert cluster.store.get("Pod", POD, "default") is not None
    assert (only(result)["outcome"], cluster.writes) == ("restored", [SCALE, DELETE])


def test_one_original_that_fails_does_not_stop_the_others(cluster: Cluster) -> None:
    cluster.stage()
    cluster.stage(namespace="shop")
    cluster.server.script(on("update", subresource="scale", namespace="default"), status.unavailable(), times=FOREVER)
    result = cluster.run()
    outcomes = {record["namespace"]: record["outcome"] for record in result["sessions"]}
    assert outcomes == {"default": "failed", "shop": "restored"}
    assert (result["failed"], result["changed"]) == (True, True)
    assert (cluster.replicas("web", "default"), cluster.replicas("web", "shop")) == (0, 3)
    assert sorted(set(cluster.writes)) == sorted({SCALE, DELETE})


# Just before --------------------------------------------------------------------------------------------------------------


def just_before_the_write(cluster: Cluster, happening: Callable[[Request], object]) -> None:
    """*happening* comes when the sessions of namespace default are listed once more."""

    def last_check(request: Request) -> bool:
        access = request.access
        return (access.verb, access.resource, access.namespace) == ("list", "pods", "default")

    cluster.server.script(last_check, happening)


@pytest.mark.parametrize("state", ["alive", "starting", "suspended", "clientless", "asks nothing"])
@pytest.mark.parametrize("scaled_to", [0, 3])
def test_a_session_that_came_just_before_the_write_stops_it(cluster: Cluster, state: str, scaled_to: int) -> None:
    cluster.stage()

    def come(request: Request) -> None:
        cluster.store.edit("Deployment", "web", "default", lambda web: web["spec"].update(replicas=scaled_to))
        name = cluster.proxy(NEWCOMER, created=0)
        if state == "asks nothing":
            cluster.says(name, {"telepresence_probe": 0})
        else:
            cluster.client(name, state)

    just_before_the_write(cluster, come)
    result = cluster.run()
    assert cluster.writes == []
    (record,) = result["sessions"]
    assert (record["outcome"], result["changed"]) == ("held", False)
    assert f"Session {NEWCOMER}" in record["message"]
    assert result["skipped_sessions"] == [record]


def test_a_session_that_came_between_two_lists_stops_it(cluster: Cluster) -> None:
    """Its Deployment was not there yet when Deployments were listed, its Pod was when Pods were: alone it does not tell what it swaps."""
    cluster.stage()

    def come(request: Request) -> None:
        pod = cluster.store.get("Pod", cluster.proxy(NEWCOMER, created=0), "default")
        web = cluster.store.get("Deployment", "web", "default")
        assert pod and web
        cluster.store.remove("Pod", pod["metadata"]["name"], "default")
        labels, kept = {"telepresence": NEWCOMER}, pod["metadata"]
        web["metadata"] = {key: kept[key] for key in ("name", "namespace", "creationTimestamp")} | {"labels": labels}
        web["spec"]["template"] = {"metadata": {"labels": kept["labels"]}, "spec": pod["spec"]}
        pod["metadata"] = kept | {"name": f"{kept['name']}-1", "ownerReferences": [{"controller": True, "uid": "a"}]}
        cluster.store.load(web, pod)
        cluster.client(pod["metadata"]["name"], "starting")

    cluster.server.script(on("list", "pods"), come)
    result = cluster.run(concurrency=1)
    assert cluster.writes == []
    # The result tells of what the first observation saw; of this session it was no more than a Pod.
    record = next(one for one in result["sessions"] if one["session_id"] != NEWCOMER)
    assert (record["outcome"], result["changed"]) == ("held", False)


def test_a_new_session_on_another_original_does_not_stop_it(cluster: Cluster) -> None:
    cluster.stage()

    def come(request: Request) -> None:
        cluster.web("shop")
        cluster.client(cluster.proxy(NEWCOMER, created=0, original="shop"), "alive")

    just_before_the_write(cluster, come)
    assert only(cluster.run())["outcome"] == "restored"
    assert cluster.writes == [SCALE, DELETE]
    # The verdict was still fresh: the dead proxy was not asked again.
    assert cluster.execs.count(POD) == 1


def someone_edits(**spec: int) -> Callable[[Cluster], Callable[[Request], object]]:
    """A change of the original's spec at the moment of the scale."""

    def happening(cluster: Cluster) -> Callable[[Request], object]:
        return lambda request: cluster.store.edit("Deployment", "web", "default", lambda web: web["spec"].update(spec))

    return happening


def annotate(cluster: Cluster) -> Callable[[Request], object]:
    """Every time something else: the resourceVersion changes, the replicas do not."""
    count = iter(range(100))

    def change(web: dict[str, Any]) -> None:
        web["metadata"].setdefault("annotations", {})["touched"] = str(next(count))

    return lambda request: cluster.store.edit("Deployment", "web", "default", change)


@pytest.mark.parametrize("times", [1, 2])
def test_an_original_that_changed_meanwhile_is_observed_again(cluster: Cluster, times: int) -> None:
    cluster.stage()
    cluster.server.script(scaling, annotate(cluster), times=times)
    result = cluster.run()
    assert [request.status for request in cluster.seen("update")] == [409] * times + [200]
    assert cluster.writes == [SCALE] * (times + 1) + [DELETE]
    versions = [request.body["metadata"]["resourceVersion"] for request in cluster.seen("update")]
    assert len(set(versions)) == times + 1
    assert (only(result)["outcome"], cluster.execs) == ("restored", [POD])


def test_an_original_that_keeps_changing_is_left_to_the_next_run(cluster: Cluster) -> None:
    cluster.stage()
    cluster.server.script(scaling, annotate(cluster), times=FOREVER)
    result = cluster.run()
    assert cluster.writes == [SCALE] * 3
    assert (only(result)["outcome"], result["changed"], result["failed"]) == ("failed", False, True)
    assert "Failed to scale Deployment default/web to 3" in only(result)["message"]
    assert "the object has been modified" in only(result)["message"]
    assert "Nothing was changed. The next run tries again." in only(result)["message"]


@pytest.mark.parametrize("theirs", [1, 5])
def test_an_original_that_someone_scaled_meanwhile_keeps_their_count(cluster: Cluster, theirs: int) -> None:
    cluster.stage()
    cluster.server.script(scaling, someone_edits(replicas=theirs)(cluster))
    result = cluster.run()
    assert cluster.writes == [SCALE, DELETE]
    assert cluster.replicas() == theirs
    assert only(result)["outcome"] == "restored"
    assert result["diff"]["after"] == {f"Pod default/{POD}": "absent"}


def test_an_original_that_is_deleted_meanwhile_is_not_called_done(cluster: Cluster) -> None:
    cluster.stage()
    cluster.server.script(scaling, lambda request: cluster.store.remove("Deployment", "web", "default"))
    result = cluster.run()
    assert only(result)["outcome"] in ("failed", "needs_decision")
    assert (cluster.writes, cluster.proxies(), result["changed"]) == ([SCALE], [POD], False)


def test_an_original_that_was_replaced_meanwhile_is_not_scaled(cluster: Cluster) -> None:
    cluster.stage()

    def replace(request: Request) -> None:
        cluster.store.remove("Deployment", "web", "default")
        cluster.web()

    cluster.server.script(scaling, replace)
    result = cluster.run()
    assert next(request.status for request in cluster.seen("update")) == 409
    # The new one's count is not what the events of the old one say; its own last-applied may declare one.
    assert only(result)["outcome"] == "needs_decision"
    assert cluster.replicas() == 0 and cluster.proxies() == [POD]
    assert cluster.writes == [SCALE]


def test_an_opt_out_that_came_meanwhile_is_honoured(cluster: Cluster) -> None:
    cluster.stage()

    def opt_out(web: dict[str, Any]) -> None:
        web["metadata"].setdefault("annotations", {})["devclusters.telepresence/ignore"] = "true"

    cluster.server.script(scaling, lambda request: cluster.store.edit("Deployment", "web", "default", opt_out))
    result = cluster.run()
    assert (only(result)["outcome"], cluster.writes) == ("none", [SCALE])
    assert cluster.replicas() == 0 and cluster.proxies() == [POD]


# Old verdicts --------------------------------------------------------------------------------------------------------------


def _slow_one(cluster: Cluster, namespace: str = "slow") -> str:
    """A session whose verdict takes 30 s, so that those of all others are old by then. Its proxy pod."""
    pod = cluster.stage(age=1000, namespace=namespace)
    cluster.silent_log(pod, namespace)
    cluster.says(pod, {}, namespace=namespace)
    return pod


def test_an_old_verdict_is_asked_again_before_the_write(cluster: Cluster) -> None:
    pod = cluster.stage()
    cluster.says(pod, "gone")
    _slow_one(cluster)
    result = cluster.run()
    assert {record["outcome"] for record in result["sessions"]} == {"restored"}
    looks = [
        at
        for request, at in zip(cluster.requests, cluster.requests.times, strict=True)
        if request.access.subresource == "exec" and request.access.namespace == "default"
    ]
    assert [second - first for first, second in itertools.pairwise(looks)] == [30]
    assert sorted(cluster.writes) == sorted([SCALE, DELETE] * 2)


def test_a_living_session_is_not_asked_again(cluster: Cluster) -> None:
    """Its verdict can only hold something back, and each question is traffic on a developer's tunnel."""
    cluster.says(cluster.stage(), "gone")
    cluster.web("shop")
    living = cluster.proxy(NEWCOMER, created=600, original="shop")
    cluster.client(living, "clientless")
    _slow_one(cluster)
    cluster.run()
    assert cluster.execs.count(living) == 1


def test_a_session_that_came_while_old_verdicts_were_renewed_stops_it(cluster: Cluster) -> None:
    """Its scale of an original at 0 leaves the resourceVersion as it was: only a last look at the sessions sees it."""
    pod = cluster.stage()
    cluster.says(pod, "gone")
    _slow_one(cluster)

    def come(request: Request) -> None:
        cluster.client(cluster.proxy(NEWCOMER, created=0), "alive")

    def renewing(request: Request) -> bool:
        access = request.access
        return (access.verb, access.resource, access.namespace) == ("list", "replicasets", "default")

    cluster.server.script(renewing, lambda request: None, times=1)
    cluster.server.script(renewing, come, times=1)
    records = {record["session_id"]: record for record in cluster.run()["sessions"] if record["namespace"] == "default"}
    assert {record["outcome"] for record in records.values()} == {"held"}
    assert {write.access.namespace for write in cluster.seen() if write.is_write} == {"slow"}


@pytest.mark.parametrize("second", ["alive", "suspended", "clientless"])
def test_a_client_that_came_back_to_life_is_not_cut(cluster: Cluster, second: str) -> None:
    pod = cluster.stage()
    cluster.says(pod, "gone", second)
    _slow_one(cluster)
    result = cluster.run()
    records = {record["namespace"]: record for record in result["sessions"]}
    assert (records["default"]["verdict"], records["default"]["outcome"]) == (second, "none")
    assert records["slow"]["outcome"] == "restored"
    assert {write.access.namespace for write in cluster.seen() if write.is_write} == {"slow"}


def test_a_client_that_came_back_while_the_last_look_took_long_is_not_cut(cluster: Cluster) -> None:
    pod = cluster.stage()
    cluster.says(pod, "gone", "alive")
    just_before_the_write(cluster, lambda request: cluster.clock.sleep(12))
    record = only(cluster.run())
    assert (record["verdict"], record["outcome"], cluster.writes) == ("alive", "none", [])


def test_a_client_that_cannot_be_asked_again_is_not_cut(cluster: Cluster) -> None:
    pod = cluster.stage()
    cluster.says(pod, "gone", {"telepresence_probe": 0})
    _slow_one(cluster)
    records = {record["namespace"]: record for record in cluster.run()["sessions"]}
    assert (records["default"]["verdict"], records["default"]["outcome"]) == ("unknown", "none")
    assert {write.access.namespace for write in cluster.seen() if write.is_write} == {"slow"}


def test_old_verdicts_of_one_namespace_are_asked_again_once(cluster: Cluster) -> None:
    """Each of its originals needs them; two questions to one proxy at once would keep a dead client's tunnel open."""
    cluster.stage()
    others = []
    for number in range(3):
        cluster.web(f"web{number}")
        name = cluster.proxy(str(number) * 32, created=600, original=f"web{number}")
        cluster.client(name, "gone")
        others.append(name)
    _slow_one(cluster)
    counts = {f"default/web{number}": 2 for number in range(3)}
    result = cluster.run(replicas=counts)
    assert {record["outcome"] for record in result["sessions"]} == {"restored"}
    assert {name: cluster.execs.count(name) for name in others} == dict.fromkeys(others, 2)
    assert len(cluster.writes) == 10


def _looked_at_again_after_the_scale(cluster: Cluster, second: dict[str, Any] | str) -> None:
    """A delete that conflicts, so late that the verdict is too old by then; what the proxy says the second time."""
    cluster.says(cluster.stage(), "gone", second)
    cluster.server.script(on("create", "events"), lambda request: cluster.clock.sleep(20))
    cluster.server.script(deleting, status.ApiError(409, "Conflict", "it has changed", {}))


@pytest.mark.parametrize("second", ["alive", "suspended", "clientless"])
def test_a_client_that_wakes_up_after_the_scale_gets_its_place_back(cluster: Cluster, second: str) -> None:
    _looked_at_again_after_the_scale(cluster, second)
    result = cluster.run()
    record = only(result)
    assert cluster.writes == [SCALE, DELETE, "PUT deployments/web/scale 0"]
    assert (cluster.replicas(), cluster.proxies(), result["changed"]) == (0, [POD], False)
    assert (record["verdict"], record["outcome"], record["original"]["replicas"]) == (second, "none", 0)
    assert "was scaled to 3 at that very moment, and is at 0 again" in record["message"]


def test_a_workload_is_not_stopped_because_its_session_could_not_be_asked_again(cluster: Cluster) -> None:
    _looked_at_again_after_the_scale(cluster, {"telepresence_probe": 0})
    result = cluster.run()
    record = only(result)
    assert cluster.writes == [SCALE, DELETE]
    assert (cluster.replicas(), cluster.proxies()) == (3, [POD])
    assert (record["verdict"], record["outcome"], result["changed"]) == ("unknown", "failed", True)
    assert record["message"].startswith("Deployment default/web is back at 3. The proxy could not be asked")


def test_a_scale_back_that_is_not_answered_is_told_all_the_same(cluster: Cluster) -> None:
    _looked_at_again_after_the_scale(cluster, "alive")
    back = []

    def is_back(request: Request) -> bool:
        back.append(scaling(request) and request.body["spec"]["replicas"] == 0)
        return bool(back[-1])

    cluster.server.script(is_back, Reset(acts=True), times=4)
    result = cluster.run()
    assert (cluster.replicas(), cluster.proxies(), result["changed"]) == (0, [POD], False)
    assert (only(result)["outcome"], "is at 0 again" in only(result)["message"]) == ("none", True)


# Readiness -----------------------------------------------------------------------------------------------------------------


def test_readiness_is_waited_for_after_the_last_write(cluster: Cluster) -> None:
    cluster.stage()
    result = cluster.run(wait=True)
    assert (only(result)["outcome"], cluster.writes) == ("restored", [SCALE, DELETE])
    last = cluster.seen()[-1]
    assert (last.access.verb, last.access.resource) == ("list", "deployments")


def test_an_original_that_becomes_ready_later_is_restored(cluster: Cluster) -> None:
    cluster.stage()
    cluster.store.controller = store.never_ready
    looks = []

    def ready_at_last(request: Request) -> None:
        looks.append(cluster.clock.time())
        if len(looks) == 3:
            cluster.store.edit("Deployment", "web", "default", store.make_ready)

    after_the_writes = [False]
    cluster.server.script(deleting, lambda request: after_the_writes.append(True))
    cluster.server.script(
        lambda request: (
            after_the_writes[-1] and request.access.verb == "list" and request.access.resource == "deployments"
        ),
        ready_at_last,
        times=3,
    )
    result = cluster.run(wait=True, wait_sleep=7, wait_timeout=60)
    assert only(result)["outcome"] == "restored"
    assert [second - first for first, second in itertools.pairwise(looks)] == [7, 7]
    assert cluster.writes == [SCALE, DELETE]


def test_an_original_that_never_becomes_ready_is_told(cluster: Cluster) -> None:
    cluster.stage()
    cluster.store.controller = store.never_ready
    began = cluster.clock.time()
    result = cluster.run(wait=True, wait_timeout=20, wait_sleep=5)
    assert cluster.clock.time() - began <= 20
    record = only(result)
    assert (record["outcome"], result["changed"], result["failed"]) == ("failed", True, True)
    assert result["failed_sessions"] == [record] and result["restored"] == []
    assert "only 0 of 3 replicas are ready after 20 s" in record["message"]
    assert "Deployment default/web is back at 3" in record["message"]
    assert record["message"] in result["msg"]
    assert cluster.writes == [SCALE, DELETE]


def test_readiness_is_waited_for_where_the_scale_was_not_answered(cluster: Cluster) -> None:
    cluster.stage()
    cluster.store.controller = store.never_ready
    cluster.server.script(scaling, Reset(acts=True))
    result = cluster.run(wait=True, wait_timeout=10)
    assert only(result)["outcome"] == "failed"
    assert cluster.writes == [SCALE, SCALE, DELETE]


def test_nothing_is_waited_for_in_check_mode(cluster: Cluster) -> None:
    cluster.stage(POD_3)
    began = cluster.clock.time()
    assert only(cluster.run(check=True, wait=True))["outcome"] == "restorable"
    assert (cluster.clock.time(), cluster.writes) == (began, [])
