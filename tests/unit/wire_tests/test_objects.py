"""Lists, compare-and-set, scale, deletion: the answers of the store as they go over the wire."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from wire.kinds import KINDS, OPENSHIFT
from wire.server import ApiServer
from wire.states import CASES
from wire.store import never_ready

from .conftest import Http

WEB = "/apis/apps/v1/namespaces/default/deployments/web"
PODS = "/api/v1/namespaces/default/pods"
PROXY = "web-9bdd4ff98a184820b2d4027b00a9af39"
MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
def server() -> Iterator[ApiServer]:
    """A cluster with OpenShift's kinds and one recorded session."""
    with ApiServer(KINDS + OPENSHIFT) as running:
        running.store.load_file(CASES / "0.109-swap-web-pod-from-3.yaml")
        yield running


def _load_pods(server: ApiServer, count: int) -> None:
    server.store.load(
        *({"kind": "Pod", "metadata": {"name": f"p{index}", "namespace": "many"}} for index in range(count))
    )


def _replicas(server: ApiServer) -> int:
    web = server.store.get("Deployment", "web", "default")
    assert web
    return int(web["spec"]["replicas"])


def test_a_list_is_paged_over_the_snapshot_of_its_first_page(server: ApiServer, http: Http) -> None:
    _load_pods(server, 5)
    pages: list[list[str]] = []
    token = ""
    while not pages or token:
        answer = http("GET", "/api/v1/namespaces/many/pods", limit=2, **({"continue": token} if token else {})).json
        pages.append([pod["metadata"]["name"] for pod in answer["items"]])
        token = answer["metadata"].get("continue", "")
        server.store.load({"kind": "Pod", "metadata": {"name": "late", "namespace": "many"}})
    assert pages == [["p0", "p1"], ["p2", "p3"], ["p4"]]
    assert len(http("GET", "/api/v1/namespaces/many/pods").json["items"]) == 6


def test_an_old_continue_token_is_410(server: ApiServer, http: Http) -> None:
    _load_pods(server, 3)
    token = http("GET", "/api/v1/pods", limit=1).json["metadata"]["continue"]
    server.store.expire_pages()
    answer = http("GET", "/api/v1/pods", limit=1, **{"continue": token})
    assert (answer.status, answer.json["reason"]) == (410, "Expired")


def test_lists_name_their_kind_once_and_metadata_can_do_alone(http: Http) -> None:
    full = http("GET", "/api/v1/pods").json
    assert (full["kind"], full["apiVersion"]) == ("PodList", "v1")
    assert not {"kind", "apiVersion"} & set(full["items"][0])
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
    partial = http("GET", "/api/v1/pods", headers={"Accept": accept}).json
    assert partial["kind"] == "PartialObjectMetadataList"
    assert set(partial["items"][0]) == {"kind", "apiVersion", "metadata"}
    assert http("GET", "/api/v1/pods", headers={"Accept": "text/html"}).status == 406


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("", ["a", "b", "c"]),
        ("x", ["a", "b"]),
        ("!x", ["c"]),
        ("x=1", ["a"]),
        ("x==1,y", ["a"]),
        ("x!=1", ["b", "c"]),
        ("x in (1, 2),y!=2", ["a", "b"]),
        ("x notin (1)", ["b", "c"]),
    ],
)
def test_label_selectors(server: ApiServer, http: Http, selector: str, names: list[str]) -> None:
    for name, labels in {"a": {"x": "1", "y": "1"}, "b": {"x": "2"}, "c": {}}.items():
        server.store.load({"kind": "Service", "metadata": {"name": name, "namespace": "n", "labels": labels}})
    answer = http("GET", "/api/v1/namespaces/n/services", labelSelector=selector).json
    assert [item["metadata"]["name"] for item in answer["items"]] == names


def test_selectors_that_do_not_parse_are_400(http: Http) -> None:
    assert http("GET", "/api/v1/pods", labelSelector="a b").status == 400
    answer = http("GET", "/api/v1/pods", fieldSelector="metadata.uid=1")
    assert (answer.status, answer.message) == (400, "field label not supported: metadata.uid")
    assert http("GET", "/api/v1/pods", limit=1, **{"continue": "x"}).status == 400


def test_put_is_a_compare_and_set(server: ApiServer, http: Http) -> None:
    read = http("GET", WEB).json
    read["spec"]["paused"] = True
    written = http("PUT", WEB, read).json
    assert (written["spec"]["paused"], written["metadata"]["generation"]) == (True, read["metadata"]["generation"] + 1)
    again = http("PUT", WEB, read)
    # Word for word what a 1.34.4 server answers.
    assert again.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'Operation cannot be fulfilled on deployments.apps "web": the object has been modified; '
        "please apply your changes to the latest version and try again",
        "reason": "Conflict",
        "details": {"name": "web", "group": "apps", "kind": "deployments"},
        "code": 409,
    }


