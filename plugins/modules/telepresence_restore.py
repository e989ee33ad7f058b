#!/usr/bin/python
# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: telepresence_restore
short_description: Put the workloads of orphaned Telepresence sessions back and remove their proxies
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Looks for orphaned sessions as M(devclusters.telepresence.telepresence_orphans) does and with the same options, then scales each workload
    back to the number of replicas it had, and removes the proxy and the Service of the session.
  - A DeploymentConfig that a client changed in place gets back the definition that its rollout before that kept, and is rolled out with
    OpenShift's client. Nothing of such a session is deleted.
  - A session that is alive, or that may be, is never touched, nor is a workload that another such session replaced too.
  - The number of replicas is never guessed. Without evidence that O(trust) allows, the session needs a decision, which is given with O(replicas).
  - Immediately before the first write of a session everything that decides is read again. A run that was interrupted is finished by the next one.
  - Each workload that is scaled back gets an Event with the reason C(TelepresenceRestored) that says to how many replicas, for which session,
    and on what evidence. An Event that cannot be written is a remark in the session's message. It is a note about a change, not one, so it is
    not part of the difference.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - devclusters.telepresence.attributes
  - devclusters.telepresence.sessions
  - devclusters.telepresence.sessions.scope
  - devclusters.telepresence.sessions.probe
