"""Writes the archives, and only those whose inputs changed."""

from __future__ import annotations

import hashlib
import os
import pathlib
import tempfile
from collections.abc import Callable

from . import debian, recipes
from .archive import to_archive

ARCHIVES = ("pause.tar", "app.tar", "telepresence-k8s.tar", "tel2.tar", "curl.tar")


def build(out: pathlib.Path, traffic: pathlib.Path, say: Callable[[str], None]) -> list[pathlib.Path]:
    """Write the lab's images into the directory ``out`` and return the paths of their docker-archive tars.

    ``traffic`` is the program of Telepresence 2's manager and agent. ``say`` gets one sentence per step that takes time. Archives made from the sources at hand are left alone, so a
    second call is instant. Raises `LabError` if a Debian package cannot be had.
    """
    out.mkdir(parents=True, exist_ok=True)
    archives = [out / name for name in ARCHIVES]
    made_from, inputs = out / "made-from", _inputs(traffic)
    if made_from.exists() and made_from.read_text() == inputs and all(archive.exists() for archive in archives):
        return archives
    say("Downloading the Debian packages of the lab's images.")
    with tempfile.TemporaryDirectory(dir=out) as directory:
        closures = [debian.closure(roots) for roots in (recipes.PROXY_ROOTS, recipes.TEL2_ROOTS, recipes.CURL_ROOTS)]
        files = debian.download(sorted({name for closure in closures for name in closure}), pathlib.Path(directory))
        proxy, tel2, curl = ([file for file in files if file.name.split("_")[0] in closure] for closure in closures)
        busybox = next(file for file in files if file.name.startswith("busybox-static_"))
        say("Writing the lab's images.")
        images = [
            recipes.pause(busybox),
            recipes.app(busybox),
            recipes.telepresence_proxy(proxy),
            recipes.tel2(tel2, traffic.read_bytes()),
            recipes.curl(curl),
        ]
    for archive, image in zip(archives, images, strict=True):
        replace(archive, to_archive(image, debian.architecture()))
    replace(made_from, inputs.encode())
    return archives


def _inputs(traffic: pathlib.Path) -> str:
    """Return a digest of this package and the program: every image is determined by them and Debian's packages of the day."""
    digest = hashlib.sha256(debian.architecture().encode() + traffic.read_bytes())
    here = pathlib.Path(__file__).parent
    for source in sorted(path for path in here.rglob("*") if path.is_file() and path.suffix != ".pyc"):
        digest.update(str(source.relative_to(here)).encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()


def replace(path: pathlib.Path, content: bytes) -> None:
    """Write a file so that a reader or a killed run never sees half of it."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.replace(path)
