# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Files of a run in directories in which others may write too: put in place whole, and read only where they are files."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import tempfile


def put(path: str, text: str, mode: int, to_owner: bool = False) -> None:
    """Puts a whole file in place at once, with its directory if need be: whoever reads it meanwhile finds the old one. Raises OSError.

    ``to_owner``: what root makes belongs to the owner of the directory that it is made in, who is to read it.
    """
    directory = os.path.dirname(os.path.abspath(path))
    to_owner = to_owner and os.geteuid() == 0
    _make(directory, to_owner)
    file, partial = tempfile.mkstemp(dir=directory, prefix=f".{os.path.basename(path)}.")
    try:
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), mode)
            if to_owner:
                os.fchown(stream.fileno(), os.stat(directory).st_uid, -1)
            stream.write(text)
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise


def _make(directory: str, to_owner: bool) -> None:
    if os.path.isdir(directory):
        return
    parent = os.path.dirname(directory)
    _make(parent, to_owner)
    # Another host's module may have just made it.
    with contextlib.suppress(FileExistsError):
        os.mkdir(directory)
    if to_owner:
        os.chown(directory, os.stat(parent).st_uid, -1, follow_symlinks=False)


def open_file(path: str, flags: int, mode: int = 0o600) -> int:
    """A file, opened. Raises OSError, also where it is a link or anything else but a file."""
    file = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "it is no file")
    return file


def read_file(file: int, longest: int) -> bytes:
    """All of an opened file. Raises OSError where it is larger than ``longest`` bytes."""
    size = os.fstat(file).st_size
    if size > longest:
        raise OSError(errno.EFBIG, f"it is larger than {longest} bytes")
    return os.pread(file, size, 0)
