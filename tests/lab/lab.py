"""The lab as a whole: both clusters, and the one kubeconfig that reaches them."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import pathlib
import shutil
import socket
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from . import build, charts, images, kubeconfig, packages, target
from .addresses import NETWORKS
from .cgroups import find_hierarchies
from .cluster import Cluster
from .images import recovery
from .paths import BIN, CLUSTERS, IMAGES, KUBECONFIG, LAB, RUN
from .say import LabError, Say
from .telepresence1.session import planted

# Of the machine itself; everything else is built or unpacked under .lab/.
TOOLS = ("nsenter", "unshare")
# The lock for the clusters: their names (cgroups, links) are the machine's. The lock for building is the checkout's.
MACHINE = "devclusters-lab"


def build_programs(say: Say) -> None:
    """Build and unpack the programs of the lab, and nothing else. Raises LabError."""
    with _lock(str(LAB), say):
        packages.unpack_all(say)
        build.build_all(say)


def up(say: Say) -> None:
    """Build what is missing, bring both clusters up or repair them, write the kubeconfig. Raises LabError.

    Where the user named clusters of their own, only what the tests need beside clusters is built.
    """
    _require()
    build_programs(say)
    with _lock(str(LAB), say):
        charts.pack_all(say)
        archives = [*images.build(IMAGES, BIN / "traffic", say), recovery.build(IMAGES, say)]
    if target.own_clusters():
        contexts = " and ".join(target.clusters()[1])
        say(
            f"using {contexts} of LAB_KUBECONFIG; their nodes need the images in {IMAGES} (kind load image-archive FILE)"
        )
        return
    with _lock(MACHINE, say):
        clusters = _clusters(say)
        # Each cluster mostly waits; together they take little longer than one.
        with ThreadPoolExecutor(len(clusters)) as pool:
            for result in [pool.submit(cluster.up, archives) for cluster in clusters]:
                result.result()
        kubeconfig.write(KUBECONFIG, {cluster.name: cluster.access for cluster in clusters})
    say(f"the lab is up: {' and '.join(NETWORKS)} in {KUBECONFIG}")


def down(say: Say) -> None:
    """End both clusters and remove all they left, whoever started them. Raises LabError."""
    _require()
    for session in planted():
        session.stop_client()
    with _lock(MACHINE, say):
        for cluster in _clusters(say):
            say(f"{cluster.name}: ending")
            cluster.down()
        KUBECONFIG.unlink(missing_ok=True)
        for directory in (CLUSTERS, RUN):
            if directory.exists():
                shutil.rmtree(directory)
    say("the lab is down; what was built stays in .lab/")


def status(say: Say) -> bool:
    """Print one line per part of each cluster; whether all are well."""
    _require()
    all_well = True
    for cluster in _clusters(say):
        for part, words, well in cluster.conditions():
            print(f"{cluster.name:<6} {part:<24} {words}")
            all_well = all_well and well
    return all_well


def _clusters(say: Say) -> list[Cluster]:
    hierarchies = find_hierarchies(pathlib.Path("/proc/self/mountinfo").read_text())
    return [Cluster(name, hierarchies, say) for name in NETWORKS]


def _require() -> None:
    """Raise LabError if the machine lacks what the lab cannot bring along."""
    if sys.platform != "linux":
        raise LabError("the lab needs Linux: it runs Kubernetes on the machine itself.")
    if os.geteuid() != 0:
        raise LabError("the lab needs root, for its namespaces and cgroups: run it again as root.")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise LabError(f"the lab needs {' and '.join(missing)}: install the package util-linux.")


@contextlib.contextmanager
def _lock(name: str, say: Say) -> Iterator[None]:
    """Hold the lock `name`; waits, and says so, while another command holds it.

    It is a name in the kernel's abstract socket space, which leaves no file and is free as soon as its holder has ended.
    """
    address = b"\0" + hashlib.sha256(name.encode()).hexdigest().encode()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as lock:
        told = False
        while True:
            try:
                lock.bind(address)
                break
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                if not told:
                    say("another command of the lab is at work: waiting for it to end")
                told = True
                time.sleep(0.5)
        yield
