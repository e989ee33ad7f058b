"""One image layer: a file tree held in memory and written as a tar that depends on its content alone."""

from __future__ import annotations

import io
import pathlib
import posixpath
import stat
import subprocess
import tarfile
from collections.abc import Callable

# Debian's packages spell these both ways; in an image each must be one directory (as on every merged-/usr system).
MERGED_INTO_USR = ("bin", "lib", "lib64", "sbin")


class Layer:
    """A file tree owned by root, by path without a leading slash. Adding a path again replaces what was there."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[tarfile.TarInfo, bytes]] = {}

    def directory(self, path: str, mode: int = 0o755) -> None:
        """Add a directory with ``mode`` (its parents are added by `to_tar`)."""
        self._add(path, tarfile.DIRTYPE, mode)

    def file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        """Add a regular file with this content and ``mode``."""
        self._add(path, tarfile.REGTYPE, mode, data)

    def symlink(self, path: str, target: str) -> None:
        """Add a symbolic link at ``path`` that points at ``target``."""
        self._add(path, tarfile.SYMTYPE, 0o777, target=target)

    def package(self, deb: pathlib.Path, wanted: Callable[[str], bool]) -> None:
        """Add the files of a Debian package for whose path (without leading slash) ``wanted`` is true.

        Raises ``subprocess.CalledProcessError`` if ``dpkg-deb`` cannot read the package.
        """
        listing = subprocess.run(["dpkg-deb", "--fsys-tarfile", deb], check=True, capture_output=True)
        with tarfile.open(fileobj=io.BytesIO(listing.stdout)) as tree:
            for member in tree:
                path = _merged(posixpath.normpath(member.name))
                if path == "." or path in MERGED_INTO_USR or not wanted(path):
                    continue
                if member.issym():
                    self.symlink(path, member.linkname)
                elif member.isdir():
                    self.directory(path, stat.S_IMODE(member.mode))
                else:
                    # Of a hard link, extractfile() gives the content it shares.
                    content = tree.extractfile(member)
                    self.file(path, content.read() if content else b"", stat.S_IMODE(member.mode))

    def tree(self, path: str, directory: pathlib.Path) -> None:
        """Add the files below ``directory`` as files below ``path``, without what Python compiled of them."""
        for file in sorted(directory.rglob("*")):
            if file.is_file() and file.suffix != ".pyc":
                mode = 0o755 if file.stat().st_mode & stat.S_IXUSR else 0o644
                self.file(f"{path}/{file.relative_to(directory)}", file.read_bytes(), mode)

    def to_tar(self) -> bytes:
        """Return the tar, parents before children, without times or names of the machine that wrote it."""
        for path in list(self._entries):
            for parent in pathlib.PurePosixPath(path).parents:
                if str(parent) not in self._entries and str(parent) != ".":
                    self.directory(str(parent))
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
            for _, (info, data) in sorted(self._entries.items()):
                tar.addfile(info, io.BytesIO(data))
        return out.getvalue()

    def _add(self, path: str, kind: bytes, mode: int, data: bytes = b"", target: str = "") -> None:
        info = tarfile.TarInfo(path)
        info.type, info.mode, info.size, info.linkname = kind, mode, len(data), target
        self._entries[path] = (info, data)


def merged_usr(layer: Layer) -> None:
    """Add the top-level links of a merged /usr to ``layer``."""
    for name in MERGED_INTO_USR:
        layer.symlink(name, f"usr/{name}")


def _merged(path: str) -> str:
    return f"usr/{path}" if path.split("/", 1)[0] in MERGED_INTO_USR else path
