"""telepresence_intercepts on a recorded cluster, over the wire, with a manager that obeys or does not."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager import (
    connections,
    intercepts,
    protobuf,
    rights,
)
from ansible_collections.devclusters.telepresence.plugins.modules import telepresence_intercepts
from traffic_manager.builders import NOW, recorded, snapshot
from traffic_manager.test_connections import AGENT, CLIENT, output

from tests.rights import Grant, grants, read
from wire import exec as exec_
from wire import forward
from wire.play import run_module
from wire.request import Access
from wire.server import ApiServer

from .fake_manager import FakeManager
from .fake_time import FakeTime

Result = dict[str, Any]
SYSTEM, SHOP = "manager-system", "manager-shop"
KINDS = ("Namespace", "Pod", "Deployment", "StatefulSet", "ReplicaSet", "ConfigMap")
KEYS = {"cluster", "changed", "intercepts", "removed", "skipped_intercepts", "failed_intercepts", "unknown", "diff"}
BROKEN, PLAIN, WEB = (
    one.id
    for one in sorted(
        intercepts.decode(snapshot("intercepted"), SYSTEM),
        key=lambda one: (one.disposition != "AGENT_ERROR", one.agent),
    )
)
ORDER = "RemoveIntercept"


class Stage:
    """The recorded cluster with three intercepts of one client, and its manager."""

    def __init__(self, server: ApiServer, kubeconfig: str, manager: FakeManager) -> None:
        self.server, self.kubeconfig, self.manager = server, kubeconfig, manager
        self.looks = 0
        self.load("intercepted")

    def load(self, name: str) -> None:
        """Puts the objects of a state into the cluster, and its intercepts into the manager."""
        for one in recorded(name, *KINDS):
            self.server.store.load(one)
        self.manager.snapshot = snapshot(name)
        self.leads(forward.Leads(self.manager.port))
        self.shows(output(AGENT))

    @property
    def pod(self) -> str:
        """The manager's pod."""
        (pod,) = [one for one in self.server.store.all("Pod") if one["metadata"]["namespace"] == SYSTEM]
        return str(pod["metadata"]["name"])

    def leads(self, api: forward.Outcome) -> None:
        """What the API's port of the manager's pod leads to."""
        self.server.forward(SYSTEM, self.pod, 8081, api)

    def shows(self, *outputs: str | exec_.Outcome, age: int = 3600) -> None:
        """What the manager's pod prints, one after another and then the last again, ``age`` seconds after the last change."""
        served = next(one.pod_ip for one in intercepts.decode(self.manager.snapshot, SYSTEM) if one.id == PLAIN)
        agent = ipaddress.ip_address(served).packed[::-1].hex().upper()
        newest = max(one.changed or 0 for one in intercepts.decode(self.manager.snapshot, SYSTEM))

        def handler(call: exec_.ExecCall) -> exec_.Outcome:
            assert (call.container, call.command) == ("traffic-manager", ("sh", "-c", connections.SHELL))
            said = outputs[min(self.looks, len(outputs) - 1)]
            self.looks += 1
            if not isinstance(said, str):
                return said
            said = said.replace("044013C6", agent)
            return exec_.Ran(stdout=said.replace("1795541573", f"{newest + age:.0f}").encode())

        self.server.exec(SYSTEM, self.pod, handler)

    def is_of(self, version: str) -> None:
        """Makes the manager one of another version."""
        self.server.store.edit(
            "Deployment",
            "traffic-manager",
            SYSTEM,
            lambda one: one["metadata"]["labels"].update({"app.kubernetes.io/version": version.removeprefix("v")}),
        )
        self.manager.version = protobuf.write({1: "OSS Traffic Manager", 2: version})

    @property
    def config(self) -> dict[str, str]:
        """What the manager's ConfigMap holds."""
        config = self.server.store.get("ConfigMap", "traffic-manager", SYSTEM)
        return dict((config or {}).get("data") or {})

    @property
    def left(self) -> set[str]:
        """The ids of the intercepts that the manager holds."""
        return {one.id for one in intercepts.decode(self.manager.snapshot, SYSTEM)}

    def run(self, check: bool = False, **options: Any) -> Result:
        """Runs the module; every promised key is there, and check mode gives no order and writes nothing."""
        before, asked = len(self.server.requests), len(self.manager.asked)
        options = {"kubeconfig": self.kubeconfig, "deadline": 5, **options}
        result = run_module(telepresence_intercepts.main, options, check=check)
        assert set(result) >= KEYS
        assert result["changed"] is bool(result["removed"]) is bool(result["diff"]["before"])
        if check:
            assert [request for request in self.server.requests[before:] if request.is_write] == []
            assert ORDER not in self.manager.asked[asked:]
        return result


