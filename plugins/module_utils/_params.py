# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What every module checks of its parameters."""

from __future__ import annotations

import typing as t


def at_least(params: t.Mapping[str, t.Any], bounds: t.Mapping[str, int]) -> None:
    """Raises ValueError with one sentence where a parameter is below its bound. What is not given, or None, is not below it."""
    for name, least in bounds.items():
        if params.get(name) is not None and params[name] < least:
            raise ValueError(f"Option {name} is {params[name]}, but at least {least} is needed.")
