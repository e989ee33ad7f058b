# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What every module takes from its parameters in the same way."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass
from fnmatch import fnmatchcase


def at_least(params: t.Mapping[str, t.Any], bounds: t.Mapping[str, int]) -> None:
    """Raises ValueError with one sentence where a parameter is below its bound. What is not given, or None, is not below it."""
    for name, least in bounds.items():
        if params.get(name) is not None and params[name] < least:
            raise ValueError(f"Option {name} is {params[name]}, but at least {least} is needed.")


GLOB = re.compile(r"[a-z0-9*?\[\]!-]+")
"""What fits the names of namespaces, which are labels as in RFC 1123: a pattern with anything else would quietly fit none."""


def globs(params: t.Mapping[str, t.Any], name: str) -> tuple[str, ...]:
    """The patterns in a parameter, without spaces around them. Raises ValueError with one sentence where one fits no namespace."""
    found = tuple(one.strip() for one in params.get(name) or ())
    for one in found:
        if not GLOB.fullmatch(one):
            raise ValueError(
                f"Option {name} has '{one}', which fits no namespace: a name or glob consists of a to z, 0 to 9, -, and *, ? and [...]."
            )
    return found


@dataclass(frozen=True)
class Where:
    """Which namespaces a run is about, by patterns; all of them where ``namespaces`` is empty."""

    namespaces: tuple[str, ...]
    exclude_namespaces: tuple[str, ...]

    @property
    def listed(self) -> list[str] | None:
        """The namespaces one by one, where they are given literally; None where all of the cluster are listed, or rights in all are needed."""
        if not self.namespaces or any(char in name for name in self.namespaces for char in "*?["):
            return None
        return [name for name in self.namespaces if self.wants(name)]

    def wants(self, namespace: str) -> bool:
        """Whether the run looks at this namespace."""
        wanted = not self.namespaces or any(fnmatchcase(namespace, pattern) for pattern in self.namespaces)
        return wanted and not any(fnmatchcase(namespace, pattern) for pattern in self.exclude_namespaces)
