"""The Helm charts of Telepresence 2's traffic-manager, from the Go modules that carry them, packed into `.lab/charts/`.

A module holds its chart as ordinary files whose version is a placeholder; helm sets the version as the project's own
packaging does (charts/chart.go of telepresence). The schema of 2.27's values stays unused, because it refers to definitions
that the module lacks.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
from dataclasses import dataclass

from .build import GO_SETTINGS, find_go, required_go
from .commands import run
from .paths import BIN, CHARTS, HERE, LOG
from .say import Say

MODULE = "github.com/telepresenceio/telepresence/v2"


@dataclass(frozen=True)
class Chart:
    """One chart of `MODULE`: its version, its directory there, and the directory under `tests/lab/go/` whose go.mod pins it."""

    version: str
    directory: str
    pinned_in: str

    @property
    def archive(self) -> pathlib.Path:
        """The packed chart."""
        return CHARTS / f"telepresence-oss-{self.version}.tgz"


INSTALLED = Chart("2.20.2", "charts/telepresence", "traffic")
"""The chart of the manager that the lab runs."""
RENDERED = Chart("2.27.4", "charts/telepresence-oss", "chart")
"""A chart to be rendered only: its manager cannot be built, because two modules that it needs are not to be had."""


def pack_all(say: Say) -> None:
    """Pack every chart that is not packed yet. Raises LabError."""
    for chart in (INSTALLED, RENDERED):
        if not chart.archive.exists():
            _pack(chart, say)


def _pack(chart: Chart, say: Say) -> None:
    pinned_in = HERE / "go" / chart.pinned_in
    go = find_go(required_go((pinned_in / "go.mod").read_text()), say)
    what, log = f"packing chart {chart.archive.name}", LOG / "charts.log"
    say(what)
    run([go, "mod", "download", MODULE], what, log, cwd=pinned_in, env=GO_SETTINGS, say=say)
    listing = [str(go), "list", "-m", "-f", "{{.Dir}}", MODULE]
    environment = {**os.environ, **GO_SETTINGS}
    found = subprocess.run(listing, cwd=pinned_in, env=environment, check=True, capture_output=True, text=True)
    directory = pathlib.Path(found.stdout.strip()) / chart.directory
    version = [f"--version={chart.version}", f"--app-version={chart.version}"]
    run([BIN / "helm", "package", directory, *version, f"--destination={CHARTS}"], what, log)
