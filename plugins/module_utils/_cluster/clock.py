# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Times as Kubernetes writes them, in seconds since the epoch.

Two times are compared only where one clock wrote both: the API server's (creationTimestamp, managedFields, Date header)
or the node's (log lines, the answer from inside the pod). The controller's own clock decides nothing.
"""

from __future__ import annotations

import calendar
import re
import time
from email.utils import parsedate_to_datetime

_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9})\d*)?(Z|[+-]\d\d:\d\d)")


def parse(text: str | None) -> float | None:
    """Seconds since the epoch of an RFC 3339 time (``2026-11-22T03:41:26.745840726Z``); None where it is none."""
    match = _RFC3339.fullmatch(text or "")
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        seconds = calendar.timegm((int(year), int(month), int(day), int(hour), int(minute), int(second)))
    except (ValueError, OverflowError):
        return None
    if zone != "Z":
        offset = int(zone[1:3]) * 3600 + int(zone[4:6]) * 60
        seconds += -offset if zone[0] == "+" else offset
    return seconds + (float(f"0.{fraction}") if fraction else 0.0)


def text(seconds: float | None) -> str | None:
    """The opposite of :func:`parse`, to the second; None for None."""
    return None if seconds is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def http_date(header: str | None) -> float | None:
    """Seconds since the epoch of a ``Date`` header; None where it is missing or broken."""
    try:
        return parsedate_to_datetime(header or "").timestamp()
    except (ValueError, TypeError):
        return None


def span(seconds: float) -> str:
    """A length of time for people: ``48 s``, ``12 min``, ``3 h``, ``5 d``."""
    for size, unit, below in ((1, "s", 120), (60, "min", 7200), (3600, "h", 172800)):
        if seconds < below:
            return f"{max(0, seconds) / size:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"
