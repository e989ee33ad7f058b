#!/usr/bin/python
# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: telepresence_leftovers
short_description: Remove what Telepresence 2 left in a cluster
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Finds what Telepresence 2 left, as M(devclusters.telepresence.telepresence_traffic_manager_info) does, and removes what can be removed
    with nobody losing anything. All else is listed with the reason why it is left alone.
  - Begins with webhooks that nothing stands behind, so that no new pod waits for them. Then come containers that stay replaced and agents
    without a manager, then what these had noted in the cluster.
  - Pods are evicted, as when a node is drained, one after another. The next one goes when the one that took the place of the last is ready and has no
    agent. A PodDisruptionBudget is honoured.
  - Before each write everything that decides is read again, and the write is for the object as it was read. What was removed counts as such when a
    later look does not find it. What goes wrong with one leftover does not stop the others, and makes the module fail in the end.
  - Never deletes a namespace, a pod by force, a manager or anything of a manager that stands, and never scales anything.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - devclusters.telepresence.attributes
attributes:
  check_mode:
    support: full
    details: What the removal of one leftover makes possible for the next is foreseen, such as that a ConfigMap is free when the pods that mount it
      have gone.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description: Leftovers are made absent.
    type: str
    choices:
      - absent
    default: absent
  classes:
    description:
      - The classes of leftovers to remove, as in
        RV(devclusters.telepresence.telepresence_traffic_manager_info#module:leftovers[].class). By default all of those whose removal is carried out.
      - The rights of the account have to suffice for these classes, and only for these.
    type: list
    elements: str
    choices:
      - dead_webhook
      - replaced_container
      - agent_without_manager
      - agent_of_older_manager
      - edited_object
      - orphan_agents_key
      - orphan_agents_config
      - orphan_claim
      - hook_job
      - stuck_release
      - orphan_role
    default:
      - dead_webhook
      - replaced_container
      - agent_without_manager
      - agent_of_older_manager
      - edited_object
      - orphan_agents_key
      - orphan_agents_config
      - orphan_claim
      - hook_job
      - stuck_release
      - orphan_role
  namespaces:
    description:
      - The namespaces to work in, as globs such as V(team-*). All of them if empty.
      - What has no namespace itself, such as a webhook, belongs to that of its manager.
      - Managers are looked for in all namespaces nevertheless, because a manager may serve others than its own. So the account needs its rights
        to list in all of them. If all of these are plain names, rights to write suffice there.
    type: list
    elements: str
    default: []
  exclude_namespaces:
    description: Globs of namespaces to leave alone. They win over O(namespaces).
    type: list
    elements: str
    default: []
  deadline:
    description: Seconds after which a question to a manager is given up. At least V(1).
    type: int
    default: 10
  wait_timeout:
    description: Seconds to wait for the eviction of a pod, with all that may forbid it for the moment, and for the pod that takes its place.
    type: int
    default: 120
  wait_sleep:
    description: Seconds between two looks at them.
    type: int
    default: 2
requirements:
  - kubernetes >= 24.2.0
  - grpcio >= 1.60 (optional; without it intercepts are unknown, and what they decide is left alone)
notes:
  - The annotation C(devclusters.telepresence/ignore) with the value C(true) on what is left over, on a pod or its workload, or on a namespace keeps
    it from being touched.
  - What Argo CD or Flux keeps is not changed, because it would come back.
  - Between the last look and a write lies one request. A manager that is installed in just that moment for a workload without one may find a pod
    evicted that it has not put there. What the write itself changes is protected by its version.
seealso:
  - module: devclusters.telepresence.telepresence_traffic_manager_info
"""

EXAMPLES = r"""
- name: Remove what Telepresence 2 left in a cluster
  devclusters.telepresence.telepresence_leftovers:
    context: staging
  register: cleaned

- name: Show what was left alone, and why
  ansible.builtin.debug:
    msg: "{{ item.class }} of {{ item.objects | join(', ') }}: {{ item.message }}"
  loop: "{{ cleaned.skipped_leftovers }}"

- name: See what would be removed in the namespaces of one team
  devclusters.telepresence.telepresence_leftovers:
    context: staging
    namespaces: ["shop-*"]
  check_mode: true
  diff: true

- name: Remove only webhooks that nothing stands behind, because they delay every pod
  devclusters.telepresence.telepresence_leftovers:
    context: staging
    classes: [dead_webhook]
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
leftovers:
  description: All that was left over at first, as in RV(devclusters.telepresence.telepresence_traffic_manager_info#module:leftovers). What goes along
    with another one, such as the agent of a replaced container, is in none of the other lists.
  returned: success, and on failure as far as it is known
  type: list
  elements: dict
  sample:
    - class: dead_webhook
      severity: major
      namespace: ambassador
      objects: [MutatingWebhookConfiguration agent-injector-webhook-ambassador]
      evidence: [There is no namespace ambassador.]
      remedy: Delete MutatingWebhookConfiguration agent-injector-webhook-ambassador.
      safe: true
removed:
  description: Those that were removed, in check mode those that would be, each with a C(message) that says how.
  returned: success, and on failure as far as it is known
  type: list
  elements: dict
  sample:
    - class: dead_webhook
      severity: major
      namespace: ambassador
      objects: [MutatingWebhookConfiguration agent-injector-webhook-ambassador]
      evidence: [There is no namespace ambassador.]
      remedy: Delete MutatingWebhookConfiguration agent-injector-webhook-ambassador.
      safe: true
      message: "Done: delete MutatingWebhookConfiguration agent-injector-webhook-ambassador."
skipped_leftovers:
  description: Those that were left alone, each with a C(message) that says why.
  returned: success, and on failure as far as it is known
  type: list
  elements: dict
  sample: []
failed_leftovers:
  description: Those that could not be removed, each with a C(message) that says what is in the way and what was done before. The module fails.
  returned: success, and on failure as far as it is known
  type: list
  elements: dict
  sample: []
unknown:
  description: What is not known, and why, one sentence each. What depends on it was not concluded, and nothing was done about it.
  returned: success, and on failure as far as it is known
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.decide import REMOVABLE
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.removal import remove_leftovers
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **AUTH_ARG_SPEC,
            "state": {"type": "str", "choices": ["absent"], "default": "absent"},
            "classes": {"type": "list", "elements": "str", "choices": [*REMOVABLE], "default": [*REMOVABLE]},
            "namespaces": {"type": "list", "elements": "str", "default": []},
            "exclude_namespaces": {"type": "list", "elements": "str", "default": []},
            "deadline": {"type": "int", "default": 10},
            "wait_timeout": {"type": "int", "default": 120},
            "wait_sleep": {"type": "int", "default": 2},
        },
        supports_check_mode=True,
    )
    remove_leftovers(module)


if __name__ == "__main__":
    main()
