#!/usr/bin/python
# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: telepresence_orphans
short_description: List Telepresence sessions and find those whose client is gone
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Lists the sessions of Telepresence 1 in a cluster, asks each proxy whether its client is still there, and works out which workload it
    replaced, how many replicas that had, and what would put it right.
  - A session whose client is proven to be gone is an orphan. An answer that did not come proves nothing.
  - Nothing is written. M(devclusters.telepresence.telepresence_restore) puts orphans right.
  - The module is also called C(telepresence_orphans_info).
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - devclusters.telepresence.attributes
  - devclusters.telepresence.attributes.info
  - devclusters.telepresence.sessions
  - devclusters.telepresence.sessions.scope
  - devclusters.telepresence.sessions.probe
attributes:
  check_mode:
    details: Nothing is ever written to the cluster. The command that asks a proxy runs in check mode too; O(probe=pod_proxy) avoids it.
seealso:
  - module: devclusters.telepresence.telepresence_restore
  - module: devclusters.telepresence.telepresence_cluster_info
  - plugin: devclusters.telepresence.session_lines
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Look for orphans in every namespace
  devclusters.telepresence.telepresence_orphans:
    context: staging
  register: found

- name: Show a line for each of them
  ansible.builtin.debug:
    msg: "{{ found | devclusters.telepresence.session_lines }}"

- name: Look in the namespaces of one team, without running anything in a pod
  devclusters.telepresence.telepresence_orphans:
    context: staging
    namespaces: ["shop-*"]
    exclude_namespaces: [shop-prod]
    probe: pod_proxy
  register: found

- name: Stop a rebuild of the environment while somebody still works in it
  ansible.builtin.assert:
    that: found.summary.verdicts.alive | default(0) == 0
    fail_msg: "{{ found.summary.verdicts.alive | default(0) }} developers are connected."

- name: Look for orphans of old clients only
  devclusters.telepresence.telepresence_orphans:
    context: staging
    select: mode == 'swap_deployment' && namespace != 'default'
  register: found

- name: Keep the full records of many sessions out of the result
  devclusters.telepresence.telepresence_orphans:
    context: staging
    details: ~/reports/staging.json
  register: found

- name: Show why each of them was judged as it was
  ansible.builtin.debug:
    msg: "{{ (lookup('ansible.builtin.file', found.details) | from_json).sessions | map(attribute='reason') }}"

- name: Name the workloads that nobody knows the size of
  ansible.builtin.debug:
    msg: "{{ found.orphans | selectattr('outcome', 'eq', 'needs_decision') | map(attribute='original.name') }}"
