# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: cluster_authority
short_description: Tell from credentials whose certificate the cluster must show
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Reads which certificate authority the credentials trust, without asking the cluster. A server with a certificate of another authority is
    refused, so that two hosts whose authorities differ do not reach one cluster by the same way.
  - Clusters of one authority may be one and the same; the module P(devclusters.telepresence.telepresence_cluster_info#module) tells.
options:
  _input:
    description: Options of C(kubernetes.core), such as C(kubeconfig) (the path of a file) and C(context).
    type: dict
    required: true
seealso:
  - module: devclusters.telepresence.telepresence_cluster_info
"""

EXAMPLES = r"""
- name: Show whose certificate the cluster must show
  ansible.builtin.debug:
    msg: "{{ {'kubeconfig': telepresence_kubeconfig, 'context': telepresence_context} | devclusters.telepresence.cluster_authority }}"
"""

RETURN = r"""
_value:
  description: >-
    The SHA-256 of the authority's certificate. An empty text where these options alone do not tell it: where kubeconfig and context are not
    both given, or another option may lead elsewhere, where the file cannot be read, where the certificate is not checked or several
    authorities may have signed it.
  type: str
"""

import base64
import hashlib
import os
import typing as t

import yaml

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping

HARMLESS = frozenset({"kubeconfig", "context", "impersonate_user", "impersonate_groups", "persist_config"})
"""Options that lead to no other server than kubeconfig and context say, and have its certificate checked as they say."""


def cluster_authority(auth: Mapping[str, t.Any]) -> str:
    """The SHA-256 of the one authority whose certificates are accepted, or an empty text where that is not certain."""
    kubeconfig, context = auth.get("kubeconfig"), auth.get("context")
    if not isinstance(kubeconfig, str) or not isinstance(context, str) or not HARMLESS.issuperset(auth):
        return ""
    path = os.path.expanduser(kubeconfig)
    try:
        with open(path, encoding="utf-8") as file:
            config = yaml.safe_load(file)
        cluster = _entry(config, "clusters", "cluster", _entry(config, "contexts", "context", context)["cluster"])
        certificate = _certificate(cluster, os.path.dirname(path))
    except (OSError, ValueError, StopIteration, LookupError, TypeError, AttributeError, yaml.YAMLError):
        return ""
    checked = str(cluster.get("server")).startswith("https://") and not cluster.get("insecure-skip-tls-verify")
    # Bundles that differ may have an authority in common.
    if not checked or certificate.count(b"-----BEGIN CERTIFICATE-----") != 1:
        return ""
    return hashlib.sha256(b"".join(certificate.split())).hexdigest()


def _entry(config: Mapping[str, t.Any], plural: str, singular: str, name: str) -> Mapping[str, t.Any]:
    """The first entry of that name, as for kubectl. Raises StopIteration, LookupError or TypeError where there is none."""
    found: Mapping[str, t.Any] = next(one[singular] for one in config[plural] if one["name"] == name)
    return found


def _certificate(cluster: Mapping[str, t.Any], directory: str) -> bytes:
    """The authority's certificate in PEM. Raises OSError, ValueError or LookupError."""
    data = cluster.get("certificate-authority-data")
    if data:
        return base64.b64decode(data, validate=True)
    with open(os.path.join(directory, cluster["certificate-authority"]), "rb") as file:
        return file.read()


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"cluster_authority": cluster_authority}
