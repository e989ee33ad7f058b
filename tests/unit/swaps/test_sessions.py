"""Which objects are a session's, in which mode, and which of them may be deleted."""

from __future__ import annotations

import re
import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.sessions import (
    IMAGE,
    SELECTOR,
    existing,
    ignored,
    recognise,
    session_of,
)

from . import builders
from .builders import (
    OTHER_SID,
    PATTERN,
    SID,
    UUID,
    at,
    later,
    one_session,
    owner,
    pod,
    proxy_container,
    proxy_deployment,
    service,
)


@pytest.mark.parametrize(
    ("name", "mode", "version", "container", "created", "proxy", "services"),
    [
        (
            "0.105-swap-web-from-2",
            "swap_deployment",
            "0.105",
            "c",
            "2026-11-22T02:35:17Z",
            "Deployment web-a5e5aba7e66c4360b52dabfe010e5d68",
            [],
        ),
        (
            "0.109-swap-web-pod-from-3",
            "swap_pod",
            "0.109",
            "c",
            "2026-11-22T02:37:09Z",
            "Pod web-9bdd4ff98a184820b2d4027b00a9af39",
            [],
        ),
        (
            "0.109-swap-multicontainer",
            "swap_pod",
            "0.109",
            "app",
            "2026-11-22T02:38:54Z",
            "Pod checkout-service--992b6093010c4ad283c793585a9312a5",
            [],
        ),
        ("0.105-new-deployment", "new", "0.105", "mydev", "2026-11-22T02:39:23Z", "Deployment mydev", ["mydev"]),
        (
            "0.109-proxy-pod-completed",
            "swap_pod",
            "0.109",
            "c",
            "2026-11-22T02:36:33Z",
            "Pod web-3af6174e0d8048cbac798f2c7d0ee9bf",
            [],
        ),
    ],
)
def test_recorded(
    name: str, mode: str, version: str, container: str, created: str, proxy: str, services: list[str]
) -> None:
    (session,) = builders.recorded_sessions(name)
    (stands_in,) = session.proxies
    assert (session.mode, session.client_version, session.container) == (mode, version, container)
    assert session.deletable and not session.terminating
    assert session.created == at(created)
    assert f"{stands_in['kind']} {stands_in['metadata']['name']}" == proxy
    assert [obj["metadata"]["name"] for obj in session.services] == services
    assert session.swaps == (mode != "new")
    assert len(session.pods) == 1


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (SID, SID),
        (UUID, UUID),
        ("manager", None),
        ("", None),
        ("true", None),
        (SID[:-1], None),
        (f"{SID}0", None),
        (SID.upper(), None),
        (UUID.replace("-", "_"), None),
        (f"{SID}\n", None),
        (f"x{SID}", None),
    ],
    ids=["hex", "uuid", "manager", "empty", "true", "31", "33", "upper", "underscores", "newline", "before"],
)
def test_session_of(value: str, expected: str | None) -> None:
    assert session_of(pod(sid=value)) == expected
    assert bool(recognise([], [pod(sid=value)], [], PATTERN)) == (expected is not None)


def test_an_object_without_labels_is_no_session() -> None:
    assert session_of({"kind": "Pod", "metadata": {"name": "web"}}) is None


def test_the_selector_leaves_telepresence_2_out() -> None:
    assert SELECTOR.split(",") == ["telepresence", "telepresence!=manager"]


# Mode and deletability

