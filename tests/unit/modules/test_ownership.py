"""Whose is it: what is not certainly a client's own is never deleted, and one original may have several sessions."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from wire.request import Request
from wire.script import FOREVER, on
from wire.store import Obj

from .cluster import DEPLOYMENT_2, NEW, POD_3, Cluster, Record, only

POD = "web-9bdd4ff98a184820b2d4027b00a9af39"
YOUNGER = "f" * 32
RESTORED = ["PUT deployments/web/scale 3", f"DELETE pods/{POD}"]
IGNORE = {"devclusters.telepresence/ignore": "true"}

Change = Callable[[Obj], object]


def owned_by(kind: str, controller: bool = True) -> Change:
    """A proxy pod with an owner."""

    def change(obj: Obj) -> None:
        owner = {"apiVersion": "v1", "kind": kind, "name": "web-1", "uid": "0b5b6b0e-0000-4000-8000-000000000000"}
        obj["metadata"]["ownerReferences"] = [{**owner, **({"controller": True} if controller else {})}]

    return change


@pytest.mark.parametrize(
    "change",
    [
        owned_by("ReplicationController"),
        owned_by("ReplicaSet"),
        owned_by("StatefulSet"),
        owned_by("Job", controller=False),
    ],
)
def test_a_pod_that_something_else_owns_is_only_shown(cluster: Cluster, change: Change) -> None:
    pod = cluster.stage()
    cluster.store.edit("Pod", pod, "default", change)
    _left_to_a_person(cluster, only(cluster.run()))


@pytest.mark.parametrize("case", [DEPLOYMENT_2, NEW])
def test_the_pods_of_a_proxy_that_somebody_just_deleted_are_waited_for(cluster: Cluster, case: str) -> None:
    pod = cluster.stage(case)
    (proxy,) = [one for one in cluster.store.all("Deployment") if "telepresence" in one["metadata"].get("labels", {})]
    for kind, name in [("Deployment", proxy["metadata"]["name"]), *(("Service", one) for one in _services(cluster))]:
        cluster.store.remove(kind, name, "default")
    listed = itertools.count(1)

    def collect(request: Request) -> None:
        if next(listed) == 2:
            cluster.store.remove("Pod", pod, "default")

    cluster.server.script(on("list", "pods"), collect, times=FOREVER)
    result = cluster.run()
    assert (result["sessions"], cluster.writes, cluster.execs) == ([], [], [])


def _services(cluster: Cluster) -> list[str]:
    return [one["metadata"]["name"] for one in cluster.store.all("Service")]


def test_a_pod_whose_name_does_not_end_in_its_session_is_only_shown(cluster: Cluster) -> None:
    pod = cluster.stage()
    renamed = cluster.store.get("Pod", pod, "default")
    assert renamed
    cluster.store.remove("Pod", pod, "default")
    renamed["metadata"]["name"] = "web"
    cluster.store.load(renamed)
    cluster.client("web", "gone")
    record = only(cluster.run())
    assert record["mode"] == "swap_in_place"
    _left_to_a_person(cluster, record)


def test_a_deployment_that_was_changed_in_place_is_only_shown(cluster: Cluster) -> None:
    """Clients up to 0.84 made a proxy of the original's name."""
    pod = cluster.stage(DEPLOYMENT_2)
    name = "web-a5e5aba7e66c4360b52dabfe010e5d68"
    in_place = cluster.store.get("Deployment", name, "default")
    kept = cluster.store.get("Pod", pod, "default")
    assert in_place and kept
    cluster.store.remove("Deployment", "web", "default")
    cluster.store.remove("Deployment", name, "default")
    in_place["metadata"]["name"] = "web"
    cluster.store.load(in_place, kept)
    record = only(cluster.run())
    assert record["mode"] == "swap_in_place"
    _left_to_a_person(cluster, record)
    assert cluster.store.get("Deployment", "web", "default") is not None


def _left_to_a_person(cluster: Cluster, record: Record) -> None:
    assert (record["verdict"], record["outcome"], record["plan"]) == ("stale", "needs_decision", [])
    assert record["message"].startswith("Nothing was changed: ")
    assert cluster.writes == []


@pytest.mark.parametrize(
    "label", ["manager", "", "true", "9bdd4ff98a184820b2d4027b00a9af3", "9BDD4FF98A184820B2D4027B00A9AF39"]
)
def test_a_label_that_is_no_sessions_id_is_none_of_ours(cluster: Cluster, label: str) -> None:
    pod = cluster.stage()
    cluster.store.edit("Pod", pod, "default", lambda obj: obj["metadata"]["labels"].update(telepresence=label))
    result = cluster.run()
    assert (result["sessions"], result["changed"]) == ([], False)
    assert cluster.execs == []
    assert cluster.writes == []


