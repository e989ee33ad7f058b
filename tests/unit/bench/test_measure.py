"""What a command cost, and that nothing of it is left."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bench.measure import measure
from tests.lab.processes import Process
from tests.lab.say import LabError

ROOT = Path(__file__).resolve().parents[3]
CHILD = "import time; started = time.process_time(); x = bytearray(80_000_000)\nwhile time.process_time() - started < 0.3: pass"
PARENT = f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {CHILD!r}]); time.sleep(0.2)"
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('there', flush=True); time.sleep(60)"
)


def test_cpu_and_memory_of_children_count_and_those_of_the_caller_do_not(tmp_path: Path) -> None:
    ballast = bytearray(150_000_000)
    sample = measure([sys.executable, "-c", PARENT], tmp_path / "log")
    assert sample.seconds > 0.45
    assert sample.cpu_seconds > 0.29
    assert 80e6 < sample.peak_bytes < len(ballast)


def test_an_idle_command_costs_time_alone(tmp_path: Path) -> None:
    sample = measure(["sleep", "0.3"], tmp_path / "log")
    assert sample.seconds > 0.29
    assert sample.cpu_seconds < 0.1


def test_a_command_that_fails_is_no_number(tmp_path: Path) -> None:
    failing = ["sh", "-c", "echo first; echo the reason >&2; exit 3"]
    with pytest.raises(LabError, match="ended with 3: the reason"):
        measure(failing, tmp_path / "log")
    assert measure(failing, tmp_path / "log", codes=(3,)).seconds > 0
    with pytest.raises(LabError, match="No such file"):
        measure(["/nowhere/at-all"], tmp_path / "log")


def test_environment_and_directory(tmp_path: Path) -> None:
    measure(["sh", "-c", "echo $NAMED; pwd"], tmp_path / "log", env={"NAMED": "value"}, cwd=tmp_path)
    assert (tmp_path / "log").read_text() == f"value\n{tmp_path}\n"


def _pid(file: Path) -> int:
    """The pid in a file, once it stands there."""
    for _ in range(200):
        if file.exists() and file.read_text().endswith("\n"):
            return int(file.read_text())
        time.sleep(0.05)
    raise AssertionError(f"nothing was written to {file}")


def _gone(pid: int) -> bool:
    for _ in range(100):
        if Process.find(pid) is None:
            return True
        time.sleep(0.05)
    return False


def test_what_takes_too_long_ends_with_all_that_it_started(tmp_path: Path) -> None:
    # Its child has a session of its own, as Ansible's workers have.
    script = f"setsid sleep 60 & echo $! >{tmp_path}/child; wait"
    with pytest.raises(LabError, match="did not end within 1 s"):
        measure(["sh", "-c", script], tmp_path / "log", limit=1.0)
    assert _gone(_pid(tmp_path / "child"))


def test_what_outlives_its_command_is_ended(tmp_path: Path) -> None:
    measure(["sh", "-c", f"setsid sleep 60 & echo $! >{tmp_path}/child"], tmp_path / "log")
    assert _gone(_pid(tmp_path / "child"))


@pytest.mark.parametrize("command", ["sleep 60", f'exec {sys.executable} -c "{STUBBORN}"'], ids=["ends", "stubborn"])
def test_an_interrupted_bench_ends_what_it_started(tmp_path: Path, command: str) -> None:
    script = f"echo $$ >{tmp_path}/pid; {command}"
    bench = f"from pathlib import Path; from tests.bench.measure import measure; measure(['sh', '-c', {script!r}], Path('{tmp_path}/log'))"
    running = subprocess.Popen([sys.executable, "-c", bench], cwd=ROOT, stderr=subprocess.PIPE)
    pid = _pid(tmp_path / "pid")
    running.send_signal(signal.SIGINT)
    assert b"KeyboardInterrupt" in running.communicate(timeout=30)[1]
    assert _gone(pid)
