"""``lab.local/recovery:1``: an execution environment, with Ansible, kubernetes.core and the collection of this checkout.

It holds what ``execution-environment.yml`` asks for, in the versions of ``requirements/dev.txt``, but for what only Telepresence 2 and OpenShift
take. Its Python is Debian's, so the libraries are those for that Python, whatever Python runs the lab.
"""

from __future__ import annotations

import importlib
import pathlib
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable

from .. import stamps
from ..commands import run
from ..paths import LAB, LOG, ROOT
from . import debian, recipes
from .archive import Image, to_archive
from .build import replace

PARTS = LAB / "recovery"
"""What does not change with the collection: Debian's packages and Python's libraries."""
PINS = ROOT / "requirements" / "dev.txt"
ROOTS = ["busybox-static", "libc-bin", "libpython3-stdlib", "python3-minimal"]  # libc-bin has the locale C.UTF-8
LIBRARIES = ("ansible-core", "jmespath", "kubernetes", "PyYAML", "urllib3", "websocket-client")
COLLECTIONS = "usr/share/ansible/collections/ansible_collections"
PROGRAM = b"#!/usr/bin/python3\nimport sys\nfrom ansible.cli.playbook import main\nsys.exit(main())\n"
SOURCES = ("meta", "playbooks", "plugins", "roles", "docs/rbac")
"""The directories of the collection that a run in the cluster takes part in."""


def build(out: pathlib.Path, say: Callable[[str], None]) -> pathlib.Path:
    """Write the image into the directory ``out``, if the collection or its parts changed; returns its docker-archive tar.

    Raises `LabError` if a Debian package or a library cannot be had.
    """
    archive, stamp = out / "recovery.tar", out / "recovery.stamp"
    files = [file for source in SOURCES for file in (ROOT / source).rglob("*") if file.suffix != ".pyc"]
    own = pathlib.Path(__file__).parent.glob("*.py")
    value = stamps.digest([PINS, ROOT / "galaxy.yml", *filter(pathlib.Path.is_file, [*files, *own])])
    if archive.exists() and stamps.is_fresh(stamp, value):
        return archive
    _parts(say)
    say("Writing the image of the collection.")
    layer = recipes.programs(sorted((PARTS / "packages").glob("*.deb")), ("busybox", "python3"))
    layer.file("usr/bin/ansible-playbook", PROGRAM, 0o755)
    layer.file("etc/passwd", b"root:x:0:0::/:/bin/sh\nrunner:x:1000:0::/runner:/bin/sh\n")
    layer.tree("usr/lib/python3/dist-packages", PARTS / "libraries")
    kubernetes_core = importlib.import_module("ansible_collections.kubernetes.core")
    layer.tree(f"{COLLECTIONS}/kubernetes/core", pathlib.Path(next(iter(kubernetes_core.__path__))))
    with tempfile.TemporaryDirectory(dir=out) as directory:
        layer.tree(f"{COLLECTIONS}/devclusters/telepresence", _collection(pathlib.Path(directory)))
    # The user is a number, as `runAsNonRoot` wants it.
    settings = {"User": "1000:0", "WorkingDir": "/tmp", "Env": ["PATH=/usr/bin:/bin", "LANG=C.UTF-8"]}
    replace(archive, to_archive(Image(["lab.local/recovery:1"], layer, settings), debian.architecture()))
    stamp.write_text(value)
    return archive


def _parts(say: Callable[[str], None]) -> None:
    """Download Debian's packages and Python's libraries, once."""
    stamp, value = PARTS / ".stamp", stamps.digest([PINS], debian.architecture(), *ROOTS, *LIBRARIES)
    if stamps.is_fresh(stamp, value):
        return
    shutil.rmtree(PARTS, ignore_errors=True)
    packages = PARTS / "packages"
    packages.mkdir(parents=True)
    say("Downloading what the image of the collection is made of.")
    files = debian.download(debian.closure(ROOTS), packages)
    version = next(match[1] for file in files if (match := re.match(r"python(\d\.\d+)-minimal_", file.name)))
    pip = [sys.executable, "-m", "pip", "install", "--no-compile", "--only-binary=:all:", f"--python-version={version}"]
    run(
        [*pip, f"--target={PARTS / 'libraries'}", f"--constraint={PINS}", *LIBRARIES],
        "downloading Python's libraries for the image of the collection",
        LOG / "pip.log",
    )
    stamp.write_text(value)


def _collection(directory: pathlib.Path) -> pathlib.Path:
    """Build the collection of this checkout into ``directory``; returns its files, as an installation would have them."""
    galaxy = str(pathlib.Path(sys.executable).parent / "ansible-galaxy")
    build = [galaxy, "collection", "build", "--output-path", str(directory)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (tarball,) = directory.glob("*.tar.gz")
    with tarfile.open(tarball) as built:
        built.extractall(directory / "files", filter="data")
    return directory / "files"