def test_the_traffic_manager_is_not_even_sent(cluster: Cluster) -> None:
    cluster.run()
    lists = [
        request for request in cluster.seen("list") if request.access.resource in ("pods", "deployments", "services")
    ]
    assert lists and {request.param("labelSelector") for request in lists} == {"telepresence,telepresence!=manager"}
    assert cluster.writes == []


@pytest.mark.parametrize(
    "selector", [None, {}, {"app": "web"}, {"telepresence": "0" * 32}, {"app": "mydev", "same": ""}]
)
def test_a_service_that_selects_more_than_the_session_stays(cluster: Cluster, selector: dict[str, str] | None) -> None:
    cluster.stage(NEW)
    session = "92844d8c905b4f67be2c229feb28f0ec"
    if selector and "same" in selector:
        selector = {"app": "mydev", "telepresence": session}
    cluster.store.edit("Service", "mydev", "default", lambda obj: obj["spec"].update(selector=selector))
    assert only(cluster.run())["outcome"] == "restored"
    assert cluster.writes == ["DELETE deployments/mydev"]
    assert cluster.store.get("Service", "mydev", "default") is not None


def test_an_image_that_is_no_proxys_is_not_asked(cluster: Cluster) -> None:
    pod = cluster.stage()

    def other_image(obj: Obj) -> None:
        obj["spec"]["containers"][0]["image"] = "registry.example/not-telepresence-k8s-at-all:1"

    cluster.store.edit("Pod", pod, "default", other_image)
    assert only(cluster.run())["verdict"] == "unknown"
    assert cluster.execs == []
    assert cluster.writes == []


@pytest.mark.parametrize(
    "image", ["registry.example:5000/copy/telepresence-k8s-priv:0.109", "telepresence-ocp@sha256:00"]
)
def test_a_proxys_image_may_come_from_anywhere(cluster: Cluster, image: str) -> None:
    pod = cluster.stage()
    cluster.store.edit("Pod", pod, "default", lambda obj: obj["spec"]["containers"][0].update(image=image))
    assert only(cluster.run())["outcome"] == "restored"
    assert cluster.writes == RESTORED


def test_an_image_pattern_of_the_users_own(cluster: Cluster) -> None:
    pod = cluster.stage()
    cluster.store.edit("Pod", pod, "default", lambda obj: obj["spec"]["containers"][0].update(image="our/swap:3"))
    assert only(cluster.run(image_pattern="^our/swap:"))["outcome"] == "restored"
    assert cluster.writes == RESTORED


# Opted out ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name", "said"),
    [
        ("Deployment", "web", "Deployment default/web"),
        ("Pod", POD, f"Pod default/{POD}"),
        ("Namespace", "default", "Namespace default"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"namespaces": ["default"]}])
def test_what_opted_out_is_left_alone(
    cluster: Cluster, kind: str, name: str, said: str, options: dict[str, Any]
) -> None:
    cluster.stage()
    namespace = "" if kind == "Namespace" else "default"
    cluster.store.edit(kind, name, namespace, lambda obj: obj["metadata"].setdefault("annotations", {}).update(IGNORE))
    record = only(cluster.run(**options))
    assert (record["verdict"], record["outcome"], record["plan"]) == ("unknown", "none", [])
    assert record["message"].startswith(f"Left alone: {said} ")
    assert cluster.writes == []


@pytest.mark.parametrize("value", ["false", "", "yes"])
def test_any_other_value_of_the_annotation_opts_nothing_out(cluster: Cluster, value: str) -> None:
    cluster.stage()
    annotations = {"devclusters.telepresence/ignore": value}
    cluster.store.edit(
        "Deployment", "web", "default", lambda obj: obj["metadata"].setdefault("annotations", {}).update(annotations)
    )
    assert only(cluster.run())["outcome"] == "restored"
    assert cluster.writes == RESTORED


# Two sessions on one original ----------------------------------------------------------------------------------------------

STATES = ["gone", "alive", "starting", "suspended", "clientless", "cannot be asked", "opted out"]


def _two_sessions(cluster: Cluster, older: str, younger: str) -> dict[str, str]:
    """The recorded session and a younger one on its original, with clients in these states; pod by session."""
    first = cluster.stage(age=5 if older == "starting" else 1000)
    second = cluster.proxy(YOUNGER, created=4 if younger == "starting" else 800)
    for pod, state in ((first, older), (second, younger)):
        cluster.client(pod, state if state in STATES[:5] else "gone")
        if state == "cannot be asked":
            cluster.says(pod, {"telepresence_probe": 0})
        if state == "opted out":
            cluster.store.edit(
                "Pod", pod, "default", lambda obj: obj["metadata"].setdefault("annotations", {}).update(IGNORE)
            )
    return {"older": first, "younger": second}


