# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the report of a run where Ansible runs; documented in the module of the same name.

A module would be a program of its own for each file and step, each with a start and imports of a third of a second.
"""

from __future__ import annotations

import contextlib
import json
import os
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.devclusters.telepresence.plugins.module_utils._files import open_file, put, read_file
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.short import whole
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.notes import forget

if t.TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 256 * 1024 * 1024
"""Bytes. A larger file is none that a module wrote: 10,000 sessions take a tenth of it."""

SPEC: dict[str, dict[str, t.Any]] = {
    "path": {"type": "path", "required": True},
    "templates": {"type": "dict", "required": True},
    "report": {"type": "dict", "default": {}},
    "journal": {"type": "path"},
    "reported": {"type": "list", "elements": "str", "default": []},
}


class ActionModule(ActionBase):  # type: ignore[misc]
    """One task that writes a report."""

    TRANSFERS_FILES = False
    _requires_connection = False

    def run(self, tmp: t.Any = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """The result of the task."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        _checked, args = self.validate_argument_spec(argument_spec=SPEC)
        # As for the modules, which run in the directory of the playbook.
        directory, journal = (args[name] and self._loader.path_dwim(args[name]) for name in ("path", "journal"))
        found, used = detailed(args["report"])
        report = wrap_var(found)
        variables = {**(task_vars or {}), "report": report}
        problems = []
        for name, template in args["templates"].items():
            try:
                put(os.path.join(directory, name), self._rendered(template, variables), 0o644)
            except (OSError, AnsibleError) as error:
                problems.append(f"{name}: {error}")
        # No more than the sentences: what a task returns is handed to all who listen to the run.
        result["messages"] = {host: cluster.get("msg", "") for host, cluster in report["clusters"].items()}
        if problems:
            return {**result, "failed": True, "msg": "; ".join(problems), "forgotten": False}
        for path in used:
            with contextlib.suppress(OSError):  # then the next run replaces it
                os.unlink(path)
        return {**result, "changed": True, "forgotten": self._forgotten(journal, args["reported"])}

    def _rendered(self, template: str, variables: Mapping[str, t.Any]) -> str:
        """A template of the role, as the lookup of that name gives it."""
        lookup = lookup_loader.get("ansible.builtin.template", loader=self._loader, templar=self._templar)
        found = lookup.run([template], variables={**variables, "ansible_search_path": self._task.get_search_path()})
        return str(found[0])

    def _forgotten(self, journal: str | None, reported: t.Collection[str]) -> bool:
        """Whether notes were removed. Where they cannot be, the next run tells of them again."""
        try:
            return bool(journal and reported and forget(journal, set(reported)))
        except OSError:
            return False


def detailed(report: Mapping[str, t.Any]) -> tuple[dict[str, t.Any], list[str]]:
    """A report whose results have the full records of their files of details again, and the paths of those files.

    Where a file cannot be used the short records stay, and a notice says so.
    """
    clusters, used = {}, []
    for host, result in report.get("clusters", {}).items():
        clusters[host] = result
        path = result.get("details")
        if path:
            try:
                clusters[host] = whole(result, read(path))
                used.append(path)
            except (OSError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else error
                notice = f"The full records are missing, because their file {path} cannot be used: {reason}."
                clusters[host] = {**result, "notices": [*result.get("notices", ()), notice]}
    return {**report, "clusters": clusters}, used


def read(path: str) -> t.Any:
    """What a file holds as JSON. Raises OSError, or ValueError with the reason."""
    file = open_file(path, os.O_RDONLY)
    try:
        return json.loads(read_file(file, LONGEST))
    except (ValueError, RecursionError) as error:
        raise ValueError("it is no JSON") from error
    finally:
        os.close(file)
