"""A run shared out among workers, as AWX shares one out among execution nodes: ansible-runner's transmit, worker and process."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import yaml

from tests.bench.clusters import clusters, hosts
from tests.bench.crowd import add_orphans
from tests.integration.conftest import TOOLS, Place, written

SLICES = ("all[0:0]", "all[1:1]")
ORPHANS = 2
"""In each cluster."""
RUNNER = str(TOOLS / "ansible-runner")


def job(directory: pathlib.Path, installed: Place, inventory: pathlib.Path) -> pathlib.Path:
    """A job as it is sent to a worker: the playbook and the collection, the inventory, and where the report goes."""
    for name in ("project", "inventory", "env"):
        (directory / name).mkdir(parents=True)
    shutil.copytree(installed.directory / "collections", directory / "project" / "collections")
    playbook = [{"name": "Recover", "import_playbook": "devclusters.telepresence.recover"}]
    (directory / "project" / "recover.yml").write_text(yaml.safe_dump(playbook))
    (directory / "inventory" / "hosts.json").write_text(inventory.read_text())
    # The one directory that comes back from a worker.
    reports = "{{ lookup('ansible.builtin.env', 'AWX_ISOLATED_DATA_DIR') }}/reports"
    # No controller of these clusters would make anything ready.
    (directory / "env" / "extravars").write_text(json.dumps({"recover_report_dir": reports, "recover_wait": False}))
    return directory


def share_out(sent: pathlib.Path, place: pathlib.Path, number: int) -> tuple[int, pathlib.Path]:
    """Has a worker of its own run one slice; its exit code, and the artifacts that came back."""
    ident, worker, back = f"slice-{number}", place / f"worker-{number}", place / "back"
    steps = (
        ["transmit", str(sent), "--playbook", "recover.yml", "--ident", ident, "--limit", SLICES[number]],
        ["worker", "--private-data-dir", str(worker)],
        ["process", str(back), "--ident", ident],
    )
    said = b""
    for step in steps:
        ended = subprocess.run([RUNNER, *step], input=said, capture_output=True, cwd=place, timeout=600)
        said = ended.stdout
    artifacts = back / "artifacts" / ident
    return int((artifacts / "rc").read_text()), artifacts


def test_two_workers_and_one_report(checkout: Place, installed: Place, tmp_path: pathlib.Path) -> None:
    with clusters(tmp_path / "clusters", len(SLICES)) as servers:
        for server in servers:
            add_orphans(server, ORPHANS, 1)
        inventory = written(tmp_path, hosts(servers))
        whole = checkout.play("recover", inventory, "--check")
        sent = job(tmp_path / "job", installed, inventory)
        with ThreadPoolExecutor(len(SLICES)) as pool:
            done = list(pool.map(lambda number: share_out(sent, tmp_path, number), range(len(SLICES))))
        assert [code for code, _artifacts in done] == [0, 0]
        reports = [artifacts / "reports" / "recover.json" for _code, artifacts in done]
        parts = [json.loads(path.read_text())["clusters"] for path in reports]
        assert [sorted(part) for part in parts] == [["cluster-0"], ["cluster-1"]]
        merged = installed.play("merge_reports", inventory, recover_reports=[str(path) for path in reports])
        assert merged.code == 0
        report = json.loads((installed.reports / "recover.json").read_text())
        assert report["clusters"] == parts[0] | parts[1]
        assert {name: _found(result) for name, result in report["clusters"].items()} == {
            name: _found(result) for name, result in whole.report.items()
        }
        page = (installed.reports / "recover.html").read_text()
        assert all(f">{name}</a>" in page for name in report["clusters"])
        again = installed.play("merge_reports", inventory, quiet=False, recover_reports=[str(reports[0])] * 2)
        assert again.code == 2
        assert "Host cluster-0 is in two of the reports" in again.said


def _found(result: dict[str, Any]) -> dict[str, Any]:
    """What a run in check mode and the real one both find: who was orphaned, and to what it is put back."""
    sessions = {(one["namespace"], one["original"]["name"]): one["replicas"] for one in result["sessions"]}
    return {"cluster": result["cluster"], "sessions": sessions, "verdicts": result["summary"]["verdicts"]}
