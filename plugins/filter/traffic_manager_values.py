# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: traffic_manager_values
short_description: Write the values of a traffic-manager's chart in the spelling of its version
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Says what is wanted of a traffic-manager as values for version 2.20 or later of its chart.
  - The chart of 2.22 spells the namespaces of a manager differently, that of 2.23 the time to live of a client's session.
options:
  _input:
    description:
      - What is wanted of it. A dictionary of V(registry), V(tag), V(namespaces), V(selector), V(injector), V(certificate_method),
        V(client_subjects), V(connection_ttl), V(agent_arrival), V(hook_image), V(resources), each of which may be missing, and V(values), which
        go over all others.
    type: dict
    required: true
  version:
    description: The version of the chart.
    type: str
    required: true
  namespace:
    description: The namespace of the traffic-manager. Until 2.21 it has to be among those that the manager serves, and is added to them.
    type: str
    required: true
seealso:
  - module: devclusters.telepresence.telepresence_traffic_manager_info
"""

EXAMPLES = r"""
- name: Show the values for a manager of two namespaces
  ansible.builtin.debug:
    msg: "{{ {'namespaces': ['shop']} | devclusters.telepresence.traffic_manager_values('2.20.2', 'ambassador') }}"
"""

RETURN = r"""
_value:
  description: The values, without those that nobody set.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.chart import values

if t.TYPE_CHECKING:
    from collections.abc import Callable


def traffic_manager_values(wanted: dict[str, t.Any], version: str, namespace: str) -> dict[str, t.Any]:
    """See DOCUMENTATION. Raises AnsibleFilterError with one sentence."""
    try:
        return values(version, namespace, wanted)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"traffic_manager_values": traffic_manager_values}
