"""`python -m tests.matrix [CELL ...]`: the product's unit tests and ansible-test sanity on the oldest and newest releases of what it needs.

A cell is one combination, such as `2.17-lowest`: a release line of ansible-core, with the lowest or the newest releases of the client library
kubernetes and the collection kubernetes.core. Sanity depends on ansible-core alone, and runs in the newest cell of each line. All cells by default.
Each has a Python environment of its own below .lab/matrix, which is made once. At the end stands a table; the exit code is 1 if anything in it failed.
"""

from __future__ import annotations

import argparse
import itertools
import os
import pathlib
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass

from tests.lab.paths import LAB, ROOT

CORES = ("2.17", "2.18", "2.19")


@dataclass(frozen=True)
class Releases:
    """Releases of what the collection needs beside ansible-core, and of the PyPI package ansible that carries this kubernetes.core."""

    kubernetes: str
    kubernetes_core: str
    carrier: str


RELEASES = {"lowest": Releases("24.2.0", "5.0.0", "11.0.0"), "newest": Releases("37.0.2", "6.6.0", "14.5.0")}
"""What ee-requirements.txt and galaxy.yml allow, and of the client library what requirements/dev.txt pins."""
UNITS = ("cluster", "environment", "inventory", "model", "modules", "results", "swaps", "traffic_manager", "wire_tests")
"""The directories of tests/unit that are about the product, not about the tools and pages of the project."""
HOME = LAB / "matrix"


@dataclass(frozen=True)
class Cell:
    """One combination: a release line of ansible-core, and which of the other releases."""

    core: str
    age: str

    def __str__(self) -> str:
        return f"{self.core}-{self.age}"

    @property
    def releases(self) -> Releases:
        """What it has beside ansible-core."""
        return RELEASES[self.age]

    @property
    def programs(self) -> pathlib.Path:
        """The directory of its programs."""
        return HOME / str(self) / "bin"


CELLS = {str(cell): cell for cell in itertools.starmap(Cell, itertools.product(CORES, RELEASES))}


def kubernetes_core(releases: Releases) -> pathlib.Path:
    """The directory of one release of kubernetes.core, taken out of the PyPI package that carries it, once."""
    version, carrier = releases.kubernetes_core, releases.carrier
    place = HOME / f"kubernetes.core-{version}"
    found = place / "ansible_collections" / "kubernetes" / "core"
    if not found.exists():
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--ignore-requires-python"]
        subprocess.run([*pip, f"--dest={place}", f"ansible=={carrier}"], check=True)
        (wheel,) = place.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            inside = "ansible_collections/kubernetes/core/"
            archive.extractall(place, [name for name in archive.namelist() if name.startswith(inside)])
        wheel.unlink()
    if f'"version": "{version}"' not in (found / "MANIFEST.json").read_text():
        raise SystemExit(f"ansible {carrier} does not carry kubernetes.core {version}: mend RELEASES in {__file__}.")
    return found


def make(cell: Cell) -> None:
    """Makes the environment of a cell, if its requirements changed."""
    tools = (ROOT / "requirements" / "matrix.txt").read_text()
    wanted = f"{tools}ansible-core=={cell.core}.*\nkubernetes=={cell.releases.kubernetes}\n"
    HOME.mkdir(parents=True, exist_ok=True)
    requirements, ready = HOME / f"{cell}.txt", HOME / str(cell) / ".ready"
    if not (ready.exists() and ready.read_text() == wanted):
        requirements.write_text(wanted)
        subprocess.run(["requirements/venv.sh", HOME / str(cell), f"../.lab/matrix/{cell}.txt"], cwd=ROOT, check=True)
        (libraries,) = (HOME / str(cell) / "lib").glob("python3.*/site-packages")
        link = libraries / "ansible_collections" / "kubernetes" / "core"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(kubernetes_core(cell.releases))
        ready.write_text(wanted)


def outcome(cell: Cell, what: str, command: list[str]) -> str:
    """Runs one part of a cell with its programs first in PATH, and says what came of it: ``passed in 95 s``, or where to read why not."""
    log = HOME / f"{cell}-{what}.log"
    began = time.monotonic()
    with log.open("w") as output:
        environment = {**os.environ, "PATH": f"{cell.programs}:{os.environ['PATH']}"}
        done = subprocess.run(command, cwd=ROOT, env=environment, check=False, stdout=output, stderr=subprocess.STDOUT)
    took = f"in {time.monotonic() - began:.0f} s"
    said = f"passed {took}" if done.returncode == 0 else f"FAILED {took}, see {log.relative_to(ROOT)}"
    print(f"{cell}: {what} {said}", flush=True)
    return said


def main() -> int:
    """Runs the cells that were asked for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("cells", nargs="*", metavar="CELL", help=", ".join(CELLS))
    asked = parser.parse_args().cells or list(CELLS)
    unknown = [name for name in asked if name not in CELLS]
    if unknown:
        parser.error(f"there is no cell {', '.join(unknown)}; there are {', '.join(CELLS)}")
    rows = []
    for name in asked:
        cell = CELLS[name]
        make(cell)
        print(f"{name}: testing", flush=True)
        units = [
            str(cell.programs / "python"),
            "-m",
            "pytest",
            "-q",
            "--numprocesses=2",
            *(f"tests/unit/{one}" for one in UNITS),
        ]
        of_units = outcome(cell, "units", units)
        rows.append((name, of_units, outcome(cell, "sanity", ["tests/sanity/run.sh"]) if cell.age == "newest" else "-"))
    print(f"\n{'cell':<14}{'units':<56}sanity")
    for name, of_units, of_sanity in rows:
        print(f"{name:<14}{of_units:<56}{of_sanity}")
    return int(any("FAILED" in part for row in rows for part in row))


if __name__ == "__main__":
    sys.exit(main())
