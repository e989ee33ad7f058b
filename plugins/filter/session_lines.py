# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: session_lines
short_description: Say in a few lines what became of the sessions of a cluster
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Turns the result of M(devclusters.telepresence.telepresence_restore) or M(devclusters.telepresence.telepresence_orphans) into one line per
    session that is not alive, one line per lost workload, and one line that sums up.
  - Control characters and escape sequences are removed from everything that comes from the cluster, and long texts are cut.
options:
  _input:
    description: The registered result of the module.
    type: dict
    required: true
seealso:
  - plugin: devclusters.telepresence.session_digest
    plugin_type: filter
  - module: devclusters.telepresence.telepresence_restore
"""

EXAMPLES = r"""
- name: Find orphaned sessions
  devclusters.telepresence.telepresence_orphans:
  register: found

- name: Show them
  ansible.builtin.debug:
    msg: "{{ found | devclusters.telepresence.session_lines }}"
# "shop/web: would restore to 3 (stale, last alive 2 h ago; the scaling event says 3)"
# "2 sessions: 1 alive, 1 restorable"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.devclusters.telepresence.plugins.module_utils._results.text import session_lines

if t.TYPE_CHECKING:
    from collections.abc import Callable


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"session_lines": session_lines}
