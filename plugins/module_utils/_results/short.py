# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Results whose full records stand in a file (option ``details``), and how the two come together again.

In and out: results of telepresence_orphans and telepresence_restore as plain data. No input or output happens here.
"""

from __future__ import annotations

import typing as t

from .text import entries, session_line

if t.TYPE_CHECKING:
    from collections.abc import Mapping

Record = dict[str, t.Any]

LISTS = ("sessions", "orphans", "lost", "restored", "skipped_sessions", "failed_sessions")
"""The keys of a result that hold records."""


def details(result: Mapping[str, t.Any]) -> Record:
    """What goes into the file: the lists of a result, with their full records."""
    return {key: result[key] for key in LISTS if key in result}


def short(result: Mapping[str, t.Any]) -> Record:
    """The same result with short records.

    The other lists repeat what is under ``sessions``, so only there, and under ``lost``, a record has its message, and the line that
    is shown of it: that is made of what it lacks.
    """
    lists = {key: [_short(record) for record in result[key]] for key in LISTS if key in result}
    for record, entry in zip([*lists["sessions"], *lists["lost"]], entries(result), strict=True):
        record.update(message=entry["message"], line=session_line(entry))
    return {**result, **lists}


def whole(result: Mapping[str, t.Any], found: t.Any) -> Record:
    """A short result with the full records of its file again, as if there had been none. Raises ValueError with the reason
    where what was found in the file is not of this result.
    """
    full = {key: value for key, value in result.items() if key != "details"}
    try:
        if not all(isinstance(records, list) for records in found.values()):
            raise ValueError("it holds no records")
        same = details(short({**full, **found})) == details(result) and found.keys() == details(result).keys()
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("it holds no records") from error
    if not same:
        raise ValueError("it holds the records of another run")
    return {**full, **found}


def _short(record: Mapping[str, t.Any]) -> Record:
    kept = {key: record[key] for key in ("session_id", "namespace", "verdict", "outcome") if key in record}
    kept["original"] = _named(record["original"])
    if not record["original"]:
        kept["proxy"] = _named(record["proxy"])  # by which it is called then
    return {**kept, "replicas": record["replicas"]}


def _named(obj: Mapping[str, t.Any] | None) -> Record | None:
    return {key: obj[key] for key in ("kind", "namespace", "name")} if obj else None
