# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who is at work on a cluster whose traffic-manager is to be rebuilt, and what is not known of that.

In: results of modules as plain data. Out: sentences. What is not known counts like somebody at work: a question without an
answer proves nothing.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from .._cluster.foreign import LONGEST_TEXT, clean
from .._traffic_manager.standing import living
from .text import subject

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GONE = ("stale", "ended", "terminating")
"""The verdicts on sessions that no client can come back to."""


def at_work(
    sessions: Mapping[str, t.Any], info: Mapping[str, t.Any], manager: str, ending: Iterable[Mapping[str, t.Any]]
) -> list[str]:
    """One sentence for everyone who may be at work on Telepresence 1, or behind the traffic-manager in namespace ``manager``.

    ``sessions``: what telepresence_orphans returned; ``info``: what telepresence_traffic_manager_info returned for all namespaces;
    ``ending``: the intercepts that the user's policy names, which count for nobody.
    """
    of_1 = [_session(one) for one in sessions["sessions"] if _may_live(one)]
    named = {(one["manager"], one["id"]) for one in ending}
    others = [one for one in info["intercepts"] if (one["manager"], one["id"]) not in named]
    of_2 = living({**info, "intercepts": others}, manager)
    return [clean(sentence, LONGEST_TEXT) for sentence in (*of_1, *of_2)]


def _may_live(session: Mapping[str, t.Any]) -> bool:
    """Whether the client of a session lives, or may come back. What the user lets a recovery put right does not count."""
    return session["verdict"] not in GONE and session["outcome"] != "restorable"


def _session(one: Mapping[str, t.Any]) -> str:
    return f"{subject(one)}: a session of Telepresence 1 is {one['verdict']}. {one['reason']}"
