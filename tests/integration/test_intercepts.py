"""telepresence_intercepts on a real traffic-manager 2.20.2, with clients that live and clients that are killed."""

from __future__ import annotations

import copy
import pathlib
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.modules import telepresence_intercepts

from tests.integration.conftest import kubeconfig_of
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl
from tests.lab.telepresence2.client import Client
from tests.lab.telepresence2.manager import TrafficManager
from tests.lab.telepresence2.shop import open_shop
from tests.rights import Grant, Manifest, grants, read, without
from wire.play import run_module

Result = dict[str, Any]
NAMESPACE, SHOP = "intercept", "intercept-shop"
ACCOUNTS = ("intercept-enough", "intercept-less")
LIVING, DEAD = "dev@laptop", "runner@ci-17"
HELD = {"namespaces": [NAMESPACE, SHOP], "deadline": 30}
OLD = 5
"""Seconds after which an intercept is old in these tests."""


@pytest.fixture(scope="module")
def manager() -> Iterator[TrafficManager]:
    """A traffic-manager on the second cluster, and workloads web and plain in its other namespace."""
    kubeconfig, contexts = clusters()
    manager = TrafficManager(Kubectl(contexts[1], NAMESPACE, kubeconfig), (SHOP,))
    manager.install()
    try:
        open_shop(Kubectl(contexts[1], SHOP, kubeconfig), "web", "plain", injected=["web"], numbered=["plain"])
        yield manager
    finally:
        manager.kubectl.run("delete", "clusterrole,clusterrolebinding", *ACCOUNTS, "--ignore-not-found")
        manager.remove()


@pytest.fixture
def living(manager: TrafficManager) -> Iterator[Client]:
    """A client that lives and intercepts web."""
    client = Client(manager, SHOP, "web", LIVING)
    yield client
    client.kill()


class Refused(Client):
    """A client whose intercept the agent turns away, so that it never prints an id."""

    def _start(self, what: str, command: list[str]) -> str:
        if what == "port-forward":
            return super()._start(what, command)
        self._processes.append(
            subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True)
        )
        return ""


def run(manager: TrafficManager, check: bool = False, **options: Any) -> Result:
    """What the module does in the namespaces of this test."""
    where = {"kubeconfig": str(manager.kubectl.kubeconfig), "context": manager.kubectl.context}
    result = run_module(telepresence_intercepts.main, {**where, **HELD, **options}, check=check)
    print(result)
    return result


def dead(manager: TrafficManager, *options: str) -> str:
    """The id of an intercept of plain whose client was killed."""
    client = Client(manager, SHOP, "plain", DEAD, *options)
    client.kill()
    return client.id


def ended_by_age(manager: TrafficManager, **options: Any) -> Result:
    """What a run did that ended an intercept by its age.

    Runs before it leave it alone for as long as the manager still changes it, as the pods of its workload come and go, or has a
    connection of a client that was killed, or of a pod that is no longer there.
    """
    for _attempt in range(30):
        result = run(manager, min_age=OLD, **options)
        if result["removed"]:
            break
        assert (result["changed"], result["unknown"]) == (False, [])
        time.sleep(2)
    return result


def ids(result: Result, key: str = "intercepts") -> set[str]:
    return {one["id"] for one in result[key]}


def test_of_a_dead_and_a_living_client_only_the_one_that_the_policy_names_loses_its_intercept(
    manager: TrafficManager, living: Client
) -> None:
    killed = dead(manager)
    time.sleep(OLD)
    # Whose connection it is does not show: the living client protects both.
    held = run(manager, min_age=OLD)
    assert (held["changed"], ids(held, "skipped_intercepts")) == (False, {living.id, killed})
    assert all("connected to that manager" in one["remark"] for one in held["skipped_intercepts"])

    planned = run(manager, check=True, clients=["runner@ci-*"])
    assert (ids(planned, "removed"), ids(planned)) == ({killed}, {living.id, killed})
    ended = run(manager, known_hosts=["laptop"])
    assert (ids(ended, "removed"), ended["diff"]) == ({killed}, planned["diff"])
    again = run(manager, known_hosts=["laptop"], clients=["runner@ci-*"])
    assert (again["changed"], ids(again)) == (False, {living.id})

    # And when the policy names it, the living client loses it too.
    assert ids(run(manager, clients=[LIVING]), "removed") == {living.id}
    assert ids(run(manager, clients=[LIVING])) == set()


