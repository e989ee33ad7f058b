# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: eks
short_description: One host for each of your clusters of Amazon EKS
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Asks AWS for the clusters of some regions, and makes a host of each that is in use, so that no kubeconfig has to be kept.
  - AWS is asked with the credentials that C(boto3) finds by itself, in the environment, the files of the C(aws) command, or a role of the machine. No cluster
    is asked, and the inventory holds no credentials.
  - The configuration file has to end in C(eks.yml) or C(eks.yaml).
requirements:
  - boto3, in the Python that runs Ansible
extends_documentation_fragment:
  - ansible.builtin.constructed
  - ansible.builtin.inventory_cache
options:
  plugin:
    description: Marks the file as a configuration of this plugin.
    required: true
    choices:
      - devclusters.telepresence.eks
  regions:
    description:
      - The regions to ask.
      - By default the one region that is set for the profile or in the environment.
    type: list
    elements: str
    default: []
  profile:
    description: The profile of the configuration of AWS whose credentials are used, here and for the tokens of the clusters.
    type: str
    aliases:
      - aws_profile
  assume_role_arn:
    description: ARN of a role to assume, here and for the tokens of the clusters.
    type: str
    aliases:
      - iam_role_arn
  filters:
    description:
      - Tags that a cluster must have, each as C(tag:KEY) with a glob of its value or a list of them. V(*) stands for any value.
    type: dict
    default: {}
  include:
    description: Globs of the names of the clusters to take.
    type: list
    elements: str
    default:
      - "*"
  exclude:
    description: Globs of the names of the clusters to leave out. They win over O(include).
    type: list
    elements: str
    default: []
  strict_permissions:
    description:
      - Whether it is an error that a region, or a cluster in it, may not be looked at. Otherwise it is left out with a warning.
    type: bool
    default: true
  token_from:
    description:
      - Who makes the tokens for the clusters.
      - With V(boto3) it is a small program of this collection, run by the Python that runs Ansible.
      - With V(aws) it is the C(aws) command, as in a kubeconfig of C(aws eks update-kubeconfig).
    type: str
    choices:
      - boto3
      - aws
    default: boto3
  hostname:
    description:
      - A Jinja2 expression over the variables of a host that gives its name.
      - Where clusters of two regions have the same name, V(eks_cluster.region ~ '-' ~ eks_cluster.name) tells them apart.
    type: str
    default: eks_cluster.name
