# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The proxy's own log: it asks its client for a sign of life every 30 seconds and writes down what came back.

The lines are those of the proxy image's poller (telepresence 0.88 to 0.109, k8s-proxy/periodic.py), each behind the time
that the kubelet puts in front of it (``timestamps=true``), so all times are the node's.
"""

from __future__ import annotations

from dataclasses import dataclass

from .._cluster import clock

SIGN_OF_LIFE = "[Poll#info] Checkpoint"
FAILED_POLL = "[Poll#error] Failed to contact Telepresence client:"

TAIL = 200
"""Lines to read: a failed poll writes three, so this covers more than half an hour of them."""
MOST = 2**20
"""Bytes to read of them. A poller's line is short; whoever writes longer ones does not choose how much is kept in memory."""


@dataclass(frozen=True)
class Log:
    """What the end of a proxy's log says. Times in seconds since the epoch, None where there is none.

    ``last_alive``: the newest sign of life. ``failures``: failed polls after it (in all that was read, where there is no sign
    of life), the first at ``failing_since``, the last at ``failing_until``.
    """

    last_alive: float | None
    failing_since: float | None
    failing_until: float | None
    failures: int

    @property
    def failing_for(self) -> float:
        """Seconds from the first of the failed polls to the last. Counted by time, not by lines: unanswered polls fail together."""
        return (
            0.0 if self.failing_since is None or self.failing_until is None else self.failing_until - self.failing_since
        )


def parse(text: str) -> Log:
    """Reads a log. Only lines that are the poller's own, whole, count."""
    last_alive: float | None = None
    failed: list[float] = []
    # Not splitlines(): a line may carry other separators, in a host name that somebody asked the proxy for.
    for line in text.split("\n"):
        # The kubelet's time, the poller's own time, and what it says.
        words = line.split(" ", 2)
        message = words[-1]
        if len(words) < 3 or message not in (SIGN_OF_LIFE, FAILED_POLL):
            continue
        at = clock.parse(words[0])
        if at is None:
            continue
        if message == SIGN_OF_LIFE:
            last_alive, failed = at, []
        else:
            failed.append(at)
    return Log(last_alive, failed[0] if failed else None, failed[-1] if failed else None, len(failed))
