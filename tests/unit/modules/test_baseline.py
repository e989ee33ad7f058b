"""What telepresence_baseline notes in a cluster, how it writes, and what it does beside others who write."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.rights import SCOPES, Grant
from wire import status
from wire.request import Request
from wire.script import FOREVER, Reset, on
from wire.server import USER

from .cluster import DEPLOYMENT_2, NEW, POD_3, Cluster, only
from .test_rights import KUBE_SYSTEM, allowing, granted, where

SID = "9bdd4ff98a184820b2d4027b00a9af39"
NAME = "telepresence-baseline"
PATCH = f"PATCH configmaps/{NAME}"
APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
applying = on("patch", "configmaps")


def own_zero(cluster: Cluster, name: str) -> None:
    """Somebody sets a workload to 0 by a patch, which makes them the owner of that."""
    cluster.clock.sleep(60)
    entry = {
        "manager": "kubectl-patch",
        "operation": "Update",
        "time": "2026-11-23T10:30:00Z",
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
    }

    def change(web: dict[str, Any]) -> None:
        web["spec"]["replicas"] = 0
        web["metadata"].setdefault("managedFields", []).append(entry)

    cluster.store.edit("Deployment", name, "default", change)


def test_counts_are_noted_once(cluster: Cluster) -> None:
    cluster.web("web", replicas=3)
    cluster.web("api", replicas=1, namespace="shop")
    first = cluster.run("baseline")
    assert cluster.writes == [PATCH, PATCH]
    assert first["changed"] is True and not first.get("warnings")
    assert first["summary"] == {"namespaces": 2, "workloads": 2, "sessions": 0, "changed": 2}
    assert first["diff"]["before"] == {
        f"ConfigMap {namespace}/{NAME}": {"workloads": {}, "sessions": {}} for namespace in ("default", "shop")
    }
    assert first["diff"]["after"][f"ConfigMap shop/{NAME}"] == {"workloads": {"Deployment/api": 1}, "sessions": {}}
    assert cluster.record() == {"workloads": {"Deployment/web": 3}, "sessions": {}}

    cluster.clock.sleep(3600)
    second = cluster.run("baseline")
    assert (second["changed"], cluster.writes) == (False, [])
    assert second["diff"] == {"before": {}, "after": {}}
    assert [one["workloads"] for one in second["records"]] == [one["workloads"] for one in first["records"]]


def test_check_mode_tells_the_same_and_writes_nothing(cluster: Cluster) -> None:
    cluster.web("web", replicas=3)
    checked = cluster.run("baseline", check=True)
    done = cluster.run("baseline")
    assert {**checked, "invocation": None} == {**done, "invocation": None}
    assert checked["changed"] is True


def test_a_living_session_is_noted_at_first_sight_and_its_original_stays(cluster: Cluster) -> None:
    cluster.stage(POD_3, "alive")
    cluster.run("baseline")
    assert cluster.record() == {"workloads": {}, "sessions": {SID: 3}}
    # Nobody is asked, and no log is read, to note what the cluster tells.
    assert cluster.seen(subresource="exec") + cluster.seen(subresource="log") + cluster.seen(subresource="proxy") == []

    for event in cluster.store.all("Event"):
        cluster.store.remove("Event", event["metadata"]["name"], "default")
    assert cluster.run("baseline")["changed"] is False
    assert not cluster.seen("list", "events"), "what is known is not looked for again"
    assert cluster.record()["sessions"] == {SID: 3}


def test_proxies_are_no_workloads(cluster: Cluster) -> None:
    cluster.stage(DEPLOYMENT_2, "alive")
    cluster.stage(NEW, "alive", namespace="new")
    cluster.run("baseline")
    assert cluster.record()["workloads"] == {}
    assert cluster.store.get("ConfigMap", NAME, "new") is None


def test_a_zero_counts_only_where_somebody_owns_it(cluster: Cluster) -> None:
    for name in ("web", "api"):
        cluster.web(name, replicas=3)
    cluster.run("baseline")
    kind = cluster.store.kind("Deployment")
    cluster.store.update_scale(kind, "default", "web", {"metadata": {"name": "web"}, "spec": {}})
    own_zero(cluster, "api")
    cluster.run("baseline")
    assert cluster.record()["workloads"] == {"Deployment/web": 3, "Deployment/api": 0}
    cluster.run("baseline", replicas={"default/web": 0})
    assert cluster.record()["workloads"] == {"Deployment/web": 0, "Deployment/api": 0}
    assert cluster.run("baseline")["changed"] is False


def test_what_is_gone_goes(cluster: Cluster) -> None:
    pod = cluster.stage(POD_3, "alive")
    cluster.web("api", replicas=2)
    cluster.run("baseline")
    cluster.store.remove("Deployment", "api", "default")
    cluster.store.remove("Deployment", "web", "default")
    cluster.store.remove("Pod", pod, "default")
    cluster.run("baseline")
    assert cluster.record() == {"workloads": {}, "sessions": {}}


@pytest.mark.parametrize("annotated", ["namespace", "terminating"])
def test_a_namespace_to_be_left_alone_is(cluster: Cluster, annotated: str) -> None:
    cluster.web("web", replicas=3)
    change = {
        "namespace": {"annotations": {"devclusters.telepresence/ignore": "true"}},
        "terminating": {"deletionTimestamp": "2026-11-23T10:00:00Z", "finalizers": ["kubernetes"]},
    }[annotated]
    cluster.store.edit("Namespace", "default", "", lambda namespace: namespace["metadata"].update(change))
    assert cluster.run("baseline")["records"] == []
    assert cluster.writes == []


def test_only_the_namespaces_of_the_run(cluster: Cluster) -> None:
    for namespace in ("shop", "shop-prod", "pay"):
        cluster.web("web", namespace, replicas=2)
    result = cluster.run("baseline", namespaces=["shop*"], exclude_namespaces=["shop-prod"])
    assert [one["namespace"] for one in result["records"]] == ["shop"]
    result = cluster.run("baseline", namespaces=["pay"])
    assert [one["namespace"] for one in result["records"]] == ["pay"]
    assert {request.access.namespace for request in cluster.seen("list")} == {"pay"}


def test_told_of_what_does_not_exist(cluster: Cluster) -> None:
    cluster.web("web", replicas=3)
    told = {"default/api": 2, "nowhere/web": 2, "shop/web": 2, "default/web": 4}
    result = cluster.run("baseline", replicas=told, exclude_namespaces=["shop"])
    assert result["warnings"] == [
        f"Option replicas has {name}, but no such workload was seen." for name in ("default/api", "nowhere/web")
    ]
    assert cluster.record()["workloads"] == {"Deployment/web": 4}


@pytest.mark.parametrize(
    ("replicas", "said"),
    [
        ({"web": 2}, "Option replicas has web: 2"),
        ({"default/web": -1}, "Option replicas has default/web: -1"),
    ],
)
def test_a_count_that_is_none(cluster: Cluster, replicas: dict[str, int], said: str) -> None:
    cluster.web("web", replicas=3)
    result = cluster.run("baseline", replicas=replicas)
    assert result["failed"] is True and said in result["msg"]
    assert cluster.writes == []


# What others do -----------------------------------------------------------------------------------------------------------


def test_a_run_at_the_same_time_loses_nothing(cluster: Cluster) -> None:
    """The other run sees what this one no longer finds: the note of a session whose events have gone meanwhile."""
    cluster.stage(POD_3, "alive")
    for event in cluster.store.all("Event"):
        cluster.store.remove("Event", event["metadata"]["name"], "default")
    cluster.web("api", replicas=2)
    cluster.run("baseline")

    def other_run(request: Request) -> None:
        web = cluster.store.get("Deployment", "web", "default")
        assert web
        note = {"workload": "Deployment/web", "uid": web["metadata"]["uid"], "replicas": 3, "source": "scaling_event"}
        text = json.dumps({SID: {**note, "time": "2026-11-23T09:00:00Z"}})
        cluster.store.edit("ConfigMap", NAME, "default", lambda found: found["data"].update(sessions=text))

    cluster.web("late", replicas=1)
    cluster.server.script(applying, other_run)
    result = cluster.run("baseline")
    assert cluster.writes == [PATCH, PATCH]
    assert cluster.record() == {"workloads": {"Deployment/api": 2, "Deployment/late": 1}, "sessions": {SID: 3}}
    assert result["changed"] is True


def test_two_first_runs_at_once(cluster: Cluster) -> None:
    cluster.web("web", replicas=3)

    def other_run(request: Request) -> None:
        metadata = {"name": NAME, "namespace": "default", "labels": request.body["metadata"]["labels"]}
        cluster.store.load({**request.body, "metadata": metadata, "data": {"sessions": "{}"}})

    cluster.server.script(applying, other_run)
    cluster.run("baseline")
    assert cluster.writes == [PATCH, PATCH]
    assert cluster.record()["workloads"] == {"Deployment/web": 3}


@pytest.mark.parametrize("fault", [Reset(acts=True), Reset(), status.unavailable(), status.too_many_requests(1)])
def test_a_write_whose_answer_does_not_come_is_looked_into(cluster: Cluster, fault: Any) -> None:
    cluster.web("web", replicas=3)
    cluster.server.script(applying, fault)
    result = cluster.run("baseline")
    assert (result["changed"], result.get("failed")) == (True, None)
    assert cluster.record()["workloads"] == {"Deployment/web": 3}


def test_a_namespace_that_cannot_be_written_does_not_stop_the_others(cluster: Cluster) -> None:
    for namespace in ("pay", "shop"):
        cluster.web("web", namespace, replicas=2)
    cluster.server.script(on("patch", "configmaps", namespace="pay"), status.internal_error("no space"), times=FOREVER)
    result = cluster.run("baseline")
    assert result["failed"] is True and "no space" in result["msg"]
    problems = {one["namespace"]: (one["changed"], bool(one["problem"])) for one in result["records"]}
    assert problems == {"pay": (False, True), "shop": (True, False)}
    assert cluster.record("shop")["workloads"] == {"Deployment/web": 2}
    assert list(result["diff"]["after"]) == [f"ConfigMap shop/{NAME}"]


def test_another_config_map_of_that_name_is_not_touched(cluster: Cluster) -> None:
    cluster.web("web", replicas=3)
    foreign = {"kind": "ConfigMap", "metadata": {"name": NAME, "namespace": "default"}, "data": {"workloads": "mine"}}
    cluster.store.load(foreign)
    result = cluster.run("baseline")
    assert result["failed"] is True
    said = (
        f"ConfigMap default/{NAME} is no record of this version: it lacks the label devclusters.telepresence/record=v1."
    )
    assert said in result["msg"]
    found = cluster.store.get("ConfigMap", NAME, "default")
    assert found and found["data"] == {"workloads": "mine"}


@pytest.mark.parametrize("text", ["{", "[]", '{"Deployment/web": {"replicas": "9"}}'])
def test_what_is_spoilt_is_said_and_replaced(cluster: Cluster, text: str) -> None:
    cluster.web("web", replicas=3)
    cluster.run("baseline")
    cluster.store.edit("ConfigMap", NAME, "default", lambda found: found["data"].update(workloads=text))
    result = cluster.run("baseline")
    assert result["warnings"] == [
        f"ConfigMap default/{NAME} held what this collection does not write; that was not believed, and is replaced."
    ]
    assert cluster.record()["workloads"] == {"Deployment/web": 3}
    again = cluster.run("baseline")
    assert again["changed"] is False and "warnings" not in again


def test_a_note_is_not_rewritten_for_its_form(cluster: Cluster) -> None:
    cluster.web("web", replicas=3)
    cluster.run("baseline")

    def reformat(found: dict[str, Any]) -> None:
        found["data"]["workloads"] = json.dumps(json.loads(found["data"]["workloads"]), indent=4)

    cluster.store.edit("ConfigMap", NAME, "default", reformat)
    assert cluster.run("baseline")["changed"] is False


# What the notes are for ---------------------------------------------------------------------------------------------------


def forget(cluster: Cluster) -> None:
    """What the cluster tells of the swap goes: its events, after an hour, and what kubectl applied."""
    for event in cluster.store.all("Event"):
        cluster.store.remove("Event", event["metadata"]["name"], event["metadata"]["namespace"])
    for web in cluster.store.all("Deployment"):
        meta = web["metadata"]
        cluster.store.edit(
            "Deployment", meta["name"], meta["namespace"], lambda one: one["metadata"]["annotations"].pop(APPLIED)
        )


@pytest.mark.parametrize("scope", [{}, {"namespaces": ["default"]}])
def test_an_orphan_is_restored_from_the_note_of_its_session(cluster: Cluster, scope: dict[str, Any]) -> None:
    pod = cluster.stage(POD_3, "alive")
    cluster.run("baseline")
    forget(cluster)
    cluster.stage(POD_3, "gone")
    forget(cluster)
    found = only(cluster.run("orphans", **scope))
    assert [(one["source"], one["class"], one["value"]) for one in found["evidence"]] == [
        ("session_record", "recorded", 3)
    ]
    assert found["evidence"][0]["object"] == f"ConfigMap default/{NAME}"
    result = cluster.run(**scope)
    assert (only(result)["outcome"], cluster.replicas()) == ("restored", 3)
    assert cluster.writes == ["PUT deployments/web/scale 3", f"DELETE pods/{pod}"]


def test_an_orphan_is_restored_from_the_note_of_its_workload(cluster: Cluster) -> None:
    cluster.web("web", replicas=4)
    cluster.run("baseline")
    cluster.clock.sleep(7200)
    cluster.client(cluster.proxy(SID, 900), "gone")
    cluster.store.edit("Deployment", "web", "default", lambda web: web["spec"].update(replicas=0))
    result = cluster.run(trust="recorded")
    assert (only(result)["outcome"], cluster.replicas()) == ("restored", 4)
    assert only(result)["evidence"][0]["source"] == "baseline"


@pytest.mark.parametrize("version", ["spoilt", "v2"])
def test_what_nobody_of_ours_wrote_is_no_evidence(cluster: Cluster, version: str) -> None:
    cluster.web("web", replicas=4)
    cluster.run("baseline")
    cluster.clock.sleep(7200)
    cluster.client(cluster.proxy(SID, 900), "gone")
    cluster.store.edit("Deployment", "web", "default", lambda web: web["spec"].update(replicas=0))

    def spoil(found: dict[str, Any]) -> None:
        if version == "v2":
            found["metadata"]["labels"]["devclusters.telepresence/record"] = "v2"
        else:
            found["data"]["workloads"] = found["data"]["workloads"].replace(": 4", ': "{{ 4 }}"')

    cluster.store.edit("ConfigMap", NAME, "default", spoil)
    result = cluster.run()
    assert (only(result)["outcome"], only(result)["evidence"], cluster.writes) == ("needs_decision", [], [])
    said = f"ConfigMap default/{NAME} holds what this collection does not write: that was not believed."
    assert result.get("warnings", []) == ([said] if version == "spoilt" else [])


def test_the_events_of_the_swap_are_better_than_a_note(cluster: Cluster) -> None:
    cluster.stage(POD_3, "gone")
    cluster.run("baseline", replicas={"default/web": 7})
    cluster.clock.sleep(60)
    record = only(cluster.run("orphans"))
    assert [(one["source"], one["value"]) for one in record["evidence"]] == [
        ("scaling_event", 3),
        ("session_record", 3),
        ("baseline", 7),
        ("last_applied", 2),
    ]
    assert record["replicas"] == 3


# Rights -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", SCOPES)
def test_a_manifest_is_enough(cluster: Cluster, scope: str) -> None:
    cluster.stage(POD_3, "alive")
    cluster.server.authorize = allowing(granted("baseline", scope), scope)
    assert cluster.run("info", purpose="baseline", **where(scope))["missing"] == []
    assert cluster.run("baseline", **where(scope))["changed"] is True
    assert cluster.record()["sessions"] == {SID: 3}


@pytest.mark.parametrize(
    ("scope", "right"),
    [(scope, right) for scope in SCOPES for right in granted("baseline", scope) if right != KUBE_SYSTEM],
    ids=str,
)
def test_a_right_that_lacks_is_named(cluster: Cluster, scope: str, right: Grant) -> None:
    cluster.stage(POD_3, "alive")
    cluster.server.authorize = allowing([one for one in granted("baseline", scope) if one != right], scope)
    sentence = f"{right} in {'all namespaces' if scope == 'cluster' else 'namespace default'}"
    assert cluster.run("info", purpose="baseline", **where(scope))["missing"] == [sentence]
    result = cluster.run("baseline", **where(scope))
    assert result["failed"] is True and f"it may not {sentence}." in result["msg"] and USER in result["msg"]
    assert not cluster.seen("list") and cluster.writes == []