@pytest.fixture
def stage(clock: FakeTime, tmp_path: Path) -> Iterator[Stage]:
    """The cluster in November 2026; time passes only when the product waits."""
    manager, began = FakeManager(), clock.time()
    with ApiServer(clock=lambda: NOW + 1800 + clock.time() - began) as server:
        yield Stage(server, str(server.kubeconfig(tmp_path / "stage")), manager)
    manager.stop()


def ids(result: Result, key: str) -> set[str]:
    return {one["id"] for one in result[key]}


# What a policy names, and nothing else -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "named"),
    [
        ({"clients": ["dev@laptop"]}, {BROKEN, PLAIN, WEB}),
        ({"clients": ["ci-*@*"]}, set()),
        ({"known_hosts": ["desk"]}, {BROKEN, PLAIN, WEB}),
        ({"known_hosts": ["laptop"]}, set()),
        ({"dispositions": ["AGENT_ERROR"]}, {BROKEN}),
        ({"min_age": 3600}, {BROKEN, PLAIN, WEB}),
        ({"min_age": 2000000}, set()),
        ({"clients": ["*"], "exclude_namespaces": [SHOP]}, set()),
        ({"clients": ["*"], "namespaces": ["other-*"]}, set()),
        ({"clients": ["*"], "namespaces": ["manager-sh*"]}, {BROKEN, PLAIN, WEB}),
    ],
)
def test_what_the_policy_names_is_ended_and_the_rest_stays(stage: Stage, policy: Any, named: set[str]) -> None:
    before = stage.left
    planned = stage.run(check=True, **policy)
    assert (ids(planned, "removed"), stage.left) == (named, before)
    assert {one["outcome"] for one in planned["removed"]} <= {"removable"}
    result = stage.run(**policy)
    assert (ids(result, "removed"), stage.left) == (named, before - named)
    assert {one["outcome"] for one in result["removed"]} <= {"removed"}
    assert result["diff"] == planned["diff"] and result["unknown"] == []
    assert set(result["diff"]["before"]) == {f"intercept {one}" for one in named}
    again = stage.run(**policy)
    assert (again["changed"], again["removed"]) == (False, [])
    assert stage.server.writes == []


def test_the_diff_shows_whose_they_are(stage: Stage) -> None:
    difference = stage.run(check=True, dispositions=["AGENT_ERROR"])["diff"]
    whose = {"client": "dev@laptop", "workload": f"Deployment {SHOP}/web", "disposition": "AGENT_ERROR"}
    assert difference == {"before": {f"intercept {BROKEN}": whose}, "after": {f"intercept {BROKEN}": "absent"}}


def test_without_a_policy_nothing_is_asked(stage: Stage) -> None:
    result = stage.run(force=True)
    assert result["msg"] == "No policy says which intercepts to end: set clients, known_hosts, dispositions or min_age."
    assert (result["failed"], stage.manager.asked, stage.server.requests) == (True, [], [])


def test_a_deadline_that_is_none(stage: Stage) -> None:
    assert stage.run(clients=["*"], deadline=0)["msg"] == "Option deadline is 0, but at least 1 is needed."


def test_a_manager_that_serves_no_namespace_of_the_run_is_not_asked(stage: Stage) -> None:
    stage.run(clients=["*"], namespaces=["other"])
    assert stage.manager.asked == []


def test_a_client_without_a_host_is_told_of(stage: Stage) -> None:
    stage.manager.snapshot = stage.manager.snapshot.replace(b"dev@laptop", b"dev-laptop")
    result = stage.run(known_hosts=["desk"])
    assert (result["removed"], stage.left) == ([], {BROKEN, PLAIN, WEB})
    assert result["unknown"] == ["The host of client dev-laptop is not known: it does not call itself USER@HOST."]


# Age, and who is connected -------------------------------------------------------------------------------------------


def test_age_ends_nothing_while_a_client_is_connected(stage: Stage) -> None:
    stage.shows(output(AGENT, CLIENT))
    result = stage.run(min_age=60)
    assert (ids(result, "skipped_intercepts"), result["changed"]) == ({BROKEN, PLAIN, WEB}, False)
    assert all("a client is connected to that manager" in one["remark"] for one in result["skipped_intercepts"])
    assert (stage.left, stage.looks) == ({BROKEN, PLAIN, WEB}, connections.LOOKS)


