"""What clients up to 2.5 changed is undone where all of it still is as they noted, and shown as a patch otherwise."""

from __future__ import annotations

import copy
import json
import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.actions import Undo
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.agents import ACTIONS
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.decide import REMOVABLE, decide
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.imagine import after
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.leftovers import find
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.undo import applied, undo

from .builders import intercept, manager, seen

IMAGE = "docker.io/datawire/tel2:2.5.8"
RECORD: dict[str, t.Any] = {
    "version": "2.5.8",
    "ReferencedService": "web",
    "referenced_service_port": "80",
    "hide_container_port": {"container_name": "app", "port_name": "http", "hidden_name": "tm-http"},
    "add_traffic_agent": {
        "container_port_name": "http",
        "container_port_proto": "TCP",
        "app_port": 8080,
        "image_name": IMAGE,
    },
    "add_init_container": {"image_name": IMAGE},
    "add_tp_env": {"container_name": "app", "Env": {"TELEPRESENCE_API_PORT": "9980"}},
}
SERVICE_RECORD = {
    "version": "2.5.8",
    "make_port_symbolic": {"PortName": "", "TargetPort": 8080, "SymbolicName": "tx-8080"},
}
EDITED: Object = {
    "kind": "Deployment",
    "metadata": {
        "name": "web",
        "namespace": "shop",
        "uid": "u",
        "annotations": {ACTIONS: json.dumps(RECORD), "a": "b"},
    },
    "spec": {
        "template": {
            "spec": {
                "initContainers": [{"name": "own"}, {"name": "tel-agent-init", "image": IMAGE}],
                "containers": [
                    {
                        "name": "traffic-agent",
                        "image": IMAGE,
                        "ports": [{"name": "http", "containerPort": 9900}],
                        "volumeMounts": [{"name": "traffic-annotations"}],
                    },
                    {
                        "name": "app",
                        "env": [{"name": "A", "value": "1"}, {"name": "TELEPRESENCE_API_PORT", "value": "9980"}],
                        "ports": [{"name": "admin"}, {"name": "tm-http", "containerPort": 8080}],
                        "readinessProbe": {"httpGet": {"port": "tm-http"}},
                        "livenessProbe": {"tcpSocket": {"port": "admin"}},
                    },
                ],
                "volumes": [{"name": "traffic-annotations"}, {"name": "own"}],
            }
        }
    },
}
BEFORE: Object = {
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop", "uid": "u", "annotations": {"a": "b"}},
    "spec": {
        "template": {
            "spec": {
                "initContainers": [{"name": "own"}],
                "containers": [
                    {
                        "name": "app",
                        "env": [{"name": "A", "value": "1"}],
                        "ports": [{"name": "admin"}, {"name": "http", "containerPort": 8080}],
                        "readinessProbe": {"httpGet": {"port": "http"}},
                        "livenessProbe": {"tcpSocket": {"port": "admin"}},
                    }
                ],
                "volumes": [{"name": "own"}],
            }
        }
    },
}


def service(record: t.Any = None) -> Object:
    notes = {ACTIONS: json.dumps(record or SERVICE_RECORD)}
    return {
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "shop", "uid": "s", "annotations": notes},
        "spec": {"ports": [{"name": "other", "targetPort": "tx-8080"}, {"port": 80, "targetPort": "tx-8080"}]},
    }


def test_a_workload_gets_back_what_it_was() -> None:
    undoing = undo(EDITED)
    assert undoing.drift == ()
    assert applied(EDITED, undoing.patch) == BEFORE
    assert EDITED["metadata"]["annotations"][ACTIONS], "the object that was read stays as it is"


@pytest.mark.parametrize("action", ["make_port_symbolic", "add_symbolic_port"])
def test_a_service_gets_its_number_back(action: str) -> None:
    one = service({"version": "2.5.8", action: SERVICE_RECORD["make_port_symbolic"]})
    undoing = undo(one)
    new = applied(one, undoing.patch)
    assert undoing.drift == () and new["metadata"]["annotations"] == {}
    assert [port["targetPort"] for port in new["spec"]["ports"]] == ["tx-8080", 8080]


def edited(change: t.Callable[[t.Any], object]) -> Object:
    """The workload with its pod's spec changed."""
    one = copy.deepcopy(EDITED)
    change(one["spec"]["template"]["spec"])
    return one