notes:
  - Each host gets the variables C(telepresence_kubeconfig) and C(telepresence_context), with which the roles of this collection reach the cluster. The first is
    a template with P(devclusters.telepresence.eks_kubeconfig#lookup), which writes the kubeconfig when it is needed.
  - To group by, each host has C(eks_cluster), a dictionary of the C(name), C(region), C(account), C(arn), C(version), C(status) and C(tags) of
    the cluster, with its C(endpoint) and C(certificate_authority); and C(eks_login), which says how tokens are made.
  - A cluster that is being created or deleted, or has failed, is left out with a warning.
seealso:
  - plugin: devclusters.telepresence.eks_kubeconfig
    plugin_type: lookup
  - plugin: devclusters.telepresence.kubeconfig_contexts
    plugin_type: inventory
"""

EXAMPLES = r"""
# my-clusters/eks.yml: the clusters of two regions that are tagged as those of developers
plugin: devclusters.telepresence.eks
regions: [eu-west-1, us-east-1]
filters:
  tag:environment: dev
keyed_groups:
  # a group for each region: region_eu_west_1
  - key: eks_cluster.region
    prefix: region

---
# With a profile and a role of another account, tokens by the aws command, and what AWS said kept for an hour
plugin: devclusters.telepresence.eks
regions: [eu-west-1]
profile: dev
assume_role_arn: arn:aws:iam::111122223333:role/telepresence
token_from: aws
exclude: [dev-sandbox-*]
hostname: eks_cluster.region ~ '-' ~ eks_cluster.name
cache: true
cache_plugin: ansible.builtin.jsonfile
cache_connection: ~/.cache/telepresence-eks
cache_timeout: 3600
"""

import sys
import typing as t
from fnmatch import fnmatchcase

from ansible.errors import AnsibleParserError
from ansible.plugins.inventory import Cacheable
from ansible_collections.devclusters.telepresence.plugins.plugin_utils._aws import session
from ansible_collections.devclusters.telepresence.plugins.plugin_utils._hosts import ClusterInventory, Variables

try:
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    MISSING = ""
except ImportError as error:
    MISSING = str(error.name)

IN_USE = ("ACTIVE", "UPDATING")
"""The states of a cluster whose API server answers (Amazon EKS API Reference, type Cluster, ``status``)."""
DENIED = ("AccessDeniedException", "AccessDenied", "UnauthorizedOperation")
TEMPLATES = {
    "telepresence_kubeconfig": "{{ lookup('devclusters.telepresence.eks_kubeconfig', eks_cluster, **eks_login) }}",
    "telepresence_context": "{{ eks_cluster.name }}",
}


class InventoryModule(ClusterInventory, Cacheable):
    """Reads the clusters of Amazon EKS."""

    NAME = "devclusters.telepresence.eks"

    def verify_file(self, path: str) -> bool:
        return bool(super().verify_file(path)) and path.endswith(("eks.yml", "eks.yaml"))

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        self._read_config_data(path)
        wrong = [name for name in self.get_option("filters") if not name.startswith("tag:")]
        if wrong:
            raise AnsibleParserError(f"Option filters has {', '.join(wrong)}; only tag:KEY is known.")
        clusters = [one for one in self._clusters(path, cache) if self._wanted(one)]
        for one in clusters:
            if one["status"] not in IN_USE:
                self.display.warning(
                    f"Cluster {one['name']} of {one['region']} is left out: its status is {one['status']}."
                )
        login = {name: self.get_option(name) for name in ("token_from", "profile", "assume_role_arn")}
        used = {name: value for name, value in login.items() if value}
        found = [{"eks_cluster": one, "eks_login": used} for one in clusters if one["status"] in IN_USE]
        if not found:
            raise AnsibleParserError(
                f"AWS told of no cluster in use that {path} wants: correct regions, filters, include and exclude."
            )
        self.add(found, _described, TEMPLATES)

    def _wanted(self, cluster: Variables) -> bool:
        def has(name: str, values: t.Any) -> bool:
            value = cluster["tags"].get(name.partition(":")[2])
            globs = values if isinstance(values, list) else [values]
            return value is not None and any(fnmatchcase(value, str(one)) for one in globs)

        filters = self.get_option("filters")
        return self.wants(cluster["name"]) and all(has(name, values) for name, values in filters.items())

    def _clusters(self, path: str, cache: bool) -> list[Variables]:
        """Every cluster of the regions, from the cache where that is in use and holds them."""
        key = self.get_cache_key(path)
        cached = self.get_option("cache")
        if cached and cache:
            try:
                known: list[Variables] = self._cache[key]
                return known
            except KeyError:
                pass
        found = self._ask()
        if cached:
            self._cache[key] = found
        return found

    def _ask(self) -> list[Variables]:
        if MISSING:
            raise AnsibleParserError(
                f"The Python library {MISSING} is missing from {sys.executable}, which runs Ansible: install boto3 there. "
                "It need not be where the modules run (variable telepresence_python)."
            )
        try:
            account = session(self.get_option("profile"), self.get_option("assume_role_arn"), self._region())
        except (BotoCoreError, ClientError) as error:
            raise AnsibleParserError(f"Failed to log in to AWS: {_plainly(error)}") from None
        regions = self.get_option("regions") or [account.region_name]
        if not all(regions):
            raise AnsibleParserError("No region is set: name some with option regions, or set AWS_DEFAULT_REGION.")
        return [cluster for region in regions for cluster in self._of_region(account, region)]

    def _region(self) -> str | None:
        """A region to ask for a role in."""
        return next(iter(self.get_option("regions")), None)

    def _of_region(self, account: t.Any, region: str) -> t.Iterator[Variables]:
        limits = Config(connect_timeout=10, read_timeout=30, retries={"mode": "standard", "max_attempts": 3})
        doing = "list the clusters"
        try:
            client = account.client("eks", region_name=region, config=limits)
            names = [name for page in client.get_paginator("list_clusters").paginate() for name in page["clusters"]]
            for name in names:
                doing = f"describe cluster {name}"
                yield _variables(region, client.describe_cluster(name=name)["cluster"])
        except (BotoCoreError, ClientError, ValueError) as error:
            denied = isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in DENIED
            sentence = f"Failed to {doing} of region {region}: {_plainly(error)}"
            if not denied or self.get_option("strict_permissions"):
                raise AnsibleParserError(sentence) from None
            self.display.warning(f"{sentence} The rest of the region is left out.")


def _variables(region: str, cluster: t.Mapping[str, t.Any]) -> Variables:
    """What a host has of the answer to DescribeCluster."""
    return {
        "name": cluster["name"],
        "region": region,
        "account": cluster["arn"].split(":")[4],
        "arn": cluster["arn"],
        "version": cluster.get("version", ""),
        "status": cluster["status"],
        "tags": cluster.get("tags") or {},
        # A cluster that is being made has neither yet.
        "endpoint": cluster.get("endpoint", ""),
        "certificate_authority": (cluster.get("certificateAuthority") or {}).get("data", ""),
    }


def _plainly(error: Exception) -> str:
    """The sentence of an exception. What AWS says of a wrong signature goes on with headers of the request, below its first line."""
    text = str(error).strip().splitlines()[0].rstrip(".:")
    return f"{text}."


def _described(variables: Variables) -> str:
    cluster = variables["eks_cluster"]
    return f"cluster {cluster['name']} of {cluster['region']}"