MODES: dict[str, tuple[list[Object], str, bool]] = {
    "pod": ([pod()], "swap_pod", True),
    "deployment": (
        [proxy_deployment(), pod(f"web-{SID}-5dd-x", owners=[owner("ReplicaSet")])],
        "swap_deployment",
        True,
    ),
    "deployment without a pod": ([proxy_deployment()], "swap_deployment", True),
    "dashed id": ([pod(f"payment-servi-{UUID}", UUID)], "swap_pod", True),
    "new pod": ([pod("mydev", containers=[proxy_container("telepresence", swapped=False)])], "new", True),
    "new deployment": ([proxy_deployment("mydev", containers=[proxy_container(swapped=False)])], "new", True),
    "two pods": ([pod(f"web-{SID}"), pod(f"api-{SID}", uid="2")], "swap_pod", True),
    "same name": ([proxy_deployment("web")], "swap_in_place", False),
    "same name, dashed id": ([proxy_deployment("web", UUID)], "swap_in_place", False),
    "another session's name": ([pod(f"web-{OTHER_SID}")], "swap_in_place", False),
    "id in the middle": ([pod(f"web-{SID}-2")], "swap_in_place", False),
    "pod of a replication controller": (
        [pod("web-5-x", owners=[owner("ReplicationController")])],
        "swap_in_place",
        False,
    ),
    "pod that something controls": ([pod(owners=[owner("ReplicaSet")])], "swap_in_place", False),
    "new pod that something controls": (
        [pod("mydev-5", containers=[proxy_container(swapped=False)], owners=[owner("ReplicaSet")])],
        "new",
        False,
    ),
    "one of two pods controlled": (
        [pod(f"web-{SID}"), pod(f"api-{SID}", uid="2", owners=[owner("ReplicaSet")])],
        "swap_in_place",
        False,
    ),
    "label alone": ([pod("web-1", containers=[builders.container()])], "new", False),
    "swap's variable alone": ([pod(containers=[builders.container(env=builders.SWAP_ENV)])], "swap_pod", False),
    "label alone on a deployment": ([proxy_deployment("web", containers=[builders.container()])], "new", False),
    "no containers": ([pod(containers=[])], "new", False),
}


@pytest.mark.parametrize(("objects", "mode", "deletable"), MODES.values(), ids=MODES.keys())
def test_mode(objects: list[Object], mode: str, deletable: bool) -> None:
    session = one_session(*objects)
    assert (session.mode, session.deletable) == (mode, deletable)


@pytest.mark.parametrize("controls", [True, False], ids=["controller", "owner-without-controller"])
def test_never_deletable_is_what_has_an_owner(controls: bool) -> None:
    assert not one_session(pod(owners=[owner("Something", controls=controls)])).deletable


def test_the_deployment_stands_in_and_its_pods_stand_behind_it() -> None:
    behind = pod(f"web-{SID}-5dd-x", owners=[owner("ReplicaSet")], created=later(3))
    session = one_session(behind, proxy_deployment())
    assert [obj["kind"] for obj in session.proxies] == ["Deployment"]
    assert [obj["metadata"]["name"] for obj in session.pods] == [behind["metadata"]["name"]]
    assert session.created == at(builders.SWAPPED_AT)


def test_the_proxy_container_is_found_behind_a_sidecar() -> None:
    session = one_session(pod(containers=[builders.container("mesh", "istio/proxyv2:1"), proxy_container("app")]))
    assert (session.container, session.client_version, session.mode) == ("app", "0.109", "swap_pod")


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("datawire/telepresence-k8s:0.109", "0.109"),
        ("datawire/telepresence-k8s-priv:0.101", "0.101"),
        ("datawire/telepresence-ocp:0.105", "0.105"),
        ("telepresence-k8s:0.98", "0.98"),
        ("telepresence-k8s", None),
        ("registry.example.org:5000/mirror/telepresence-k8s:0.109", "0.109"),
        ("registry.example.org:5000/telepresence-k8s", None),
        (f"datawire/telepresence-k8s@sha256:{'a' * 64}", None),
        (f"datawire/telepresence-k8s:0.109@sha256:{'a' * 64}", "0.109"),
        (f"registry.example.org:5000/telepresence-k8s:0.109@sha256:{'a' * 64}", "0.109"),
    ],
)
def test_images_that_are_a_proxys(image: str, version: str | None) -> None:
    session = one_session(pod(containers=[proxy_container("c", image)]))
    assert (session.container, session.client_version) == ("c", version)


@pytest.mark.parametrize(
    "image",
    [
        "datawire/telepresence-local:0.109",
        "datawire/mytelepresence-k8s:0.109",
        "datawire/telepresence-k8s-mine:0.109",
        "telepresence-k8s/web:1",
        "datawire/tel2:2.5.0",
        "shop/web:telepresence-k8s",
        "",
    ],
)
def test_images_that_are_not(image: str) -> None:
    session = one_session(pod(containers=[proxy_container("c", image)]))
    assert (session.container, session.client_version, session.deletable) == (None, None, False)


def test_the_image_pattern_is_the_users() -> None:
    (session,) = recognise([], [pod(containers=[proxy_container("c", "mirror/tp:0.109")])], [], re.compile("/tp:"))
    assert session.container == "c" and session.deletable
    assert re.compile(IMAGE) == PATTERN


# Services


