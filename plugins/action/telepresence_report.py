# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the report of a run where Ansible runs; documented in the module of the same name.

A module would be a program of its own for each file and step, each with a start and imports of a third of a second.
"""

from __future__ import annotations

import os
import tempfile
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.journal import forget

SPEC: dict[str, dict[str, t.Any]] = {
    "path": {"type": "path", "required": True},
    "templates": {"type": "dict", "required": True},
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
        problems = []
        for name, template in args["templates"].items():
            try:
                os.makedirs(args["path"], exist_ok=True)
                write(os.path.join(args["path"], name), self._rendered(template, task_vars or {}))
            except (OSError, AnsibleError) as error:
                problems.append(f"{name}: {error}")
        if problems:
            return {**result, "failed": True, "msg": "; ".join(problems), "forgotten": False}
        return {**result, "changed": True, "forgotten": self._forgotten(args["journal"], args["reported"])}

    def _rendered(self, template: str, variables: dict[str, t.Any]) -> str:
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


def write(path: str, text: str) -> None:
    """Puts a whole file in place at once: whoever reads it meanwhile finds the old one. Raises OSError."""
    file, partial = tempfile.mkstemp(dir=os.path.dirname(path), prefix=f".{os.path.basename(path)}.")
    try:
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            os.fchmod(stream.fileno(), 0o644)
            stream.write(text)
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise
