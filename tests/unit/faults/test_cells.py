"""The matrix of faults: every call is in it, every name is one cell's, and none is asked for more than it can keep."""

from __future__ import annotations

import pytest

from tests.faults.calls import name_of
from tests.faults.cells import cells
from wire.kinds import KINDS
from wire.request import parse

SEEN = [
    "get /version",
    "create selfsubjectaccessreviews",
    "list pods sessions",
    "HEAD pods/proxy users",
    "HEAD pods/proxy cart",
    "get pods/exec cart",
    "get pods/exec orders",
    "update deployments/scale cart",
    "delete pods cart",
]


def test_every_call_is_broken_in_every_way_and_killed_at() -> None:
    found = {cell.name for cell in cells(SEEN)}
    for call in set(SEEN) - {"HEAD pods/proxy cart", "get pods/exec orders"}:
        for fault in ("refused", "reset before", "reset after", "hang", "401", "403", "404", "409", "410", "truncated"):
            assert f"{call}: {fault}, once" in found
        for fault in ("429", "429 retry-after", "500", "503", "cut off"):
            assert f"{call}: {fault}, once" in found
        assert {f"{call}: killed before", f"{call}: killed after"} <= found


def test_a_call_that_is_new_is_broken_as_well() -> None:
    assert "create events cart: 503, once" in {cell.name for cell in cells([*SEEN, "create events cart"])}


def test_each_name_is_one_cells() -> None:
    names = [cell.name for cell in cells(SEEN)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("name", "overcome"),
    [
        ("list pods sessions: 503, once", True),
        ("list pods sessions: 410, once", True),
        ("list pods sessions: 403, once", False),
        ("list pods sessions: hang, once", False),
        ("list pods sessions: 503, always", False),
        ("update deployments/scale cart: 409, once", True),
        ("update deployments/scale cart: hang, once", True),
        ("get pods/exec cart: 503, once", False),
        ("HEAD pods/proxy users: 403, once", True),
    ],
)
def test_what_must_be_overcome(name: str, overcome: bool) -> None:
    (cell,) = [cell for cell in cells(SEEN) if cell.name == name]
    assert cell.overcome is overcome


PODS = "/api/v1/namespaces/shop/pods"
DEPLOYMENTS = "/apis/apps/v1/namespaces/shop/deployments"


@pytest.mark.parametrize(
    ("method", "target", "accept", "wrote", "name"),
    [
        ("GET", "/version", "", False, "get /version"),
        ("GET", "/api/v1/pods?labelSelector=telepresence", "", False, "list pods sessions"),
        ("GET", f"{PODS}?labelSelector=telepresence", "x;as=PartialObjectMetadataList", False, "list pods newcomers"),
        ("GET", DEPLOYMENTS, "", False, "list deployments originals"),
        ("GET", DEPLOYMENTS, "", True, "list deployments wait"),
        ("GET", f"{DEPLOYMENTS}?fieldSelector=metadata.name%3Dcart", "", True, "list deployments again"),
        ("GET", "/api/v1/namespaces?limit=500", "x;as=PartialObjectMetadataList", False, "list namespaces"),
        ("GET", "/api/v1/namespaces/kube-system", "", False, "get namespaces kube-system"),
        ("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", "", False, "create selfsubjectreviews"),
        ("GET", f"{PODS}/cart-1234/exec?command=sh", "", False, "get pods/exec cart"),
        ("HEAD", f"{PODS}/http:cart-1234:9055/proxy/", "", False, "HEAD pods/proxy cart"),
        ("GET", f"{PODS}/cart-1234/log", "", False, "get pods/log cart"),
        ("PUT", f"{DEPLOYMENTS}/cart/scale", "", False, "update deployments/scale cart"),
        ("DELETE", f"{PODS}/cart-1234", "", True, "delete pods cart"),
    ],
)
def test_calls_have_names(method: str, target: str, accept: str, wrote: bool, name: str) -> None:
    assert name_of(parse(method, target, {"accept": accept}, b"", KINDS), wrote) == name
