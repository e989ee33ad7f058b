"""The cgroup of one cluster: the kernel's own record of what the lab runs.

Every process of a cluster is started inside its cgroup, and what those start (containers and their shims) stays below
it. So what has to be ended is known without any file, also after the lab was killed or started from another checkout.

Below the cluster's cgroup, `daemons` holds the cluster's own programs and `pods` is the kubelet's `cgroupRoot`: with a
common root, two kubelets would end each other's pods.

cgroup v1 is what this was run on. The v2 branch follows the kernel's documentation (Documentation/admin-guide/
cgroup-v2.rst) and has not been run.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

from .say import LabError

CPUSET_FILES = ("cpuset.cpus", "cpuset.mems")


@dataclass(frozen=True)
class Hierarchies:
    """The mounted cgroup hierarchies: one for v2; one per v1 controller or pair of them.

    Beside v1 controllers there may be a v2 mount without any (the "hybrid" layout). runc makes cgroups in it as well.
    """

    version: int
    mounts: tuple[pathlib.Path, ...]


def find_hierarchies(mountinfo: str) -> Hierarchies:
    """The hierarchies in the text of a /proc/self/mountinfo. Raises LabError if there are none."""
    mounts: dict[str, list[pathlib.Path]] = {"cgroup": [], "cgroup2": []}
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        kind = after.split()[0]
        if kind in mounts:
            mounts[kind].append(pathlib.Path(before.split()[4]))
    if mounts["cgroup"]:
        return Hierarchies(1, (*mounts["cgroup"], *mounts["cgroup2"]))
    if mounts["cgroup2"]:
        return Hierarchies(2, (mounts["cgroup2"][0],))
    raise LabError("no cgroup file system is mounted on this machine: mount one (systemd does at boot) and try again.")


class Cgroup:
    """The cgroup `name` at the top of every hierarchy, and the two below it."""

    def __init__(self, name: str, hierarchies: Hierarchies) -> None:
        self.name = name
        self._version = hierarchies.version
        self._tops = tuple(mount / name for mount in hierarchies.mounts)

    @property
    def pods(self) -> str:
        """The kubelet's `cgroupRoot`."""
        return f"/{self.name}/pods"

    @property
    def entrances(self) -> list[pathlib.Path]:
        """The files into which a process writes its pid to become one of the cluster's daemons."""
        return [top / "daemons" / "cgroup.procs" for top in self._tops]

    def create(self) -> None:
        """Make the cgroups, where they are missing, in every hierarchy."""
        for top in self._tops:
            for group in (top, top / "daemons", top / "pods"):
                group.mkdir(exist_ok=True)
                if self._version == 1:
                    _inherit_cpuset(group)
            if self._version == 2:
                _delegate(top.parent)
                _delegate(top)

    def processes(self) -> set[int]:
        """The pids of all processes in the cluster's cgroups."""
        found: set[int] = set()
        for top in self._tops:
            for group in _bottom_up(top):
                found.update(_members(group))
        return found

    def end_daemons(self, program: str) -> None:
        """Kill the daemons that were started as `program`: those that no record knows, as of a killed `up`."""
        for pid in _members(self._tops[0] / "daemons"):
            with contextlib.suppress(OSError):
                if pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0] == program.encode():
                    self._kill(pid)

    def clear(self, timeout: float = 30.0) -> None:
        """Kill every process in the cgroups and remove them; LabError if that takes more than `timeout` seconds."""
        deadline = time.monotonic() + timeout
        while True:
            # Again and again: a process may have started another one after it was listed.
            processes = self.processes()
            for pid in processes:
                self._kill(pid)
            if self._remove():
                return
            if time.monotonic() > deadline:
                raise LabError(
                    f"cannot remove cgroup {self.name}: processes {sorted(processes)} do not end although they were"
                    " killed; look at their /proc/PID/stack."
                )
            time.sleep(0.05)

    def _remove(self) -> bool:
        """Remove the cgroups from the leaves up, as far as they are empty; whether none is left."""
        for top in self._tops:
            for group in _bottom_up(top):
                with contextlib.suppress(OSError):
                    group.rmdir()
        return not any(top.exists() for top in self._tops)

    def _kill(self, pid: int) -> None:
        """Kill a process if it still is in the cgroups: its pid may have passed to another one since it was listed."""
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):
            handle = os.pidfd_open(pid)
            try:
                membership = pathlib.Path(f"/proc/{pid}/cgroup").read_text()
                if re.search(rf":/{re.escape(self.name)}(/|$)", membership, re.MULTILINE):
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            finally:
                os.close(handle)


def _members(group: pathlib.Path) -> set[int]:
    """The pids of the processes directly in a cgroup; none if it does not exist (any more)."""
    with contextlib.suppress(OSError):
        return {int(pid) for pid in (group / "cgroup.procs").read_text().split()}
    return set()


def _bottom_up(top: pathlib.Path) -> Iterator[pathlib.Path]:
    """The cgroups from the leaves to `top` itself; none if it does not exist."""
    for folder, _, _ in os.walk(top, topdown=False):
        yield pathlib.Path(folder)


def _inherit_cpuset(group: pathlib.Path) -> None:
    """Copy the parent's CPUs and memory nodes down: an empty v1 cpuset takes no process."""
    for name in CPUSET_FILES:
        own = group / name
        if own.exists() and not own.read_text().strip():
            own.write_text((group.parent / name).read_text())


def _delegate(group: pathlib.Path) -> None:
    """Let the children of a v2 cgroup use every controller that it has itself. Raises LabError if it may not."""
    controllers = (group / "cgroup.controllers").read_text().split()
    try:
        (group / "cgroup.subtree_control").write_text(" ".join(f"+{name}" for name in controllers))
    except OSError as error:
        raise LabError(
            f"cannot hand the controllers of cgroup {group} down: {error.strerror}; inside a container, run the lab on"
            " the machine itself instead."
        ) from error
