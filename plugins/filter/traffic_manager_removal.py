# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: traffic_manager_removal
short_description: Say what removing a traffic-manager would take away, and what stands in its way
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Reads that from what M(devclusters.telepresence.telepresence_traffic_manager_info) and Helm say of a cluster.
options:
  _input:
    description: The result of the module.
    type: dict
    required: true
  namespace:
    description: The namespace of the traffic-manager.
    type: str
    required: true
  release:
    description: The name of the Helm release.
    type: str
    required: true
  found:
    description: What P(kubernetes.core.helm_info#module) returned as C(status) of the release, empty where there is none.
    type: dict
    required: true
  namespaces:
    description: The namespaces that it was to serve, where they were named.
    type: list
    elements: str
    default: []
  force:
    description: Whether a release in a broken state is to be removed.
    type: bool
    default: false
  end_intercepts:
    description: Whether intercepts may end.
    type: bool
    default: false
seealso:
  - module: devclusters.telepresence.telepresence_traffic_manager_info
"""

EXAMPLES = r"""
- name: Stop where something stands in the way
  ansible.builtin.assert:
    that: removal.problems | length == 0
  vars:
    removal: >-
      {{ telepresence | devclusters.telepresence.traffic_manager_removal('ambassador', 'traffic-manager', release.status | default({})) }}
"""

RETURN = r"""
_value:
  description: A dictionary of C(problems), sentences that say why nothing should be done; C(objects), the names of those of the release;
    C(namespaces), where the manager may have left something.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.uninstall import plan

if t.TYPE_CHECKING:
    from collections.abc import Callable


def traffic_manager_removal(
    info: dict[str, t.Any],
    namespace: str,
    release: str,
    found: dict[str, t.Any],
    namespaces: t.Sequence[str] = (),
    force: bool = False,
    end_intercepts: bool = False,
) -> dict[str, t.Any]:
    """See DOCUMENTATION. Raises AnsibleFilterError with one sentence."""
    try:
        return vars(plan(info, namespace, release, found or None, namespaces, force, end_intercepts))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"traffic_manager_removal": traffic_manager_removal}
