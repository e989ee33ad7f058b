# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: environment_file
short_description: Write an environment as the text of a file
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description: Turns a dictionary of variables into the text of a file that a shell, a tool that reads C(.env) files, or a program can read.
positional: form
options:
  _input:
    description: The variables.
    type: dict
    required: true
  form:
    description:
      - V(dotenv) is a C(.env) file, as editors and Docker Compose read it. A value with a dollar sign that they would not all take alike is an error.
      - V(shell) has C(export) in front of each variable, for C(. FILE). A variable that a shell cannot export, because of a dot in its name say, is
        left out, and a comment says so.
      - V(json) is an object.
    type: str
    choices:
      - dotenv
      - shell
      - json
    default: dotenv
seealso:
  - plugin: devclusters.telepresence.telepresence_root_env
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Write a file for the shell
  ansible.builtin.copy:
    content: >-
      {{ {'GREETING': "it's me"} | devclusters.telepresence.environment_file('shell') }}
    dest: "{{ ansible_env.HOME }}/greeting.sh"
    mode: "0600"
"""

RETURN = r"""
_value:
  description: The text, a line for each variable, sorted by name.
  type: str
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.devclusters.telepresence.plugins.plugin_utils._environment import written

if t.TYPE_CHECKING:
    from collections.abc import Callable


def environment_file(environment: t.Mapping[str, str], form: str = "dotenv") -> str:
    """See DOCUMENTATION. Raises AnsibleFilterError with one sentence."""
    try:
        return written(environment, form)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"environment_file": environment_file}
