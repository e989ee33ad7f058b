# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The options that the modules for Telepresence 2 share."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .._params import at_least

LEAST = {"deadline": 1, "wait_timeout": 1, "wait_sleep": 1}
"""The lowest number that each option may have."""


@dataclass(frozen=True)
class Options:
    """What to look at, and how long to wait for a manager."""

    namespaces: tuple[str, ...]
    exclude_namespaces: tuple[str, ...]
    ask: bool
    deadline: float

    @classmethod
    def of(cls, params: t.Mapping[str, t.Any]) -> Options:
        """The options in a module's parameters; a module that does not have one of them means the widest. Raises ValueError."""
        at_least(params, LEAST)
        return cls(
            namespaces=tuple(params.get("namespaces", ())),
            exclude_namespaces=tuple(params.get("exclude_namespaces", ())),
            ask=params.get("intercepts", True),
            deadline=float(params["deadline"]),
        )

    @property
    def listed(self) -> list[str] | None:
        """The namespaces where rights to write are needed: those given literally; None where that is all of them."""
        if not self.namespaces or any(char in name for name in self.namespaces for char in "*?["):
            return None
        return [name for name in self.namespaces if self.wants(name)]

    def wants(self, namespace: str) -> bool:
        """Whether the run looks at this namespace."""
        wanted = not self.namespaces or any(fnmatchcase(namespace, pattern) for pattern in self.namespaces)
        return wanted and not any(fnmatchcase(namespace, pattern) for pattern in self.exclude_namespaces)
