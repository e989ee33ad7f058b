# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: eks_kubeconfig
short_description: A kubeconfig for a cluster of Amazon EKS, written when it is needed
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Writes a kubeconfig for one cluster into Ansible's own temporary directory on this machine, which is removed when Ansible ends, and returns its path.
  - The file holds no token. It names a credential plugin, which the Kubernetes clients run for a token and run again before that expires; so a run may last
    longer than a token does.
  - Nothing is asked of AWS or the cluster.
  - P(devclusters.telepresence.eks#inventory) gives each of its hosts a C(telepresence_kubeconfig) with this lookup.
options:
  _terms:
    description:
      - The cluster, a dictionary with its C(name), C(region), C(endpoint) and C(certificate_authority) (base64), as AWS tells them.
    type: list
    elements: dict
    required: true
  token_from:
    description:
      - The credential plugin. With V(boto3) it is a program of this collection, run by the Python that runs Ansible, which has to have C(boto3).
      - With V(aws) it is the C(aws) command, which has to be on the E(PATH) of the tasks.
    type: str
    choices:
      - boto3
      - aws
    default: boto3
  profile:
    description: The profile of the configuration of AWS with which tokens are made.
    type: str
  assume_role_arn:
    description: ARN of a role to assume for them.
    type: str
seealso:
  - plugin: devclusters.telepresence.eks
    plugin_type: inventory
"""

EXAMPLES = r"""
- name: Count the namespaces of each cluster of the inventory, with a module of another collection
  kubernetes.core.k8s_info:
    kubeconfig: "{{ lookup('devclusters.telepresence.eks_kubeconfig', eks_cluster, **eks_login) }}"
    kind: Namespace
"""

RETURN = r"""
_raw:
  description: The path of the kubeconfig.
  type: list
  elements: path
"""

import hashlib
import json
import os
import sys
import tempfile
import typing as t

from ansible import constants
from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.devclusters.telepresence.plugins.plugin_utils import _aws

NEEDED = ("name", "region", "endpoint", "certificate_authority")


class LookupModule(LookupBase):
    """Makes the lookup known to Ansible."""

    def run(self, terms: list[t.Any], variables: t.Any = None, **options: t.Any) -> list[str]:
        """See DOCUMENTATION. Raises AnsibleError with one sentence."""
        self.set_options(var_options=variables, direct=options)
        return [_written(self._kubeconfig(term)) for term in terms]

    def _kubeconfig(self, cluster: t.Any) -> dict[str, t.Any]:
        lacking = [name for name in NEEDED if not (isinstance(cluster, dict) and cluster.get(name))]
        if lacking:
            raise AnsibleError(f"A kubeconfig for EKS cannot be made of a cluster without {', '.join(lacking)}.")
        name, region, endpoint, authority = (str(cluster[key]) for key in NEEDED)
        asked = ["--region", region, "--cluster-name", name]
        # A profile in the environment of the plugin would lose against keys there; one that is named does not.
        for option, given in (("--profile", "profile"), ("--role-arn", "assume_role_arn")):
            if self.get_option(given):
                asked += [option, str(self.get_option(given))]
        if self.get_option("token_from") == "aws":
            command, args = "aws", ["eks", "get-token", *asked, "--output", "json"]
        else:
            command, args = sys.executable, [os.path.abspath(_aws.__file__), *asked]
        plugin = {"apiVersion": _aws.API, "command": command, "args": args}
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": {"server": endpoint, "certificate-authority-data": authority}}],
            "users": [{"name": name, "user": {"exec": plugin}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        }


def _written(config: dict[str, t.Any]) -> str:
    """The path of a file with this content, made at once and only once, however many workers want it."""
    content = json.dumps(config)
    name = f"eks-{hashlib.sha256(content.encode()).hexdigest()[:16]}.kubeconfig"
    path = os.path.join(constants.DEFAULT_LOCAL_TMP, name)
    if not os.path.exists(path):
        handle, new = tempfile.mkstemp(dir=constants.DEFAULT_LOCAL_TMP)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        os.replace(new, path)
    return path
