"""Programs for the images from Debian packages, which are downloaded and read but never installed."""

from __future__ import annotations

import pathlib
import subprocess

from ..say import LabError

# What a program needs to run. Other dependencies (service managers, account tools, configuration frameworks) serve an
# installation and have no place in an image.
RUNTIME = ("lib", "python3", "zlib")


def closure(roots: list[str]) -> list[str]:
    """Return, sorted, ``roots`` and every shared-library and Python package they depend on; raise `LabError`."""
    output = _run(
        ["apt-cache", "depends", "--recurse", "--important", *roots],
        f"the dependencies of {', '.join(roots)}",
    )
    dependencies: dict[str, list[str]] = {}
    for line in output.splitlines():
        if not line.startswith((" ", "|")):
            package = line
        elif "Depends: " in line:
            dependencies.setdefault(package, []).append(line.split("Depends: ")[1])
    needed, unseen = set(roots), list(roots)
    while unseen:
        libraries = {name for name in dependencies.get(unseen.pop(), []) if name.startswith(RUNTIME)}
        unseen += libraries - needed
        needed |= libraries
    return sorted(needed)


def download(packages: list[str], into: pathlib.Path) -> list[pathlib.Path]:
    """Download ``packages`` into the empty directory ``into``; return the files in a stable order.

    Raises `LabError`.
    """
    # The download user of apt cannot write into directories of ours.
    _run(["apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", *packages], ", ".join(packages), into)
    return sorted(into.glob("*.deb"))


def architecture() -> str:
    """Return the machine's architecture as Debian and image configurations both call it, such as ``amd64``."""
    return _run(["dpkg", "--print-architecture"], "the machine's architecture").strip()


def _run(command: list[str], what: str, directory: pathlib.Path | None = None) -> str:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    if done.returncode:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise LabError(f"apt could not give {what}: {reason[0]}; run 'apt-get update' and try again.")
    return done.stdout