def test_force_ends_it_nevertheless(stage: Stage) -> None:
    stage.shows(output(AGENT, CLIENT))
    assert ids(stage.run(min_age=60, force=True), "removed") == {BROKEN, PLAIN, WEB}


def test_a_connection_that_is_just_ending_is_waited_for(stage: Stage) -> None:
    stage.shows(output(AGENT, CLIENT), output(AGENT))
    assert ids(stage.run(min_age=60), "removed") == {BROKEN, PLAIN, WEB}


def test_a_client_that_comes_back_before_the_order_keeps_its_intercept(stage: Stage) -> None:
    stage.shows(output(AGENT), output(AGENT, CLIENT))
    result = stage.run(min_age=60)
    assert (ids(result, "skipped_intercepts"), result["removed"]) == ({BROKEN, PLAIN, WEB}, [])
    assert ORDER not in stage.manager.asked


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (exec_.program_missing("sh"), "executable file not found"),
        (exec_.Ran(exit_code=1), "ended with exit code 1."),
        (exec_.Ran(stdout=b"nonsense"), "printed cannot be read."),
        (exec_.Ran(stdout=b"", end=exec_.End.CLOSE), "the stream ended without a status"),
    ],
)
def test_where_the_pod_does_not_show_it_nothing_is_ended_by_age(
    stage: Stage, shown: exec_.Outcome, said: str, force: bool
) -> None:
    stage.shows(shown)
    result = stage.run(min_age=60, force=force)
    assert (ids(result, "skipped_intercepts"), stage.left) == ({BROKEN, PLAIN, WEB}, {BROKEN, PLAIN, WEB})
    (sentence,) = result["unknown"]
    assert f"The age of the intercepts of the manager in namespace {SYSTEM} is not known" in sentence
    assert said in sentence


def test_where_the_pod_does_not_show_it_the_rest_of_the_policy_counts(stage: Stage) -> None:
    stage.shows(exec_.program_missing("sh"))
    result = stage.run(min_age=60, dispositions=["AGENT_ERROR"])
    assert (ids(result, "removed"), ids(result, "skipped_intercepts")) == ({BROKEN}, {PLAIN, WEB})


def test_without_an_age_nothing_is_run_in_the_pod(stage: Stage) -> None:
    stage.run(clients=["*"])
    assert stage.looks == 0


# Between the look and the order --------------------------------------------------------------------------------------


def meanwhile(stage: Stage, change: Callable[[], None]) -> None:
    """Changes something after the first snapshot."""
    seen = 0

    def before_watch() -> None:
        nonlocal seen
        seen += 1
        if seen == 2:
            change()

    stage.manager.before_watch = before_watch


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (b"dev@laptop", b"dev@tablet", "its client is dev@tablet."),
        (b"manager-shop", b"manager-shed", "its namespace is manager-shed."),
        (b"\x1a\x05plain", b"\x1a\x05other", "its agent is other."),
        (PLAIN[:36].encode(), b"0" * 36, None),
    ],
)
def test_what_is_another_one_by_then_is_left_alone(stage: Stage, old: bytes, new: bytes, said: str | None) -> None:
    meanwhile(stage, lambda: setattr(stage.manager, "snapshot", stage.manager.snapshot.replace(old, new)))
    result = stage.run(clients=["*"], namespaces=[SHOP])
    (plain,) = [one for one in result["intercepts"] if one["id"] == PLAIN]
    if said:
        assert (plain["outcome"], plain["remark"]) == ("skipped", f"Meanwhile it is another one: {said}")
    else:
        assert (plain["outcome"], plain["remark"]) == ("none", "It ended by itself.")
    assert any(one.agent in ("plain", "other") for one in intercepts.decode(stage.manager.snapshot, SYSTEM))


def test_what_the_policy_does_not_name_any_more_is_left_alone(stage: Stage) -> None:
    better = b"\x18\x02"  # disposition WAITING in the place of AGENT_ERROR
    meanwhile(stage, lambda: setattr(stage.manager, "snapshot", stage.manager.snapshot.replace(b"\x18\x07", better)))
    result = stage.run(dispositions=["AGENT_ERROR"])
    (skipped,) = result["skipped_intercepts"]
    assert skipped["remark"] == "At a second look the policy does not name it any more."
    assert ORDER not in stage.manager.asked


