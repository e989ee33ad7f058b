# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starts a module of this collection from its own file where that is what would run anyway: with Ansible's own Python, on its machine.

Serves all modules that ask a cluster (meta/runtime.yml names it for each). What Ansible does else is to pack the module with all that
it imports into an archive, for a machine that may have nothing of it, and Python compiles what is in there on each start: over a quiet
cluster that takes longer than the questions to it. In all other cases that is what happens here, too.
"""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import tempfile
import typing as t

import ansible
import ansible_collections
from ansible import constants
from ansible.module_utils.common.text.converters import to_text
from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.utils.display import Display
from ansible.vars.clean import remove_internal_keys
from ansible_collections.devclusters.telepresence.plugins.plugin_utils import _start


class ActionModule(NormalAction):  # type: ignore[misc]
    """One task that runs a module."""

    def _execute_module(self, *args: t.Any, **kwargs: t.Any) -> dict[str, t.Any]:
        """The result of the module."""
        variables: dict[str, t.Any] = kwargs.get("task_vars") or {}
        if not self._runs_here(variables) or kwargs.get("wrap_async"):
            return super()._execute_module(*args, **kwargs)  # type: ignore[no-any-return]
        asked: dict[str, t.Any] = {}
        self._compute_environment_string(asked)
        with tempfile.TemporaryDirectory(dir=constants.DEFAULT_LOCAL_TMP) as directory:
            self._update_module_args(self._task.action, self._task.args, variables)
            given = {**self._task.args, "_ansible_tmpdir": directory}
            done = subprocess.run(  # noqa: S603 - the module of this very task
                [sys.executable, _start.__file__, self._file(), *directories()],
                input=json.dumps({"ANSIBLE_MODULE_ARGS": given}, default=to_text),
                capture_output=True,
                text=True,
                errors="surrogateescape",
                env={**os.environ, **{name: str(value) for name, value in asked.items()}},
                # Where Ansible itself runs modules on its own machine (ansible-core 2.19, plugins/action/__init__.py).
                cwd=self._loader.get_basedir(),
                check=False,
            )
        return self._result({"rc": done.returncode, "stdout": done.stdout, "stderr": done.stderr})

    def _runs_here(self, variables: dict[str, t.Any]) -> bool:
        """Whether the module would run on this machine, as this user, with this Python, and leave nothing to look at."""
        return bool(
            self._connection.transport == "local"
            and not self._connection.become
            and not self._task.delegate_to
            and not constants.DEFAULT_KEEP_REMOTE_FILES
            and self._templar.template(variables.get("ansible_python_interpreter")) == sys.executable
        )

    def _file(self) -> str:
        """The file of the module."""
        loader = self._shared_loader_obj.module_loader
        found = loader.find_plugin_with_context(self._task.action, collection_list=self._task.collections)
        Display().vvv(f"Starting module file {found.plugin_resolved_path}")
        return str(found.plugin_resolved_path)

    def _result(self, answer: dict[str, t.Any]) -> dict[str, t.Any]:
        """What a module wrote, as Ansible reads it, in the older way of the two that ansible-core 2.19 knows."""
        profile = ["legacy"] if "profile" in inspect.signature(self._parse_returned_data).parameters else []
        data: dict[str, t.Any] = self._parse_returned_data(answer, *profile)
        remove_internal_keys(data)
        return data


def directories() -> list[str]:
    """Where Ansible finds collections, in its order, but for those in its own package."""
    own = os.path.dirname(ansible.__file__)
    return [found for found in ansible_collections.__path__ if not found.startswith(own + os.sep)]
