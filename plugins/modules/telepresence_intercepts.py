#!/usr/bin/python
# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: telepresence_intercepts
short_description: End intercepts of Telepresence 2 whose clients are gone
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Ends intercepts that a traffic-manager still holds for clients that crashed or were switched off. The manager itself waits a day for
    them, and until then nobody else can intercept the same workload.
  - Whether a client lives cannot be asked, neither by the manager nor from outside. So the policy is yours. O(clients), O(known_hosts),
    O(dispositions), and O(min_age) each name intercepts B(by themselves). What one of them names is ended, whatever the others say.
    What none of them names is never touched. Without any of them the module fails.
  - Each intercept is read again immediately before it is ended, and is left alone if it is not the same as before or if the policy does not
    name it any more. Afterwards the module waits until the manager does not list it any more; what stays is an error.
  - Only the intercept ends. Whatever else the session of its client holds stays, which is why sessions are never ended as a whole.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - devclusters.telepresence.attributes
attributes:
  check_mode:
    support: full
    details: No intercept is ended. The command that O(min_age) runs in the pods of managers, which only reads, runs in check mode too.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description: The state of the intercepts that the policy names.
    type: str
    choices: [absent]
    default: absent
  clients:
    description:
      - Globs of clients such as V(ci-*@*), as C(USER@HOST). All their intercepts are ended, of living clients as well.
      - Capital and small letters differ.
    type: list
    elements: str
    default: []
  known_hosts:
    description:
      - The hosts that exist. Intercepts of clients on any other host are ended.
      - A name without a domain, in this list or of a client, stands for all hosts of that name with one. Capital and small letters are the
        same.
      - A client whose name is not C(USER@HOST) is on no host, and is never named by this. A client in a container may call itself by the
        name of that.
      - An empty list is refused.
    type: list
    elements: str
  dispositions:
    description: Intercepts in these states are ended. They are the ones in which an intercept does not work.
    type: list
    elements: str
    choices: [NO_CLIENT, NO_AGENT, NO_MECHANISM, NO_PORTS, AGENT_ERROR, BAD_ARGS]
    default: []
  min_age:
    description:
      - Intercepts that their manager last changed at least so many seconds ago are ended, if B(no client at all) is connected to that manager.
        Whose connection it is does not show, so that a single living client protects all intercepts of its manager.
      - Connections are read in the manager's pod, twice for each intercept. What is connected to the manager's API from anywhere but the
        pod of an agent counts as a client. Where they cannot be read, nothing is ended by its age.
      - A client that lost its connection this very moment, as when a laptop sleeps, is not connected. So this should be longer than anybody is
        away and wants to find the intercept again.
    type: int
  force:
    description:
      - Whether O(min_age) counts alone. Then intercepts of that age are ended although clients are connected. Without O(min_age) it does nothing.
      - The clock of the manager's pod is read nevertheless.
    type: bool
    default: false
  namespaces:
    description:
      - The namespaces whose intercepts are looked at, as globs such as V(team-*). All of them if empty.
      - A manager that serves none of them is not asked.
    type: list
    elements: str
    default: []
  exclude_namespaces:
    description: Globs of namespaces to leave out. They win over O(namespaces).
    type: list
    elements: str
    default: []
  deadline:
    description:
      - Seconds after which a question to a manager is given up. So long the module also waits for the end of each intercept, and for replaced
        containers to come back. At least V(1).
    type: int
    default: 10
requirements:
  - kubernetes >= 24.2.0
  - grpcio >= 1.60 (without it nothing is known of intercepts, and nothing is ended)
notes:
  - A manager up to 2.25 is told to remove the intercept over its gRPC API. From 2.26 on an order is written into its ConfigMap
    C(traffic-manager), as C(telepresence revoke) does, and taken back when the result is known. This part is tested on objects that were
    constructed from the source of 2.27.4; the rest on a real 2.20.2.
  - A manager from 2.31 on that wants its clients to log in may not tell its intercepts. Then they are in RV(unknown), and none is ended.
  - An intercept that replaced a container (C(--replace)) gives it back when it ends. The module waits for that, and says in
    RV(intercepts[].remark) what came of it. What is still replaced then, M(devclusters.telepresence.telepresence_traffic_manager_info)
    shows among its leftovers as V(replaced_container) if it lasts.
  - The account needs C(list) on namespaces, pods, deployments, replicasets, and statefulsets, and on the configmaps C(traffic-manager) and
    C(telepresence-agents), in all namespaces; in those of managers C(get) on pods/portforward, with O(min_age) on pods/exec (C(create) as
    well since Kubernetes 1.35), and for managers from 2.26 on C(get) and C(update) on the configmap C(traffic-manager). These are in
    C(docs/rbac/intercepts.yml) of the collection.