def test_what_ended_by_itself_is_no_change(stage: Stage) -> None:
    meanwhile(stage, lambda: stage.manager.drop(BROKEN))
    result = stage.run(dispositions=["AGENT_ERROR"])
    assert (result["changed"], result["removed"], ORDER in stage.manager.asked) == (False, [], False)


# Where it does not work ----------------------------------------------------------------------------------------------


def test_an_intercept_that_stays_is_a_failure(stage: Stage) -> None:
    stage.manager.stubborn = True
    result = stage.run(dispositions=["AGENT_ERROR"], deadline=1)
    assert (result["failed"], result["changed"], ids(result, "failed_intercepts")) == (True, False, {BROKEN})
    assert f"Intercept {BROKEN}: Its end was ordered, but has not come: it was still there after 1 s." in result["msg"]
    assert stage.left == {BROKEN, PLAIN, WEB}


def test_one_that_stays_does_not_keep_the_others(stage: Stage) -> None:
    obeys = stage.manager.drop
    stage.manager.drop = lambda one: obeys(one) if one != BROKEN else None
    result = stage.run(clients=["*"], deadline=1)
    assert (ids(result, "failed_intercepts"), ids(result, "removed")) == ({BROKEN}, {PLAIN, WEB})
    assert result["changed"] is True


@pytest.mark.parametrize("how", ["refuses", "silent", "login", "swallows"])
def test_a_manager_that_does_not_tell_its_intercepts_loses_none(stage: Stage, how: str) -> None:
    if how == "login":
        stage.manager.refusal = grpc.StatusCode.UNAUTHENTICATED
    elif how == "silent":
        stage.manager.silent = True
    else:
        stage.leads(forward.Fails("connect: connection refused") if how == "refuses" else forward.Swallows())
    result = stage.run(clients=["*"], deadline=1)
    assert (result["intercepts"], result["changed"], stage.left) == ([], False, {BROKEN, PLAIN, WEB})
    (sentence,) = result["unknown"]
    assert sentence.startswith(f"The intercepts of the manager in namespace {SYSTEM} are not known.")


def test_a_manager_that_falls_silent_before_the_order(stage: Stage) -> None:
    stage.manager.before_watch = lambda: stage.leads(forward.Fails("connect: connection refused"))
    result = stage.run(dispositions=["AGENT_ERROR"], deadline=1)
    assert (result["failed"], stage.left) == (True, {BROKEN, PLAIN, WEB})
    assert "Its end was not ordered: " in result["msg"] and "connection refused" in result["msg"]


def test_an_answer_that_was_lost_is_read_and_not_assumed(stage: Stage) -> None:
    """The order is carried out, and the connection breaks: the next look says that it ended."""
    obeys = stage.manager.drop

    def drop(one: str) -> None:
        obeys(one)
        raise RuntimeError("the answer is lost")

    stage.manager.drop = drop
    assert ids(stage.run(dispositions=["AGENT_ERROR"]), "removed") == {BROKEN}


@pytest.mark.parametrize("version", ["", "edge", "v3.1.0"])
def test_a_manager_of_no_known_version_gets_no_order(stage: Stage, version: str) -> None:
    stage.manager.version = protobuf.write({1: "OSS Traffic Manager", 2: version})
    result = stage.run(dispositions=["AGENT_ERROR"])
    assert result["failed"] and f"of version '{version}'" in result["msg"]
    assert ORDER not in stage.manager.asked and stage.server.writes == []


# Orders in the ConfigMap, from 2.26 on -------------------------------------------------------------------------------


class Obeys:
    """A manager that reads orders in its ConfigMap, as state/admincmd.go of 2.27.4, whenever it is asked for intercepts.

    ``clears``: whether it may remove them from there; ``last_run``: orders that are not newer are passed over.
    """

    def __init__(self, stage: Stage, clears: bool = True, last_run: float = 0.0) -> None:
        self.stage, self.clears, self.last_run = stage, clears, last_run
        self.orders: list[dict[str, Any]] = []
        stage.manager.before_watch = self

    def __call__(self) -> None:
        for order in yaml.safe_load(self.stage.config.get("admin-commands.yaml", "")) or []:
            if order["timestamp"] > self.last_run * 1e9 and order not in self.orders:
                self.orders.append(order)
                self.stage.manager.drop(order["args"][0])
                if self.clears:
                    self.write("[]\n")

    def write(self, text: str) -> None:
        """Puts something in the place of all orders."""
        self.stage.server.store.edit(
            "ConfigMap",
            "traffic-manager",
            SYSTEM,
            lambda one: one.setdefault("data", {}).update({"admin-commands.yaml": text}),
        )


