# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: traffic_manager_others
short_description: Say what is in a namespace beside a traffic-manager
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Names the objects of a namespace that are neither of a traffic-manager that goes, nor in every namespace.
options:
  _input:
    description: The objects in the namespace.
    type: list
    elements: dict
    required: true
  gone:
    description: The names of those that go with the traffic-manager, as in P(devclusters.telepresence.traffic_manager_removal#filter).
    type: list
    elements: str
    required: true
  release:
    description: The name of the Helm release.
    type: str
    required: true
seealso:
  - plugin: devclusters.telepresence.traffic_manager_removal
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show what else is in the namespace
  ansible.builtin.debug:
    msg: "{{ services.resources | devclusters.telepresence.traffic_manager_others(removal.objects, 'traffic-manager') }}"
"""

RETURN = r"""
_value:
  description: The names of the objects.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.uninstall import others

if t.TYPE_CHECKING:
    from collections.abc import Callable


def traffic_manager_others(contents: list[dict[str, t.Any]], gone: list[str], release: str) -> list[str]:
    """See DOCUMENTATION."""
    return others(contents, gone, release)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"traffic_manager_others": traffic_manager_others}