@pytest.mark.parametrize(
    ("older", "younger"), [pair for pair in itertools.product(STATES, STATES) if pair != ("gone", "gone")]
)
def test_nothing_is_written_while_another_session_may_live(cluster: Cluster, older: str, younger: str) -> None:
    _two_sessions(cluster, older, younger)
    records = {record["session_id"] == YOUNGER: record for record in cluster.run()["sessions"]}
    for record, state, other in ((records[False], older, YOUNGER), (records[True], younger, POD.partition("-")[2])):
        assert record["outcome"] == ("held" if state == "gone" else "none")
        assert state != "gone" or f"Session {other} (" in record["message"]
        assert record["plan"] == []
    assert cluster.replicas() == 0
    assert cluster.writes == []


@pytest.mark.parametrize("check", [True, False])
def test_two_dead_sessions_end_with_one_scale_and_the_youngest_goes_first(cluster: Cluster, check: bool) -> None:
    _two_sessions(cluster, "gone", "gone")
    result = cluster.run(check=check)
    assert [record["replicas"] for record in result["sessions"]] == [3, 3]
    assert {record["outcome"] for record in result["sessions"]} == {"restorable" if check else "restored"}
    expected = ["PUT deployments/web/scale 3", f"DELETE pods/web-{YOUNGER}", f"DELETE pods/{POD}"]
    assert cluster.writes == ([] if check else expected)
    if not check:
        assert cluster.run()["changed"] is False


@pytest.mark.parametrize("states", [*itertools.product(["gone", "alive"], repeat=2)])
def test_beside_an_original_that_runs_only_proxies_go(cluster: Cluster, states: tuple[str, str]) -> None:
    _two_sessions(cluster, *states)
    cluster.store.edit("Deployment", "web", "default", lambda web: web["spec"].update(replicas=7))
    cluster.run()
    both = states == ("gone", "gone")
    assert cluster.writes == ([f"DELETE pods/web-{YOUNGER}", f"DELETE pods/{POD}"] if both else [])
    assert cluster.replicas() == 7


def test_the_count_is_the_oldest_sessions(cluster: Cluster) -> None:
    """The younger session found the original at 0: what the cluster said at its own swap does not count."""
    _two_sessions(cluster, "gone", "gone")
    (swap,) = [event for event in cluster.store.all("Event") if event.get("message", "").endswith("from 3 to 0")]
    later = next(pod for pod in cluster.store.all("Pod") if pod["metadata"]["name"] == f"web-{YOUNGER}")
    swap["metadata"] = {"name": "web.later", "namespace": "default"}
    swap["message"] = swap["message"].replace("from 3", "from 9")
    swap["lastTimestamp"] = later["metadata"]["creationTimestamp"]
    cluster.store.load(swap)
    cluster.run()
    assert cluster.writes[0] == "PUT deployments/web/scale 3"


def test_two_dead_sessions_of_one_new_deployment_each_do_not_meet(cluster: Cluster) -> None:
    cluster.stage(POD_3)
    cluster.stage(NEW)
    result = cluster.run()
    assert {record["outcome"] for record in result["sessions"]} == {"restored"}
    assert sorted(cluster.writes) == sorted([*RESTORED, "DELETE deployments/mydev", "DELETE services/mydev"])


def test_an_original_that_two_workloads_may_be_is_left_to_a_person(cluster: Cluster) -> None:
    """A proxy's name keeps only the first 17 characters of the original's."""
    first, second = "a-name-of-17-charx1", "a-name-of-17-charx2"
    for name in (first, second):
        cluster.web(name)
    cluster.client(cluster.proxy(YOUNGER, created=900, original=first[:17]), "gone")
    record = only(cluster.run(replicas={f"default/{first}": 2}))
    assert (record["outcome"], record["original"]) == ("needs_decision", None)
    assert first in record["message"] and second in record["message"]
    assert cluster.writes == []


def test_a_zero_that_its_owner_set_after_the_swap_stays(cluster: Cluster) -> None:
    pod = cluster.stage()

    def owned_zero(web: Obj) -> None:
        fields: Obj = {"f:spec": {"f:replicas": {}}}
        entry = {"manager": "gitops", "operation": "Apply", "time": "2099-01-01T00:00:00Z", "fieldsV1": fields}
        web["metadata"]["managedFields"] = [entry]

    cluster.store.edit("Deployment", "web", "default", owned_zero)
    record = only(cluster.run())
    assert (record["outcome"], record["plan"][0]["action"]) == ("restored", "delete")
    assert cluster.writes == [f"DELETE pods/{pod}"]
    assert cluster.replicas() == 0
