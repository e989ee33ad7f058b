"""A process is remembered by pid and start time, so that a reused pid is never taken for it."""

from __future__ import annotations

import dataclasses
import pathlib
import subprocess
from collections.abc import Iterator

import pytest

from tests.lab.processes import Process, parse_stat


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def found(child: subprocess.Popen[bytes]) -> Process:
    process = Process.find(child.pid)
    assert process is not None
    return process


@pytest.mark.parametrize("command", ["kubelet", "a b", "tmux: server", "x) S 1 2 3", "((()"])
def test_any_command_name_is_skipped(command: str) -> None:
    numbers = [str(number) for number in range(4, 53)]
    assert parse_stat(f"7 ({command}) Z {' '.join(numbers)}\n") == ("Z", 22)


def test_a_record_finds_its_process_again(child: subprocess.Popen[bytes], tmp_path: pathlib.Path) -> None:
    record = tmp_path / "alpha" / "kubelet.json"
    found(child).save(record)
    assert Process.load(record) == found(child)
    assert found(child).alive()


def test_an_ended_process_is_not_alive(child: subprocess.Popen[bytes]) -> None:
    process = found(child)
    process.kill()
    assert not process.alive(), "not waited for yet, it is a zombie"
    child.wait()
    assert not process.alive()


@pytest.mark.parametrize("change", [{"started": 1}, {"boot": "another"}])
def test_a_reused_pid_is_neither_alive_nor_killed(child: subprocess.Popen[bytes], change: dict[str, str | int]) -> None:
    other = dataclasses.replace(found(child), **change)  # type: ignore[arg-type]
    assert not other.alive()
    other.kill()
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(timeout=0.2)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', '{"pid": 1, "started": 2, "boot": "b", "more": 3}'])
def test_a_broken_record_remembers_nothing(tmp_path: pathlib.Path, content: str) -> None:
    record = tmp_path / "record.json"
    record.write_text(content)
    assert Process.load(record) is None


def test_no_record_remembers_nothing(tmp_path: pathlib.Path) -> None:
    assert Process.load(tmp_path / "record.json") is None
