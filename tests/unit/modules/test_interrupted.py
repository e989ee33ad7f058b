"""A run that is killed between any two of its requests: the next one finishes what it began, and says so."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.api import READ_TIMEOUT

from wire import states, status
from wire.request import Request
from wire.script import FOREVER, on
from wire.server import USER

from .cluster import POD_3, Cluster, only

POD = "web-9bdd4ff98a184820b2d4027b00a9af39"

RUN = """
import json, signal, sys
sys.path[:0] = {path!r}
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell starts in the background
from ansible_collections.devclusters.telepresence.plugins.modules import telepresence_restore
from wire.play import run_module
print(json.dumps(run_module(telepresence_restore.main, {options!r})))
"""

MOMENTS = {
    "at the scale": on("update", "deployments", "scale"),
    "at the Event": on("create", "events"),
    "at the delete": on("delete", "pods"),
}


def started(cluster: Cluster, journal: Path) -> subprocess.Popen[str]:
    """A run in a process of its own."""
    options = {"kubeconfig": cluster.kubeconfig, "journal": str(journal)}
    text = RUN.format(path=sys.path, options=options)
    return subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def comes_true(condition: Callable[[], bool]) -> bool:
    """Whether it is true soon: the server carries out what was sent by a process that is gone."""
    ends = time.monotonic() + 10
    while not condition() and time.monotonic() < ends:
        time.sleep(0.05)
    return condition()


def ended_by(cluster: Cluster, journal: Path, moment: str, number: int) -> int:
    """A run that meets a signal at a moment; its exit code. The request of that moment has been sent, and is carried out."""
    processes: list[subprocess.Popen[str]] = []

    def end(request: Request) -> None:
        processes[0].send_signal(number)
        processes[0].wait(10)

    cluster.server.script(MOMENTS[moment], end)
    processes.append(started(cluster, journal))
    processes[0].communicate(timeout=60)
    return processes[0].returncode


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_that_is_ended_is_finished_by_the_next_which_says_so(
    live: Cluster, tmp_path: Path, moment: str, number: int
) -> None:
    journal = tmp_path / "reports" / "recover.json.part"
    code = ended_by(live, journal, moment, number)
    assert code == (-number if number == signal.SIGKILL else 128 + number)
    assert comes_true(lambda: live.replicas() == 3 and (POD in live.proxies()) is (moment != "at the delete"))
    result = live.run(journal=str(journal))
    assert (live.replicas(), live.proxies(), result.get("failed")) == (3, [], None)
    (notice,) = result["notices"]
    assert "a run that was interrupted at 20" in notice
    if moment == "at the delete":
        assert result["sessions"] == [] and f"scale Deployment default/web to 3 and delete Pod default/{POD}" in notice
        assert notice.endswith("; the workload has 3 replicas now.")
    else:
        assert "It was begun by a run that was interrupted at 20" in only(result)["message"]
        assert notice.startswith("default/web: begun by") and notice.endswith("; now restored.")
    # Two runs are told of: the one that was ended, and this one.
    assert len({key.split("/")[0] for key in result["journal"]}) == (1 if moment == "at the delete" else 2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_ended_among_many_writes_leaves_each_orphan_as_it_was_or_on_its_way(
    live: Cluster, tmp_path: Path, number: int
) -> None:
    journal = tmp_path / "recover.json.part"
    places = ["default", *(f"shop-{one}" for one in range(8))]
    for namespace in places[1:]:
        live.client(live.stage(POD_3, namespace=namespace), "gone", namespace)
    processes: list[subprocess.Popen[str]] = []
    deleted: list[str] = []

    def end_at_the_third(request: Request) -> None:
        deleted.append(request.access.namespace)
        if len(deleted) == 3:
            processes[0].send_signal(number)
            processes[0].wait(READ_TIMEOUT)

    live.server.script(on("delete", "pods"), end_at_the_third, times=FOREVER)
    processes.append(started(live, journal))
    processes[0].communicate(timeout=60)
    assert processes[0].returncode == 128 + number
    assert comes_true(lambda: len(_proxies(live)) <= len(places) - 3)
    for namespace in places:
        # A proxy never goes before its workload is back.
        assert (live.replicas(namespace=namespace), namespace in _proxies(live)) in [(0, True), (3, True), (3, False)]
    begun = {json.loads(line)["namespace"] for line in journal.read_text().split("\n") if line}
    result = live.run(journal=str(journal))
    assert [live.replicas(namespace=namespace) for namespace in places] == [3] * len(places)
    assert (_proxies(live), result.get("failed")) == ([], None)
    assert {re.split("[/:]", notice)[0] for notice in result["notices"]} == begun


def _proxies(cluster: Cluster) -> list[str]:
    """The namespaces in which a proxy stands."""
    return [pod["metadata"]["namespace"] for pod in cluster.store.all("Pod") if states.is_proxy(pod)]


def test_a_run_that_is_ended_before_its_first_write_leaves_no_trace(live: Cluster, tmp_path: Path) -> None:
    journal = tmp_path / "recover.json.part"
    processes: list[subprocess.Popen[str]] = []

    def end(request: Request) -> None:
        processes[0].kill()
        processes[0].wait(10)

    live.server.script(on("get", "pods", "exec"), end)
    processes.append(started(live, journal))
    processes[0].communicate(timeout=60)
    assert not journal.exists() and live.replicas() == 0
    result = live.run(journal=str(journal))
    assert (only(result)["outcome"], result["notices"]) == ("restored", [])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_run_that_waits_for_an_answer_at_once(live: Cluster, tmp_path: Path, number: int) -> None:
    """And what the client wrote of the credentials is gone."""
    processes: list[subprocess.Popen[str]] = []
    left: list[float] = []

    def end(request: Request) -> None:
        began = time.monotonic()
        processes[0].send_signal(number)
        processes[0].wait(10)
        left.append(time.monotonic() - began)

    live.server.script(on("list", "events"), end)
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    before = os.environ.get("TMPDIR")
    os.environ["TMPDIR"] = str(temporary)
    try:
        processes.append(started(live, tmp_path / "recover.json.part"))
    finally:
        os.environ.pop("TMPDIR") if before is None else os.environ.update(TMPDIR=before)
    processes[0].communicate(timeout=60)
    assert processes[0].returncode == 128 + number and comes_true(lambda: left != []) and left[0] < 5
    assert [path for path in temporary.rglob("*") if path.is_file()] == []


def test_the_next_run_tells_again_until_it_was_reported(cluster: Cluster, tmp_path: Path) -> None:
    journal = tmp_path / "recover.json.part"
    cluster.stage()
    first = cluster.run(journal=str(journal))
    assert first["notices"] == [] and len(first["journal"]) == 1
    for _run in range(2):
        (notice,) = cluster.run(journal=str(journal))["notices"]
        assert "a run that ended at 20" in notice and "and has not reported it had set out to scale" in notice
    assert cluster.run("forget", path=str(journal), reported=first["journal"])["changed"] is True
    assert not journal.exists()
    assert cluster.run(journal=str(journal))["notices"] == []


def test_each_write_is_noted_before_it_is_made(cluster: Cluster, tmp_path: Path) -> None:
    journal = tmp_path / "recover.json.part"
    cluster.stage()
    noted: list[str] = []

    def look(request: Request) -> None:
        last = json.loads(journal.read_text().splitlines()[-1])
        noted.append(f"{last['action']} {last['kind']} {last['namespace']}/{last['name']}")

    cluster.server.script(on("update", "deployments", "scale"), look)
    cluster.server.script(on("delete", "pods"), look)
    cluster.run(journal=str(journal))
    assert noted == ["scale Deployment default/web", f"delete Pod default/{POD}"]


@pytest.mark.parametrize("check", [True, False])
def test_check_mode_keeps_no_journal(cluster: Cluster, tmp_path: Path, check: bool) -> None:
    cluster.stage()
    result = cluster.run(check=check, journal=str(tmp_path / "recover.json.part"))
    assert (tmp_path / "recover.json.part").exists() is not check
    assert bool(result["journal"]) is not check


def test_a_journal_is_no_evidence(cluster: Cluster, tmp_path: Path) -> None:
    """Whatever it says, counts come from the cluster."""
    journal = tmp_path / "recover.json.part"
    cluster.stage()
    cluster.run(journal=str(journal))
    journal.write_text(journal.read_text().replace('"count": 3', '"count": 40'))
    cluster.stage()
    result = cluster.run(journal=str(journal))
    assert (only(result)["replicas"], cluster.replicas()) == (3, 3)


def test_a_journal_that_cannot_be_used_stops_nothing(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    cluster.stage()
    result = cluster.run(journal=str(tmp_path / "file" / "recover.json.part"))
    assert (only(result)["outcome"], cluster.replicas()) == ("restored", 3)
    assert "cannot be used" in result["warnings"][0]


def test_what_was_not_looked_at_is_left_for_the_run_that_does(cluster: Cluster, tmp_path: Path) -> None:
    journal = str(tmp_path / "recover.json.part")
    cluster.stage()
    deny = status.forbidden(USER, "delete", "", "pods", "default", POD)
    cluster.server.script(on("delete", "pods"), deny)
    cluster.run(journal=journal)
    cluster.store.load({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
    for options in ({"namespaces": ["shop"]}, {"select": "mode == 'new'"}):
        result = cluster.run(journal=journal, **options)
        assert (result["notices"], result["journal"]) == ([], [])
    result = cluster.run(journal=journal)
    assert "It was begun by a run that ended at" in only(result)["message"]


# Counts that were told -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", ["orphans", "restore"])
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("default/wbe", "this cluster has no such workload"),
        ("default/other", "no session has replaced it"),
        ("default/runs", "it runs with 2 already"),
        ("default/web", ""),
        ("elsewhere/web", ""),
    ],
)
def test_a_count_that_was_told_in_vain_is_warned_of(cluster: Cluster, module: str, name: str, said: str) -> None:
    cluster.stage()
    for other, replicas in (("other", 0), ("runs", 2)):
        cluster.web(other, replicas=replicas)
    cluster.client(cluster.proxy("e" * 32, created=600, original="runs"), "gone")
    result: dict[str, Any] = cluster.run(module, namespaces=["default"], replicas={name: 4})
    assert [said in notice for notice in result["notices"]] == ([True] if said else [])
    assert result.get("warnings", []) == result["notices"] and result.get("failed") is None
    assert (cluster.replicas("other"), cluster.replicas("runs")) == (0, 2)
    if module == "restore":
        assert cluster.replicas() == (4 if name == "default/web" else 3)


def test_a_count_that_was_told_costs_one_list_for_its_namespace(cluster: Cluster) -> None:
    cluster.stage(state="alive")
    without = len(cluster.seen()) if cluster.run() else 0
    counts = {f"default/web{number}": 1 for number in range(5)}
    cluster.run(replicas=counts)
    assert len(cluster.seen()) - without == 1
    (extra,) = [one for one in cluster.seen("list", "deployments") if "PartialObject" in one.headers["accept"]]
    assert extra.access.namespace == "default"
