"""Every state in which a session can be left, recovered through ansible-playbook as a user calls it."""

from __future__ import annotations

import pathlib
import re
import time
from typing import Any

import pytest

from tests import monitoring
from tests.integration.conftest import Place, Stage
from tests.lab.scenes import SCENES, STARTING, Scene, broken_claims
from tests.lab.telepresence1.kubectl import Kubectl

ALL = (*SCENES, STARTING)


@pytest.fixture(scope="module", params=["checkout", "installed"])
def where(request: pytest.FixtureRequest) -> str:
    """From where Ansible is run."""
    return str(request.param)


@pytest.fixture(scope="module")
def place(where: str, request: pytest.FixtureRequest) -> Place:
    """The place of that name."""
    place: Place = request.getfixturevalue(where)
    return place


@pytest.fixture(scope="module")
def stage(where: str, stages: dict[str, Stage]) -> Stage:
    """The scenes for that place, with orphans that have been so for a while and a session that is just starting."""
    time.sleep(45)
    stages[where].add_starting()
    return stages[where]


def versions(stage: Stage) -> set[tuple[str, ...]]:
    """Every object of the stage with its version: equal before and after where nothing was written."""
    found: set[tuple[str, ...]] = set()
    for kubectl in stage.kubectls:
        for item in kubectl.get("deployments,pods,services,events")["items"]:
            meta = item["metadata"]
            found.add((kubectl.context, item["kind"], meta["name"], meta["uid"], meta["resourceVersion"]))
    return found


def of_scene(sessions: list[dict[str, Any]], stage: Stage, kubectl: Kubectl, scene: Scene) -> list[dict[str, Any]]:
    """The records of a scene's sessions, in its order."""
    by_id = {one["session_id"]: one for one in sessions}
    return [by_id[session.session_id] for session in stage.of(kubectl, scene)]


# The tests of this module are one story, in this order.


def test_orphans_reports_every_session_and_writes_nothing(place: Place, stage: Stage, inventory: pathlib.Path) -> None:
    before = versions(stage)
    ran = place.play("orphans", inventory, recover_namespaces=[stage.namespace])
    assert ran.code == 0
    for kubectl in stage.kubectls:
        result = ran.report[kubectl.context]
        for scene in ALL:
            records = of_scene(result["sessions"], stage, kubectl, scene)
            assert tuple(one["verdict"] for one in records) == scene.verdicts, scene.name
            would = tuple("restorable" if outcome == "restored" else outcome for outcome in scene.outcomes)
            assert tuple(one["outcome"] for one in records) == would, scene.name
        assert len(result["sessions"]) == sum(len(scene.swaps) for scene in ALL)
    assert versions(stage) == before


def test_check_mode_tells_what_it_would_do_and_writes_nothing(
    place: Place, stage: Stage, inventory: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    before = versions(stage)
    metrics, where = str(tmp_path / "telepresence.prom"), [stage.namespace]
    ran = place.play("recover", inventory, "--check", "--diff", recover_namespaces=where, recover_metrics=metrics)
    assert ran.code == 0
    assert list(tmp_path.iterdir()) == []
    assert all(result["changed"] for result in ran.report.values())
    assert len(re.findall(r"^\+ +\"?replicas\"?: 3", ran.output, re.MULTILINE)) == len(stage.kubectls)
    assert versions(stage) == before


def test_recover_puts_back_what_is_orphaned_and_nothing_else(
    place: Place, stage: Stage, inventory: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    metrics = tmp_path / "telepresence.prom"
    ran = place.play("recover", inventory, recover_namespaces=[stage.namespace], recover_metrics=str(metrics))
    assert ran.code == 0
    for kubectl in stage.kubectls:
        sessions = ran.report[kubectl.context]["sessions"]
        for scene in ALL:
            outcomes = tuple(one["outcome"] for one in of_scene(sessions, stage, kubectl, scene))
            assert outcomes == scene.outcomes, scene.name
            assert broken_claims(kubectl, scene, stage.of(kubectl, scene)) == []
    written = metrics.read_text()
    assert monitoring.told("check", "metrics", given=written) == ""
    restored = sum(scene.outcomes.count("restored") for scene in ALL)
    for kubectl in stage.kubectls:
        assert f'telepresence_outcomes{{cluster="{kubectl.context}",outcome="restored"}} {restored}\n' in written
    assert list(tmp_path.iterdir()) == [metrics]


def test_a_second_run_changes_nothing(place: Place, stage: Stage, inventory: pathlib.Path) -> None:
    for options in ((), ("--check",)):
        ran = place.play("recover", inventory, *options, recover_namespaces=[stage.namespace])
        assert ran.code == 0
        assert [result["changed"] for result in ran.report.values()] == [False, False]
    ran = place.play("orphans", inventory, "--check", recover_namespaces=[stage.namespace])
    assert ran.code == 0


def test_a_suspended_client_answers_when_it_goes_on(stage: Stage) -> None:
    for kubectl in stage.kubectls:
        (session,) = stage.of(kubectl, next(scene for scene in SCENES if scene.name == "stock"))
        session.resume_client()
        assert session.client_answers()
