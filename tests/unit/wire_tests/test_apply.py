"""Server-side apply of a ConfigMap, as measured on Kubernetes 1.34.4."""

from __future__ import annotations

from typing import Any

import pytest

from wire.apply import MEDIA_TYPE
from wire.server import ApiServer

from .conftest import Http

PATH = "/api/v1/namespaces/shop/configmaps/counts"
APPLY = {"Content-Type": MEDIA_TYPE}
MINE = {"fieldManager": "mine", "force": "true"}


@pytest.fixture(autouse=True)
def namespace(server: ApiServer) -> None:
    """Where the ConfigMap is applied."""
    server.store.load({"kind": "Namespace", "metadata": {"name": "shop"}})


def body(version: str = "", labels: dict[str, str] | None = None, **data: str) -> dict[str, Any]:
    """A ConfigMap to be applied."""
    metadata: dict[str, Any] = {"name": "counts", "namespace": "shop", "labels": labels or {}}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {**metadata, **({"resourceVersion": version} if version else {})},
        "data": data,
    }


def test_what_does_not_exist_is_created_whatever_version_is_named(http: Http) -> None:
    answer = http("PATCH", PATH, body("1", {"a": "b"}, web="3"), APPLY, **MINE)
    assert (answer.status, answer.json["data"]) == (200, {"web": "3"})
    (entry,) = answer.json["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("mine", "Apply")
    assert entry["fieldsV1"] == {"f:metadata": {"f:labels": {"f:a": {}}}, "f:data": {"f:web": {}}}


def test_another_version_is_a_conflict(http: Http) -> None:
    version = http("PATCH", PATH, body("1", web="3"), APPLY, **MINE).json["metadata"]["resourceVersion"]
    assert http("PATCH", PATH, body("1", web="4"), APPLY, **MINE).status == 409
    assert http("PATCH", PATH, body(version, web="4"), APPLY, **MINE).json["data"] == {"web": "4"}
    assert http("PATCH", PATH, body(version, web="5"), APPLY, **MINE).status == 409


def test_what_is_no_longer_applied_goes_and_what_is_anothers_stays(http: Http, server: ApiServer) -> None:
    http("PATCH", PATH, body(web="3", api="2"), APPLY, **MINE)
    http("PATCH", PATH, body(note="x", api="2"), APPLY, fieldManager="other", force="true")
    answer = http("PATCH", PATH, body(web="4"), APPLY, **MINE)
    assert answer.json["data"] == {"web": "4", "api": "2", "note": "x"}


def test_a_field_with_another_value_changes_hands(http: Http) -> None:
    http("PATCH", PATH, body(web="3"), APPLY, fieldManager="other", force="true")
    answer = http("PATCH", PATH, body(web="4"), APPLY, **MINE)
    assert [entry["manager"] for entry in answer.json["metadata"]["managedFields"]] == ["mine"]


def test_what_is_applied_already_changes_nothing(http: Http) -> None:
    first = http("PATCH", PATH, body(web="3"), APPLY, **MINE).json
    assert http("PATCH", PATH, body(web="3"), APPLY, **MINE).json == first


def test_creating_takes_the_right_to_create(http: Http, server: ApiServer) -> None:
    server.deny("create", "configmaps")
    assert http("PATCH", PATH, body(web="3"), APPLY, **MINE).status == 403
    server.store.load({**body(web="2"), "metadata": {"name": "counts", "namespace": "shop"}})
    assert http("PATCH", PATH, body(web="3"), APPLY, **MINE).json["data"] == {"web": "3"}


def test_what_it_does_not_do_as_the_real_server_it_refuses(http: Http, server: ApiServer) -> None:
    assert http("PATCH", PATH, body(web="3"), APPLY, fieldManager="mine").status == 415
    assert http("PATCH", PATH, body(web="3"), APPLY, force="true").status == 400
    server.store.load({"kind": "Pod", "metadata": {"name": "counts", "namespace": "shop"}})
    assert http("PATCH", "/api/v1/namespaces/shop/pods/counts", body(), APPLY, **MINE).status == 415


def test_a_list_of_one_name_is_decided_by_that_name(http: Http, server: ApiServer) -> None:
    server.authorize = lambda access: access.name == "counts"
    assert http("GET", "/api/v1/configmaps", fieldSelector="metadata.name=counts").status == 200
    assert http("GET", "/api/v1/configmaps").status == 403