def test_age_ends_it_when_nobody_is_connected(manager: TrafficManager) -> None:
    killed = dead(manager)
    young = run(manager, min_age=3600)
    assert (young["changed"], young["skipped_intercepts"], ids(young)) == (False, [], {killed})
    time.sleep(OLD)
    ended = ended_by_age(manager)
    (one,) = ended["removed"]
    assert (one["id"], one["outcome"]) == (killed, "removed")
    assert "and no client is connected to that manager." in one["reasons"][0]
    assert (run(manager, min_age=OLD)["changed"], ended["unknown"]) == (False, [])


def test_age_ends_it_by_force_while_somebody_is_connected(manager: TrafficManager, living: Client) -> None:
    time.sleep(OLD)
    assert ids(run(manager, min_age=OLD), "skipped_intercepts") == {living.id}
    assert ids(run(manager, min_age=OLD, force=True), "removed") == {living.id}


def test_an_agent_error_is_ended_and_the_intercept_that_it_lost_to_stays(
    manager: TrafficManager, living: Client
) -> None:
    """The agent turns a second intercept of the same port away, and tells why."""
    second = Refused(manager, SHOP, "web", DEAD)
    try:
        named = run(manager, check=True, dispositions=["AGENT_ERROR"])
        for _attempt in range(60):
            if named["removed"]:
                break
            time.sleep(0.5)
            named = run(manager, check=True, dispositions=["AGENT_ERROR"])
        assert [(one["client"], one["disposition"]) for one in named["removed"]] == [(DEAD, "AGENT_ERROR")]
    finally:
        second.kill()
    assert ids(run(manager, dispositions=["AGENT_ERROR"]), "removed") == ids(named, "removed")
    assert ids(run(manager, dispositions=["AGENT_ERROR"])) == {living.id}
    assert ids(run(manager, clients=["*"]), "removed") == {living.id}


def test_the_container_that_an_intercept_replaced_comes_back(manager: TrafficManager) -> None:
    killed = dead(manager, "-replace")
    ended = run(manager, clients=[DEAD], deadline=60)
    (one,) = ended["removed"]
    assert (one["id"], one["replace"], one["remark"]) == (killed, True, "The container that it replaced is back.")


def account(manager: TrafficManager, name: str, role: Manifest, path: pathlib.Path) -> dict[str, Any]:
    """The connection options of a ServiceAccount with these rights."""
    role, binding = copy.deepcopy((role, read("intercepts")[1]))
    role["metadata"]["name"] = binding["metadata"]["name"] = binding["roleRef"]["name"] = name
    binding["subjects"] = [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE}]
    manager.kubectl.run("create", "serviceaccount", name)
    for obj in (role, binding):
        manager.kubectl.run("apply", "--filename=-", stdin=obj)
    variables = kubeconfig_of(manager.kubectl, manager.kubectl.run("create", "token", name).strip(), path)
    return {"kubeconfig": variables["telepresence_kubeconfig"], "context": variables["telepresence_context"]}


def test_the_manifest_is_enough_and_what_lacks_is_named(manager: TrafficManager, tmp_path: pathlib.Path) -> None:
    killed = dead(manager)
    role = read("intercepts")[0]
    less = without(without(role, Grant("get", "", "pods/exec")), Grant("get", "", "pods/portforward"))
    assert len(grants(less)) == len(grants(role)) - 2
    time.sleep(OLD)
    refused = run(manager, min_age=OLD, **account(manager, ACCOUNTS[1], less, tmp_path / "less"))
    assert (
        f"it may not get pods/portforward in namespace {NAMESPACE}; not get pods/exec in namespace {NAMESPACE}."
        in refused["msg"]
    )
    ended = ended_by_age(manager, **account(manager, ACCOUNTS[0], role, tmp_path / "enough"))
    assert ids(ended, "removed") == {killed}
