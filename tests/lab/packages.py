"""The Debian packages of the lab, unpacked under `.lab/debian/` and never installed.

Installing etcd, containerd or an ssh server would start a service on the user's machine. Unpacking starts nothing, asks
nothing and is undone by removing one directory.
"""

from __future__ import annotations

import fcntl
import os
import pathlib
import re
import shutil
import subprocess

from . import stamps
from .commands import run
from .paths import DEBIAN, LAB, LOG
from .say import LabError, Say

PACKAGES = ("containerd", "containernetworking-plugins", "etcd-server", "iproute2", "iptables", "runc")
APT_LOG = LOG / "apt.log"
# What the package's post-installation script would link.
IPTABLES = ("iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore")


def unpack_all(say: Say) -> None:
    """Download and unpack the packages and the libraries they miss, once. Raises LabError."""
    stamp, value = DEBIAN / ".stamp", stamps.digest((), *PACKAGES)
    if stamps.is_fresh(stamp, value):
        return
    say(f"unpacking Debian packages: {' '.join(PACKAGES)}")
    unpack(PACKAGES, DEBIAN, say)
    for name in IPTABLES:
        (DEBIAN / "usr/sbin" / name).symlink_to("xtables-nft-multi")
    stamp.write_text(value)


def unpack(names: tuple[str, ...], into: pathlib.Path, say: Say) -> None:
    """Unpack the named packages, and what they depend on and the machine does not have, below `into` (made anew).

    Raises LabError, which names the log, if apt-get or dpkg fails.
    """
    for tool in ("apt-get", "dpkg"):
        if shutil.which(tool) is None:
            raise LabError(f"{tool} is missing: the lab takes etcd, containerd and more from Debian packages.")
    work = into.with_name(into.name + ".new")
    shutil.rmtree(work, ignore_errors=True)
    archives = work / "archives"
    archives.mkdir(parents=True)
    try:
        _download(names, archives)
    except LabError:
        # Package lists that are missing or older than the archive are the one failure that can be repaired here.
        say("the package lists are missing or old: apt-get update")
        run(["apt-get", "update"], "apt-get update", APT_LOG, say=say)
        _download(names, archives)
    for archive in sorted(archives.glob("*.deb")):
        run(["dpkg", "-x", archive, work], f"unpacking {archive.name}", APT_LOG)
    shutil.rmtree(archives)
    shutil.rmtree(into, ignore_errors=True)
    work.rename(into)


def program(package: str, name: str, say: Say) -> pathlib.Path:
    """The program `name` of a package, unpacked under `.lab/` once, whoever else asks for it at the same time. Raises LabError."""
    into = LAB / package
    LAB.mkdir(exist_ok=True)
    with (LAB / f"{package}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not into.exists():
            unpack((package,), into, say)
    return next(path for path in (into / "usr/bin" / name, into / "bin" / name) if path.exists())


def _download(names: tuple[str, ...], archives: pathlib.Path) -> None:
    """Put the archives of `names` and of their missing dependencies into `archives`."""
    answer = subprocess.run(
        ["apt-get", "install", "--simulate", "--no-install-recommends", *names],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
    )
    if answer.returncode != 0:
        APT_LOG.parent.mkdir(parents=True, exist_ok=True)
        with APT_LOG.open("a") as log:
            log.write(answer.stdout + answer.stderr)
        reason = (answer.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise LabError(f"apt-get cannot get {' '.join(names)}: {reason} (log: {APT_LOG})")
    wanted = sorted({*names, *missing(answer.stdout)})
    run(["apt-get", "download", *wanted], "downloading Debian packages", APT_LOG, cwd=archives)


def missing(simulation: str) -> list[str]:
    """The packages that `apt-get install --simulate` would install anew, in its order.

    Its lines are `Inst NAME (VERSION ...)`; an `Inst NAME [OLD] (VERSION ...)` is an upgrade of what the machine has.
    """
    return re.findall(r"^Inst (\S+) \(", simulation, re.MULTILINE)


def environment() -> dict[str, str]:
    """The environment in which the unpacked programs find each other, their libraries and the built programs."""
    libraries = [str(path) for pattern in ("usr/lib/*-linux-gnu", "lib/*-linux-gnu") for path in DEBIAN.glob(pattern)]
    extensions = [str(path) for path in DEBIAN.glob("usr/lib/*-linux-gnu/xtables")]
    programs = [LAB / "bin", *(DEBIAN / part for part in ("usr/sbin", "usr/bin", "sbin", "bin"))]
    return {
        "PATH": ":".join(
            [*map(str, programs), "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        ),
        "LD_LIBRARY_PATH": ":".join(libraries),
        "XTABLES_LIBDIR": ":".join(extensions),
    }
