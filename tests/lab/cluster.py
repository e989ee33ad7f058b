"""One cluster: making it, finding out how it is, repairing it, ending it."""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence

from . import health, packages, stamps
from .addresses import NETWORKS, Addresses
from .cgroups import Cgroup, Hierarchies
from .commands import run
from .components import Component, components
from .files import ADMIN, ClusterFiles
from .kubeconfig import Access
from .namespaces import Namespaces
from .paths import BIN, CLUSTERS, HERE, LOG, RUN
from .processes import Process
from .say import LabError, Say

PREFIX = "devclusters-"  # of the names that the whole machine sees
HEALTHY_TIMEOUT = 60.0  # seconds; on 2 cores the slowest component takes 15
READY_TIMEOUT = 90.0  # seconds; a node takes 12
SUSPICION = 10.0  # seconds a running but unhealthy component gets before it is started anew


class Cluster:
    """The cluster called `name`, a key of NETWORKS, with all of its files and processes."""

    def __init__(self, name: str, hierarchies: Hierarchies, say: Say) -> None:
        self.name = name
        self._say = say
        self._addresses = Addresses(NETWORKS[name])
        self._directory = CLUSTERS / name
        self._files = ClusterFiles(name, self._directory, self._addresses)
        self._run = RUN / name
        self._log = LOG / name
        self._cgroup = Cgroup(PREFIX + name, hierarchies)
        self._namespaces = Namespaces(
            self._directory, self._run / "holder.json", self._log, f"dc-{name}", self._addresses, self._cgroup
        )
        self._components = components(name, self._addresses, self._files)

    @property
    def access(self) -> Access:
        """The administrator's access to this cluster."""
        return self._files.access(ADMIN)

    # Finding out

    def conditions(self) -> Iterator[tuple[str, str, bool]]:
        """How the cluster is, as (part, words, whether it is well): its namespaces, each component, its node."""
        connected = self._namespaces.alive() and self._namespaces.connected()
        yield "namespaces", "connected" if connected else "gone or not connected", connected
        for component in self._components:
            process = self._process(component)
            if process is None:
                yield component.name, "not running", False
            else:
                well = self._healthy(component)
                yield component.name, f"{'healthy' if well else 'not healthy'}, pid {process.pid}", well
        ready = self._node_ready()
        yield "node", "Ready" if ready else "not Ready", ready

    def _process(self, component: Component) -> Process | None:
        process = Process.load(self._record(component))
        return process if process is not None and process.alive() else None

    def _record(self, component: Component) -> pathlib.Path:
        return self._run / f"{component.name}.json"

    def _healthy(self, component: Component) -> bool:
        if component.health is not None:
            return health.answers(component.health)
        return self._namespaces.alive() and self._query(self._namespaces.inside("ctr", "version")) is not None

    def _node_ready(self) -> bool:
        path = "{.items[*].status.conditions[?(@.type=='Ready')].status}"
        return self._query(self._kubectl("get", "nodes", "--output", f"jsonpath={path}")) == "True"

    def _kubectl(self, *arguments: str) -> list[str]:
        return [
            str(BIN / "kubectl"),
            f"--kubeconfig={self._files.etc / ADMIN}.kubeconfig",
            f"--cache-dir={self._directory / 'cache'}",
            "--request-timeout=5s",
            *arguments,
        ]

    @staticmethod
    def _query(argv: Sequence[str]) -> str | None:
        """What a command answers; None if it fails or takes longer than 10 seconds."""
        try:
            answer = subprocess.run(
                argv,
                check=False,
                capture_output=True,
                text=True,
                timeout=10,
                stdin=subprocess.DEVNULL,
                env=packages.environment(),
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return answer.stdout if answer.returncode == 0 else None

    # Making and repairing

    def up(self, images: Sequence[pathlib.Path]) -> None:
        """Bring the cluster up, or repair what is broken; `images` are archives for its containerd. Raises LabError.

        A cluster whose namespaces are gone (by a reboot, or because another checkout holds its names) starts empty, as
        does one that cannot be repaired.
        """
        if self._namespaces.alive():
            try:
                self._repair(images)
                return
            except LabError as error:
                self._say(f"{self.name}: cannot be repaired: {error}")
        if self._directory.exists() or self._cgroup.processes():
            self._say(f"{self.name}: clearing what is left of an earlier cluster")
        self.down()
        shutil.rmtree(self._log, ignore_errors=True)
        self._say(f"{self.name}: starting a new cluster")
        self._files.write(self._cgroup.pods)
        self._cgroup.create()
        self._namespaces.create()
        self._repair(images)

    def _repair(self, images: Sequence[pathlib.Path]) -> None:
        """Let every part run that does not, in the order in which they need each other."""
        if not self._namespaces.connected():
            self._say(f"{self.name}: connecting it to the machine anew")
            self._namespaces.connect()
        for component in self._components:
            if component.name == "kubelet":
                self._import(images)
            if component.name == "coredns":
                self._apply_manifests()
            self._ensure(component)
        self._await("node is not Ready", READY_TIMEOUT, self._node_ready, "kubelet")

    def _ensure(self, component: Component) -> None:
        """Let a component run and be well: started if it does not run, started anew if it stays unhealthy."""
        process = self._process(component)
        if process is not None:
            if _becomes_true(lambda: self._healthy(component), SUSPICION):
                return
            self._say(f"{self.name}: {component.name} runs but is not healthy: starting it anew")
            process.kill()
        elif self._record(component).exists():
            self._say(f"{self.name}: {component.name} does not run any more: starting it anew")
        self._cgroup.end_daemons(component.argv[0])
        environment = packages.environment() | {"TMPDIR": "/var/tmp"}
        started = self._namespaces.spawn(self._namespaces.inside(*component.argv), component.name, environment)
        started.save(self._record(component))
        self._await(
            f"{component.name} is not healthy",
            HEALTHY_TIMEOUT,
            lambda: self._healthy(component) or not started.alive(),
            component.name,
        )
        if not started.alive():
            raise LabError(
                f"{self.name}: {component.name} ended after its start (log: {self._log / component.name}.log)"
            )

    def _await(self, what: str, timeout: float, condition: Callable[[], bool], log: str) -> None:
        if not _becomes_true(condition, timeout):
            raise LabError(f"{self.name}: {what} after {timeout:.0f} s (log: {self._log / log}.log)")

    def _import(self, images: Sequence[pathlib.Path]) -> None:
        """Import each image archive into containerd that changed since it was imported."""
        for image in images:
            stamp, value = self._run / f"{image.stem}.stamp", stamps.digest([image])
            if stamps.is_fresh(stamp, value):
                continue
            self._say(f"{self.name}: importing {image.name}")
            run(
                self._namespaces.inside("ctr", "--namespace=k8s.io", "images", "import", image),
                f"{self.name}: importing {image.name}",
                self._log / "images.log",
                env=packages.environment(),
            )
            stamp.write_text(value)

    def _apply_manifests(self) -> None:
        """Create the objects that the cluster's own components need, if their manifests changed."""
        manifests = HERE / "config" / "manifests.yaml"
        stamp, value = self._run / "manifests.stamp", stamps.digest([manifests])
        if stamps.is_fresh(stamp, value):
            return
        run(
            self._kubectl("apply", "--filename", str(manifests)),
            f"{self.name}: applying {manifests.name}",
            self._log / "manifests.log",
            env={"NO_PROXY": "*"},
        )
        stamp.write_text(value)

    # Ending

    def down(self) -> None:
        """End every process of the cluster, whoever started it, and remove all that it leaves but its logs."""
        self._namespaces.disconnect()
        self._cgroup.clear()
        for directory in (self._directory, self._run):
            if directory.exists():
                shutil.rmtree(directory)


def _becomes_true(condition: Callable[[], bool], timeout: float) -> bool:
    """Whether `condition` holds now or within `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True
