# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: traffic_manager_plan
short_description: Say what installing or upgrading a traffic-manager would change, and what stands in its way
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Compares what M(devclusters.telepresence.telepresence_traffic_manager_info) and Helm say of a cluster with what is wanted there.
  - No value of a Secret and no certificate is in the result.
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
  version:
    description: The version of the chart.
    type: str
    required: true
  wanted:
    description: What is wanted of it, as for P(devclusters.telepresence.traffic_manager_values#filter).
    type: dict
    required: true
  found:
    description: What P(kubernetes.core.helm_info#module) returned as C(status) of the release, empty where there is none.
    type: dict
    required: true
  rendered:
    description: The chart as P(kubernetes.core.helm_template#module) renders it with its values.
    type: str
    required: true
  namespaces:
    description: All Namespaces of the cluster.
    type: list
    elements: dict
    required: true
  force:
    description: Whether a release in a broken state is to be repaired.
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
    that: plan.problems | length == 0
  vars:
    plan: >-
      {{ telepresence | devclusters.telepresence.traffic_manager_plan('ambassador', 'traffic-manager', '2.20.2', {}, release.status | default({}),
         chart.stdout, namespaces.resources) }}
"""

RETURN = r"""
_value:
  description: A dictionary of C(problems), sentences that say why nothing should be done; C(change), whether Helm has anything to do; C(repair), whether
    it has to go over what its release takes for unchanged or what a run left; C(difference), what changes, in lines.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.install import Install, plan

if t.TYPE_CHECKING:
    from collections.abc import Callable


def traffic_manager_plan(
    info: dict[str, t.Any],
    namespace: str,
    release: str,
    version: str,
    wanted: dict[str, t.Any],
    found: dict[str, t.Any],
    rendered: str,
    namespaces: list[dict[str, t.Any]],
    force: bool = False,
    end_intercepts: bool = False,
) -> dict[str, t.Any]:
    """See DOCUMENTATION. Raises AnsibleFilterError with one sentence."""
    install = Install(namespace, release, version, wanted)
    try:
        return vars(plan(install, info, found or None, rendered, namespaces, force, end_intercepts))
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"traffic_manager_plan": traffic_manager_plan}