"""

RETURN = r"""
cluster:
  description: The cluster that was searched, as in RV(devclusters.telepresence.telepresence_cluster_info#module:cluster).
  returned: success, and on failure as far as it is known
  type: dict
  sample:
    server: https://10.0.0.1:6443
    identity: 7f1c3f0e-0d4f-4a5c-9f0e-3f8b6a1d2c4b
    identity_source: kube-system
    version: v1.34.4
    user: admin
sessions:
  description: All sessions that were selected, the oldest first.
  returned: success, and on failure as far as it is known
  type: list
  elements: dict
  contains:
    session_id:
      description: The name that the client gave to its session, the value of the label C(telepresence). Null in mode V(existing).
      type: str
      sample: 9bdd4ff98a184820b2d4027b00a9af39
    namespace:
      description: The namespace of the proxy.
      type: str
      sample: shop
    client_version:
      description: The version of the client, which is the tag of the image of its proxy.
      type: str
      sample: "0.109"
    mode:
      description:
        - How the client works. V(swap_pod) and V(swap_deployment) put a Pod or a Deployment in the place of a workload that they scaled to 0.
          V(swap_in_place) changed the workload itself. V(new) replaced nothing.
        - V(existing) is what somebody keeps for clients to connect to, see O(unlabelled).
      type: str
      sample: swap_pod
    proxy:
      description: The object that stands in for the workload, or null where it went while it was looked at.
      type: dict
      sample:
        api_version: v1
        kind: Pod
        namespace: shop
        name: web-9bdd4ff98a184820b2d4027b00a9af39
        uid: e6b05ec9-5b5e-4b57-9c0d-54c6a5e4d9c1
        created: "2026-11-22T02:37:09Z"
    verdict:
      description: What the probes together say. One of V(alive), V(starting), V(suspended), V(clientless), V(stale), V(ended), V(terminating), or
        V(unknown).
      type: str
      sample: stale
    reason:
      description: Why, in one sentence.
      type: str
      sample: >-
        Port 9055 refuses connections, no tunnel is open on 8022, the last sign of life was at 2026-11-22T02:40:10Z, and 4 polls in a row have
        failed over 93 s.
    probes:
      description: What each probe found. A probe that was not made is null.
      type: dict
      sample:
        http: refused
        sockets: {clock: "2026-11-22T04:41:43Z", listening: false, tunnels: 0, sshd: true}
        log:
          last_alive: "2026-11-22T02:40:10Z"
          failing_since: "2026-11-22T02:40:40Z"
          failing_until: "2026-11-22T04:41:40Z"
          failures: 4
        containers: {web-9bdd4ff98a184820b2d4027b00a9af39: running}
    original:
      description: The workload that the session replaced, with its present number of replicas, or null where there is none.
      type: dict
      sample:
        api_version: apps/v1
        kind: Deployment
        namespace: shop
        name: web
        uid: 2dd5e9a4-3f3c-4a5e-8c55-0b5be4f6c7de
        matched_by: uid
        replicas: 0
    replicas:
      description: The number of replicas to restore, or null where none is settled.
      type: int
      sample: 3
    evidence:
      description: Every reading of that number, the best first.
      type: list
      elements: dict
      sample:
        - source: scaling_event
          class: swap
          value: 3
          time: "2026-11-22T02:37:09Z"
          object: Event shop/web.18ea3d799804380e
        - {source: last_applied, class: declared, value: 2, time: null, object: Deployment shop/web}
    managed_by:
      description: What else keeps the workload in shape and might act against a change.
      type: list
      elements: str
      sample: [Helm release shop/web]
    plan:
      description:
        - What puts the session right, in this order, and whether it was done.
        - An C(action) is one of C(scale), C(delete), C(rollback), or C(rollout). The last two are for a DeploymentConfig that a client
          changed in place. It gets back the definition that the ReplicationController C(to) kept, and is rolled out.
      type: list
      elements: dict
      sample:
        - {action: scale, object: Deployment shop/web, before: 0, after: 3, done: false}
        - {action: delete, object: Pod shop/web-9bdd4ff98a184820b2d4027b00a9af39, done: false}
        - {action: delete, object: Service shop/mydev, done: false}
    outcome:
      description: What becomes of the session. One of V(none), V(restorable), V(restored), V(needs_decision), V(held), or V(failed).
      type: str
      sample: restorable
    message:
      description: The outcome in one sentence.
      type: str
      sample: Deployment shop/web goes from 0 to 3.
orphans:
  description: Those of RV(sessions) whose verdict is one of O(verdicts).
  returned: success, and on failure as far as it is known
  type: list
  elements: dict
  sample: []
details:
  description: The file with the full records. RV(sessions) and the other lists have short ones then, see O(details).
  returned: when O(details) was given and could be written
  type: str
  sample: /home/deploy/reports/staging.json
notices:
  description: Sentences about the run as a whole, such as counts of O(replicas) that nothing would be done with.
  returned: success, and on failure as far as it is known
  type: list
  elements: str
  sample: ["Option replicas has shop/wbe: 3, but this cluster has no such workload. If the name is right, all is well."]
lost:
  description:
    - Workloads without replicas and without a proxy that were larger once. M(devclusters.telepresence.telepresence_baseline) noted them with a
      number above 0, and then they were scaled to 0 in the way of C(kubectl scale), which leaves no owner of that 0. So a client leaves them that
      was ended while it tidied up; so does whoever scales one by hand.
    - One with a HorizontalPodAutoscaler is never among them, for which 0 replicas is the way to pause it.
    - They do not by themselves make RV(summary.needs_attention) true.
  returned: success, and on failure as far as it is known
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace.
      type: str
      sample: shop
    original:
      description: The workload, with its present number of replicas.
      type: dict
      sample:
        api_version: apps/v1
        kind: Deployment
        namespace: shop
        name: api
        uid: 5b0f4a57-9df8-4b0c-a4d5-0a7f7d2f9c11
        replicas: 0
    replicas:
      description: The number of replicas to restore, or null where none is settled.
      type: int
      sample: 2
    evidence:
      description: What was noted, the best first, as in RV(sessions[].evidence).
      type: list
      elements: dict
      sample:
        - source: baseline
          class: recorded
          value: 2
          time: "2026-11-21T02:00:00Z"
          object: ConfigMap shop/telepresence-baseline
    managed_by:
      description: As in RV(sessions[].managed_by).
      type: list
      elements: str
      sample: []
    plan:
      description: What puts it back, and whether it was done, as in RV(sessions[].plan).
      type: list
      elements: dict
      sample: []
    outcome:
      description: What becomes of it. V(none) unless M(devclusters.telepresence.telepresence_restore) is told to put lost workloads back; then one
        of V(restorable), V(restored), V(needs_decision), V(held), V(failed), or V(none).
      type: str
      sample: none
    message:
      description: The outcome in one sentence.
      type: str
      sample: >-
        Deployment shop/api is at 0 without a session, and was noted with 2 at 2026-11-21T02:00:00Z. It is put back where that is asked for
        (option lost, variable recover_restore_lost).
summary:
  description: How many sessions there are.
  returned: success, and on failure as far as it is known
  type: dict
  contains:
    sessions:
      description: The number of RV(sessions).
      type: int
      sample: 9
    verdicts:
      description: How many there are of each verdict that occurs.
      type: dict
      sample: {alive: 2, stale: 6, suspended: 1}
    outcomes:
      description: How many there are of each outcome that occurs.
      type: dict
      sample: {none: 3, restorable: 5, held: 1}
    lost:
      description: The number of RV(lost).
      type: int
      sample: 1
    needs_attention:
      description: Whether a person has to look, because a session needs a decision, could not be judged, or failed.
      type: bool
      sample: false
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.devclusters.telepresence.plugins.module_utils._run import report_orphans
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.options import SPEC
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC


def main() -> None:
    module = AnsibleModule(
        argument_spec={**AUTH_ARG_SPEC, **SPEC},
        supports_check_mode=True,
    )
    report_orphans(module)


if __name__ == "__main__":
    main()
