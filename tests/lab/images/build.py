"""Writes the archives, and only those whose inputs changed."""

from __future__ import annotations

import hashlib
import os
import pathlib
import tempfile
from collections.abc import Callable

from . import debian, recipes
from .archive import to_archive

ARCHIVES = ("pause.tar", "app.tar", "telepresence-k8s.tar")


def build(out: pathlib.Path, say: Callable[[str], None]) -> list[pathlib.Path]:
    """Write the lab's images into the directory ``out`` and return the paths of their docker-archive tars.

    ``say`` gets one sentence per step that takes time. Archives made from the sources at hand are left alone, so a
    second call is instant. Raises `LabError` if a Debian package cannot be had.
    """
    out.mkdir(parents=True, exist_ok=True)
    archives = [out / name for name in ARCHIVES]
    made_from, inputs = out / "made-from", _inputs()
    if made_from.exists() and made_from.read_text() == inputs and all(archive.exists() for archive in archives):
        return archives
    say("Downloading the Debian packages of the lab's images.")
    with tempfile.TemporaryDirectory(dir=out) as directory:
        packages = debian.download(debian.closure(recipes.PROXY_ROOTS), pathlib.Path(directory))
        say("Writing the lab's images.")
        busybox = next(package for package in packages if package.name.startswith("busybox-static_"))
        images = [recipes.pause(busybox), recipes.app(busybox), recipes.telepresence_proxy(packages)]
    for archive, image in zip(archives, images, strict=True):
        _replace(archive, to_archive(image, debian.architecture()))
    _replace(made_from, inputs.encode())
    return archives


def _inputs() -> str:
    """Return a digest of this package: every image is determined by it and by Debian's packages of the day."""
    digest = hashlib.sha256(debian.architecture().encode())
    here = pathlib.Path(__file__).parent
    for source in sorted(path for path in here.rglob("*") if path.is_file() and path.suffix != ".pyc"):
        digest.update(str(source.relative_to(here)).encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()


def _replace(path: pathlib.Path, content: bytes) -> None:
    """Write a file so that a reader or a killed run never sees half of it."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_bytes(content)
    partial.replace(path)