seealso:
  - module: devclusters.telepresence.telepresence_traffic_manager_info
  - module: devclusters.telepresence.telepresence_restore
"""

EXAMPLES = r"""
- name: End the intercepts of CI runners that are gone
  devclusters.telepresence.telepresence_intercepts:
    context: staging
    clients: ["runner@ci-*"]

- name: See which intercepts are of machines that are not in the inventory
  devclusters.telepresence.telepresence_intercepts:
    context: staging
    known_hosts: "{{ groups['laptops'] }}"
  check_mode: true
  diff: true
  register: planned

- name: Show them
  ansible.builtin.debug:
    msg: "{{ item.client }} intercepts {{ item.namespace }}/{{ item.agent }}. {{ item.reasons | join(' ') }}"
  loop: "{{ planned.removed }}"

- name: End at night what nobody uses, and what does not work
  devclusters.telepresence.telepresence_intercepts:
    context: staging
    exclude_namespaces: ["demo-*"]
    min_age: 43200
    dispositions: [AGENT_ERROR]
  register: ended

- name: Show what was left alone although it is old enough
  ansible.builtin.debug:
    msg: "{{ item.id }}: {{ item.remark }}"
  loop: "{{ ended.skipped_intercepts }}"

- name: End all intercepts of two namespaces before they are rebuilt, living or not
  devclusters.telepresence.telepresence_intercepts:
    context: staging
    namespaces: [shop, shop-test]
    clients: ["*"]
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
intercepts:
  description:
    - All intercepts of the namespaces, as in RV(devclusters.telepresence.telepresence_traffic_manager_info#module:intercepts), with what the
      policy says of each and what became of it.
  returned: success, and on failure as far as it is known
  type: list
  elements: dict
  contains:
    manager:
      description: The namespace of the manager.
      type: str
      sample: ambassador
    id:
      description: The id of the intercept, which begins with that of its client's session.
      type: str
      sample: 0c28e0e5-8c5b-4bd5-a8f3-4f2f8d2f1a75:web
    client:
      description: The user and the host of the client.
      type: str
      sample: dev@laptop
    namespace:
      description: The namespace of the workload.
      type: str
      sample: shop
    agent:
      description: The name of the workload.
      type: str
      sample: web
    disposition:
      description: What the manager says of it.
      type: str
      sample: ACTIVE
    changed:
      description: When the manager last changed it, or null where it does not say. From here its age counts.
      type: str
      sample: "2026-11-22T02:37:09Z"
    reasons:
      description: Why the policy names it, one sentence each. Empty where it does not.
      type: list
      elements: str
      sample: ["Its manager last changed it 3 d ago, and no client is connected to that manager."]
    outcome:
      description: V(none) where the policy does not name it, or where it ended by itself, V(removed), in check mode V(removable), V(skipped) where
        it is old enough but may be alive, or is not as it was at the first look, or V(failed).
      type: str
      sample: removed
    remark:
      description: What is to be said of the outcome, if anything.
      type: str
      sample: The container that it replaced is back.
removed:
  description: Those of RV(intercepts) that were ended, in check mode those that would be.
  returned: success, and on failure as far as it is known
  type: list
  elements: dict
  sample: []
skipped_intercepts:
  description: Those of RV(intercepts) that were left alone although something speaks for their end. Their remarks say why.
  returned: success, and on failure as far as it is known
  type: list
  elements: dict
  sample: []
failed_intercepts:
  description: Those of RV(intercepts) that are still there, or may be. Their remarks say why, and the module fails.
  returned: success, and on failure as far as it is known
  type: list
  elements: dict
  sample: []
unknown:
  description: What is not known, and why, one sentence each. Nothing was ended because of what is not known.
  returned: success, and on failure as far as it is known
  type: list
  elements: str
  sample: ["The intercepts of the manager in namespace ambassador are not known: none of its pods is ready."]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.ended import end_intercepts
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.policy import BROKEN
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **AUTH_ARG_SPEC,
            "state": {"type": "str", "choices": ["absent"], "default": "absent"},
            "clients": {"type": "list", "elements": "str", "default": []},
            "known_hosts": {"type": "list", "elements": "str"},
            "dispositions": {"type": "list", "elements": "str", "default": [], "choices": [*BROKEN]},
            "min_age": {"type": "int"},
            "force": {"type": "bool", "default": False},
            "namespaces": {"type": "list", "elements": "str", "default": []},
            "exclude_namespaces": {"type": "list", "elements": "str", "default": []},
            "deadline": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    end_intercepts(module)


if __name__ == "__main__":
    main()
