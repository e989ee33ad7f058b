"""DeploymentConfigs that a client changed in place: put back by a PUT, rolled out by OpenShift's client."""

from __future__ import annotations

import copy
import json
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from wire import status, store
from wire.kinds import KINDS, OPENSHIFT
from wire.request import Request
from wire.script import FOREVER, Fault, Reset, on
from wire.server import TOKEN, ApiServer
from wire.store import Obj, timestamp

from .cluster import Cluster, Result, only
from .fake_time import FakeTime

SID = "9bdd4ff98a184820b2d4027b00a9af39"
POD = "web-4-x7k2p"
AGE = 4000.0
PUT = "PUT deploymentconfigs/web 3"
STAND_IN = pathlib.Path(__file__).parents[2] / "oc_stand_in.py"
GET, LATEST, STATUS = ["get", "deploymentconfigs/web"], ["rollout", "latest", "dc/web"], ["rollout", "status", "dc/web"]
replacing = on("update", "deploymentconfigs")


@pytest.fixture
def server(clock: FakeTime) -> Iterator[ApiServer]:
    """A running fake cluster of OpenShift."""
    with ApiServer((*KINDS, *OPENSHIFT), clock=clock.time) as running:
        yield running


class Oc:
    """The stand-in for ``oc`` as a program, and what it was called for."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.path = directory / "oc"
        self.path.write_text(f'#!/bin/sh\nexec {sys.executable} {STAND_IN} "$@"\n')
        self.path.chmod(0o755)
        self._log = directory / "oc.log"
        self._log.touch()
        self.env = {"OC_STAND_IN_LOG": str(self._log)}

    def fails(self, command: str, message: str) -> None:
        """From now on a command fails, and says so."""
        self.env["OC_STAND_IN_FAILS"] = f"{command}: {message}"

    @property
    def calls(self) -> list[dict[str, Any]]:
        """All calls so far."""
        return [json.loads(line) for line in self._log.read_text().splitlines()]

    @property
    def commands(self) -> list[list[str]]:
        """Their words."""
        return [call["words"] for call in self.calls]


@pytest.fixture
def program(tmp_path: pathlib.Path) -> Oc:
    """The stand-in."""
    return Oc(tmp_path)


def recover(cluster: Cluster, program: Oc, check: bool = False, **options: Any) -> Result:
    """Runs the restore with the stand-in."""
    return cluster.run(check=check, env=program.env, **{"oc_binary": str(program.path), **options})


def _config(labels: dict[str, str], container: Obj, replicas: int, triggers: list[Obj]) -> Obj:
    return {
        "apiVersion": "apps.openshift.io/v1",
        "kind": "DeploymentConfig",
        "metadata": {
            "name": "web",
            "namespace": "default",
            "uid": "8a9f9c9e-0001-4000-8000-000000000001",
            "labels": labels,
        },
        "spec": {
            "replicas": replicas,
            "selector": {"app": "web"},
            "triggers": triggers,
            "strategy": {"type": "Rolling"},
            "template": {"metadata": {"labels": {"app": "web", **labels}}, "spec": {"containers": [container]}},
        },
    }


APP = {"name": "c", "image": "registry.example/shop/web:7"}
PROXY = {
    "name": "c",
    "image": "datawire/telepresence-ocp:0.105",
    "env": [{"name": "TELEPRESENCE_CONTAINER_NAMESPACE", "value": "default"}],
}
ORIGINAL = _config({}, APP, 3, [{"type": "ConfigChange"}])
CHANGED = _config({"telepresence": SID}, PROXY, 1, [])


def _rollout(config: Obj, version: int, replicas: int, created: str) -> Obj:
    owner = {
        "apiVersion": config["apiVersion"],
        "kind": config["kind"],
        "name": "web",
        "uid": config["metadata"]["uid"],
    }
    return {
        "apiVersion": "v1",
        "kind": "ReplicationController",
        "metadata": {
            "name": f"web-{version}",
            "namespace": "default",
            "creationTimestamp": created,
            "labels": config["metadata"]["labels"],
            "annotations": {
                "openshift.io/deployment.phase": "Complete",
                "openshift.io/encoded-deployment-config": json.dumps(config),
            },
            "ownerReferences": [{**owner, "controller": True}],
        },
        "spec": {"replicas": replicas, "template": config["spec"]["template"]},
    }


def swap(cluster: Cluster, state: str = "gone") -> None:
    """What a client of 0.105 leaves, with its client in a recorded state."""
    config = copy.deepcopy(CHANGED)
    config["metadata"]["generation"] = 5
    config["status"] = {"latestVersion": 4, "replicas": 1, "observedGeneration": 5}
    swapped = timestamp(cluster.clock.time() - AGE)
    controllers = [_rollout(ORIGINAL, 3, 0, "2026-11-01T00:00:00Z"), _rollout(CHANGED, 4, 1, swapped)]
    cluster.store.load(config, *controllers)
    name = cluster.proxy(SID, AGE)
    pod = cluster.store.get("Pod", name, "default")
    cluster.store.remove("Pod", name, "default")
    assert pod is not None
    controller = cluster.store.get("ReplicationController", "web-4", "default")
    assert controller is not None
    owner = {"apiVersion": "v1", "kind": "ReplicationController", "name": "web-4", "uid": controller["metadata"]["uid"]}
    pod["metadata"] = {
        **{key: pod["metadata"][key] for key in ("namespace", "creationTimestamp", "labels")},
        "name": POD,
        "ownerReferences": [{**owner, "controller": True}],
    }
    cluster.store.load(pod)
    cluster.client(POD, state)


def config_of(cluster: Cluster) -> Obj:
    """The DeploymentConfig as it is."""
    found = cluster.store.get("DeploymentConfig", "web", "default")
    assert found is not None
    return found


def rolled_out(cluster: Cluster) -> None:
    """OpenShift has rolled the DeploymentConfig out."""
    controller = _rollout(ORIGINAL, 5, 3, timestamp(cluster.clock.time()))
    cluster.store.load(controller)
    cluster.store.edit("DeploymentConfig", "web", "default", lambda web: web["status"].update(latestVersion=5))
    cluster.store.edit("ReplicationController", "web-4", "default", lambda old: old["spec"].update(replicas=0))
    cluster.store.remove("Pod", POD, "default")


def test_the_definition_comes_back_and_is_rolled_out(cluster: Cluster, program: Oc) -> None:
    swap(cluster)
    result = recover(cluster, program)
    record = only(result)
    assert (record["mode"], record["verdict"], record["outcome"]) == ("swap_in_place", "stale", "restored")
    assert (record["original"]["kind"], record["original"]["matched_by"], record["replicas"]) == (
        "DeploymentConfig",
        "uid",
        3,
    )
    assert cluster.writes == [PUT]
    now = config_of(cluster)
    assert now["spec"] == ORIGINAL["spec"] and now["metadata"]["labels"] == {}
    assert [(action["action"], action["done"]) for action in record["plan"]] == [("rollback", True), ("rollout", True)]
    assert result["diff"]["after"] == {
        "DeploymentConfig default/web": {
            "session": None,
            "replicas": 3,
            "images": [APP["image"]],
            "triggers": ["ConfigChange"],
        }
    }
    (event,) = cluster.events
    assert event["involvedObject"]["kind"] == "DeploymentConfig"
    assert event["message"].startswith(
        "Given back what ReplicationController default/web-3 kept of it, and scaled from 1"
    )
    rolled_out(cluster)
    again = recover(cluster, program)
    assert (again["changed"], again["sessions"], cluster.writes) == (False, [], [])


def test_a_manager_that_is_to_be_reported_is_not_overruled_here_either(cluster: Cluster, program: Oc) -> None:
    swap(cluster)
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    cluster.store.edit("DeploymentConfig", "web", "default", lambda web: web["metadata"]["labels"].update(labels))
    record = only(recover(cluster, program, managers={"helm": "report"}))
    assert (record["outcome"], cluster.writes) == ("needs_decision", [])
    told = recover(cluster, program, managers={"helm": "report"}, replicas={"default/web": 2})
    assert only(told)["outcome"] == "restored"
    assert told["notices"] == []


def test_oc_is_asked_before_anything_is_written_and_has_the_credentials_of_the_run(
    cluster: Cluster, program: Oc
) -> None:
    swap(cluster)
    recover(cluster, program)
    assert program.commands == [GET, LATEST]
    assert {call["namespace"] for call in program.calls} == {"default"}
    assert program.calls[0]["user"] == {"token": TOKEN}
    asked = [request.method for request in cluster.seen(resource="deploymentconfigs") if request.access.name]
    assert asked == ["GET", "PUT", "GET"]


def test_waiting_is_for_the_rollout_and_for_its_pods(cluster: Cluster, program: Oc) -> None:
    swap(cluster)
    assert only(recover(cluster, program, wait=True, wait_timeout=20))["outcome"] == "restored"
    assert program.commands == [GET, LATEST, STATUS]


def test_a_rollout_that_does_not_come_to_an_end_is_told(cluster: Cluster, program: Oc) -> None:
    swap(cluster)
    program.fails("status", "replication controller web-5 has failed progressing")
    result = recover(cluster, program, wait=True, wait_timeout=20)
    assert only(result)["outcome"] == "failed"
    assert "has what ReplicationController default/web-3 kept of it, and 3 replicas" in only(result)["message"]
    assert "replication controller web-5 has failed progressing" in only(result)["message"]


def test_pods_that_do_not_become_ready_are_told(cluster: Cluster, program: Oc) -> None:
    swap(cluster)
    cluster.store.controller = store.never_ready
    result = recover(cluster, program, wait=True, wait_timeout=20)
    assert "only 0 of 3 replicas are ready after 20 s" in only(result)["message"]


def test_check_mode_writes_nothing_and_calls_nothing(cluster: Cluster, program: Oc) -> None:
    swap(cluster)
    result = recover(cluster, program, check=True)
    assert (only(result)["outcome"], result["changed"], program.calls) == ("restorable", True, [])
    assert result["diff"]["before"]["DeploymentConfig default/web"]["session"] == SID


@pytest.mark.parametrize("state", ["alive", "suspended", "clientless"])
def test_a_client_that_may_be_there_is_left_alone(cluster: Cluster, program: Oc, state: str) -> None:
    swap(cluster, state)
    result = recover(cluster, program)
    assert (only(result)["verdict"], only(result)["outcome"]) == (state, "none")
    assert (cluster.writes, program.calls) == ([], [])


# Without the means


@pytest.mark.parametrize("module", ["orphans", "restore"])
def test_without_the_program_nothing_is_changed(cluster: Cluster, module: str) -> None:
    swap(cluster)
    result = cluster.run(module, oc_binary="/nowhere/oc")
    assert (only(result)["outcome"], cluster.writes) == ("needs_decision", [])
    assert "There is no program /nowhere/oc" in only(result)["message"] and "oc_binary" in only(result)["message"]


def test_without_the_library_nothing_is_changed(cluster: Cluster, program: Oc, monkeypatch: pytest.MonkeyPatch) -> None:
    swap(cluster)
    monkeypatch.setitem(sys.modules, "openshift_client", None)
    result = recover(cluster, program)
    assert (only(result)["outcome"], cluster.writes) == ("needs_decision", [])
    assert "library openshift-client is missing" in only(result)["message"]


def test_a_program_that_does_not_reach_the_cluster_stops_it_before_anything_is_written(
    cluster: Cluster, program: Oc
) -> None:
    swap(cluster)
    program.fails("get", "x509: certificate signed by unknown authority")
    result = recover(cluster, program)
    assert (only(result)["outcome"], cluster.writes, program.commands) == ("failed", [], [GET])
    assert "x509: certificate signed by unknown authority. Nothing was changed." in only(result)["message"]


def test_other_sessions_need_no_program(cluster: Cluster) -> None:
    cluster.stage()
    assert only(cluster.run(oc_binary="/nowhere/oc"))["outcome"] == "restored"


# On the way

FAULTS: dict[str, Fault] = {
    "reset after the server acted": Reset(acts=True),
    "reset before": Reset(),
    "503": status.unavailable(),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_put_whose_answer_does_not_come_is_looked_into(cluster: Cluster, program: Oc, fault: str) -> None:
    swap(cluster)
    cluster.server.script(replacing, FAULTS[fault])
    result = recover(cluster, program)
    assert cluster.writes == [PUT, PUT]
    assert (only(result)["outcome"], program.commands[-1]) == ("restored", LATEST)
    assert [(action["action"], action["done"]) for action in only(result)["plan"]] == [
        ("rollback", True),
        ("rollout", True),
    ]


def test_a_config_that_changed_meanwhile_is_observed_again(cluster: Cluster, program: Oc) -> None:
    swap(cluster)

    def somebody(_request: Request) -> None:
        cluster.store.edit(
            "DeploymentConfig", "web", "default", lambda web: web["metadata"].update(annotations={"a": "b"})
        )

    cluster.server.script(replacing, somebody)
    result = recover(cluster, program)
    assert (cluster.writes, only(result)["outcome"]) == ([PUT, PUT], "restored")
    assert config_of(cluster)["metadata"]["annotations"] == {"a": "b"}


def test_a_put_that_keeps_failing_changes_nothing(cluster: Cluster, program: Oc) -> None:
    swap(cluster)
    cluster.server.script(replacing, status.internal_error("etcdserver: no leader"), times=FOREVER)
    result = recover(cluster, program)
    assert only(result)["outcome"] == "failed" and LATEST not in program.commands
    assert config_of(cluster)["metadata"]["labels"] == {"telepresence": SID}


def test_what_was_left_without_its_rollout_is_finished_by_the_next_run(cluster: Cluster, program: Oc) -> None:
    swap(cluster)
    program.fails("latest", "Unauthorized")
    result = recover(cluster, program)
    assert (only(result)["outcome"], cluster.writes) == ("failed", [PUT])
    assert "Unauthorized" in only(result)["message"] and "has what" in only(result)["message"]
    del program.env["OC_STAND_IN_FAILS"]
    calls = len(program.calls)
    result = recover(cluster, program)
    assert (only(result)["outcome"], cluster.writes, program.commands[calls:]) == ("restored", [], [LATEST])
    assert [action["action"] for action in only(result)["plan"]] == ["rollout"]


def test_each_step_is_noted_before_it_is_made(cluster: Cluster, program: Oc, tmp_path: pathlib.Path) -> None:
    swap(cluster)
    program.fails("latest", "Unauthorized")
    journal = tmp_path / "recover.json.part"
    recover(cluster, program, journal=str(journal))
    notes = [json.loads(line) for line in journal.read_text().splitlines() if line.strip()]
    assert [(note["action"], note.get("kind"), note.get("count")) for note in notes][:2] == [
        ("rollback", "DeploymentConfig", 3),
        ("rollout", "DeploymentConfig", None),
    ]
    rolled_out(cluster)
    said = cluster.run(journal=str(journal), oc_binary=str(program.path))["notices"]
    assert "give DeploymentConfig default/web its definition back, with 3 replicas" in said[0]
    assert "roll DeploymentConfig default/web out" in said[0]


@pytest.mark.parametrize(("number", "restored"), [(4, False), (5, True)])
def test_a_rollout_under_way_is_as_good_if_it_is_a_newer_one(
    cluster: Cluster, program: Oc, number: int, restored: bool
) -> None:
    """The triggers that came back may have begun it already."""
    swap(cluster)
    program.fails("latest", f"#{number} is already in progress (Running).")
    result = recover(cluster, program)
    assert only(result)["outcome"] == ("restored" if restored else "failed")


# A ReplicationController that a client changed itself


def test_a_changed_controller_is_reported_with_what_to_do(cluster: Cluster, program: Oc) -> None:
    swap(cluster)
    cluster.store.edit(
        "DeploymentConfig",
        "web",
        "default",
        lambda web: web.update(
            copy.deepcopy(ORIGINAL) | {"status": {"latestVersion": 4}, "metadata": {**web["metadata"], "labels": {}}}
        ),
    )
    cluster.store.edit(
        "ReplicationController",
        "web-4",
        "default",
        lambda one: one["metadata"]["annotations"].update(
            {"openshift.io/encoded-deployment-config": json.dumps(ORIGINAL)}
        ),
    )
    result = recover(cluster, program)
    assert (only(result)["outcome"], only(result)["plan"], cluster.writes, program.calls) == (
        "needs_decision",
        [],
        [],
        [],
    )
    assert only(result)["proxy"]["kind"] == "ReplicationController"
    assert "oc rollout latest dc/web -n default" in only(result)["message"]
