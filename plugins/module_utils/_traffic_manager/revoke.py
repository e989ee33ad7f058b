# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Orders to a manager from 2.26 on to end an intercept: entries in its ConfigMap, which it carries out and removes.

``telepresence revoke`` writes the same (pkg/tmconfig/admin_command.go and configmap.go of 2.27.4). The manager passes over an entry whose
time is not after that of its last look, and one that it may not remove stays: after a restart it would carry it out again, on whatever
has that id by then. So an entry is taken back when its result has been read.
"""

from __future__ import annotations

import typing as t

from .._cluster.api import Api
from .._cluster.errors import ClusterError
from .._cluster.kinds import CONFIG_MAP, dig
from . import versions
from .managers import CONFIG

try:
    import yaml
except ImportError:  # kubernetes depends on it; connect() says so where both are missing
    yaml = None  # type: ignore[assignment]

SINCE = (2, 26)
"""CHANGELOG.yml of 2.27.4."""
KEY = "admin-commands.yaml"
NAME = "removeIntercept"
TRIES = 3

Command = dict[str, t.Any]


def known(version: str | None) -> bool | None:
    """Whether a manager of this version takes such orders; None where the version is none."""
    numbers = versions.parse(version)
    return numbers >= SINCE if numbers and numbers[0] == 2 else None


def order(intercept_id: str, now: float) -> Command:
    """The order to end one intercept; ``now`` is the API server's clock, which is known to the second: its Date is cut off."""
    return {"name": NAME, "args": [intercept_id], "timestamp": int((now + 1) * 1e9)}


def give(api: Api, namespace: str, command: Command) -> None:
    """Writes an order. Raises ClusterError, also where the ConfigMap has just been changed by somebody else."""
    _write(api, namespace, lambda commands: [*commands, command])


def withdraw(api: Api, namespace: str, command: Command) -> None:
    """Takes an order back, if it is still there. Raises ClusterError."""
    for attempt in range(TRIES):
        try:
            return _write(api, namespace, lambda commands: [one for one in commands if one != command])
        except ClusterError as error:
            if not error.conflict or attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _write(api: Api, namespace: str, change: t.Callable[[list[t.Any]], list[t.Any]]) -> None:
    """Changes the orders in a manager's ConfigMap as it was read; writes nothing where nothing changes."""
    path, name = CONFIG_MAP.path(namespace, CONFIG), f"ConfigMap {namespace}/{CONFIG}"
    config = api.get(path, f"read {name}").body
    try:
        before = yaml.safe_load(str(dig(config, "data", KEY) or "")) or []
    except yaml.YAMLError:
        before = None
    if not isinstance(before, list):
        raise ClusterError(f"Key {KEY} of {name} on {api.server} cannot be read, and was left as it is.")
    after = change(before)
    if after != before:
        data = {**(config.get("data") or {}), KEY: yaml.safe_dump(after, sort_keys=False)}
        # With the resourceVersion that was read.
        api.send("put", path, f"write {name}", {**config, "data": data})