@pytest.mark.parametrize(
    ("version", "by_config_map"),
    [
        ("v2.6.8", False),
        ("v2.25.2", False),
        ("v2.26.0-rc.1", True),
        ("v2.26.0", True),
        ("v2.30.1", True),
        ("2.31.2", True),
    ],
)
def test_the_version_says_how_an_intercept_is_ended(stage: Stage, version: str, by_config_map: bool) -> None:
    stage.is_of(version)
    before, obeys = stage.config, Obeys(stage)
    result = stage.run(dispositions=["AGENT_ERROR"])
    assert (ids(result, "removed"), stage.left) == ({BROKEN}, {PLAIN, WEB})
    assert (len(obeys.orders), ORDER in stage.manager.asked) == (int(by_config_map), not by_config_map)
    if by_config_map:
        (order,) = obeys.orders
        assert {**order, "timestamp": None} == {"name": "removeIntercept", "args": [BROKEN], "timestamp": None}
        # The API server's clock, in nanoseconds.
        assert abs(order["timestamp"] / 1e9 - (NOW + 1800)) < 60
        assert stage.config == {**before, "admin-commands.yaml": "[]\n"}
    else:
        assert stage.server.writes == []


def test_an_order_is_written_over_nothing_that_is_newer(stage: Stage) -> None:
    stage.is_of("v2.27.4")
    Obeys(stage)
    stage.run(dispositions=["AGENT_ERROR"])
    (write,) = stage.server.writes
    assert (write.method, write.path.rpartition("/")[2]) == ("PUT", "traffic-manager")
    assert write.body["metadata"]["resourceVersion"] and write.body["metadata"]["uid"]


def test_an_order_that_the_manager_may_not_remove_is_taken_back(stage: Stage) -> None:
    stage.is_of("v2.27.4")
    obeys = Obeys(stage, clears=False)
    foreign = {"name": "removeIntercept", "args": ["s:other"], "timestamp": 1}
    obeys.last_run = 1.0
    obeys.write(yaml.safe_dump([foreign]))
    assert ids(stage.run(dispositions=["AGENT_ERROR"]), "removed") == {BROKEN}
    assert len(obeys.orders) == 1
    assert yaml.safe_load(stage.config["admin-commands.yaml"]) == [foreign]


def test_an_order_that_the_manager_passes_over_is_a_failure_and_taken_back(stage: Stage) -> None:
    stage.is_of("v2.27.4")
    Obeys(stage, last_run=NOW + 7200)
    result = stage.run(dispositions=["AGENT_ERROR"], deadline=1)
    assert (ids(result, "failed_intercepts"), stage.left) == ({BROKEN}, {BROKEN, PLAIN, WEB})
    assert yaml.safe_load(stage.config["admin-commands.yaml"]) == []


def test_an_order_that_was_passed_over_is_given_again_with_a_later_time(stage: Stage) -> None:
    stage.is_of("v2.27.4")
    Obeys(stage, last_run=NOW + 1801.5)
    assert ids(stage.run(dispositions=["AGENT_ERROR"], deadline=1), "removed") == {BROKEN}


@pytest.mark.parametrize("text", ["{", "a: b", "text"])
def test_orders_that_cannot_be_read_are_left_as_they_are(stage: Stage, text: str) -> None:
    stage.is_of("v2.27.4")
    Obeys(stage).write(text)
    stage.manager.before_watch = lambda: None
    result = stage.run(dispositions=["AGENT_ERROR"], deadline=1)
    assert "Key admin-commands.yaml of ConfigMap manager-system/traffic-manager" in result["msg"]
    assert (stage.config["admin-commands.yaml"], stage.server.writes) == (text, [])


# Replaced containers -------------------------------------------------------------------------------------------------


def test_a_container_that_stays_replaced_is_told_of(stage: Stage) -> None:
    stage.load("replaced")
    result = stage.run(clients=["*"], deadline=1)
    said = {one["remark"] for one in result["removed"] if one["replace"]}
    assert len(said) == 1 and "A container of manager-shop/plain is still replaced, by pod plain-" in said.pop()
    assert {one["remark"] for one in result["removed"] if not one["replace"]} == {""}


