"""Originals of other kinds than Deployment, and clusters with and without OpenShift's."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.access import needed
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import (
    DEPLOYMENT,
    DEPLOYMENT_CONFIG,
)

from tests.rights import DIRECTORY, Grant, grants
from wire import status, store
from wire.kinds import KINDS, OPENSHIFT
from wire.script import FOREVER, Fault, Reset, on
from wire.server import ApiServer
from wire.store import Obj, timestamp

from .cluster import Cluster, only
from .fake_time import FakeTime

SID = "9bdd4ff98a184820b2d4027b00a9af39"
POD = f"web-{SID}"
AGE = 4000.0
SCALE = {
    "StatefulSet": "PUT statefulsets/web/scale 3",
    "DeploymentConfig": "PATCH deploymentconfigs/web 3",
}
DELETE = f"DELETE pods/{POD}"
ALL_KINDS = ["Deployment", "DeploymentConfig", "StatefulSet"]
scaling = on("patch", "deploymentconfigs")


@pytest.fixture
def server(clock: FakeTime) -> Iterator[ApiServer]:
    """A running fake cluster of OpenShift."""
    with ApiServer((*KINDS, *OPENSHIFT), clock=clock.time) as running:
        yield running


def original(cluster: Cluster, kind: str, replicas: int = 0) -> Obj:
    """An original of that kind, which its owner applied with 2."""
    cluster.web(replicas=replicas)
    web = cluster.store.get("Deployment", "web", "default")
    assert web is not None
    cluster.store.remove("Deployment", "web", "default")
    web = copy.deepcopy(web)
    web["kind"] = kind
    web["metadata"] = {"name": "web", "namespace": "default", "generation": 2}
    web["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": '{"spec": {"replicas": 2}}'}
    if kind == "DeploymentConfig":
        web["apiVersion"] = "apps.openshift.io/v1"
        web["spec"]["selector"] = web["spec"]["selector"]["matchLabels"]
        web["status"] = {"latestVersion": 3}
    cluster.store.load(web)
    stored = cluster.store.get(kind, "web", "default")
    assert stored is not None
    return stored


def rollout(cluster: Cluster, config: Obj, replicas: int) -> None:
    """The ReplicationController of the latest rollout of a DeploymentConfig, and the event of its swap."""
    meta = config["metadata"]
    owner = {"apiVersion": config["apiVersion"], "kind": config["kind"], "name": "web", "uid": meta["uid"]}
    annotations = {"openshift.io/deployment.phase": "Complete", "openshift.io/deployment.replicas": "4"}
    cluster.store.load(
        {
            "apiVersion": "v1",
            "kind": "ReplicationController",
            "metadata": {
                "name": "web-3",
                "namespace": "default",
                "annotations": annotations,
                "ownerReferences": [{**owner, "controller": True}],
            },
            "spec": {"replicas": 0},
        },
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": "web.18ea", "namespace": "default"},
            "involvedObject": {"kind": "DeploymentConfig", "name": "web", "namespace": "default", "uid": meta["uid"]},
            "reason": "ReplicationControllerScaled",
            "message": f'Scaled replication controller "web-3" from {replicas} to 0',
            "lastTimestamp": timestamp(cluster.clock.time() - AGE + 1),
        },
    )


def orphan(cluster: Cluster) -> None:
    """The proxy Pod of a client that is gone."""
    cluster.client(cluster.proxy(SID, AGE), "gone")


def test_a_deployment_config_gets_what_it_had_at_the_swap(cluster: Cluster) -> None:
    rollout(cluster, original(cluster, "DeploymentConfig"), 3)
    orphan(cluster)
    result = cluster.run()
    assert cluster.writes == [SCALE["DeploymentConfig"], DELETE]
    record = only(result)
    assert (record["outcome"], record["replicas"], record["original"]["kind"]) == ("restored", 3, "DeploymentConfig")
    assert [(one["source"], one["class"], one["value"]) for one in record["evidence"]] == [
        ("scaling_event", "swap", 3),
        ("last_applied", "declared", 2),
        ("rollout", "historic", 4),
    ]
    (write,) = cluster.seen("patch")
    assert write.content_type == "application/merge-patch+json"
    assert cluster.run()["changed"] is False


def test_a_stateful_set_is_restored_where_it_is_asked_for(cluster: Cluster) -> None:
    original(cluster, "StatefulSet")
    orphan(cluster)
    result = cluster.run()
    assert (only(result)["outcome"], only(result)["original"], cluster.writes) == ("needs_decision", None, [])
    assert "workload_kinds" in only(result)["message"]
    assert not cluster.seen(resource="statefulsets")
    result = cluster.run(workload_kinds=ALL_KINDS, replicas={"default/web": 3})
    assert (only(result)["outcome"], cluster.writes) == ("restored", [SCALE["StatefulSet"], DELETE])


def test_the_declared_count_of_a_stateful_set(cluster: Cluster) -> None:
    original(cluster, "StatefulSet")
    orphan(cluster)
    result = cluster.run(workload_kinds=["StatefulSet"])
    assert (only(result)["outcome"], only(result)["replicas"]) == ("restored", 2)
    assert not cluster.seen(resource="replicasets") and not cluster.seen(resource="deploymentconfigs")


def test_a_deployment_config_and_a_deployment_of_one_name_need_a_decision(cluster: Cluster) -> None:
    original(cluster, "DeploymentConfig")
    cluster.web()
    orphan(cluster)
    result = cluster.run()
    assert (only(result)["outcome"], cluster.writes) == ("needs_decision", [])
    assert "Deployment default/web, DeploymentConfig default/web" in only(result)["message"]


@pytest.mark.parametrize("kind", SCALE)
def test_an_original_that_runs_is_left_as_it_is(cluster: Cluster, kind: str) -> None:
    original(cluster, kind, replicas=5)
    orphan(cluster)
    cluster.run(workload_kinds=ALL_KINDS)
    assert cluster.writes == [DELETE]


@pytest.mark.parametrize("kind", SCALE)
def test_one_that_does_not_become_ready_is_told(cluster: Cluster, kind: str) -> None:
    original(cluster, kind)
    orphan(cluster)
    cluster.store.controller = store.never_ready
    result = cluster.run(workload_kinds=ALL_KINDS, replicas={"default/web": 3}, wait=True, wait_timeout=20)
    assert only(result)["outcome"] == "failed" and cluster.writes == [SCALE[kind], DELETE]
    assert f"{kind} default/web is back at 3" in only(result)["message"]
    assert "only 0 of 3 replicas are ready after 20 s" in only(result)["message"]


@pytest.mark.parametrize("kind", SCALE)
def test_one_that_becomes_ready_is_waited_for(cluster: Cluster, kind: str) -> None:
    original(cluster, kind)
    orphan(cluster)
    result = cluster.run(workload_kinds=ALL_KINDS, replicas={"default/web": 3}, wait=True, wait_timeout=20)
    assert only(result)["outcome"] == "restored"
    resource = SCALE[kind].split()[1].split("/")[0]
    assert cluster.seen("list", resource)[-1].access.namespace == "default"


def scaled_by_somebody(cluster: Cluster) -> Callable[..., Any]:
    """Somebody scales the original up while ours is on its way."""

    def meanwhile(_request: Any) -> None:
        cluster.store.edit("DeploymentConfig", "web", "default", lambda web: web["spec"].update(replicas=7))

    return meanwhile


def test_a_config_that_changed_meanwhile_is_not_overwritten(cluster: Cluster) -> None:
    original(cluster, "DeploymentConfig")
    orphan(cluster)
    cluster.server.script(scaling, scaled_by_somebody(cluster))
    result = cluster.run()
    assert cluster.writes == ["PATCH deploymentconfigs/web 2", DELETE]
    assert (only(result)["original"]["replicas"], only(result)["outcome"]) == (7, "restored")


FAULTS: dict[str, Fault] = {
    "reset after the server acted": Reset(acts=True),
    "reset before": Reset(),
    "503": status.unavailable(),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_patch_whose_answer_does_not_come_is_looked_into(cluster: Cluster, fault: str) -> None:
    original(cluster, "DeploymentConfig")
    orphan(cluster)
    cluster.server.script(scaling, FAULTS[fault])
    result = cluster.run()
    assert cluster.writes == ["PATCH deploymentconfigs/web 2"] * 2 + [DELETE]
    assert (only(result)["outcome"], only(result)["original"]["replicas"]) == ("restored", 2)


def test_a_patch_that_keeps_failing_deletes_nothing(cluster: Cluster) -> None:
    original(cluster, "DeploymentConfig")
    orphan(cluster)
    cluster.server.script(scaling, status.internal_error("etcdserver: no leader"), times=FOREVER)
    result = cluster.run()
    assert only(result)["outcome"] == "failed" and cluster.proxies() == [POD]


def test_check_mode_writes_nothing(cluster: Cluster) -> None:
    original(cluster, "DeploymentConfig")
    orphan(cluster)
    result = cluster.run(check=True)
    assert (only(result)["outcome"], result["changed"]) == ("restorable", True)


# Where there is no OpenShift


GROUP = "/apis/apps.openshift.io/v1"


@pytest.fixture
def plain(clock: FakeTime, kubeconfig: str, tmp_path: Any) -> Iterator[Cluster]:
    """A fake cluster without OpenShift."""
    with ApiServer(clock=clock.time) as running:
        yield Cluster(running, str(running.kubeconfig(tmp_path / "plain")), clock)


@pytest.mark.parametrize("module", ["orphans", "restore", "info"])
def test_a_cluster_without_openshift_is_asked_once(plain: Cluster, module: str) -> None:
    plain.stage()
    purpose: dict[str, Any] = {"purpose": "restore"} if module == "info" else {}
    plain.server.deny(group="apps.openshift.io")
    plain.server.deny(resource="replicationcontrollers")
    result = plain.run(module, **purpose)
    assert result.get("failed") is None and result.get("missing", []) == []
    assert [request.path for request in plain.seen() if "openshift" in request.path] == [GROUP]
    assert not plain.seen(resource="replicationcontrollers")


@pytest.mark.parametrize("module", ["orphans", "restore", "info"])
def test_openshift_is_not_asked_for_by_who_does_not_look_for_it(cluster: Cluster, module: str) -> None:
    purpose: dict[str, Any] = {"purpose": "restore"} if module == "info" else {}
    cluster.stage()
    cluster.run(module, workload_kinds=["Deployment"], **purpose)
    assert not [request for request in cluster.seen() if "openshift" in request.path]


def test_openshift_that_does_not_answer_is_no_cluster_without_it(cluster: Cluster) -> None:
    """Its own API server may be away for a while: a DeploymentConfig would be taken for none at all."""
    original(cluster, "DeploymentConfig")
    orphan(cluster)
    cluster.server.script(lambda request: request.path == GROUP, status.unavailable(), times=FOREVER)
    result = cluster.run()
    assert result["failed"] is True and "ask whether there are deploymentconfigs" in result["msg"]


# Rights

RIGHTS = [
    ("orphans", "list", "deploymentconfigs", "", "list deploymentconfigs (apps.openshift.io)"),
    ("orphans", "list", "replicationcontrollers", "", "list replicationcontrollers"),
    ("orphans", "list", "statefulsets", "", "list statefulsets (apps)"),
    ("restore", "patch", "deploymentconfigs", "", "patch deploymentconfigs (apps.openshift.io)"),
    ("restore", "update", "deploymentconfigs", "", "update deploymentconfigs (apps.openshift.io)"),
    ("restore", "get", "deploymentconfigs", "", "get deploymentconfigs (apps.openshift.io)"),
    ("restore", "watch", "deploymentconfigs", "", "watch deploymentconfigs (apps.openshift.io)"),
    ("restore", "get", "replicationcontrollers", "", "get replicationcontrollers"),
    (
        "restore",
        "create",
        "deploymentconfigs",
        "instantiate",
        "create deploymentconfigs/instantiate (apps.openshift.io)",
    ),
    ("restore", "update", "statefulsets", "scale", "update statefulsets/scale (apps)"),
]


@pytest.mark.parametrize(("purpose", "verb", "resource", "subresource", "said"), RIGHTS)
def test_a_right_that_lacks_is_named(
    cluster: Cluster, purpose: str, verb: str, resource: str, subresource: str, said: str
) -> None:
    cluster.server.deny(verb, resource, subresource)
    missing = cluster.run("info", purpose=purpose, workload_kinds=ALL_KINDS)["missing"]
    assert missing == [f"{said} in all namespaces"]
    assert f"it may not {said} in all namespaces." in cluster.run(purpose, workload_kinds=ALL_KINDS)["msg"]


def test_a_kind_that_is_not_in_use_needs_no_right(cluster: Cluster) -> None:
    for resource in ("deploymentconfigs", "replicationcontrollers", "statefulsets"):
        cluster.server.deny(resource=resource)
    assert cluster.run("info", purpose="restore", workload_kinds=["Deployment"])["missing"] == []
    cluster.stage()
    assert only(cluster.run(workload_kinds=["Deployment"]))["outcome"] == "restored"


@pytest.mark.parametrize("purpose", ["orphans", "restore"])
def test_the_manifest_for_openshift_grants_what_its_kind_takes_and_no_more(purpose: str) -> None:
    role, binding = yaml.safe_load((DIRECTORY / "openshift" / f"{purpose}.yml").read_text())["items"]
    assert (role["kind"], binding["roleRef"]["name"]) == ("ClusterRole", role["metadata"]["name"])
    with_it, without_it = (
        {
            Grant(right.verb, right.kind.group, "/".join(filter(None, (right.kind.plural, right.subresource))))
            for right in needed(purpose, "auto", "v1.34.4", kinds)
        }
        for kinds in ((DEPLOYMENT, DEPLOYMENT_CONFIG), (DEPLOYMENT,))
    )
    assert set(grants(role)) == with_it - without_it
    assert len(grants(role)) == len(set(grants(role)))
