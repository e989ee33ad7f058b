"""Option details: the full records in a file, and short ones in the result."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.records import by_outcome
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.short import (
    LISTS,
    details,
    short,
    whole,
)
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.text import session_lines

from wire import status
from wire.script import FOREVER, on

from .cluster import MULTI, POD_3, RECORD_KEYS, Cluster, Result

CUT = 700_000
"""Characters of a task's result from which on AWX keeps nothing of it (``MAX_EVENT_RES_DATA`` in awx/settings/defaults.py)."""
SID = "9bdd4ff98a184820b2d4027b00a9af39"
SHORT_KEYS = {"session_id", "namespace", "verdict", "outcome", "original", "replicas"}
TOLD = {"message", "line"}


def stage(cluster: Cluster) -> None:
    """An orphan, a session that lives, an orphan of which nobody knows the size, and a workload that is lost."""
    cluster.web("lost", namespace="gone", replicas=2)
    cluster.run("baseline")
    cluster.clock.sleep(3600)
    kind = cluster.store.kind("Deployment")
    cluster.store.update_scale(kind, "gone", "lost", {"metadata": {"name": "lost"}, "spec": {}})
    cluster.client(cluster.stage(POD_3), "gone")
    cluster.stage(MULTI, "alive", namespace="shop")
    cluster.web("lonely", namespace="other")
    cluster.client(cluster.proxy("f" * 32, 900, "lonely", "other"), "gone", "other")


def file_of(result: Result) -> Any:
    """What is in the file that a result names."""
    return json.loads(Path(result["details"]).read_text())


@pytest.mark.parametrize("module", ["orphans", "restore"])
def test_the_file_and_the_short_result_are_the_full_one(cluster: Cluster, module: str, tmp_path: Path) -> None:
    stage(cluster)
    full = cluster.run(module, check=True)
    cluster.clock.sleep(10)
    path = tmp_path / "made" / "reports" / "alpha"
    result = cluster.run(module, check=True, details=str(path))
    # The two runs asked at different times, so what they read differs.
    again = whole(result, file_of(result))
    assert again.keys() | {"details"} == result.keys() == full.keys() | {"details"}
    assert [len(again[key]) for key in LISTS if key in again] == [len(full[key]) for key in LISTS if key in full]
    assert (len(again["sessions"]), len(again["orphans"]), len(again["lost"])) == (3, 2, 1)
    assert all(set(one) == SHORT_KEYS | TOLD for one in result["sessions"])
    assert all(set(one) == SHORT_KEYS for one in result["orphans"])
    assert set(result["lost"][0]) == (SHORT_KEYS | TOLD) - {"session_id", "verdict"}
    assert session_lines(result) == session_lines(again)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["alpha"]


def test_what_was_done_is_in_the_file(cluster: Cluster, tmp_path: Path) -> None:
    stage(cluster)
    path = tmp_path / "alpha"
    path.write_text("of an earlier run")
    result = cluster.run(details=str(path))
    (record,) = file_of(result)["restored"]
    assert set(record) == RECORD_KEYS and all(step["done"] for step in record["plan"])
    (restored,) = result["restored"]
    assert restored["original"] == {"kind": "Deployment", "namespace": "default", "name": "web"}
    assert (restored["outcome"], restored["replicas"]) == ("restored", 3)
    assert cluster.writes[0] == "PUT deployments/web/scale 3"


def test_a_failed_session_is_in_the_file_too(cluster: Cluster, tmp_path: Path) -> None:
    cluster.client(cluster.stage(POD_3), "gone")
    cluster.server.script(on("update", "deployments", "scale"), status.unavailable(), times=FOREVER)
    result = cluster.run(details=str(tmp_path / "alpha"))
    (record,) = file_of(result)["failed_sessions"]
    assert result["failed"] and result["msg"] == f"default: {record['message']}"
    assert [set(one) for one in result["failed_sessions"]] == [SHORT_KEYS]


