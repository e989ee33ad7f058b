#!/usr/bin/python
# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: telepresence_agents
short_description: Take the agents of a traffic-manager of Telepresence 2 out of all pods, before it is uninstalled
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Deletes the webhook of a traffic-manager, so that no pod gets an agent any more, and evicts the pods that have one, one after another. The
    next one goes when the one that took the place of the last is ready and has no agent. PodDisruptionBudgets are honoured.
  - The manager itself is left as it is. Nothing is deleted by force, scaled, or changed in a template.
  - Everything is read again before each write. Nothing is done while an intercept looks alive, or while it is not known whether there is one.
  - What goes wrong with one workload does not stop the others, and makes the module fail in the end.
  - The role P(devclusters.telepresence.traffic_manager#role) uses it. For agents that no manager serves any more, see
    M(devclusters.telepresence.telepresence_leftovers).
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - devclusters.telepresence.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description: Agents are made absent.
    type: str
    choices:
      - absent
    default: absent
  namespace:
    description: The namespace of the traffic-manager.
    type: str
    required: true
  end_intercepts:
    description: Whether intercepts may end that look alive, or of which nothing is known.
    type: bool
    default: false
  deadline:
    description: Seconds after which a question to a manager is given up. At least V(1).
    type: int
    default: 10
  wait_timeout:
    description: Seconds to wait for an eviction to be allowed, and for the pod in its place to be ready. At least V(1).
    type: int
    default: 120
  wait_sleep:
    description: Seconds between two looks. At least V(1).
    type: int
    default: 2
requirements:
  - kubernetes >= 24.2.0
  - grpcio >= 1.60 (optional; without it intercepts are unknown)
notes:
  - Beside the rights that M(devclusters.telepresence.telepresence_traffic_manager_info) needs, the account needs C(list) and C(delete) on
    mutatingwebhookconfigurations, and C(create) on pods/eviction.
seealso:
  - module: devclusters.telepresence.telepresence_traffic_manager_info
  - module: devclusters.telepresence.telepresence_leftovers
"""

EXAMPLES = r"""
- name: Take the agents out of all pods
  devclusters.telepresence.telepresence_agents:
    context: staging
    namespace: ambassador
"""

RETURN = r"""
cluster:
  description: The cluster that was worked on, as in RV(devclusters.telepresence.telepresence_cluster_info#module:cluster).
  returned: success, and on failure as far as it is known
  type: dict
  sample:
    server: https://10.0.0.1:6443
    identity: 7f1c3f0e-0d4f-4a5c-9f0e-3f8b6a1d2c4b
    identity_source: kube-system
    version: v1.34.4
    user: admin
webhooks:
  description: The webhooks that were deleted.
  returned: always
  type: list
  elements: str
  sample: [MutatingWebhookConfiguration agent-injector-webhook-ambassador]
removed_agents:
  description: The workloads whose pods have no agent any more.
  returned: always
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace of the workload.
      type: str
      sample: shop
    kind:
      description: The kind of the workload.
      type: str
      sample: Deployment
    name:
      description: The name of the workload.
      type: str
      sample: web
    message:
      description: What was done.
      type: str
      sample: Its pods were evicted, and the new ones have no agent.
kept_agents:
  description: The workloads whose agent stays, as in RV(removed_agents), with the reason.
  returned: always
  type: list
  elements: dict
  sample: []
failed_agents:
  description: The workloads where it failed, as in RV(removed_agents), with the cause, such as the PodDisruptionBudget that forbids it.
  returned: always
  type: list
  elements: dict
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.withdraw import withdraw_agents
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **AUTH_ARG_SPEC,
            "state": {"type": "str", "choices": ["absent"], "default": "absent"},
            "namespace": {"type": "str", "required": True},
            "end_intercepts": {"type": "bool", "default": False},
            "deadline": {"type": "int", "default": 10},
            "wait_timeout": {"type": "int", "default": 120},
            "wait_sleep": {"type": "int", "default": 2},
        },
        supports_check_mode=True,
    )
    withdraw_agents(module)


if __name__ == "__main__":
    main()
