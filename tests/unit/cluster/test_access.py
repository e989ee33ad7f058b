"""Which rights a run needs, and how a lacking one is named."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.access import Right, missing, needed
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.api import Answer
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import (
    DEPLOYMENT,
    DEPLOYMENT_CONFIG,
    POD,
    STATEFUL_SET,
    WORKLOADS,
    Kind,
    Object,
)

WRITING = {"update", "patch", "delete", "deletecollection"}
EXEC = {"get pods/exec", "create pods/exec"}


def rights(purpose: str = "orphans", probe: str = "auto", version: str | None = "v1.34.4", *kinds: Kind) -> set[str]:
    """The rights of a run in words; one that looks for Deployments only unless told otherwise."""
    return {str(right) for right in needed(purpose, probe, version, kinds or (DEPLOYMENT,))}


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("v1.20.0", {"get pods/exec"}),
        ("v1.34.4", {"get pods/exec"}),
        ("v1.35.0", EXEC),
        ("v1.35.0-alpha.1", EXEC),
        ("v1.36.1-gke.100", EXEC),
        ("v1.100.0", EXEC),
        (None, {"get pods/exec"}),
        ("", {"get pods/exec"}),
        ("unknown", {"get pods/exec"}),
    ],
)
@pytest.mark.parametrize("probe", ["auto", "exec"])
def test_exec_needs_create_since_1_35(probe: str, version: str | None, expected: set[str]) -> None:
    assert rights(probe=probe, version=version) & EXEC == expected


@pytest.mark.parametrize("version", ["v1.34.4", "v1.35.0", None])
def test_pod_proxy_needs_no_exec(version: str | None) -> None:
    assert not rights(probe="pod_proxy", version=version) & EXEC
    assert "get pods/proxy" in rights(probe="pod_proxy", version=version)


@pytest.mark.parametrize("probe", ["auto", "exec", "pod_proxy"])
def test_looking_needs_no_right_to_write(probe: str) -> None:
    assert not {
        right for right in needed("orphans", probe, "v1.35.0", tuple(WORKLOADS.values())) if right.verb in WRITING
    }


def test_restoring_needs_these_and_no_more() -> None:
    assert rights("restore") - rights("orphans") == {
        "update deployments/scale (apps)",
        "create events",
        "delete deployments (apps)",
        "delete pods",
        "delete services",
    }


@pytest.mark.parametrize(
    ("kind", "looking", "restoring"),
    [
        (DEPLOYMENT, {"list replicasets (apps)"}, {"update deployments/scale (apps)"}),
        (STATEFUL_SET, {"list statefulsets (apps)"}, {"update statefulsets/scale (apps)"}),
        (
            DEPLOYMENT_CONFIG,
            {"list deploymentconfigs (apps.openshift.io)", "list replicationcontrollers"},
            {
                *(f"{verb} deploymentconfigs (apps.openshift.io)" for verb in ("patch", "update", "get", "watch")),
                "get replicationcontrollers",
                "create deploymentconfigs/instantiate (apps.openshift.io)",
            },
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Kind) else "",
)
def test_a_kind_is_asked_for_only_where_it_is_in_use(kind: Kind, looking: set[str], restoring: set[str]) -> None:
    version = "v1.34.4"
    others = [one for one in WORKLOADS.values() if one is not kind]
    assert rights("orphans", "auto", version, *WORKLOADS.values()) - rights("orphans", "auto", version, *others) == (
        looking
    )
    assert rights("restore", "auto", version, *WORKLOADS.values()) - rights("restore", "auto", version, *others) == (
        looking | restoring
    )


class Reviews:
    """An API server that allows everything but some, and notes what it was asked."""

    def __init__(self, *refused: tuple[str, str, str]):
        self.refused = refused
        self.asked: list[Object] = []

    def send(self, method: str, path: str, doing: str, body: Object) -> Answer:
        """The answer to an access review."""
        assert (method, path) == ("post", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
        asked = body["spec"]["resourceAttributes"]
        self.asked.append(asked)
        resource = "/".join(part for part in (asked["resource"], asked["subresource"]) if part)
        allowed = (asked["verb"], resource, asked["namespace"]) not in self.refused
        return Answer({"status": {"allowed": allowed}}, {})


RIGHTS = (Right("list", POD), Right("update", DEPLOYMENT, "scale"))


@pytest.mark.parametrize(
    ("namespaces", "refused", "expected"),
    [
        (None, [], []),
        (None, [("list", "pods", "")], ["list pods in all namespaces"]),
        (None, [("list", "namespaces", "")], ["list namespaces in all namespaces"]),
        (
            ["shop", "pay"],
            [("update", "deployments/scale", "pay")],
            ["update deployments/scale (apps) in namespace pay"],
        ),
        (["shop", "pay"], [("list", "pods", "")], []),
        (["shop"], [("get", "namespaces", "shop")], ["get namespaces in namespace shop"]),
        (["shop"], [("list", "namespaces", "")], []),
    ],
)
def test_missing(namespaces: list[str] | None, refused: list[tuple[str, str, str]], expected: list[str]) -> None:
    api: t.Any = Reviews(*refused)
    assert missing(api, RIGHTS, namespaces) == expected


def test_the_review_names_the_group_and_the_subresource() -> None:
    api: t.Any = Reviews()
    missing(api, RIGHTS, ["shop"])
    assert {
        "verb": "update",
        "group": "apps",
        "resource": "deployments",
        "subresource": "scale",
        "namespace": "shop",
    } in api.asked


def test_a_review_without_a_verdict_allows_nothing() -> None:
    class Mute:
        """An API server whose reviews hold no status."""

        def send(self, *_: t.Any) -> Answer:
            """An empty review."""
            return Answer({}, {})

    api: t.Any = Mute()
    assert missing(api, RIGHTS[:1], ["shop"]) == ["list pods in namespace shop", "get namespaces in namespace shop"]
