"""DeploymentConfigs on a real cluster, with stand-ins for OpenShift's controllers (tests/lab/openshift.py) and for oc."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.integration.conftest import Place, Ran
from tests.lab import openshift
from tests.lab.paths import ROOT
from tests.lab.scenes import APP_IMAGE, clear
from tests.lab.swap import plant
from tests.lab.target import clusters
from tests.lab.telepresence1.client import wait_for
from tests.lab.telepresence1.kubectl import Kubectl
from tests.lab.telepresence1.session import Session

pytestmark = pytest.mark.alone
NAMESPACE = "kinds-openshift"
LABEL = "--selector=telepresence"

# By DeploymentConfig: the mode and the state of its client.
SWAPS = {"web": ("pod", "gone"), "cart": ("in-place", "gone"), "users": ("in-place", "alive")}


@dataclasses.dataclass
class Stage:
    """The namespace, the DeploymentConfigs as they were before they were swapped, and the sessions on them."""

    kubectl: Kubectl
    before: dict[str, dict[str, Any]]
    sessions: dict[str, Session]

    def config(self, name: str) -> dict[str, Any]:
        """A DeploymentConfig as it is."""
        return self.kubectl.get(openshift.RESOURCE, name)

    def images(self, name: str) -> set[str]:
        """The images that run for a DeploymentConfig."""
        pods = self.kubectl.get("pods", f"--selector=deploymentconfig={name}")["items"]
        return {
            container["image"]
            for pod in pods
            if not pod["metadata"].get("deletionTimestamp")
            for container in pod["spec"]["containers"]
        }


def ready(kubectl: Kubectl, name: str, replicas: int) -> bool:
    """Whether a DeploymentConfig has so many ready replicas and nothing under way."""
    found = kubectl.get(openshift.RESOURCE, name)
    status = found.get("status", {})
    return bool(
        status.get("rolledOut") == status.get("latestVersion", 0)
        and status.get("readyReplicas") == replicas
        and status.get("observedGeneration") == found["metadata"]["generation"]
    )


def wait_until_ready(kubectl: Kubectl, name: str, replicas: int) -> None:
    """Waits for that, three minutes at most."""
    wait_for(lambda: ready(kubectl, name, replicas), f"a DeploymentConfig {name} with {replicas} ready replicas", 180)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """The second cluster as an OpenShift for a while: its kinds are there, and in one namespace they live."""
    kubeconfig, contexts = clusters()
    kubectl = Kubectl(contexts[1], NAMESPACE, kubeconfig)
    clear(kubectl)
    kubectl.run("delete", "namespace", NAMESPACE, "--ignore-not-found")
    kubectl.run("apply", "--filename=-", stdin=openshift.definition())
    try:
        kubectl.run("wait", "--for=condition=Established", f"customresourcedefinition/{openshift.RESOURCE}")
        kubectl.run("create", "namespace", NAMESPACE)
        with openshift.Controllers(kubectl):
            configs = [openshift.config(name, 2, APP_IMAGE) for name in SWAPS]
            kubectl.run("apply", "--filename=-", stdin={"apiVersion": "v1", "kind": "List", "items": configs})
            for name in SWAPS:
                wait_until_ready(kubectl, name, 2)
            kubectl.run("scale", openshift.RESOURCE, "web", "--replicas=3")
            wait_until_ready(kubectl, "web", 3)
            before = {name: kubectl.get(openshift.RESOURCE, name) for name in SWAPS}
            with ThreadPoolExecutor(len(SWAPS)) as pool:
                planted = pool.map(lambda name: plant(kubectl, name, *SWAPS[name], kind=openshift.RESOURCE), SWAPS)
                sessions = dict(zip(SWAPS, planted, strict=True))
            time.sleep(45)
            yield Stage(kubectl, before, sessions)
    finally:
        clear(kubectl)
        kubectl.run("delete", "customresourcedefinition", openshift.RESOURCE, "--ignore-not-found")


@dataclasses.dataclass(frozen=True)
class Oc:
    """The stand-in for oc as a program, and what it was called for."""

    path: pathlib.Path
    log: pathlib.Path

    @property
    def commands(self) -> list[list[str]]:
        """The words of all calls so far."""
        return [json.loads(line)["words"] for line in self.log.read_text().splitlines()]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Oc:
    """The stand-in."""
    directory = tmp_path_factory.mktemp("oc")
    made = Oc(directory / "oc", directory / "log")
    made.path.write_text(f'#!/bin/sh\nexec {sys.executable} {ROOT / "tests" / "oc_stand_in.py"} "$@"\n')
    made.path.chmod(0o755)
    made.log.touch()
    return made


@pytest.fixture(scope="module")
def place(checkout: Place, program: Oc) -> Place:
    """The checkout, where the stand-in does what oc is for."""
    environment = {"OC_STAND_IN_LOG": str(program.log), "OC_STAND_IN_ACTS": "1"}
    return dataclasses.replace(checkout, environment={**checkout.environment, **environment})


def play(place: Place, inventory: pathlib.Path, stage: Stage, playbook: str, *options: str, **variables: Any) -> Ran:
    """Runs a playbook on that cluster and namespace alone."""
    limit = ("--limit", stage.kubectl.context)
    return place.play(playbook, inventory, *limit, *options, recover_namespaces=[NAMESPACE], **variables)


def records(ran: Ran, stage: Stage) -> dict[str, dict[str, Any]]:
    """The records of a run, by the name of the DeploymentConfig."""
    by_id = {one["session_id"]: one for one in ran.report[stage.kubectl.context]["sessions"]}
    return {name: by_id[session.session_id] for name, session in stage.sessions.items() if session.session_id in by_id}


def versions(stage: Stage) -> set[tuple[str, ...]]:
    """Every object with its version, but for the status that the stand-in of OpenShift writes."""
    items = stage.kubectl.get("replicationcontrollers,pods,services")["items"]
    found = {(one["kind"], one["metadata"]["uid"], one["metadata"]["resourceVersion"]) for one in items}
    return found | {(name, str(stage.config(name)["metadata"]["generation"])) for name in SWAPS}


# The tests of this module are one story, in this order.


def test_orphans_tells_of_each_and_writes_nothing(
    place: Place, inventory: pathlib.Path, stage: Stage, program: Oc
) -> None:
    before = versions(stage)
    ran = play(place, inventory, stage, "orphans", recover_oc_binary=str(program.path))
    found = records(ran, stage)
    assert {name: (one["mode"], one["verdict"], one["outcome"], one["replicas"]) for name, one in found.items()} == {
        "web": ("swap_pod", "stale", "restorable", 3),
        "cart": ("swap_in_place", "stale", "restorable", 2),
        "users": ("swap_in_place", "alive", "none", None),
    }
    assert {one["original"]["kind"] for one in found.values()} == {"DeploymentConfig"}
    evidence = [(one["source"], one["class"], one["value"]) for one in found["web"]["evidence"]]
    assert evidence == [("scaling_event", "swap", 3), ("last_applied", "declared", 2), ("rollout", "historic", 2)]
    assert (ran.code, versions(stage), program.commands) == (0, before, [])


def test_without_oc_nothing_is_changed(place: Place, inventory: pathlib.Path, stage: Stage) -> None:
    before = versions(stage)
    ran = play(
        place, inventory, stage, "recover", recover_workload=f"{NAMESPACE}/cart", recover_oc_binary="/nowhere/oc"
    )
    (record,) = ran.report[stage.kubectl.context]["sessions"]
    assert (ran.code, record["outcome"]) == (2, "needs_decision")
    assert "There is no program /nowhere/oc" in record["message"]
    assert versions(stage) == before


def test_check_mode_writes_nothing(place: Place, inventory: pathlib.Path, stage: Stage, program: Oc) -> None:
    before = versions(stage)
    ran = play(place, inventory, stage, "recover", "--check", "--diff", recover_oc_binary=str(program.path))
    assert (ran.code, ran.report[stage.kubectl.context]["changed"]) == (0, True)
    assert (versions(stage), program.commands) == (before, [])


def test_recover_puts_back_what_is_orphaned(place: Place, inventory: pathlib.Path, stage: Stage, program: Oc) -> None:
    ran = play(place, inventory, stage, "recover", recover_oc_binary=str(program.path))
    outcomes = {name: one["outcome"] for name, one in records(ran, stage).items()}
    assert (ran.code, outcomes) == (0, {"web": "restored", "cart": "restored", "users": "none"})
    assert program.commands == [
        ["get", "deploymentconfigs/cart"],
        ["rollout", "latest", "dc/cart"],
        ["rollout", "status", "dc/cart"],
    ]
    assert ready(stage.kubectl, "web", 3) and ready(stage.kubectl, "cart", 2)
    for name in ("web", "cart"):
        assert stage.config(name)["spec"] == stage.before[name]["spec"]
        assert stage.config(name)["metadata"]["labels"] == {"app": name}
        assert stage.images(name) == {APP_IMAGE}


def test_the_living_session_is_as_it_was(stage: Stage) -> None:
    session = stage.sessions["users"]
    assert session.client_answers()
    assert stage.config("users")["metadata"]["labels"]["telepresence"] == session.session_id


def test_a_second_run_changes_nothing(place: Place, inventory: pathlib.Path, stage: Stage, program: Oc) -> None:
    calls = len(program.commands)
    ran = play(place, inventory, stage, "recover", recover_oc_binary=str(program.path))
    assert (ran.code, ran.report[stage.kubectl.context]["changed"], len(program.commands)) == (0, False, calls)
    assert list(records(ran, stage)) == ["users"]
