"""The namespaces of one cluster, and the link between them and the machine.

kube-proxy writes whole iptables chains, kubelet and containerd write to fixed places under /var and /run: each cluster
has a network namespace and a mount namespace of its own. A process that only sleeps holds both open.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import time
from collections.abc import Sequence

from . import packages
from .addresses import Addresses
from .cgroups import Cgroup
from .commands import run
from .paths import HERE, LAB
from .processes import Process
from .say import LabError

# `sh -c JOIN join FILE... -- ARGV...`: enter the cgroups by writing the own pid, then become ARGV.
JOIN = 'while [ "$1" != -- ]; do echo $$ >"$1"; shift; done; shift; exec "$@"'
READY_TIMEOUT = 10.0  # seconds; it takes a few hundredths of one


class Namespaces:
    """The two namespaces of the cluster in `directory`, held open by the process remembered in `record`."""

    def __init__(
        self,
        directory: pathlib.Path,
        record: pathlib.Path,
        log: pathlib.Path,
        link: str,
        addresses: Addresses,
        cgroup: Cgroup,
    ) -> None:
        """`link` is the name of the machine's end of the link (at most 15 characters)."""
        self._directory = directory
        self._record = record
        self._log = log
        self._link = link
        self._addresses = addresses
        self._cgroup = cgroup

    def alive(self) -> bool:
        """Whether this checkout holds the namespaces open."""
        holder = Process.load(self._record)
        return holder is not None and holder.alive()

    def _holder(self) -> str:
        """The pid of the living holder. Raises LabError if there is none."""
        holder = Process.load(self._record)
        if holder is None or not holder.alive():
            raise LabError(f"the namespaces of {self._directory.name} are gone: run `make lab-up`.")
        return str(holder.pid)

    def create(self) -> None:
        """Make the namespaces and the link; LabError if that fails."""
        holder = self.spawn(["unshare", "--net", "--mount", HERE / "namespaces.sh", LAB, self._directory], "holder")
        deadline = time.monotonic() + READY_TIMEOUT
        while not (self._directory / "run/ready").exists():
            if not holder.alive() or time.monotonic() > deadline:
                log = self._log / "holder.log"
                raise LabError(f"cannot make the namespaces of {self._directory.name} (log: {log})")
            time.sleep(0.02)
        holder.save(self._record)
        self.connect()

    def connected(self) -> bool:
        """Whether the link is complete: its last step is the route to the Services."""
        routes = subprocess.run(
            ["ip", "route", "show", str(self._addresses.services), "dev", self._link],
            check=False,
            capture_output=True,
            env=packages.environment(),
        )
        return routes.returncode == 0 and routes.stdout != b""

    def connect(self) -> None:
        """Lay the link: one end on the machine, the other as eth0 in the namespace, with the routes of both."""
        self.disconnect()
        address = self._addresses
        prefix = address.link.prefixlen
        for argv in (
            ["ip", "link", "add", self._link, "type", "veth", "peer", "name", "eth0", "netns", self._holder()],
            self.inside("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"),
            self.inside("ip", "link", "set", "lo", "up"),
            self.inside("ip", "address", "add", f"{address.node}/{prefix}", "dev", "eth0"),
            self.inside("ip", "link", "set", "eth0", "up"),
            self.inside("ip", "route", "add", "default", "via", address.host),
            ["ip", "address", "add", f"{address.host}/{prefix}", "dev", self._link],
            ["ip", "link", "set", self._link, "up"],
            ["ip", "route", "add", str(address.pods), "via", address.node],
            ["ip", "route", "add", str(address.services), "via", address.node],
        ):
            self._run(argv, f"connecting {self._link}")

    def disconnect(self) -> None:
        """Remove the link, if it is there; its other end and all routes over it go with it."""
        if pathlib.Path("/sys/class/net", self._link).exists():
            self._run(["ip", "link", "delete", self._link], f"removing {self._link}")

    def _run(self, argv: Sequence[str], what: str) -> None:
        run(argv, what, self._log / "network.log", env=packages.environment())

    def inside(self, *argv: str | os.PathLike[str]) -> list[str]:
        """The command line that runs `argv` inside the namespaces. Raises LabError if they are gone."""
        enter = ["nsenter", "--target", self._holder(), "--net", "--mount", "--wd=/", "--"]
        return [*enter, *(os.fspath(word) for word in argv)]

    def spawn(
        self, argv: Sequence[str | os.PathLike[str]], name: str, environment: dict[str, str] | None = None
    ) -> Process:
        """Start a program that outlives this command, as a member of the cluster's cgroup; `name` names its log."""
        self._log.mkdir(parents=True, exist_ok=True)
        with (self._log / f"{name}.log").open("ab") as log:
            started = subprocess.Popen(
                ["sh", "-c", JOIN, "join", *self._cgroup.entrances, "--", *argv],
                env={"PATH": os.environ["PATH"], **(environment or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        process = Process.find(started.pid)
        if process is None:
            raise LabError(f"{name} ended as soon as it was started (log: {self._log / name}.log)")
        return process
