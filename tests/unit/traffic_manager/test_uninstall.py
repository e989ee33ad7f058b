"""What removing a traffic-manager takes away, and what stands in its way."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager import uninstall
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.uninstall import END, Removal

from .test_install import claim, info, intercept, manager, release

Info = dict[str, Any]
SERVING = manager(namespaces=["shop", "tel"])
NOTED = {"kind": "ConfigMap", "namespace": "far", "name": "telepresence-agents", "holds": []}


def planned(
    found: Info | None, force: bool = False, end: bool = False, wanted: tuple[str, ...] = (), **seen: Any
) -> Removal:
    return uninstall.plan(info(**{"managers": [SERVING], **seen}), "tel", "traffic-manager", found, wanted, force, end)


def test_what_goes() -> None:
    assert planned(release()) == Removal(
        [], ["Deployment tel/traffic-manager", "Service tel/traffic-manager"], ["shop", "tel"]
    )


@pytest.mark.parametrize("found", [None, release(status="uninstalled")])
def test_nothing_goes_where_nothing_is(found: Info | None) -> None:
    assert planned(found, managers=[]) == Removal([], [], ["tel"])


@pytest.mark.parametrize(
    ("seen", "wanted", "namespaces"),
    [
        ({"managers": []}, ("cart",), ["cart", "tel"]),
        ({"managers": [], "state_objects": [claim("tel")]}, (), ["shop", "tel"]),
        ({"managers": [], "state_objects": [claim("them")]}, (), ["tel"]),
        ({"managers": [manager(namespaces=None)], "state_objects": [NOTED]}, (), ["far", "tel"]),
        # That is another's.
        ({"managers": [SERVING], "state_objects": [NOTED]}, (), ["shop", "tel"]),
    ],
)
def test_where_it_may_have_left_something(seen: Info, wanted: tuple[str, ...], namespaces: list[str]) -> None:
    assert planned(release(), wanted=wanted, **seen).namespaces == namespaces


def test_no_living_intercept_ends() -> None:
    alive: Info = {"intercepts": [intercept()]}
    assert planned(release(), **alive).problems == ["dev@laptop intercepts shop/web (ACTIVE).", END]
    assert planned(release(), end=True, **alive).problems == []


def test_a_broken_release_is_removed_only_where_that_is_forced() -> None:
    (problem,) = planned(release(status="uninstalling")).problems
    assert "is uninstalling since today" in problem
    assert planned(release(status="uninstalling"), force=True).problems == []


def test_the_manager_of_another_release_is_not_removed() -> None:
    (problem,) = planned(None, managers=[manager(release="tm", namespaces=None)]).problems
    assert problem.endswith("belongs to Helm release tm, not to traffic-manager.")


def obj(kind: str, name: str, **meta: Any) -> Info:
    return {"kind": kind, "metadata": {"name": name, "namespace": "tel", **meta}}


MANAGERS = {"app": "traffic-manager", "telepresence": "manager"}


@pytest.mark.parametrize(
    ("one", "stays"),
    [
        (obj("ConfigMap", "kube-root-ca.crt"), False),
        (obj("ConfigMap", "mine"), True),
        (obj("Service", "traffic-manager"), False),
        (obj("Service", "traffic-manager-2"), True),
        (obj("Pod", "traffic-manager-1", labels=MANAGERS), False),
        (obj("Deployment", "another", labels=MANAGERS), True),
        (obj("Pod", "web-1", deletionTimestamp="now"), False),
        (obj("Secret", "sh.helm.release.v1.traffic-manager.v3"), False),
        (obj("Secret", "sh.helm.release.v1.shop.v1"), True),
    ],
)
def test_what_keeps_a_namespace(one: Info, stays: bool) -> None:
    found = uninstall.others([one], ["Service tel/traffic-manager"], "traffic-manager")
    assert found == [f"{one['kind']} tel/{one['metadata']['name']}"] * stays
