"""Recoveries that meet others, and recoveries that are interrupted, through ansible-playbook on a real cluster."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import PATIENTLY, TOOLS, Place
from tests.lab.paths import ROOT
from tests.lab.scenes import Scene, broken_claims, clear, play, set_up
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl
from tests.lab.telepresence1.session import Session

TWO = Scene("cart", 2, (("pod", "gone"),), ("stale",), ("restored",), after=2)
OTHER = Scene("mail", 1, (("deployment", "gone"),), ("stale",), ("restored",), after=1)
KILLED = Scene("orders", 2, (("pod", "gone"),), ("stale",), ("restored",), after=2)
STOPPED = Scene("search", 1, (("pod", "gone"),), ("stale",), ("restored",), after=1)
SCENES = (TWO, OTHER, KILLED, STOPPED)
PROMPTLY = 20.0
"""Seconds; ansible-playbook itself takes most of them to end."""


@pytest.fixture(scope="module")
def kubectl() -> Iterator[Kubectl]:
    """A namespace on the first cluster with the orphans of all scenes."""
    kubeconfig, contexts = clusters()
    kubectl = Kubectl(contexts[0], "writing-races", kubeconfig)
    set_up([kubectl], SCENES)
    yield kubectl
    clear(kubectl)


@pytest.fixture(scope="module")
def sessions(kubectl: Kubectl) -> dict[str, list[Session]]:
    """The sessions by workload."""
    planted = play([(kubectl, scene) for scene in SCENES])
    return {name: sessions for (_context, _namespace, name), sessions in planted.items()}


def started(kubectl: Kubectl, inventory: pathlib.Path, reports: pathlib.Path, scenes: tuple[Scene, ...]) -> Any:
    """ansible-playbook at work on the originals of some scenes."""
    names = " || ".join(f"original.name == '{scene.name}'" for scene in scenes)
    extra = {
        "recover_report_dir": str(reports),
        "recover_namespaces": [kubectl.namespace],
        "recover_select": names,
        **PATIENTLY,
    }
    command = [str(TOOLS / "ansible-playbook"), "recover.yml", "-i", str(inventory), "--limit", kubectl.context]
    environment = {**os.environ, "PATH": f"{TOOLS}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1"}
    return subprocess.Popen(
        [*command, "-e", json.dumps(extra)],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def tree(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def noted(run: Any, journal: pathlib.Path) -> None:
    """Waits until a run has noted its first write."""
    while not journal.exists() or '"scale"' not in journal.read_text():
        assert run.poll() is None, f"the run noted nothing: {run.communicate()[0]}"
        time.sleep(0.002)


def test_two_recoveries_at_once_reach_what_one_alone_would(
    kubectl: Kubectl, sessions: dict[str, list[Session]], inventory: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    reports = tmp_path / "reports"
    runs = [started(kubectl, inventory, reports, (TWO, OTHER)) for _run in range(2)]
    outputs = [run.communicate(timeout=300)[0] for run in runs]
    print(*outputs)
    assert [run.returncode for run in runs] == [0, 0]
    for scene in (TWO, OTHER):
        assert broken_claims(kubectl, scene, sessions[scene.name]) == []
    events = kubectl.get("events", "--field-selector=reason=TelepresenceRestored")["items"]
    assert sorted(event["involvedObject"]["name"] for event in events) == ["cart", "mail"]
    assert all(event["message"].startswith("Scaled from 0 back to ") for event in events)
    assert not (reports / "recover.json.part").exists()


@pytest.mark.parametrize(("scene", "number"), [(KILLED, signal.SIGKILL), (STOPPED, signal.SIGINT)])
def test_a_run_that_is_ended_between_its_writes_is_finished_by_the_next(
    kubectl: Kubectl,
    sessions: dict[str, list[Session]],
    inventory: pathlib.Path,
    checkout: Place,
    tmp_path: pathlib.Path,
    scene: Scene,
    number: int,
) -> None:
    journal = tmp_path / "recover.json.part"
    run = started(kubectl, inventory, tmp_path, (scene,))
    noted(run, journal)
    began = time.monotonic()
    all_of_them = tree(run.pid)
    # Power loss takes every process; Ctrl-C reaches ansible-playbook alone, which hands it on to the processes of its modules.
    for pid in all_of_them if number == signal.SIGKILL else [run.pid]:
        os.kill(pid, number)
    print(run.communicate(timeout=60)[0])
    assert run.returncode != 0 and time.monotonic() - began < PROMPTLY
    ends = time.monotonic() + 5
    while any(pathlib.Path("/proc", str(pid), "exe").exists() for pid in all_of_them) and time.monotonic() < ends:
        time.sleep(0.1)
    assert not any(pathlib.Path("/proc", str(pid), "exe").exists() for pid in all_of_them)
    assert not (tmp_path / "recover.json").exists() and journal.exists()
    ran = checkout.play(
        "recover",
        inventory,
        "--limit",
        kubectl.context,
        recover_report_dir=str(tmp_path),
        recover_namespaces=[kubectl.namespace],
        recover_select=f"original.name == '{scene.name}'",
    )
    assert ran.code == 0
    assert broken_claims(kubectl, scene, sessions[scene.name]) == []
    report = json.loads((tmp_path / "recover.json").read_text())["clusters"][kubectl.context]
    (notice,) = report["notices"]
    assert "a run that was interrupted at 20" in notice and scene.name in notice
    assert "a run that was interrupted at 20" in ran.output
    assert "a run that was interrupted at 20" in (tmp_path / "recover.html").read_text()
    assert not journal.exists()
