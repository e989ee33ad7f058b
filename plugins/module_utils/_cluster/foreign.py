# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Texts that others wrote, in clusters and in answers: made harmless for terminals and programs, and of a length that can be read."""

from __future__ import annotations

import typing as t
import unicodedata

LONGEST_LINE = 300
LONGEST_REASON = 500
"""Characters of what a cluster says for a reason, as part of a sentence of ours."""
LONGEST_TEXT = 1000
"""Characters of any text in a result. The longest that Kubernetes allows in what a result names is below 400: a kind, a namespace, a name."""


def clean(value: object, limit: int = LONGEST_LINE) -> str:
    """The text of ``value`` in one line of at most ``limit`` characters, with all that could steer a terminal made visible.

    White space of any kind becomes one blank; control and format characters (also those that turn the direction of writing,
    and halves of a character) are written by their number; a text that was cut ends with an ellipsis.
    """
    raw = str(value)
    # Whoever writes a megabyte shall not have each of its characters looked at.
    text = " ".join(raw[: 2 * limit].split())
    text = "".join(_visible(character) for character in text)
    return text if len(text) <= limit and len(raw) <= 2 * limit else text[: limit - 1].rstrip() + "…"


def tidy(value: t.Any) -> t.Any:
    """Nested data with every text in it clean."""
    if isinstance(value, dict):
        return {tidy(key): tidy(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [tidy(item) for item in value]
    return clean(value, LONGEST_TEXT) if isinstance(value, str) else value


def _visible(character: str) -> str:
    if unicodedata.category(character)[0] != "C":
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
