"""Times as Kubernetes writes them."""

from __future__ import annotations

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster import clock

NOON = 1_795_348_800.0
"""2026-11-22T12:00:00Z"""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-22T12:00:00Z", NOON),
        ("2026-11-22T12:00:00.5Z", NOON + 0.5),
        ("2026-11-22T12:00:00.123456Z", NOON + 0.123456),
        ("2026-11-22T12:00:00.123456789Z", NOON + 0.123456789),
        ("2026-11-22T12:00:00.123456789012Z", NOON + 0.123456789),
        ("2026-11-22T12:00:00+00:00", NOON),
        ("2026-11-22T13:30:00+01:30", NOON),
        ("2026-11-22T04:00:00-08:00", NOON),
        ("1970-01-01T00:00:00Z", 0.0),
        ("2024-02-29T00:00:00Z", 1_709_164_800.0),
        ("2026-11-22T12:00:00.Z", None),
        ("2026-11-22T12:00:00", None),
        ("2026-11-22 12:00:00Z", None),
        ("2026-11-22T12:00:00z", None),
        ("2026-11-22T12:00:00+0000", None),
        ("2026-13-22T12:00:00Z", None),
        ("2026-00-22T12:00:00Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("26-11-22T12:00:00Z", None),
        (" 2026-11-22T12:00:00Z", None),
        ("2026-11-22T12:00:00Z ", None),
        ("yesterday", None),
        ("", None),
        (None, None),
    ],
)
def test_parse(text: str | None, seconds: float | None) -> None:
    assert clock.parse(text) == (None if seconds is None else pytest.approx(seconds, abs=1e-6))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (NOON, "2026-11-22T12:00:00Z"),
        (NOON + 0.999, "2026-11-22T12:00:00Z"),
        (0.0, "1970-01-01T00:00:00Z"),
        (None, None),
    ],
)
def test_text(seconds: float | None, text: str | None) -> None:
    assert clock.text(seconds) == text
    if text is not None and seconds is not None:
        assert clock.parse(text) == int(seconds)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Sun, 22 Nov 2026 12:00:00 GMT", NOON),
        ("Sun, 22 Nov 2026 13:00:00 +0100", NOON),
        ("22 Nov 2026", None),
        ("now", None),
        ("", None),
        (None, None),
    ],
)
def test_http_date(header: str | None, seconds: float | None) -> None:
    assert clock.http_date(header) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0 s"),
        (0, "0 s"),
        (0.4, "0 s"),
        (48.2, "48 s"),
        (119, "119 s"),
        (120, "2 min"),
        (7199, "120 min"),
        (7200, "2 h"),
        (172799, "48 h"),
        (172800, "2 d"),
        (864000, "10 d"),
    ],
)
def test_span(seconds: float, text: str) -> None:
    assert clock.span(seconds) == text
