#!/usr/bin/python
# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: telepresence_journal
short_description: Remove from a journal of recoveries what has been reported
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Removes notes from the file of option O(devclusters.telepresence.telepresence_restore#module:journal), so that no later run tells of them again.
  - The file itself is removed when nothing is left in it and no run is at work. Notes of other runs stay, also of those at work at this moment.
  - It speaks to no cluster.
extends_documentation_fragment:
  - devclusters.telepresence.attributes
attributes:
  check_mode:
    support: none
    details: It removes nothing in check mode, and does not say what it would remove.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  path:
    description: The file. That it does not exist is no error.
    type: path
    required: true
  reported:
    description: The notes to remove, as in RV(devclusters.telepresence.telepresence_restore#module:journal).
    type: list
    elements: str
    required: true
seealso:
  - module: devclusters.telepresence.telepresence_restore
"""

EXAMPLES = r"""
- name: Put all orphans of a cluster right
  devclusters.telepresence.telepresence_restore:
    context: staging
    journal: ~/.telepresence/recover.json.part
  register: healed

- name: Show what was done, and what an interrupted run had done before
  ansible.builtin.debug:
    msg: "{{ healed | devclusters.telepresence.session_lines }}"

- name: Forget it, now that it was shown
  devclusters.telepresence.telepresence_journal:
    path: ~/.telepresence/recover.json.part
    reported: "{{ healed.journal }}"
"""

RETURN = r"""#"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.notes import forget


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "reported": {"type": "list", "elements": "str", "required": True},
        },
        supports_check_mode=False,
    )
    path = module.params["path"]
    try:
        changed = forget(path, set(module.params["reported"]))
    except OSError as error:
        module.fail_json(msg=f"Failed to remove notes from the journal {path}: {error.strerror or error}.")
    module.exit_json(changed=changed)


if __name__ == "__main__":
    main()
