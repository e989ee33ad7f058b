#!/usr/bin/python
# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: telepresence_cluster_info
short_description: Tell which cluster the credentials reach, as whom, and which rights are missing
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Connects to a cluster and says which one it is, as whom it was reached, and if asked, which rights are missing for another module of this collection.
  - A right that is missing does not make the module fail. A cluster that cannot be reached, and credentials that do not hold, do.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - devclusters.telepresence.attributes
  - devclusters.telepresence.attributes.info
  - devclusters.telepresence.sessions.scope
  - devclusters.telepresence.sessions.probe
options:
  purpose:
    description:
      - The module whose rights are checked. M(devclusters.telepresence.telepresence_orphans) only reads, and needs fewer.
      - Without it no rights are asked about.
    type: str
    choices:
      - orphans
      - restore
      - baseline
requirements:
  - kubernetes >= 24.2.0
seealso:
  - module: devclusters.telepresence.telepresence_orphans
  - module: devclusters.telepresence.telepresence_restore
  - module: devclusters.telepresence.telepresence_baseline
"""

EXAMPLES = r"""
- name: See which cluster this is
  devclusters.telepresence.telepresence_cluster_info:
    kubeconfig: ~/.kube/config
    context: staging
  register: reached

- name: Show it
  ansible.builtin.debug:
    msg: "{{ reached.cluster.server }} as {{ reached.cluster.user }}, Kubernetes {{ reached.cluster.version }}"

- name: Check the rights of a service account in two namespaces
  devclusters.telepresence.telepresence_cluster_info:
    host: https://10.0.0.1:6443
    api_key: "{{ lookup('ansible.builtin.env', 'SHOP_TOKEN') }}"
    ca_cert: /etc/pki/shop.pem
    namespaces: [shop, shop-test]
    purpose: restore
  register: rights
  failed_when: rights.missing | length > 0
"""

RETURN = r"""
cluster:
  description: The cluster that was reached.
  returned: success, and on failure as far as it is known
  type: dict
  contains:
    server:
      description: The address of its API server.
      type: str
      sample: https://10.0.0.1:6443
    identity:
      description: What tells this cluster from any other, or null where nothing may be read that does.
      type: str
      sample: 7f1c3f0e-0d4f-4a5c-9f0e-3f8b6a1d2c4b
    identity_source:
      description: Where RV(cluster.identity) was read. V(kube-system) is the uid of that namespace, V(ca) the fingerprint of the cluster's
        certificate authority.
      type: str
      sample: kube-system
    version:
      description: The version of Kubernetes.
      type: str
      sample: v1.34.4
    user:
      description: The name under which the API server knows the caller.
      type: str
      sample: system:serviceaccount:ops:telepresence
missing:
  description: Each right that the caller lacks for O(purpose); empty without it.
  returned: success
  type: list
  elements: str
  sample:
    - update deployments/scale (apps) in namespace shop
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.devclusters.telepresence.plugins.module_utils._run import inspect_cluster
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.options import SPEC
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **AUTH_ARG_SPEC,
            **{
                name: SPEC[name]
                for name in ("namespaces", "exclude_namespaces", "probe", "workload_kinds", "helm_releases")
            },
            "purpose": {"type": "str", "choices": ["orphans", "restore", "baseline"]},
        },
        supports_check_mode=True,
    )
    inspect_cluster(module)


if __name__ == "__main__":
    main()
