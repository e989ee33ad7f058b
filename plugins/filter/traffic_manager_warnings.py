# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: traffic_manager_warnings
short_description: Say which certificates of a traffic-manager end soon
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Reads from the result of M(devclusters.telepresence.telepresence_traffic_manager_info) when the certificates of a webhook end. Those that the
    chart makes last 365 days, and nothing renews them.
options:
  _input:
    description: The result of the module.
    type: dict
    required: true
  namespace:
    description: The namespace of the traffic-manager.
    type: str
    required: true
  days:
    description: How many days before its end a certificate is named.
    type: int
    default: 30
seealso:
  - module: devclusters.telepresence.telepresence_traffic_manager_info
"""

EXAMPLES = r"""
- name: Show which certificates end soon
  ansible.builtin.debug:
    msg: "{{ telepresence | devclusters.telepresence.traffic_manager_warnings('ambassador') }}"
"""

RETURN = r"""
_value:
  description: A sentence for each certificate that ends soon.
  type: list
  elements: str
"""

import time
import typing as t

from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.standing import ending

if t.TYPE_CHECKING:
    from collections.abc import Callable


def traffic_manager_warnings(info: dict[str, t.Any], namespace: str, days: int = 30) -> list[str]:
    """See DOCUMENTATION."""
    return ending(info, namespace, days, time.time())


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"traffic_manager_warnings": traffic_manager_warnings}
