# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: traffic_manager_faults
short_description: Say what does not work of a traffic-manager
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Reads from the result of M(devclusters.telepresence.telepresence_traffic_manager_info) whether a traffic-manager is ready, whether it answers as
    the version that it is, and whether its webhook answers with a certificate that is valid.
  - What is not known is a fault as well.
options:
  _input:
    description: The result of the module.
    type: dict
    required: true
  namespace:
    description: The namespace of the traffic-manager.
    type: str
    required: true
  injector:
    description: Whether it has a webhook.
    type: bool
    default: true
seealso:
  - module: devclusters.telepresence.telepresence_traffic_manager_info
"""

EXAMPLES = r"""
- name: Wait until the traffic-manager works
  devclusters.telepresence.telepresence_traffic_manager_info:
  register: telepresence
  until: telepresence | devclusters.telepresence.traffic_manager_faults('ambassador') | length == 0
"""

RETURN = r"""
_value:
  description: The faults, in sentences. Empty where it works.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.standing import faults

if t.TYPE_CHECKING:
    from collections.abc import Callable


def traffic_manager_faults(info: dict[str, t.Any], namespace: str, injector: bool = True) -> list[str]:
    """See DOCUMENTATION."""
    return faults(info, namespace, injector)


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"traffic_manager_faults": traffic_manager_faults}
