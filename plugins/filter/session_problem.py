# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: session_problem
short_description: Say in one sentence why somebody has to look at a cluster
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Turns the result of M(devclusters.telepresence.telepresence_restore) or M(devclusters.telepresence.telepresence_orphans) into one sentence
    where the cluster failed, or where a session failed, needs a decision, could not be judged, or was held back by
    O(devclusters.telepresence.telepresence_restore#module:max_restores).
  - The text is empty where all is well.
  - Control characters and escape sequences are removed from everything that comes from the cluster, and long texts are cut.
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
  failed_when: healed | devclusters.telepresence.session_problem | length > 0
"""

RETURN = r"""
_value:
  description: The sentence, or an empty text.
  type: str
"""

import typing as t

from ansible_collections.devclusters.telepresence.plugins.module_utils._results.text import session_problem

if t.TYPE_CHECKING:
    from collections.abc import Callable


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"session_problem": session_problem}