def test_another_uid_is_refused(http: Http) -> None:
    read = http("GET", WEB).json
    uid = read["metadata"]["uid"]
    read["metadata"] |= {"uid": "other", "resourceVersion": "1"}
    put, patch = http("PUT", WEB, read), http("PATCH", WEB, {"metadata": {"uid": "other"}}, MERGE)
    cause = f"Precondition failed: UID in precondition: other, UID in object meta: {uid}"
    assert put.status == 409
    assert put.message.endswith(
        "StorageError: invalid object, Code: 4, Key: /registry/deployments/default/web, ResourceVersion: 0, "
        f"AdditionalErrorMsg: {cause}"
    )
    # A patch is no precondition on the uid but an attempt to change it.
    assert (patch.status, patch.json["reason"]) == (422, "Invalid")
    assert http("PATCH", WEB, {"metadata": {"uid": "other", "resourceVersion": "1"}}, MERGE).status == 409


def test_a_body_must_name_the_object_of_the_url(http: Http) -> None:
    read = http("GET", WEB).json
    read["metadata"]["name"] = "api"
    mismatch = "the name of the object (api) does not match the name on the URL (web)"
    assert http("PUT", WEB, read).message == mismatch
    assert http("PATCH", WEB, {"metadata": {"name": "api"}}, MERGE).message == mismatch
    nameless = http("PUT", f"{WEB}/scale", {"spec": {"replicas": 1}})
    assert nameless.message.endswith("was undeterminable: name must be provided")


def test_a_write_that_changes_nothing_keeps_the_version(http: Http) -> None:
    before = http("GET", WEB).json["metadata"]
    after = http("PATCH", f"{WEB}/scale", {"spec": {"replicas": 0}}, MERGE).json["metadata"]
    assert after["resourceVersion"] == before["resourceVersion"]


def test_scale_is_a_compare_and_set(server: ApiServer, http: Http) -> None:
    scale = http("GET", f"{WEB}/scale").json
    assert (scale["kind"], scale["apiVersion"], scale["spec"]) == ("Scale", "autoscaling/v1", {})
    wrong_uid = {**scale, "metadata": {**scale["metadata"], "uid": "other"}, "spec": {"replicas": 3}}
    assert "Precondition failed: UID in precondition: other" in http("PUT", f"{WEB}/scale", wrong_uid).message
    scale["spec"] = {"replicas": 3}
    assert http("PUT", f"{WEB}/scale", scale).status == 200
    assert http("PUT", f"{WEB}/scale", scale).status == 409
    assert http("PATCH", f"{WEB}/scale", {"metadata": scale["metadata"], "spec": {"replicas": 1}}, MERGE).status == 409
    assert _replicas(server) == 3


def test_scaling_to_zero_leaves_no_owner_of_the_count(server: ApiServer, http: Http) -> None:
    def owners() -> list[str]:
        entries: list[dict[str, Any]] = http("GET", WEB).json["metadata"]["managedFields"]
        return [entry["manager"] for entry in entries if "f:replicas" in entry["fieldsV1"].get("f:spec", {})]

    entry = {"manager": "kubectl-edit", "operation": "Update", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    server.store.edit("Deployment", "web", "default", lambda web: web["metadata"]["managedFields"].append(entry))
    http("PATCH", f"{WEB}/scale", {"spec": {"replicas": 2}}, MERGE)
    assert owners() == ["kubectl-edit"]
    http("PATCH", f"{WEB}/scale", {"spec": {"replicas": 0}}, MERGE)
    assert owners() == []


def test_the_controller_decides_on_readiness(server: ApiServer, http: Http) -> None:
    server.store.controller = never_ready
    http("PATCH", f"{WEB}/scale", {"spec": {"replicas": 2}}, MERGE)
    web = http("GET", WEB).json
    counts = {"replicas": 2, "updatedReplicas": 2, "unavailableReplicas": 2}
    assert web["status"] == {"observedGeneration": web["metadata"]["generation"], **counts}


def test_a_deployment_configs_scale_ignores_the_version(server: ApiServer, http: Http) -> None:
    server.store.load({"kind": "DeploymentConfig", "metadata": {"name": "dc"}, "spec": {"replicas": 0}})
    path = "/apis/apps.openshift.io/v1/namespaces/default/deploymentconfigs/dc"
    scale = http("GET", f"{path}/scale").json
    assert scale["apiVersion"] == "extensions/v1beta1"
    stale = {**scale, "metadata": {**scale["metadata"], "resourceVersion": "1"}, "spec": {"replicas": 2}}
    assert http("PUT", f"{path}/scale", stale).json["spec"] == {"replicas": 2}
    assert http("PATCH", path, {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 3}}, MERGE).status == 409


