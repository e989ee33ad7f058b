#!/usr/bin/python
# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: telepresence_baseline
short_description: Note how many replicas workloads have while all is well
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Notes the number of replicas of every workload that no session of Telepresence 1 has replaced, and of those that a session has replaced
    the number that the cluster still tells. Events tell it for an hour, a session may last for days.
  - M(devclusters.telepresence.telepresence_orphans) and M(devclusters.telepresence.telepresence_restore) read the notes, which are evidence of
    class C(recorded), and find by them workloads that lost their replicas without leaving a trace.
  - The notes of a namespace lie in its ConfigMap C(telepresence-baseline), which is written by server-side apply, and only where there is news.
    Of two runs at once, the second to write starts from what the first has written; what only the other one saw comes with its next run.
  - A number above 0 becomes 0 only where an owner of C(spec.replicas) wrote that 0, which C(kubectl scale) is not, and Telepresence neither;
    or where you say so with O(replicas).
  - For a workload that a HorizontalPodAutoscaler scales, the minimum of that is noted. From there the autoscaler goes on by itself.
  - What has gone, workloads as well as sessions, is removed from the notes.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - devclusters.telepresence.attributes
  - devclusters.telepresence.sessions.scope
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  replicas:
    description:
      - Numbers of replicas to note whatever the workload has now, as a dictionary of C(NAMESPACE/NAME) to number.
      - With V(0), a workload that is at 0 on purpose is no longer taken for one that lost its replicas.
    type: dict
    default: {}
notes:
  - The annotation C(devclusters.telepresence/ignore) with the value C(true) on a workload or a namespace leaves its notes as they are.
requirements:
  - kubernetes >= 24.2.0
seealso:
  - module: devclusters.telepresence.telepresence_orphans
  - module: devclusters.telepresence.telepresence_restore
"""

EXAMPLES = r"""
- name: Note how many replicas the workloads of a cluster have
  devclusters.telepresence.telepresence_baseline:
    context: staging

- name: See what would be noted in the namespaces of one team
  devclusters.telepresence.telepresence_baseline:
    context: staging
    namespaces: ["shop-*"]
  check_mode: true
  diff: true

- name: Note that a workload is at 0 on purpose
  devclusters.telepresence.telepresence_baseline:
    context: staging
    namespaces: [shop]
    replicas:
      shop/reports: 0
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
records:
  description: What is noted, namespace by namespace.
  returned: success, and on failure as far as it is known
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace.
      type: str
      sample: shop
    workloads:
      description: The number of replicas by workload.
      type: dict
      sample: {Deployment/web: 3, Deployment/reports: 0}
    sessions:
      description: By session, the number of replicas that its original had before.
      type: dict
      sample: {9bdd4ff98a184820b2d4027b00a9af39: 2}
    changed:
      description: Whether there was news.
      type: bool
      sample: true
    problem:
      description: Why the notes could not be written, or null.
      type: str
      sample: null
summary:
  description: How much is noted.
  returned: success, and on failure as far as it is known
  type: dict
  contains:
    namespaces:
      description: The number of RV(records).
      type: int
      sample: 4
    workloads:
      description: How many workloads they hold.
      type: int
      sample: 31
    sessions:
      description: How many sessions they hold.
      type: int
      sample: 2
    changed:
      description: How many of them had news.
      type: int
      sample: 1
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.devclusters.telepresence.plugins.module_utils._run import record_baseline
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.options import SPEC
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC


def main() -> None:
    own = ("namespaces", "exclude_namespaces", "workload_kinds", "replicas")
    module = AnsibleModule(
        argument_spec={**AUTH_ARG_SPEC, **{name: SPEC[name] for name in own}},
        supports_check_mode=True,
    )
    record_baseline(module)


if __name__ == "__main__":
    main()