@pytest.mark.parametrize(
    ("change", "drift"),
    [
        (
            lambda spec: spec["containers"].pop(0),
            "Of add_traffic_agent, there is no traffic-agent among its containers",
        ),
        (lambda spec: spec["containers"][0].update(image="x"), "Of add_traffic_agent, the container has another image"),
        (lambda spec: spec["containers"][0]["ports"][0].update(name="x"), "Of add_traffic_agent, the container has"),
        (
            lambda spec: spec["containers"][1].update(volumeMounts=[{"name": "traffic-annotations"}]),
            "Of add_traffic_agent, container app mounts volume traffic-annotations as well",
        ),
        (
            lambda spec: spec["containers"][1]["ports"].pop(),
            "Of hide_container_port, container app has no port tm-http",
        ),
        (lambda spec: spec["containers"][1]["ports"].append({"name": "http"}), "Of hide_container_port, container app"),
        (lambda spec: spec["containers"][1].update(name="new"), "Of hide_container_port, there is no app among"),
        (lambda spec: spec["initContainers"].pop(), "Of add_init_container, there is no tel-agent-init"),
        (lambda spec: spec["initContainers"][1].update(image="x"), "Of add_init_container, the init container has"),
        (lambda spec: spec["containers"][1]["env"].pop(), "Of add_tp_env, container app has another TELEPRESENCE_API"),
        (lambda spec: spec["containers"][1]["env"][1].update(value="1"), "Of add_tp_env, container app has another"),
    ],
)
def test_what_differs_from_the_record_is_named_and_the_patch_is_for_the_rest(change: t.Any, drift: str) -> None:
    one = edited(change)
    undoing = undo(one)
    assert undoing.drift and undoing.drift[0].startswith(drift)
    assert ACTIONS not in applied(one, undoing.patch)["metadata"]["annotations"]


@pytest.mark.parametrize(
    ("record", "drift"),
    [
        ("{", "Its record does not say what was changed."),
        ("[]", "Its record does not say what was changed."),
        ('{"version": "2.5.8"}', "Its record does not say what was changed."),
        (json.dumps({**RECORD, "new": {}}), "Its record has new, which is not known."),
    ],
)
def test_a_record_that_is_not_understood(record: str, drift: str) -> None:
    one = copy.deepcopy(EDITED)
    one["metadata"]["annotations"][ACTIONS] = record
    assert drift in undo(one).drift


def test_every_removal_and_change_is_tested_first_for_those_who_apply_the_patch_later() -> None:
    patch = undo(EDITED).patch
    changes = [one["path"] for one in patch if one["op"] != "test" and "annotations" not in one["path"]]
    tests = [one["path"].removesuffix("/name") for one in patch if one["op"] == "test"]
    assert len(changes) == 6 and [path.removesuffix("/name") for path in changes] == tests


NONE: dict[str, t.Any] = {"managers": []}


def steps(*objects: Object, **changed: t.Any) -> list[str]:
    """What would be done about the first of edited objects, one after another."""
    start = seen(
        **{**NONE, "edited": [*objects], "objects": {f"{one['kind']} shop/web": one for one in objects}, **changed}
    )
    now, said = start, []
    while found := [one for one in find(now) if one.same(find(start)[0])]:
        decision = decide(found[0], now, REMOVABLE)
        said.append(str(decision))
        if not isinstance(decision, Undo):
            break
        now = after(now, decision)
    return said


def test_the_service_goes_first_because_its_number_works_with_and_without_an_agent() -> None:
    assert steps(EDITED, service()) == ["put Service shop/web back", "put Deployment shop/web back"]
    assert steps(service()) == ["put Service shop/web back"]
    assert steps(EDITED) == ["put Deployment shop/web back"]


OF_2_5 = manager(band="2.4-2.5")
ARGO = {"argocd.argoproj.io/tracking-id": "tel:x"}


@pytest.mark.parametrize(
    ("objects", "changed", "said"),
    [
        ([EDITED], {"managers": [OF_2_5]}, "is of 2.20.2, and may use it."),
        ([EDITED], {"managers": [manager()], "unsure": {"tel"}}, "Whether somebody intercepts Deployment shop/web"),
        ([EDITED], {"managers": [manager()], "intercepts": [intercept()]}, "Whether somebody intercepts"),
        ([EDITED], {"managers": [manager("2.27.4", selector="?")]}, "Whether a traffic-manager serves"),
        ([edited(lambda spec: spec["containers"].pop(0)), service()], {}, "Deployment shop/web: Of add_traffic_agent"),
        ([service(), edited(lambda spec: spec["containers"].pop(0))], {}, "Deployment shop/web: Of add_traffic_agent"),
        ([EDITED, service({"make_port_symbolic": {"SymbolicName": "x"}})], {}, "Service shop/web: Of make_port_sym"),
    ],
)
def test_what_is_not_put_back_without_asking(objects: list[Object], changed: t.Any, said: str) -> None:
    """Neither of a workload and its Service is, where one of them cannot be."""
    (reason,) = steps(*objects, **changed)
    assert said in reason and "It needs a decision. Apply the patch" in reason


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize(
    ("notes", "said"),
    [(ARGO, "Argo CD application tel keeps"), ({"devclusters.telepresence/ignore": "true"}, "asks to leave it alone")],
)
def test_what_others_keep_or_want_left_alone(which: int, notes: dict[str, str], said: str) -> None:
    objects = [copy.deepcopy(EDITED), service()]
    objects[which]["metadata"]["annotations"].update(notes)
    (reason,) = steps(*objects)
    assert said in reason


def test_the_patch_is_in_the_record_and_the_difference_shows_no_values_of_containers() -> None:
    (leftover,) = find(seen(**NONE, edited=[EDITED]))
    assert leftover.record()["patch"] == undo(EDITED).patch
    name, before, now = Undo(EDITED, undo(EDITED)).difference()
    assert (name, before["containers traffic-agent"], now["containers traffic-agent"]) == (
        "Deployment shop/web",
        "present",
        "absent",
    )