def test_patches_this_fake_cannot_apply_are_refused(http: Http) -> None:
    json_patch = {"Content-Type": "application/json-patch+json"}
    assert http("PATCH", WEB, [{"op": "remove", "path": "/spec"}], json_patch).status == 415
    strategic = {"Content-Type": "application/strategic-merge-patch+json"}
    assert http("PATCH", WEB, {"spec": {"template": {"spec": {"containers": []}}}}, strategic).status == 415
    assert http("PATCH", WEB, {"metadata": {"annotations": {"a": "b"}}}, strategic).status == 200


@pytest.mark.parametrize(("key", "word"), [("uid", "UID"), ("resourceVersion", "ResourceVersion")])
def test_delete_compares_its_preconditions(server: ApiServer, http: Http, key: str, word: str) -> None:
    answer = http("DELETE", f"{PODS}/{PROXY}", {"preconditions": {key: "0"}})
    assert (answer.status, answer.json["reason"]) == (409, "Conflict")
    metadata = http("GET", f"{PODS}/{PROXY}").json["metadata"]
    happened = {"UID": "deleted and then recreated", "ResourceVersion": "modified"}[word]
    assert answer.message == (
        f'Operation cannot be fulfilled on Pod "{PROXY}": the {word} in the precondition (0) does not match the {word} '
        f"in record ({metadata[key]}). The object might have been {happened}"
    )
    deleted = http("DELETE", f"{PODS}/{PROXY}", {"preconditions": {key: metadata[key]}}).json
    assert (deleted["kind"], deleted["metadata"]["deletionGracePeriodSeconds"]) == ("Pod", 0)
    assert http("DELETE", f"{PODS}/{PROXY}").status == 404


def test_dependants_go_with_their_owner(server: ApiServer, http: Http) -> None:
    assert [rs["metadata"]["name"] for rs in server.store.all("ReplicaSet")] == ["web-d6997d94"]
    answer = http("DELETE", WEB, {"propagationPolicy": "Orphan"}, dryRun="All")
    assert (answer.json["status"], answer.json["details"]["kind"]) == ("Success", "deployments")
    assert http("DELETE", WEB, {"dryRun": ["All"]}).status == 200
    assert http("GET", WEB).status == 200
    http("DELETE", WEB)
    assert server.store.all("ReplicaSet") == []
    assert len(server.store.all("Pod")) == 1  # the proxy has no owner


def test_orphans_stay(server: ApiServer, http: Http) -> None:
    http("DELETE", WEB, {"propagationPolicy": "Orphan"})
    assert len(server.store.all("ReplicaSet")) == 1


def test_finalizers_keep_a_deleted_object(server: ApiServer, http: Http) -> None:
    server.store.edit("Pod", PROXY, "default", lambda pod: pod["metadata"].update(finalizers=["example.com/hold"]))
    deleted = http("DELETE", f"{PODS}/{PROXY}").json
    assert http("GET", f"{PODS}/{PROXY}").json == http("DELETE", f"{PODS}/{PROXY}").json == deleted
    assert {"deletionTimestamp", "deletionGracePeriodSeconds", "finalizers"} < set(deleted["metadata"])
    http("PATCH", f"{PODS}/{PROXY}", {"metadata": {"finalizers": None}}, MERGE)
    assert http("GET", f"{PODS}/{PROXY}").message == f'pods "{PROXY}" not found'


def test_dry_run_writes_nothing(server: ApiServer, http: Http) -> None:
    before = {kind.name: server.store.all(kind.name) for kind in server.store.kinds}
    assert http("PATCH", f"{WEB}/scale", {"spec": {"replicas": 2}}, MERGE, dryRun="All").json["spec"] == {"replicas": 2}
    assert http("PATCH", WEB, {"spec": {"replicas": 2}}, MERGE, dryRun="All").json["spec"]["replicas"] == 2
    http("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "c"}}, dryRun="All")
    assert {kind.name: server.store.all(kind.name) for kind in server.store.kinds} == before
    assert [request.status for request in server.writes] == [200, 200, 201]


def test_what_the_server_does_not_have(http: Http) -> None:
    for path in ("/nothing", "/apis/example.com/v1", "/apis/example.com/v1/things"):
        answer = http("GET", path)
        assert (answer.status, answer.data) == (404, b"404 page not found\n")
    for path in ("/api/v1/things", "/apis/apps/v1/things", "/apis/apps/v1/namespaces/default/things/web"):
        assert http("GET", path).message == "the server could not find the requested resource"
    assert http("GET", "/api/v1/pods", watch="true").status == 405
    assert http("DELETE", "/api/v1/namespaces/default/pods").status == 405
    assert http("GET", f"{PODS}/{PROXY}/status").status == 405