@pytest.mark.parametrize(
    ("selector", "counts"),
    [
        ({"telepresence": SID}, True),
        ({"telepresence": SID, "app": "web"}, False),
        ({"telepresence": OTHER_SID}, False),
        ({"app": "web"}, False),
        ({}, False),
    ],
    ids=["exactly", "more-keys", "another-session", "the-app", "none"],
)
def test_a_service_is_the_sessions_if_it_selects_exactly_that(selector: dict[str, str], counts: bool) -> None:
    assert len(one_session(pod(), service(selector=selector)).services) == counts
    assert len(recognise([], [], [service(selector=selector)], PATTERN)) == counts


def test_a_service_alone() -> None:
    session = one_session(service(created=later(7)))
    assert (session.mode, session.proxies, session.pods, session.container) == ("new", (), (), None)
    assert session.deletable and not session.terminating
    assert session.created == at(later(7))


# Grouping


def test_sessions_are_told_apart_by_namespace_and_id_and_come_oldest_first() -> None:
    objects = [
        pod(f"web-{SID}", created=later(30)),
        pod(f"web-{SID}", namespace="pay", created=later(20)),
        pod(f"web-{OTHER_SID}", OTHER_SID, created=later(10)),
        pod(f"api-{OTHER_SID}", OTHER_SID, uid="2", created=later(40)),
    ]
    sessions = recognise([], objects, [], PATTERN)
    assert [session.key for session in sessions] == [("shop", OTHER_SID), ("pay", SID), ("shop", SID)]
    assert [len(session.proxies) for session in sessions] == [2, 1, 1]


@pytest.mark.parametrize(
    ("deleted", "expected"), [((), False), ((0,), False), ((0, 1), True)], ids=["none", "one", "both"]
)
def test_terminating(deleted: tuple[int, ...], expected: bool) -> None:
    pods = [pod(f"web-{SID}"), pod(f"api-{SID}", uid="2")]
    for number in deleted:
        pods[number]["metadata"]["deletionTimestamp"] = later(60)
    assert one_session(*pods).terminating is expected


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("false", False), ("True", False), ("", False), (None, False)]
)
def test_ignored(value: str | None, expected: bool) -> None:
    annotations: dict[str, t.Any] = {} if value is None else {"devclusters.telepresence/ignore": value}
    assert ignored(pod(annotations=annotations)) is expected


@pytest.mark.parametrize("image", ["", "datawire/", "no-such-image"])
def test_a_swap_is_one_whatever_image_pattern_says(image: str) -> None:
    """Taken for a new deployment, its proxy would be deleted, and its original would stay at 0 without evidence."""
    sidecar = builders.container("mesh", "datawire/mesh:1")
    proxy = pod(containers=[sidecar, builders.proxy_container()])
    (session,) = recognise([], [proxy], [], re.compile(image))
    assert (session.mode, session.swaps) == ("swap_pod", True)
    assert session.container in ("c", None)


# What is kept for --deployment


@pytest.mark.parametrize(
    ("workload", "found"),
    [
        (builders.deployment(containers=[proxy_container(swapped=False)]), True),
        (builders.deployment(containers=[builders.container("mesh"), proxy_container("p", swapped=False)]), True),
        (builders.deployment(containers=[proxy_container()]), True),
        (builders.deployment(labels={"telepresence": "mine"}, containers=[proxy_container(swapped=False)]), True),
        (builders.deployment(), False),
        (proxy_deployment("mydev", containers=[proxy_container(swapped=False)]), False),
        (proxy_deployment("mydev", labels={}, containers=[proxy_container(swapped=False)]), False),
        (proxy_deployment("mydev", pod_labels={"app": "web"}, containers=[proxy_container(swapped=False)]), False),
        (builders.deployment(containers=[]), False),
    ],
    ids=[
        "kept",
        "with-a-sidecar",
        "label-lost",
        "another-label",
        "no-proxy",
        "session",
        "session-on-its-pods",
        "session-on-itself",
        "no-containers",
    ],
)
def test_existing(workload: Object, found: bool) -> None:
    sessions = existing([workload], PATTERN)
    assert len(sessions) == found
    for session in sessions:
        assert (session.mode, session.swaps, session.deletable, session.session_id) == ("existing", False, False, "")
        assert (session.client_version, session.proxies, session.pods) == ("0.109", (workload,), ())
        assert session.key == ("shop", "web")
