# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: session_digest
short_description: Reduce the result of a cluster to summary and names
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Turns the result of M(devclusters.telepresence.telepresence_restore) or M(devclusters.telepresence.telepresence_orphans) into a short
    dictionary that is fit for M(ansible.builtin.set_stats) and a notification.
options:
  _input:
    description: The registered result of the module.
    type: dict
    required: true
seealso:
  - plugin: devclusters.telepresence.session_lines
    plugin_type: filter
  - module: devclusters.telepresence.telepresence_restore
"""

EXAMPLES = r"""
- name: Put orphaned sessions right
  devclusters.telepresence.telepresence_restore:
  register: healed

- name: Hand the outcome to the next job
  ansible.builtin.set_stats:
    data:
      telepresence: "{{ {inventory_hostname: healed | devclusters.telepresence.session_digest} }}"
"""

RETURN = r"""
_value:
  description: >-
    The keys V(summary), V(error), and the lists V(restored), V(restorable), V(held), V(needs_decision), V(failed), V(unknown), V(lost) of
    C(NAMESPACE/NAME).
  type: dict
"""

import typing as t

from ansible_collections.devclusters.telepresence.plugins.module_utils._results.text import digest

if t.TYPE_CHECKING:
    from collections.abc import Callable


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"session_digest": digest}
