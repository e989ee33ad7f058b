"""Texts that others wrote, made harmless."""

from __future__ import annotations

import time
import unicodedata

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.foreign import (
    LONGEST_TEXT,
    clean,
    tidy,
)


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("plain", "plain"),
        ("größer als 3, 日本", "größer als 3, 日本"),
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\x9b31mC1", r"\x9b31mC1"),
        ("one\r\ntwo\tthree\u2028four", "one two three four"),
        ("right\u202eto left\u2066", r"right\u202eto left\u2066"),
        ("nothing\x00", r"nothing\x00"),
        ("lone \ud800 surrogate", r"lone \ud800 surrogate"),
        ("\U000e0041", r"\U000e0041"),
        ("{{ 1 }} {% x %} <b>", "{{ 1 }} {% x %} <b>"),
        (3, "3"),
        ("x" * 300, "x" * 300),
        ("x" * 400, "x" * 299 + "…"),
        ("\x00" * 300, r"\x00" * 74 + r"\x0" + "…"),
        (" " * 1000 + "late", "…"),
    ],
)
def test_clean(raw: object, cleaned: str) -> None:
    assert clean(raw) == cleaned


def test_nothing_that_steers_is_left() -> None:
    for code in (*range(0x300), *range(0x2000, 0x2070), 0xD800, 0xFEFF, 0xFFF9, 0xE0001, 0x10FFFF):
        left = clean(f"a{chr(code)}b")
        assert not [character for character in left if unicodedata.category(character)[0] == "C"]
        assert (left[0], left[-1], len(left.encode()) > 1) == ("a", "b", True)


def test_a_megabyte_costs_no_time() -> None:
    began = time.monotonic()
    for _ in range(1000):
        clean("\x1b{" * 500_000)
    assert time.monotonic() - began < 10


def test_tidy() -> None:
    raw = {"a\x00": ["\x1b[1m", 3, None, True, {"b": "x" * 5000}], "c": ("d", "e")}
    assert tidy(raw) == {
        r"a\x00": [r"\x1b[1m", 3, None, True, {"b": "x" * (LONGEST_TEXT - 1) + "…"}],
        "c": ["d", "e"],
    }
