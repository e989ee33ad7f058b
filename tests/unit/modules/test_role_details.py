"""The role recover: the results of its tasks are short, and its report is not."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wire.server import ApiServer

from .cluster import RECORD_KEYS, Cluster

REPOSITORY = Path(__file__).resolve().parents[3]
HOSTS = ("eu/1", "EU/1", "../eu", "é" * 200)
"""Ansible lets a host have any of these names."""


@pytest.fixture
def kubeconfig(live: Cluster) -> str:
    """The kubeconfig of a cluster in which an orphan stands."""
    return live.kubeconfig


def run(
    playbook: str, hosts: dict[str, dict[str, str]], reports: Path, *options: str, **variables: Any
) -> tuple[int, str]:
    """Runs a playbook on hosts with these variables, and shows the results of its tasks; exit code and output."""
    inventory = reports.parent / "hosts.json"
    inventory.write_text(json.dumps({"all": {"hosts": hosts}}))
    given = json.dumps({"recover_report_dir": str(reports), "recover_wait": False, **variables})
    command = [str(Path(sys.executable).parent / "ansible-playbook"), f"{playbook}.yml", "-i", str(inventory), "-v"]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(
        [*command, "-e", given, *options], cwd=REPOSITORY, env=environment, capture_output=True, text=True
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("options", [[], ["--check"]], ids=["run", "check"])
@pytest.mark.parametrize("playbook", ["recover", "orphans"])
def test_the_report_has_what_the_task_does_not_return(
    kubeconfig: str, tmp_path: Path, playbook: str, options: list[str]
) -> None:
    reports = tmp_path / "reports"
    code, output = run(playbook, {"eu": {"telepresence_kubeconfig": kubeconfig}}, reports, *options)
    assert code == 0, output
    found = json.loads((reports / f"{playbook}.json").read_text())["clusters"]["eu"]
    assert [set(record) for record in [*found["sessions"], *found["orphans"]]] == [RECORD_KEYS] * 2
    assert "details" not in found and found["notices"] == []
    assert "session_id" in output and "evidence" not in output and "containers" not in output
    done = "restored to 3" if playbook == "recover" and not options else "would restore to 3"
    assert f"default/web: {done} (stale, last alive" in output and "the scaling event says 3)" in output
    assert sorted(path.name for path in reports.iterdir()) == [f"{playbook}.html", f"{playbook}.json"]
    assert "the last sign of life was at" in (reports / f"{playbook}.html").read_text()


def test_hosts_of_any_name_have_files_of_their_own(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    # A page that cannot be replaced: so the run leaves its details behind.
    (reports / "orphans.html").mkdir()
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(ApiServer()) for _host in HOSTS]
        paths = [str(server.kubeconfig(tmp_path / f"kubeconfig-{server.url[-5:]}")) for server in servers]
        hosts = {host: {"telepresence_kubeconfig": path} for host, path in zip(HOSTS, paths, strict=True)}
        _code, output = run("orphans", hosts, reports)
    assert "WARNING: Not written: " in output
    assert [path.parent for path in tmp_path.rglob("orphans.json.*")] == [reports] * len(HOSTS), output


@pytest.mark.parametrize("playbook", ["recover", "orphans"])
def test_without_a_place_for_the_report_the_task_returns_everything(
    kubeconfig: str, tmp_path: Path, playbook: str
) -> None:
    reports = tmp_path / "reports"
    reports.write_text("no directory")
    code, output = run(playbook, {"eu": {"telepresence_kubeconfig": kubeconfig}}, reports, "--check")
    assert code == 0, output
    assert "evidence" in output and "containers" in output
    said = " ".join(output.split())
    assert "[WARNING]: The details cannot be written in " in said and "WARNING: Not written: " in said


def test_a_module_that_may_run_elsewhere_returns_everything(kubeconfig: str, tmp_path: Path) -> None:
    """Its files would not be those of the machine that runs Ansible. Any connection will do that is not called local."""
    hosts = {"eu": {"telepresence_kubeconfig": kubeconfig, "ansible_connection": "ansible.legacy.local"}}
    code, output = run("orphans", hosts, tmp_path / "reports")
    assert (code, "evidence" in output) == (0, True), output