def test_a_container_that_came_back_is_told_of(stage: Stage) -> None:
    stage.load("replaced")
    manager_drops = stage.manager.drop

    def drop(one: str) -> None:
        manager_drops(one)
        for pod in stage.server.store.all("Pod"):
            if pod["metadata"]["name"].startswith("plain-"):
                stage.server.store.remove("Pod", pod["metadata"]["name"], SHOP)
        stage.server.store.edit("ConfigMap", "telepresence-agents", SHOP, lambda config: config["data"].pop("plain", 0))

    stage.manager.drop = drop
    result = stage.run(clients=["*"])
    assert {one["remark"] for one in result["removed"] if one["replace"]} == {"The container that it replaced is back."}


# Rights --------------------------------------------------------------------------------------------------------------

EVERYWHERE = [
    *("namespaces", "pods", "deployments (apps)", "replicasets (apps)", "statefulsets (apps)"),
    *("configmaps named traffic-manager", "configmaps named telepresence-agents"),
]


@pytest.mark.parametrize("resource", EVERYWHERE)
def test_a_right_to_find_them_that_lacks_is_named(stage: Stage, resource: str) -> None:
    stage.server.deny("list", resource.split()[0])
    result = stage.run(clients=["*"])
    assert f"it may not list {resource}" in result["msg"].replace("; not ", ". it may not ")
    assert "in all namespaces" in result["msg"] and stage.manager.asked == []


@pytest.mark.parametrize(
    ("verb", "resource", "subresource", "version", "named"),
    [
        ("get", "pods", "portforward", "v2.20.2", "get pods/portforward"),
        ("get", "pods", "exec", "v2.20.2", "get pods/exec"),
        ("get", "configmaps", "", "v2.27.4", "get configmaps named traffic-manager"),
        ("update", "configmaps", "", "v2.27.4", "update configmaps named traffic-manager"),
    ],
)
def test_a_right_to_end_them_that_lacks_is_named_before_anything_is_asked(
    stage: Stage, verb: str, resource: str, subresource: str, version: str, named: str
) -> None:
    stage.is_of(version)
    stage.server.deny(verb, resource, subresource)
    result = stage.run(clients=["*"], min_age=60)
    assert f"it may not {named} in namespace {SYSTEM}. Grant them." in result["msg"]
    assert (result["failed"], stage.manager.asked, stage.looks) == (True, [], 0)


def test_rights_that_this_run_does_not_need_are_not_asked_for(stage: Stage) -> None:
    stage.server.deny("get", "pods", "exec")
    stage.server.deny("update", "configmaps")
    assert ids(stage.run(dispositions=["AGENT_ERROR"]), "removed") == {BROKEN}
    assert [request for request in stage.server.requests if request.status == 403] == []


@pytest.mark.parametrize("version", ["v2.20.2", "v2.27.4"])
def test_the_manifest_is_enough(stage: Stage, version: str) -> None:
    stage.is_of(version)
    Obeys(stage)
    allowed = grants(read("intercepts")[0])

    def authorize(access: Access) -> bool:
        resource = f"{access.resource}/{access.subresource}" if access.subresource else access.resource
        return any(one.covers(access.verb, access.group, resource, access.name) for one in allowed)

    stage.server.authorize = authorize
    assert ids(stage.run(min_age=60), "removed") == {BROKEN, PLAIN, WEB}
    assert [request for request in stage.server.requests if request.status == 403] == []


def test_the_manifest_grants_no_more_than_is_asked_for() -> None:
    wanted = [*rights.TO_FIND_INTERCEPTS, *rights.TO_REVOKE]
    for version in ("v1.34.4", "v1.35.0"):
        wanted += [*rights.to_ask(version), *rights.to_look(version)]
    asked = {
        Grant(one.verb, one.kind.group, "/".join(filter(None, (one.kind.plural, one.subresource))), one.name)
        for one in wanted
    }
    assert set(grants(read("intercepts")[0])) == asked | {Grant("get", "", "namespaces", "kube-system")}


def test_without_grpcio(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intercepts, "grpc", None)
    result = stage.run(clients=["*"])
    assert (result["changed"], stage.left) == (False, {BROKEN, PLAIN, WEB})
    assert "The Python library grpcio is missing from" in json.dumps(result["unknown"])
