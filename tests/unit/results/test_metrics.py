"""A run as Prometheus reads it, judged by Prometheus's own promtool."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.metrics import OUTCOMES, metrics
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.liveness import BEST_FIRST

from tests import monitoring
from tests.lab.paths import ROOT

from . import sample

ENDED = 1795500000
"""2026-11-24T06:00:00Z."""


def report(**clusters: dict[str, t.Any]) -> dict[str, t.Any]:
    """A report as the role recover writes it."""
    return {"format": 1, "generated": "2026-11-24T06:00:00Z", "check_mode": False, "clusters": clusters}


def samples(text: str) -> dict[str, int]:
    """The value of each series."""
    lines = [line.rpartition(" ") for line in text.splitlines() if not line.startswith("#")]
    return {name: int(value) for name, _space, value in lines}


def test_sessions_are_counted_by_verdict_and_by_what_became_of_them() -> None:
    found = samples(metrics(report(eu={**sample.result(*sample.sessions()), "lost": [sample.lost()]})))
    verdicts = {
        "alive": 2,
        "starting": 1,
        "suspended": 1,
        "clientless": 1,
        "unknown": 1,
        "stale": 7,
        "ended": 1,
        "terminating": 1,
    }
    outcomes = {"none": 8, "restorable": 1, "restored": 3, "needs_decision": 2, "held": 1, "failed": 1}
    assert found == {
        **{f'telepresence_sessions{{cluster="eu",verdict="{name}"}}': number for name, number in verdicts.items()},
        **{f'telepresence_outcomes{{cluster="eu",outcome="{name}"}}': number for name, number in outcomes.items()},
        'telepresence_lost_workloads{cluster="eu"}': 1,
        'telepresence_run_failed{cluster="eu"}': 0,
        'telepresence_run_timestamp_seconds{cluster="eu"}': ENDED,
    }


def test_a_lost_workload_that_was_put_back_is_restored() -> None:
    found = samples(metrics(report(eu={**sample.result(), "lost": [sample.lost(outcome="restored")]})))
    assert found['telepresence_outcomes{cluster="eu",outcome="restored"}'] == 1
    assert found['telepresence_lost_workloads{cluster="eu"}'] == 0
    assert sum(number for name, number in found.items() if name.startswith("telepresence_sessions")) == 0


def test_nothing_is_a_number_too() -> None:
    found = samples(metrics(report(eu=sample.result())))
    assert list(found.values()) == [0] * (len(BEST_FIRST) + len(OUTCOMES) + 2) + [ENDED]


def test_a_cluster_that_failed_has_no_numbers() -> None:
    found = samples(metrics(report(eu={"msg": "Cluster https://10.0.0.9:6443 cannot be reached.", "sessions": []})))
    assert found == {
        'telepresence_run_failed{cluster="eu"}': 1,
        'telepresence_run_timestamp_seconds{cluster="eu"}': ENDED,
    }


@pytest.mark.parametrize(
    "clusters",
    [
        {},
        {"eu": sample.result(*sample.sessions()), "us": sample.result(sample.session())},
        {"eu": sample.result(), "us": {"msg": "no"}},
        {"arn:aws:eks:eu-1:123:cluster/dev": sample.result()},
        {
            'a"} 1\nevil{b="\\': sample.result(sample.hostile()),
            "\\": sample.result(),
            "\x1b[31m": {"msg": sample.HOSTILE},
        },
    ],
    ids=["none", "two", "one failed", "EKS", "hostile"],
)
def test_promtool_finds_no_fault(clusters: dict[str, t.Any]) -> None:
    text = metrics(report(**clusters))
    assert monitoring.told("check", "metrics", given=text) == ""
    assert len(samples(text)) == text.count("\n") - text.count("#")


def test_promtool_does_find_faults() -> None:
    assert "error while linting" in monitoring.told("check", "metrics", given='a{b="\n"} 1\n')
    assert "no help text" in monitoring.told("check", "metrics", given="a 1\n")


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A kubeconfig of a cluster that cannot be reached: the role is about to say so."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "none", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "none", "user": {"token": "none"}}],
        "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    }
    path = tmp_path_factory.mktemp("none") / "kubeconfig"
    path.write_text(json.dumps(config))
    return path


def look(kubeconfig: Path, tmp_path: Path, metrics: Path, *options: str) -> tuple[int, str]:
    """Runs the playbook orphans on that cluster; exit code and output."""
    variables = {
        "telepresence_kubeconfig": str(kubeconfig),
        "telepresence_context": "none",
        "recover_report_dir": str(tmp_path / "reports"),
        "recover_metrics": str(metrics),
    }
    command = [
        str(Path(sys.executable).parent / "ansible-playbook"),
        "orphans.yml",
        "-i",
        "eu,",
        "-e",
        json.dumps(variables),
    ]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run([*command, *options], cwd=ROOT, env=environment, capture_output=True, text=True)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def test_the_role_puts_a_new_file_in_the_place_of_the_old_one(kubeconfig: Path, tmp_path: Path) -> None:
    file = tmp_path / "telepresence.prom"
    file.write_text("old 1\n")
    # Whoever has opened the old file reads the old file to its end.
    (tmp_path / "opened").hardlink_to(file)
    code, _output = look(kubeconfig, tmp_path, file)
    assert code == 2
    assert 'telepresence_run_failed{cluster="eu"} 1\n' in file.read_text()
    assert monitoring.told("check", "metrics", given=file.read_text()) == ""
    assert (tmp_path / "opened").read_text() == "old 1\n"
    assert file.stat().st_mode & 0o777 == 0o644
    assert sorted(path.name for path in tmp_path.iterdir()) == ["opened", "reports", "telepresence.prom"]


def test_check_mode_leaves_the_metrics_of_the_last_run(kubeconfig: Path, tmp_path: Path) -> None:
    file = tmp_path / "telepresence.prom"
    file.write_text("old 1\n")
    look(kubeconfig, tmp_path, file, "--check")
    assert (tmp_path / "reports" / "orphans.json").exists()
    assert file.read_text() == "old 1\n"


def test_metrics_that_cannot_be_written_are_a_warning(kubeconfig: Path, tmp_path: Path) -> None:
    code, output = look(kubeconfig, tmp_path, tmp_path / "nowhere" / "telepresence.prom")
    assert code == 2
    assert f"WARNING: Not written: {tmp_path}/nowhere/telepresence.prom (No such file or directory)." in output
    assert "Failed to connect to the cluster" in output


def test_a_name_that_nobody_reads_is_an_error(kubeconfig: Path, tmp_path: Path) -> None:
    code, output = look(kubeconfig, tmp_path, tmp_path / "telepresence.txt")
    assert code == 2
    assert "recover_metrics must be a path that ends with .prom" in output
