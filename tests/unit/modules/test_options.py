"""Options: which sessions, which counts, how many at once; and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster import api

from wire import status
from wire.play import run_module
from wire.request import Request
from wire.script import on

from .cluster import MAIN, MULTI, POD_3, Cluster, only

POD = "web-9bdd4ff98a184820b2d4027b00a9af39"
RESTORED = ["PUT deployments/web/scale 3", f"DELETE pods/{POD}"]


# Refused ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["orphans", "restore"])
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"start_window": 209}, "Option start_window is 209, but at least 210 is needed."),
        ({"interval": 29}, "Option interval is 29, but at least 30 is needed."),
        ({"deadline": 5}, "Option deadline is 5, but at least 6 is needed."),
        ({"concurrency": 0}, "Option concurrency is 0, but at least 1 is needed."),
        ({"node_concurrency": 0}, "Option node_concurrency is 0, but at least 1 is needed."),
        ({"replicas_limit": 0}, "Option replicas_limit is 0, but at least 1 is needed."),
        ({"image_pattern": "("}, "Option image_pattern is no regular expression"),
        ({"select": "namespace =="}, "Option select is no JMESPath expression"),
        ({"select": "]"}, "Option select is no JMESPath expression"),
        ({"replicas": {"web": 3}}, "Option replicas has web: 3"),
        ({"replicas": {"default/web": "many"}}, "Option replicas has default/web: many"),
        ({"replicas": {"default/web": -1}}, "Option replicas has default/web: -1"),
        ({"replicas": {"default/web": True}}, "Option replicas has default/web: True"),
        ({"namespaces": ["Shop"]}, "Option namespaces has 'Shop', which fits no namespace"),
        ({"namespaces": [""]}, "Option namespaces has '', which fits no namespace"),
        ({"exclude_namespaces": ["prod_*"]}, "Option exclude_namespaces has 'prod_*', which fits no namespace"),
        ({"verdicts": ["alive"]}, "value of verdicts must be one or more of"),
        ({"verdicts": ["unknown"]}, "value of verdicts must be one or more of"),
        ({"verdicts": ["starting"]}, "value of verdicts must be one or more of"),
        ({"trust": "guess"}, "value of trust must be one of"),
        ({"probe": "none"}, "value of probe must be one of"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_before_anything_is_asked(
    cluster: Cluster, module: str, options: dict[str, Any], said: str
) -> None:
    cluster.stage()
    result = run_module(MAIN[module], {"kubeconfig": cluster.kubeconfig, **options})
    assert result["failed"] is True and said in result["msg"]
    assert cluster.requests == []


def test_a_negative_max_restores_is_refused(cluster: Cluster) -> None:
    cluster.stage()
    result = cluster.run(max_restores=-1)
    assert result.get("failed") is True and "max_restores" in result["msg"]
    assert cluster.writes == []


def test_a_select_that_fails_on_a_record_names_the_option(cluster: Cluster) -> None:
    cluster.stage()
    result = cluster.run(select="contains(replicas, 'x')")
    assert result.get("failed") is True and "select" in result["msg"]
    assert cluster.writes == []


# Which --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("select", "chosen"),
    [
        ("namespace == 'shop'", ["shop"]),
        ("client_version == '0.109' && original.name == 'web'", ["default", "shop"]),
        ("mode == 'new'", []),
        ("replicas > `2`", ["default", "shop"]),
        ("evidence[?source == 'scaling_event']", ["default", "shop"]),
        ("proxy.name == 'nobody'", []),
    ],
)
def test_only_what_is_selected_is_restored(cluster: Cluster, select: str, chosen: list[str]) -> None:
    cluster.stage()
    cluster.stage(namespace="shop")
    result = cluster.run(select=select)
    assert sorted(record["namespace"] for record in result["sessions"]) == chosen
    assert {record["outcome"] for record in result["sessions"]} <= {"restored"}
    assert {write.access.namespace for write in cluster.seen() if write.is_write} == set(chosen)


def test_a_session_that_is_not_selected_still_protects_its_original(cluster: Cluster) -> None:
    cluster.stage(age=1000)
    cluster.client(cluster.proxy("f" * 32, created=900), "alive")
    result = cluster.run(select=f"proxy.name == '{POD}'")
    assert only(result)["outcome"] == "held"
    assert cluster.writes == []


@pytest.mark.parametrize(
    ("options", "seen"),
    [
        ({}, ["default", "shop", "shop-dev"]),
        ({"namespaces": ["shop*"]}, ["shop", "shop-dev"]),
        ({"namespaces": ["sh?p", "default"]}, ["default", "shop"]),
        ({"namespaces": ["*"], "exclude_namespaces": ["*-dev"]}, ["default", "shop"]),
        ({"exclude_namespaces": ["default"]}, ["shop", "shop-dev"]),
        ({"exclude_namespaces": "shop-*, default"}, ["shop"]),
        ({"namespaces": ["[!d]*", " default "]}, ["default", "shop", "shop-dev"]),
        ({"namespaces": ["shop"]}, ["shop"]),
        ({"namespaces": ["shop", "default"]}, ["default", "shop"]),
        ({"namespaces": ["shop", "default"], "exclude_namespaces": ["d*"]}, ["shop"]),
    ],
)
def test_namespaces(cluster: Cluster, options: dict[str, Any], seen: list[str]) -> None:
    for namespace in ("default", "shop", "shop-dev"):
        cluster.stage(namespace="" if namespace == "default" else namespace)
    result = cluster.run("orphans", **options)
    assert sorted(record["namespace"] for record in result["sessions"]) == seen
    asked_one_by_one = bool(options.get("namespaces")) and not any(
        set("*?[") & set(name) for name in options["namespaces"]
    )
    lists = {(request.access.resource, request.access.namespace) for request in cluster.seen("list")}
    everywhere = {resource for resource, namespace in lists if not namespace}
    assert everywhere == (
        set() if asked_one_by_one else {"namespaces", "pods", "deployments", "services", "configmaps"}
    )
    assert {namespace for _resource, namespace in lists if namespace} == set(seen)
    got = [request.access.name for request in cluster.seen("get", "namespaces") if request.access.name != "kube-system"]
    assert sorted(got) == (seen if asked_one_by_one else [])
    assert cluster.writes == []


# Counts -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "outcome", "replicas"),
    [
        ({}, "restored", 3),
        ({"replicas": {"default/web": 8}}, "restored", 8),
        ({"replicas": {"default/web": "8"}}, "restored", 8),
        ({"replicas": {"default/web": 60}}, "restored", 60),
        ({"replicas": {"shop/web": 8, "default/web2": 9}}, "restored", 3),
        ({"replicas_limit": 3}, "restored", 3),
        ({"replicas_limit": 2}, "needs_decision", None),
        ({"replicas_limit": 2, "replicas": {"default/web": 3}}, "restored", 3),
    ],
)
@pytest.mark.parametrize("check", [True, False])
def test_the_count(cluster: Cluster, options: dict[str, Any], outcome: str, replicas: int | None, check: bool) -> None:
    cluster.stage()
    record = only(cluster.run(check=check, **options))
    assert record["outcome"] == ("restorable" if check and outcome == "restored" else outcome)
    assert record["replicas"] == replicas
    written = [] if check or replicas is None else [f"PUT deployments/web/scale {replicas}", f"DELETE pods/{POD}"]
    assert cluster.writes == written


def test_a_told_zero_is_obeyed(cluster: Cluster) -> None:
    cluster.stage()
    assert only(cluster.run(replicas={"default/web": 0}))["outcome"] == "restored"
    assert cluster.writes == [f"DELETE pods/{POD}"]


def _without_events(cluster: Cluster) -> None:
    for event in cluster.store.all("Event"):
        cluster.store.remove("Event", event["metadata"]["name"], event["metadata"]["namespace"])


def _earlier_replica_set(cluster: Cluster, replicas: int) -> None:
    web = cluster.store.get("Deployment", "web", "default")
    assert web
    owner = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "web",
        "uid": web["metadata"]["uid"],
        "controller": True,
    }
    noted = {"deployment.kubernetes.io/revision": "0", "deployment.kubernetes.io/desired-replicas": str(replicas)}
    metadata = {"name": "web-earlier", "namespace": "default", "ownerReferences": [owner], "annotations": noted}
    cluster.store.load({"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": {"replicas": 0}})


@pytest.mark.parametrize(
    ("trust", "declared", "replicas"),
    [
        ("recorded", True, None),
        ("declared", True, 2),
        ("historic", True, 2),
        ("recorded", False, None),
        ("declared", False, None),
        ("historic", False, 4),
    ],
)
def test_trust(cluster: Cluster, trust: str, declared: bool, replicas: int | None) -> None:
    cluster.stage()
    _without_events(cluster)
    _earlier_replica_set(cluster, 4)
    if not declared:
        cluster.store.edit("Deployment", "web", "default", lambda web: web["metadata"]["annotations"].clear())
        noted = {"deployment.kubernetes.io/revision": "1"}
        cluster.store.edit("Deployment", "web", "default", lambda web: web["metadata"]["annotations"].update(noted))
    record = only(cluster.run(trust=trust))
    assert record["replicas"] == replicas
    assert record["outcome"] == ("needs_decision" if replicas is None else "restored")
    assert cluster.writes == (
        [] if replicas is None else [f"PUT deployments/web/scale {replicas}", f"DELETE pods/{POD}"]
    )


def test_a_count_that_nothing_tells_is_never_guessed(cluster: Cluster) -> None:
    cluster.web()
    cluster.client(cluster.proxy("f" * 32, created=900), "gone")
    record = only(cluster.run(trust="historic"))
    assert (record["outcome"], record["replicas"], record["evidence"]) == ("needs_decision", None, [])
    assert "nothing says how many replicas it had" in record["message"]
    assert "replicas: {default/web: N}" in record["message"]
    assert cluster.writes == []


def test_evidence_that_disagrees_is_left_to_a_person(cluster: Cluster) -> None:
    cluster.stage()
    (swap,) = [event for event in cluster.store.all("Event") if event.get("message", "").endswith("from 3 to 0")]
    swap["metadata"] = {"name": "web.once-more", "namespace": "default"}
    swap["message"] = swap["message"].replace("from 3", "from 4")
    cluster.store.load(swap)
    record = only(cluster.run())
    assert (record["outcome"], record["replicas"]) == ("needs_decision", None)
    assert "disagrees" in record["message"]
    assert cluster.writes == []


def test_an_autoscaler_is_named_and_its_minimum_counts(cluster: Cluster) -> None:
    cluster.web(annotations={})
    cluster.client(cluster.proxy("f" * 32, created=900), "gone")
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, "minReplicas": 5}
    metadata = {"name": "web", "namespace": "default"}
    cluster.store.load(
        {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}
    )
    record = only(cluster.run())
    assert record["managed_by"] == ["HorizontalPodAutoscaler default/web"]
    assert [(one["source"], one["value"]) for one in record["evidence"]] == [("autoscaler_minimum", 5)]
    assert cluster.writes == ["PUT deployments/web/scale 5", f"DELETE pods/web-{'f' * 32}"]


# How many -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("most", "done"), [(0, 0), (1, 1), (2, 2), (3, 3), (9, 3)])
@pytest.mark.parametrize("check", [True, False])
def test_max_restores_takes_the_oldest(cluster: Cluster, most: int, done: int, check: bool) -> None:
    ages = {"middle": 2000, "oldest": 3000, "youngest": 1000}
    for namespace, age in ages.items():
        cluster.stage(age=age, namespace=namespace)
    result = cluster.run(check=check, max_restores=most)
    outcomes = {record["namespace"]: record["outcome"] for record in result["sessions"]}
    word = "restorable" if check else "restored"
    order = ["oldest", "middle", "youngest"]
    assert outcomes == {name: word if order.index(name) < done else "held" for name in order}
    assert result["summary"]["needs_attention"] is (done < 3)
    assert len(result["skipped_sessions"]) == 3 - done
    assert all(f"max_restores ({most}) was reached" in record["message"] for record in result["skipped_sessions"])
    assert result["changed"] is (done > 0)
    written = {write.access.namespace for write in cluster.seen() if write.is_write}
    assert written == (set() if check else set(order[:done]))


def test_the_next_run_goes_on_where_max_restores_stopped(cluster: Cluster) -> None:
    for namespace in ("one", "two"):
        cluster.stage(namespace=namespace)
    assert len(cluster.run(max_restores=1)["restored"]) == 1
    cluster.stage(namespace="three", state="alive")
    assert len(cluster.run(max_restores=1)["restored"]) == 1
    assert cluster.run(max_restores=1)["changed"] is False
    assert cluster.writes == []


def test_max_restores_counts_the_sessions_of_one_original(cluster: Cluster) -> None:
    """The oldest puts the original back; the other one's proxy is left for the next run, which only removes it."""
    oldest = cluster.stage(age=2000)
    younger = cluster.proxy("f" * 32, created=1000)
    cluster.client(younger, "gone")
    first = cluster.run(max_restores=1)
    assert [record["outcome"] for record in first["sessions"]] == ["restored", "held"]
    assert cluster.writes == ["PUT deployments/web/scale 3", f"DELETE pods/{oldest}"]
    assert (first["summary"]["needs_attention"], len(cluster.events)) == (True, 1)
    second = cluster.run(max_restores=1)
    assert [record["outcome"] for record in second["sessions"]] == ["restored"]
    assert (cluster.writes, cluster.replicas(), len(cluster.events)) == ([f"DELETE pods/{younger}"], 3, 1)


