"""What the clusters of the bench are made of says what was recorded, and slow ways are slow."""

from __future__ import annotations

import json
import pathlib
import socket
import subprocess
import threading
import time

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps import log, question

from tests.bench.clusters import check
from tests.bench.figures.slow_cluster import finished
from tests.bench.slow import delayed, silent
from tests.bench.stale import log_at, script, speaking
from tests.lab.say import LabError
from wire import states

GONE = states.recorded("gone")
OUTPUT = """\
2026-11-24 20:50:01,250 p=7 u=root n=ansible INFO| TASK [devclusters.telepresence.recover : Identify the cluster] ***
2026-11-24 20:50:02,250 p=7 u=root n=ansible INFO| ok: [cluster-0]
2026-11-24 20:50:03,000 p=7 u=root n=ansible INFO| TASK [devclusters.telepresence.recover : Restore the workloads of orphaned sessions] ***
2026-11-24 20:50:04,500 p=7 u=root n=ansible INFO| changed: [cluster-1]
2026-11-24 20:50:06,750 p=7 u=root n=ansible INFO| ok: [cluster-0]
2026-11-24 20:50:07,000 p=7 u=root n=ansible INFO| TASK [devclusters.telepresence.recover : Write the report] ***
2026-11-24 20:50:08,000 p=7 u=root n=ansible INFO| ok: [cluster-2 -> localhost]
"""


def test_an_exec_answers_as_recorded_at_the_time_of_now(tmp_path: pathlib.Path) -> None:
    with speaking(tmp_path) as voice:
        asked = [str(voice.programs / "sh"), *question.command(10)[1:]]
        answer = question.parse(subprocess.run(asked, capture_output=True, text=True, check=True).stdout)
    assert answer is not None
    assert (answer.http, answer.listening, answer.sshd, answer.tunnels) == ("refused", False, True, 0)
    assert abs(answer.clock - time.time()) < 60


def test_the_script_has_no_word_that_a_shell_would_change() -> None:
    (_interpreter, command) = script().splitlines()
    assert command.count("'") == 6
    assert "telepresence_probe" in command


def test_the_log_is_the_recorded_one_in_a_kubelets_own_form() -> None:
    lines = [line.split(" ", 3) for line in log_at(GONE.probe.clock + 3600.0).splitlines()]
    assert {(stream, tag) for _at, stream, tag, _text in lines} == {("stdout", "F")}
    said = log.parse("\n".join(f"{at} {text}" for at, _stream, _tag, text in lines))
    recorded = log.parse(GONE.log)
    assert said.failures == recorded.failures > 1
    assert said.failing_until is not None and recorded.failing_until is not None
    assert said.failing_until - recorded.failing_until == pytest.approx(3600.0, abs=1.0)


def test_a_slow_way_hands_on_all_and_late() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            link = server.accept()[0]
            link.sendall(link.recv(100) + b" and more")
            link.close()

        threading.Thread(target=answer).start()
        with delayed(server.getsockname()[1], 0.3) as port, socket.create_connection(("127.0.0.1", port)) as link:
            began = time.monotonic()
            link.sendall(b"hello")
            said = link.recv(100)
            assert time.monotonic() - began >= 0.3
            assert said == b"hello and more"
            assert link.recv(100) == b""


def test_a_dead_way_takes_connections_and_says_nothing() -> None:
    with silent() as port, socket.create_connection(("127.0.0.1", port), 0.2) as link:
        link.sendall(b"hello")
        with pytest.raises(TimeoutError):
            link.recv(1)


def test_when_each_cluster_was_through() -> None:
    found = finished(OUTPUT)
    assert set(found) == {"cluster-0", "cluster-1"}
    assert found["cluster-0"] - found["cluster-1"] == pytest.approx(2.25)


def test_a_run_that_comes_to_other_verdicts_is_no_measurement(tmp_path: pathlib.Path) -> None:
    report = tmp_path / "recover.json"
    summary = {"summary": {"verdicts": {"stale": 2}}}
    report.write_text(json.dumps({"clusters": {"one": summary, "other": summary}}))
    check(report, {"stale": 2})
    with pytest.raises(LabError, match=r"the verdicts on one are \{'stale': 2\}, and not \{\}"):
        check(report, {})
    report.write_text(json.dumps({"clusters": {"one": {"msg": "it failed"}}}))
    with pytest.raises(LabError, match="are None"):
        check(report, {})
