# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: kubeconfig_contexts
short_description: One host for each context of your kubeconfig files
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Reads kubeconfig files and makes a host of each context, so that the clusters that C(kubectl) knows are the inventory.
  - No cluster is asked and no credential plugin is run; the inventory holds names and addresses, never credentials.
  - The configuration file has to end in C(kubeconfig_contexts.yml) or C(kubeconfig_contexts.yaml).
extends_documentation_fragment:
  - ansible.builtin.constructed
options:
  plugin:
    description: Marks the file as a configuration of this plugin.
    required: true
    choices:
      - devclusters.telepresence.kubeconfig_contexts
  kubeconfig:
    description:
      - The kubeconfig files. One entry may name several, separated as in the environment variable E(KUBECONFIG).
      - A relative path starts at the directory of the configuration file.
    type: list
    elements: str
    default:
      - ~/.kube/config
    env:
      - name: KUBECONFIG
      - name: K8S_AUTH_KUBECONFIG
  include:
    description: Globs of the contexts to take.
    type: list
    elements: str
    default:
      - "*"
  exclude:
    description: Globs of the contexts to leave out. They win over O(include).
    type: list
    elements: str
    default: []
  hostname:
    description:
      - A Jinja2 expression over the variables of a host that gives its name.
      - The name of an Amazon EKS context holds colons, which separate patterns in C(--limit). V(telepresence_context | split('/'\) | last)
        keeps the name of the cluster.
    type: str
    default: telepresence_context
notes:
  - Each host gets the variables C(telepresence_kubeconfig) (an absolute path) and C(telepresence_context), with which the roles of this collection
    reach the cluster, and to group by, C(kubeconfig_cluster), C(kubeconfig_server), C(kubeconfig_user) and C(kubeconfig_namespace) (V(default) if the
    context names none).
"""

EXAMPLES = r"""
# my-clusters/kubeconfig_contexts.yml: every development cluster of ~/.kube/config, but not the one on the laptop
plugin: devclusters.telepresence.kubeconfig_contexts
include: [dev-*]
exclude: [dev-local]

---
# One kubeconfig of Amazon EKS and one of OpenShift, beside this file
plugin: devclusters.telepresence.kubeconfig_contexts
kubeconfig: [eks.kubeconfig, openshift.kubeconfig]
# arn:aws:eks:eu-west-1:111122223333:cluster/dev-1 becomes dev-1
hostname: telepresence_context | split('/') | last
keyed_groups:
  # a group for each region: region_eu_west_1
  - key: kubeconfig_server | regex_search('[a-z]+-[a-z]+-[0-9](?=[.]eks)')
    prefix: region
groups:
  openshift: "'openshift' in telepresence_kubeconfig"
compose:
  # Variables of the role, by cluster.
  recover_exclude_namespaces: "['shared-*'] if 'openshift' in telepresence_kubeconfig else []"
"""

import os
import typing as t

import yaml
from ansible.errors import AnsibleParserError
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.secrets import is_content
from ansible_collections.devclusters.telepresence.plugins.plugin_utils._hosts import ClusterInventory, Variables


class InventoryModule(ClusterInventory):
    """Reads the contexts of kubeconfig files."""

    NAME = "devclusters.telepresence.kubeconfig_contexts"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith(
            ("kubeconfig_contexts.yml", "kubeconfig_contexts.yaml")
        )

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        files = _paths(self.get_option("kubeconfig"), os.path.dirname(os.path.abspath(path)))
        found = [
            variables for file in files for variables in contexts(file) if self.wants(variables["telepresence_context"])
        ]
        if not found:
            raise AnsibleParserError(
                f"No context of {', '.join(files)} is wanted by {path}: correct include and exclude."
            )
        self.add(found, _described, {})


def contexts(path: str) -> list[Variables]:
    """The variables of a host for each context of a kubeconfig file. Raises AnsibleParserError with one sentence that says what to mend."""
    try:
        with open(path, encoding="utf-8") as file:
            config = yaml.safe_load(file)
    except OSError as error:
        raise AnsibleParserError(f"The kubeconfig {path} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, yaml.YAMLError):
        # Not from it: its message quotes the file, which holds credentials.
        raise AnsibleParserError(f"The kubeconfig {path} is no YAML.") from None
    clusters = _entries(path, config, "clusters", "cluster")
    found = []
    for name, context in _entries(path, config, "contexts", "context").items():
        cluster = clusters.get(str(context.get("cluster")))
        if cluster is None:
            raise AnsibleParserError(
                f"Context {name} of {path} names cluster {context.get('cluster')}, which that file does not define: mend or exclude it."
            )
        found.append(
            {
                "telepresence_kubeconfig": path,
                "telepresence_context": name,
                "kubeconfig_cluster": str(context["cluster"]),
                "kubeconfig_server": str(cluster.get("server") or ""),
                "kubeconfig_user": str(context.get("user") or ""),
                "kubeconfig_namespace": str(context.get("namespace") or "default"),
            }
        )
    return found


def _entries(path: str, config: t.Any, plural: str, singular: str) -> dict[str, dict[str, t.Any]]:
    """The named entries of one kind, the first of each name, as for kubectl."""
    listed = config.get(plural) if isinstance(config, dict) else None
    if not isinstance(listed, list):
        raise AnsibleParserError(f"The file {path} is no kubeconfig: it has no list of {plural}.")
    entries: dict[str, dict[str, t.Any]] = {}
    for entry in listed:
        content = entry.get(singular) if isinstance(entry, dict) else None
        if not isinstance(content, dict) or not isinstance(entry.get("name"), str):
            raise AnsibleParserError(f"The kubeconfig {path} has an entry in {plural} without a name or a {singular}.")
        entries.setdefault(entry["name"], content)
    return entries


def _paths(given: t.Sequence[str], directory: str) -> list[str]:
    """The files that are named, as absolute paths; like kubectl, what is empty between two separators is no file. Raises AnsibleParserError."""
    if any(is_content(entry) for entry in given):
        # Not shown: it holds credentials.
        raise AnsibleParserError(
            "Option kubeconfig holds the content of a kubeconfig: write it to a file and give the path."
        )
    names = [name for entry in given for name in entry.split(os.pathsep) if name]
    return [os.path.normpath(os.path.join(directory, os.path.expanduser(name))) for name in names]


def _described(variables: Variables) -> str:
    return f"context {variables['telepresence_context']} of {variables['telepresence_kubeconfig']}"
