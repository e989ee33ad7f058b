# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the report of a run where Ansible runs; documented in the module of the same name.

A module would be a program of its own for each file and step, each with a start and imports of a third of a second.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader
from ansible.utils.unsafe_proxy import wrap_var
from ansible_collections.devclusters.telepresence.plugins.module_utils._files import open_file, put, read_file
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.metrics import metrics
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.short import whole
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.text import (
    digest,
    session_lines,
    session_problem,
)
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.notes import forget

if t.TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 256 * 1024 * 1024
"""Bytes. A larger file is none that a module wrote: 10,000 sessions take a tenth of it."""

SPEC: dict[str, dict[str, t.Any]] = {
    "path": {"type": "path", "required": True},
    "templates": {"type": "dict", "required": True},
    "report": {"type": "dict", "default": {}},
    "metrics": {"type": "path"},
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
        if args["metrics"] and not {"generated", "clusters"} <= set(args["report"]):
            raise AnsibleActionFail("Option metrics needs a report with generated and clusters.")
        # As for the modules, which run in the directory of the playbook.
        directory, journal, counted = (
            args[name] and self._loader.path_dwim(args[name]) for name in ("path", "journal", "metrics")
        )
        found, used = detailed(args["report"])
        problems = self._write(directory, args["templates"], {**(task_vars or {}), "report": wrap_var(found)})
        reported = not problems
        if counted:
            problems += write_metrics(counted, found)
        if reported:
            for path in used:
                with contextlib.suppress(OSError):  # then the next run replaces it
                    os.unlink(path)
        if problems:
            result.update(failed=True, msg=f"Not written: {'; '.join(problems)}.")
        # No records: what a task returns is handed to all who listen to the run.
        return {
            **result,
            "changed": reported,
            "outcomes": {host: outcome(cluster) for host, cluster in found["clusters"].items()},
            "forgotten": reported and self._forgotten(journal, args["reported"]),
        }

    def _write(self, directory: str, templates: Mapping[str, str], variables: Mapping[str, t.Any]) -> list[str]:
        """Writes the files of a report; those that could not be written, and why."""
        problems = []
        for name, template in templates.items():
            path = os.path.join(directory, name)
            try:
                put(path, self._rendered(template, variables), 0o644)
            except OSError as error:
                problems.append(_lacking(path, error))
            except AnsibleError as error:
                problems.append(f"{path} ({error})")
        return problems

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


def outcome(result: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What came of a cluster, as it is told to people and to later jobs."""
    return {"lines": session_lines(result), "problem": session_problem(result), "digest": digest(result)}


def write_metrics(path: str, report: Mapping[str, t.Any]) -> list[str]:
    """Writes the metrics of a report into a directory that is there: one that is made here nobody would read. What hindered it, if anything."""
    try:
        if not os.path.isdir(os.path.dirname(path)):
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT))
        put(path, metrics(report), 0o644)
    except OSError as error:
        return [_lacking(path, error)]
    return []


def _lacking(path: str, error: OSError) -> str:
    return f"{path} ({error.strerror})"


def detailed(report: Mapping[str, t.Any]) -> tuple[dict[str, t.Any], list[str]]:
    """A report whose results have the full records of their files of details again, and the paths of those files.

    Where a file cannot be used the short records stay, and a notice says so.
    """
    clusters: dict[str, t.Any] = {}
    used: list[str] = []
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
