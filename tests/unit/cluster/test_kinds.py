"""Paths in the API, and how objects are named and read."""

from __future__ import annotations

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster import kinds
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Kind, Object


@pytest.mark.parametrize(
    ("kind", "where", "path"),
    [
        (kinds.POD, (), "/api/v1/pods"),
        (kinds.POD, ("shop",), "/api/v1/namespaces/shop/pods"),
        (kinds.POD, ("shop", "web"), "/api/v1/namespaces/shop/pods/web"),
        (kinds.POD, ("shop", "web", "exec"), "/api/v1/namespaces/shop/pods/web/exec"),
        (kinds.POD, ("shop", "http:web:9055", "proxy"), "/api/v1/namespaces/shop/pods/http:web:9055/proxy"),
        (kinds.DEPLOYMENT, (), "/apis/apps/v1/deployments"),
        (kinds.DEPLOYMENT, ("shop", "web", "scale"), "/apis/apps/v1/namespaces/shop/deployments/web/scale"),
        (kinds.STATEFUL_SET, ("shop", "db", "scale"), "/apis/apps/v1/namespaces/shop/statefulsets/db/scale"),
        (
            kinds.DEPLOYMENT_CONFIG,
            ("shop", "web"),
            "/apis/apps.openshift.io/v1/namespaces/shop/deploymentconfigs/web",
        ),
        (kinds.REPLICATION_CONTROLLER, ("shop",), "/api/v1/namespaces/shop/replicationcontrollers"),
        (kinds.AUTOSCALER, ("shop",), "/apis/autoscaling/v1/namespaces/shop/horizontalpodautoscalers"),
        (kinds.NAMESPACE, (), "/api/v1/namespaces"),
        (kinds.NAMESPACE, (None, "shop"), "/api/v1/namespaces/shop"),
        (kinds.NAMESPACE, ("shop", "shop"), "/api/v1/namespaces/shop"),
        (kinds.ACCESS_REVIEW, (), "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
    ],
)
def test_path(kind: Kind, where: tuple[str | None, ...], path: str) -> None:
    assert kind.path(*where) == path


@pytest.mark.parametrize(
    ("kind", "group"), [(kinds.POD, ""), (kinds.DEPLOYMENT, "apps"), (kinds.ACCESS_REVIEW, "authorization.k8s.io")]
)
def test_group(kind: Kind, group: str) -> None:
    assert kind.group == group


@pytest.mark.parametrize(
    ("obj", "name"),
    [
        ({"kind": "Pod", "metadata": {"namespace": "shop", "name": "web"}}, "Pod shop/web"),
        ({"kind": "Namespace", "metadata": {"name": "shop"}}, "Namespace shop"),
        ({"kind": "Pod"}, "Pod ?"),
        ({}, "object ?"),
    ],
    ids=["namespaced", "cluster", "nameless", "empty"],
)
def test_ref(obj: Object, name: str) -> None:
    assert kinds.ref(obj) == name


@pytest.mark.parametrize("obj", [{}, {"metadata": None}, {"metadata": {}}, {"metadata": {"labels": None}}], ids=str)
def test_what_is_missing_is_empty(obj: Object) -> None:
    assert (kinds.uid(obj), kinds.labels_of(obj), kinds.annotations_of(obj), kinds.controller(obj)) == (
        "",
        {},
        {},
        None,
    )


def test_the_controller_is_one_owner_of_several() -> None:
    owners = [{"name": "a"}, {"name": "b", "controller": False}, {"name": "c", "controller": True}]
    assert kinds.controller({"metadata": {"ownerReferences": owners}}) == owners[2]
    assert kinds.controller({"metadata": {"ownerReferences": owners[:2]}}) is None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"a": {"b": 3}}, 3),
        ({"a": {"b": None}}, None),
        ({"a": {}}, None),
        ({"a": "b"}, None),
        ({"a": ["b"]}, None),
        ([], None),
        (None, None),
    ],
    ids=str,
)
def test_dig(value: object, found: object) -> None:
    assert kinds.dig(value, "a", "b") == found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        *((3, 3), (0, 0), (-1, None), (True, None), (3.0, None), ("3", None), (None, None), ([3], None)),
        *((2**31 - 1, 2**31 - 1), (2**31, None), (10**4000, None)),
    ],
    ids=lambda value: str(value)[:20] if not isinstance(value, int) or value < 2**40 else "huge",
)
def test_whole(value: object, expected: int | None) -> None:
    found = kinds.whole(value)
    assert found == expected and type(found) is type(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("3", 3), ("0", 0), ("-1", None), ("3.0", None), ("", None), (None, None), ("three", None), (" 3", None)),
        *(("2147483647", 2**31 - 1), ("2147483648", None), ("9" * 5000, None)),
    ],
    ids=lambda value: str(value)[:20],
)
def test_number(text: str | None, expected: int | None) -> None:
    assert kinds.number(text) == expected