attributes:
  check_mode:
    support: full
    details: No object is changed. The command that asks a proxy runs in check mode too; O(probe=pod_proxy) avoids it.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  max_restores:
    description: At most so many sessions are restored in one run, the oldest first, and after them lost workloads. The others are V(held). There is
      no limit if not set.
    type: int
  journal:
    description:
      - A file in which each write is noted before it is made, one JSON object per line. A run that is interrupted leaves its notes there, and the
        next one with the same file says in RV(notices), and in the sessions' messages, what it has begun. Nothing is decided by these notes.
      - Several runs, on one cluster or on many, may share a file. It is made with the first note, with its directory if need be.
      - When the result was reported, M(devclusters.telepresence.telepresence_journal) removes what RV(journal) names. Until then each further run
        tells of it again.
      - A file that cannot be used is a warning. In check mode it is neither read nor written.
    type: path
  lost:
    description:
      - Whether to put back workloads that lost their replicas without leaving a proxy, see RV(lost).
      - A workload that somebody scaled to 0 on purpose with C(kubectl scale) looks the same. M(devclusters.telepresence.telepresence_baseline)
        notes with its option O(devclusters.telepresence.telepresence_baseline#module:replicas) that one is.
    type: bool
    default: false
  wait:
    description: Whether to wait until the restored workloads are ready.
    type: bool
    default: false
  wait_timeout:
    description: Seconds to wait for them.
    type: int
    default: 120
  wait_sleep:
    description: Seconds between two looks at them.
    type: int
    default: 5
notes:
  - A swap of a workload that is at V(0) changes nothing in the workload. If a session comes for it at the very moment of the scale, the workload is
    scaled back to V(0) at once, nothing is deleted, and the orphan is V(held). A DeploymentConfig is not scaled back, because the patch that does
    it would look like a V(0) that somebody meant; then the session has V(failed), and its message says so.
  - Three moments cannot be closed by any precondition. A workload that somebody scales to V(0) between the last look at it and the deletion of
    its proxy, which is one request, loses what the proxy knew of its size; the Event on it still tells. A session that comes between the last look
    at the sessions and that deletion keeps its own proxy, and scales the workload by itself. A client that wakes up within the ten seconds for which a
    verdict holds loses its proxy, and then puts the workload back as on any other lost connection.
seealso:
  - module: devclusters.telepresence.telepresence_orphans
  - module: devclusters.telepresence.telepresence_cluster_info
  - module: devclusters.telepresence.telepresence_journal
  - plugin: devclusters.telepresence.session_problem
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Put all orphans of a cluster right
  devclusters.telepresence.telepresence_restore:
    context: staging
    wait: true
  register: healed

- name: Show what was done
  ansible.builtin.debug:
    msg: "{{ healed | devclusters.telepresence.session_lines }}"

- name: Fail where a person has to look
  ansible.builtin.fail:
    msg: "{{ healed | devclusters.telepresence.session_problem }}"
  when: healed.summary.needs_attention

- name: See what would be done, and only in two namespaces
  devclusters.telepresence.telepresence_restore:
    context: staging
    namespaces: [shop, shop-test]
  check_mode: true
  diff: true
  register: planned

- name: Put one workload right whose size only you know
  devclusters.telepresence.telepresence_restore:
    context: staging
    namespaces: [shop]
    select: original.name == 'web'
    replicas:
      shop/web: 3

- name: Use the same credentials for several modules
  module_defaults:
    group/devclusters.telepresence.k8s:
      kubeconfig: ~/.kube/config
      context: staging
  block:
    - name: Begin carefully, with the five oldest orphans
      devclusters.telepresence.telepresence_restore:
        max_restores: 5
        wait: true
      register: first

    - name: Read one of the restored workloads
      kubernetes.core.k8s_info:
        kind: "{{ first.restored[0].original.kind }}"
        namespace: "{{ first.restored[0].original.namespace }}"
        name: "{{ first.restored[0].original.name }}"
      when: first.restored | length > 0
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
sessions:
  description: All sessions that were selected, the oldest first, as in RV(devclusters.telepresence.telepresence_orphans#module:sessions).
  returned: success, and on failure as far as it is known
  type: list
  elements: dict
  sample:
    - session_id: 9bdd4ff98a184820b2d4027b00a9af39
      namespace: shop
      verdict: stale
      outcome: restored
      replicas: 3
      message: Deployment shop/web is back at 3, Pod shop/web-9bdd4ff98a184820b2d4027b00a9af39 deleted.
orphans:
  description: Those of RV(sessions) whose verdict is one of O(verdicts).
  returned: success, and on failure as far as it is known
  type: list
  elements: dict
  sample: []
restored:
  description: Those of RV(sessions) that were put right. Empty in check mode, in which their outcome is V(restorable).
  returned: success, and on failure as far as it is known
  type: list
  elements: dict
  sample: []
skipped_sessions:
  description: Those of RV(sessions) that were left as they are, because they need a decision or are held.
  returned: success, and on failure as far as it is known
  type: list
  elements: dict
  sample: []
failed_sessions:
  description: Those of RV(sessions) that could not be put right. Their messages say why, and the module fails.
  returned: success, and on failure as far as it is known
  type: list
  elements: dict
  sample: []
journal:
  description: The notes in O(journal) that this result tells of, those of this run and those of earlier ones.
  returned: success
  type: list
  elements: str
  sample: [6f0c1d8e2b3a4c5d9e8f7a6b5c4d3e2f/shop/9bdd4ff98a184820b2d4027b00a9af39]
details:
  description: The file with the full records. RV(sessions) and the other lists have short ones then, see O(details).
  returned: when O(details) was given and could be written
  type: str
  sample: /home/deploy/reports/staging.json
notices:
  description: Sentences about the run as a whole. Counts of O(replicas) that nothing was done with, and what an interrupted run had begun.
  returned: success, and on failure as far as it is known
  type: list
  elements: str
  sample: ["Option replicas has shop/wbe: 3, but this cluster has no such workload. If the name is right, all is well."]
lost:
  description:
    - Workloads that lost their replicas without leaving a proxy, as in RV(devclusters.telepresence.telepresence_orphans#module:lost).
    - With O(lost) they are put back, and their outcome says so; they are not listed under RV(restored), RV(skipped_sessions) and
      RV(failed_sessions), which list sessions. The module fails where one of them failed.
  returned: success, and on failure as far as it is known
  type: list
  elements: dict
  sample:
    - namespace: shop
      replicas: 2
      outcome: restored
      message: Deployment shop/api is back at 2.
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
      sample: {none: 3, restored: 5, held: 1}
    lost:
      description: The number of RV(lost).
      type: int
      sample: 1
    needs_attention:
      description: Whether a person has to look, because a session failed, needs a decision, or could not be judged, or because O(max_restores)
        was reached.
      type: bool
      sample: false
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.devclusters.telepresence.plugins.module_utils._run import restore_orphans
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.options import SPEC
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **AUTH_ARG_SPEC,
            **SPEC,
            "max_restores": {"type": "int"},
            "journal": {"type": "path"},
            "lost": {"type": "bool", "default": False},
            "wait": {"type": "bool", "default": False},
            "wait_timeout": {"type": "int", "default": 120},
            "wait_sleep": {"type": "int", "default": 5},
        },
        supports_check_mode=True,
    )
    restore_orphans(module)


if __name__ == "__main__":
    main()
