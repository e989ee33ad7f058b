# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: telepresence_root_env
short_description: Make the environment of an intercepted container work on the laptop
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Telepresence 2 mounts the volumes of a container below a directory of the laptop, E(TELEPRESENCE_ROOT), but hands the container's variables on
    unchanged. A path in them, such as E(AWS_WEB_IDENTITY_TOKEN_FILE) on Amazon EKS, then points to a file that is not there.
  - This filter puts E(TELEPRESENCE_ROOT) in front of each value that is a path at or below one of the mounted volumes, which
    E(TELEPRESENCE_MOUNTS) names. All other variables stay as they are, and so does a value that was changed before.
options:
  _input:
    description: The environment, as C(telepresence intercept --env-json FILE) writes it, or the JSON text of that file.
    type: raw
    required: true
seealso:
  - plugin: devclusters.telepresence.environment_file
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read the identity that the pod has on AWS
  ansible.builtin.command:
    cmd: aws sts get-caller-identity
  environment: "{{ lookup('ansible.builtin.file', 'web.json') | devclusters.telepresence.telepresence_root_env }}"
  changed_when: false
"""

RETURN = r"""
_value:
  description: The environment for a process on the laptop.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.devclusters.telepresence.plugins.plugin_utils._environment import Environment, rooted

if t.TYPE_CHECKING:
    from collections.abc import Callable


def telepresence_root_env(environment: t.Mapping[str, str] | str) -> Environment:
    """See DOCUMENTATION. Raises AnsibleFilterError with one sentence."""
    try:
        return rooted(environment)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"telepresence_root_env": telepresence_root_env}
