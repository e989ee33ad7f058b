"""Which cgroup hierarchies the lab uses, and what it makes in them."""

from __future__ import annotations

import os
import pathlib

import pytest

from tests.lab.cgroups import Cgroup, Hierarchies, find_hierarchies
from tests.lab.say import LabError

ROOT = "1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"
MEMORY = "33 25 0:29 / /sys/fs/cgroup/memory rw,nosuid shared:10 - cgroup cgroup rw,memory"
SYSTEMD = "34 25 0:30 / /sys/fs/cgroup/systemd rw,nosuid - cgroup cgroup rw,xattr,name=systemd"
UNIFIED = "26 25 0:22 / /sys/fs/cgroup/unified rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"
V2 = "26 25 0:22 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"


@pytest.mark.parametrize(
    ("lines", "version", "mounts"),
    [
        ([ROOT, MEMORY, SYSTEMD], 1, ["memory", "systemd"]),
        ([ROOT, UNIFIED, MEMORY], 1, ["memory", "unified"]),
        ([ROOT, V2], 2, [""]),
    ],
)
def test_hierarchies(lines: list[str], version: int, mounts: list[str]) -> None:
    expected = Hierarchies(version, tuple(pathlib.Path("/sys/fs/cgroup") / mount for mount in mounts))
    assert find_hierarchies("\n".join(lines)) == expected


def test_without_cgroups_the_lab_gives_up_in_one_sentence() -> None:
    with pytest.raises(LabError, match="no cgroup file system"):
        find_hierarchies(ROOT)


def test_an_empty_v1_cpuset_takes_over_its_parents(tmp_path: pathlib.Path) -> None:
    for group in ("", "lab", "lab/daemons", "lab/pods"):
        (tmp_path / group).mkdir(exist_ok=True)
        for file in ("cpuset.cpus", "cpuset.mems"):
            (tmp_path / group / file).write_text("\n")
    (tmp_path / "cpuset.cpus").write_text("0-1\n")
    (tmp_path / "cpuset.mems").write_text("0\n")
    (tmp_path / "lab/pods/cpuset.cpus").write_text("1\n")
    Cgroup("lab", Hierarchies(1, (tmp_path,))).create()
    assert (tmp_path / "lab/daemons/cpuset.cpus").read_text() == "0-1\n"
    assert (tmp_path / "lab/pods/cpuset.mems").read_text() == "0\n"
    assert (tmp_path / "lab/pods/cpuset.cpus").read_text() == "1\n"


def test_a_v2_cgroup_hands_its_controllers_down(tmp_path: pathlib.Path) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    (tmp_path / "lab/cgroup.controllers").write_text("cpu memory\n")
    Cgroup("lab", Hierarchies(2, (tmp_path,))).create()
    assert (tmp_path / "cgroup.subtree_control").read_text() == "+cpu +memory +pids"
    assert (tmp_path / "lab/cgroup.subtree_control").read_text() == "+cpu +memory"


def test_processes_are_those_of_all_levels_and_hierarchies_of_the_own_name(tmp_path: pathlib.Path) -> None:
    for path, pids in {
        "memory/lab/daemons": "11\n12\n",
        "memory/lab/pods/kubepods/pod1": "13\n",
        "systemd/lab/pods": "12\n14\n",
        "memory/lab-of-another/daemons": "99\n",
    }.items():
        (tmp_path / path).mkdir(parents=True)
        (tmp_path / path / "cgroup.procs").write_text(pids)
    hierarchies = Hierarchies(1, (tmp_path / "memory", tmp_path / "systemd", tmp_path / "missing"))
    assert Cgroup("lab", hierarchies).processes() == {11, 12, 13, 14}


def test_a_process_that_is_not_in_the_cgroup_survives_its_clearing(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the pid had passed to another process between listing and killing: here, to this one."""
    monkeypatch.setattr(Cgroup, "processes", lambda self: {os.getpid()})
    Cgroup("lab", Hierarchies(1, (tmp_path,))).clear()


def test_clearing_gives_up_in_one_sentence(tmp_path: pathlib.Path) -> None:
    (tmp_path / "lab").mkdir()
    (tmp_path / "lab/file").touch()  # A cgroup that cannot be removed.
    with pytest.raises(LabError, match="cannot remove cgroup lab"):
        Cgroup("lab", Hierarchies(1, (tmp_path,))).clear(timeout=0.1)