@pytest.mark.parametrize("module", ["orphans", "restore"])
@pytest.mark.parametrize("wrong", [{"kubeconfig": "/nonexistent"}, {"interval": 1}, {"namespaces": ["nowhere"]}])
def test_a_cluster_that_cannot_be_worked_on_leaves_no_records_of_an_earlier_run(
    cluster: Cluster, module: str, wrong: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "alpha"
    path.write_text("of an earlier run")
    result = cluster.run(module, details=str(path), **wrong)
    assert result["failed"] and result["details"] == str(path)
    assert file_of(result) == details(result) and not any(file_of(result).values())


@pytest.mark.parametrize("module", ["orphans", "restore"])
@pytest.mark.parametrize("place", ["file/alpha", "directory"])
def test_where_it_cannot_be_written_the_result_is_in_full(
    cluster: Cluster, module: str, place: str, tmp_path: Path
) -> None:
    stage(cluster)
    (tmp_path / "file").write_text("no directory")
    (tmp_path / "directory").mkdir()
    full = cluster.run(module, check=True)
    cluster.clock.sleep(10)
    result = cluster.run(module, check=True, details=str(tmp_path / place))
    (warning,) = result["warnings"]
    assert (
        warning.startswith("The details cannot be written in /")
        and "so the result itself holds the full records" in warning
    )
    assert result.keys() == full.keys() | {"warnings"}
    assert all(set(one) == RECORD_KEYS for one in [*result["sessions"], *result["orphans"]])
    assert sorted(one.name for one in tmp_path.rglob("*")) == ["directory", "file", "kubeconfig"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_root_writes_is_for_the_owner_of_the_directory(cluster: Cluster, tmp_path: Path) -> None:
    """Whoever runs Ansible, and lets the module become root, reads it to write the report."""
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    cluster.run("orphans", details=str(home / "made" / "reports" / "alpha"))
    assert [path.stat().st_uid for path in home.rglob("*")] == [65534] * 3


NAMES = {
    "of the recorded session": ("default", "web"),
    "as they may be": ("team-payment", "checkout-frontend-v2"),
}
"""Of the namespace and of the workload."""


def many(result: Result, count: int, namespace: str, name: str) -> Result:
    """The result of a run that met the one session of this result so many times, with these names and ids as long as the true one."""
    recorded = json.dumps({key: result[key] for key in ("sessions", "diff", "journal")})
    named = recorded.replace("default", namespace).replace("web", name)
    parts = [json.loads(named.replace(SID, f"{number:032x}")) for number in range(count)]
    sessions = [session for part in parts for session in part["sessions"]]
    changes = {
        # A workload of its own for each session, with a name of the same length.
        when: {
            key.replace(name, f"{number:0{len(name)}d}") if key.startswith("Deployment") else key: value
            for number, part in enumerate(parts)
            for key, value in part["diff"][when].items()
        }
        for when in ("before", "after")
    }
    keys = [key for part in parts for key in part["journal"]]
    repeated = {"orphans": sessions, **by_outcome(sessions)}
    return {**result, "sessions": sessions, **repeated, "journal": keys, "diff": changes}


@pytest.mark.parametrize("names", NAMES)
def test_awx_keeps_the_result_of_500_restored_sessions(cluster: Cluster, names: str, tmp_path: Path) -> None:
    cluster.stage()
    result = cluster.run(details=str(tmp_path / "alpha"), journal=str(tmp_path / "recover.json.part"))
    full = many({**whole(result, file_of(result)), "details": result["details"]}, 500, *NAMES[names])
    found = short(full)
    assert [len(found[key]) for key in ("sessions", "orphans", "restored", "journal")] == [500] * 4
    assert [len(found["diff"][when]) for when in ("before", "after")] == [1000, 1000]
    assert found.keys() == result.keys() and {"invocation", "diff"} < found.keys()
    # As ansible-runner measures it (display_callback/callback/awx_display.py), and as it is kept.
    sizes = (len(str(found)), len(json.dumps(found)))
    print("short:", sizes, "full:", len(json.dumps(full)))
    assert max(sizes) < CUT < len(json.dumps(full))