@pytest.mark.parametrize(
    ("verdicts", "outcome"), [(["stale"], "restored"), (["ended"], "none"), ([], "none"), (["clientless"], "none")]
)
def test_verdicts(cluster: Cluster, verdicts: list[str], outcome: str) -> None:
    cluster.stage()
    result = cluster.run(verdicts=verdicts)
    assert (only(result)["verdict"], only(result)["outcome"]) == ("stale", outcome)
    assert len(result["orphans"]) == ("stale" in verdicts)
    assert cluster.writes == (RESTORED if outcome == "restored" else [])


# Pages --------------------------------------------------------------------------------------------------------------------


def _is_further_page(request: Request) -> bool:
    return request.access.resource == "pods" and bool(request.param("continue"))


def _many(cluster: Cluster) -> list[str]:
    names = [f"shop-{number}" for number in range(5)]
    for name in names:
        cluster.stage(MULTI, "alive", namespace=name)
    return names


def test_lists_come_in_pages(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PAGE", 2)
    names = _many(cluster)
    result = cluster.run("orphans")
    assert [record["namespace"] for record in result["sessions"]] == names
    pages = [request for request in cluster.seen("list", "pods") if not request.access.namespace]
    assert [request.param("limit") for request in pages] == ["2", "2", "2"]
    assert [bool(request.param("continue")) for request in pages] == [False, True, True]
    assert cluster.writes == []


def test_a_list_whose_pages_expired_is_begun_anew(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PAGE", 2)
    names = _many(cluster)
    cluster.server.script(_is_further_page, status.expired())
    result = cluster.run("orphans")
    assert [record["namespace"] for record in result["sessions"]] == names
    pages = [
        bool(request.param("continue")) for request in cluster.seen("list", "pods") if not request.access.namespace
    ]
    assert pages == [False, True, False, True, True]
    assert cluster.writes == []


def test_a_list_that_never_comes_whole_fails_the_run(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "PAGE", 2)
    _many(cluster)
    cluster.server.script(_is_further_page, status.expired(), times=2)
    result = cluster.run()
    assert result["failed"] is True and "Failed to list pods" in result["msg"]
    assert (result["sessions"], cluster.execs, cluster.writes) == ([], [], [])


@pytest.mark.parametrize("resource", ["pods", "deployments", "services", "namespaces", "events", "replicasets"])
def test_a_list_that_fails_fails_the_run_before_any_write(cluster: Cluster, resource: str) -> None:
    cluster.stage(POD_3)
    cluster.server.script(on("list", resource), status.unavailable(), times=4)
    result = cluster.run()
    assert result["failed"] is True and f"Failed to list {resource}" in result["msg"]
    assert result["msg"].count("\n") == 0
    assert len(list(cluster.seen("list", resource))) == 4
    assert cluster.writes == []
