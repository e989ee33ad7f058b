"""Where things lie: the repository, and under `.lab/` everything the lab makes."""

from __future__ import annotations

import pathlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "lab"
LAB = ROOT / ".lab"
BIN = LAB / "bin"
LOG = LAB / "log"
RUN = LAB / "run"
DEBIAN = LAB / "debian"
IMAGES = LAB / "images"
CHARTS = LAB / "charts"
CLUSTERS = LAB / "clusters"
KUBECONFIG = LAB / "kubeconfig"
