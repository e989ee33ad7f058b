"""Stamps: a made thing is made again only when what it is made from has changed."""

from __future__ import annotations

import hashlib
import pathlib
from collections.abc import Iterable


def digest(files: Iterable[pathlib.Path], *words: str) -> str:
    """The SHA-256, in hex, of the names and contents of `files` (in sorted order) and of `words`.

    Raises OSError if a file cannot be read.
    """
    total = hashlib.sha256()
    for file in sorted(files):
        total.update(f"{file.name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\0".encode())
    for word in words:
        total.update(f"{word}\0".encode())
    return total.hexdigest()


def is_fresh(stamp: pathlib.Path, value: str) -> bool:
    """Whether the stamp file says `value`; a missing stamp says nothing."""
    return stamp.is_file() and stamp.read_text() == value
