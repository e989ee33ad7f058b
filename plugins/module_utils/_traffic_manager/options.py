# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The options that the modules for Telepresence 2 share."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._params import Where, at_least, globs

LEAST = {"deadline": 1, "wait_timeout": 1, "wait_sleep": 1}
"""The lowest number that each option may have."""


@dataclass(frozen=True)
class Options(Where):
    """What to look at, and how long to wait for a manager."""

    ask: bool
    deadline: float

    @classmethod
    def of(cls, params: t.Mapping[str, t.Any]) -> Options:
        """The options in a module's parameters; a module that does not have one of them means the widest. Raises ValueError."""
        at_least(params, LEAST)
        return cls(
            namespaces=globs(params, "namespaces"),
            exclude_namespaces=globs(params, "exclude_namespaces"),
            ask=params.get("intercepts", True),
            deadline=float(params["deadline"]),
        )
