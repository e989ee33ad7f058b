# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: telepresence_at_work
short_description: Say who is at work on a cluster with Telepresence
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Reads from the results of M(devclusters.telepresence.telepresence_orphans) and
    M(devclusters.telepresence.telepresence_traffic_manager_info) who loses something when the traffic-manager is rebuilt now.
  - What is not known counts like somebody at work. So does a laptop that sleeps, unless the recovery was told to put its session right.
positional: _input, info, manager, ending
options:
  _input:
    description: The result of M(devclusters.telepresence.telepresence_orphans).
    type: dict
    required: true
  info:
    description: The result of M(devclusters.telepresence.telepresence_traffic_manager_info) for all namespaces.
    type: dict
    required: true
  manager:
    description: The namespace of the traffic-manager. The intercepts of others do not count.
    type: str
    required: true
  ending:
    description: The intercepts that end in any case, which do not count either.
    type: list
    elements: dict
    required: true
seealso:
  - module: devclusters.telepresence.telepresence_orphans
  - module: devclusters.telepresence.telepresence_traffic_manager_info
"""

EXAMPLES = r"""
- name: Look at the sessions of Telepresence 1
  devclusters.telepresence.telepresence_orphans:
    context: staging
  register: sessions

- name: Look at Telepresence 2
  devclusters.telepresence.telepresence_traffic_manager_info:
    context: staging
  register: telepresence

- name: Stop where somebody is at work
  ansible.builtin.assert:
    that: people | length == 0
    fail_msg: "{{ people | join(' ') }}"
  vars:
    people: "{{ sessions | devclusters.telepresence.telepresence_at_work(telepresence, 'ambassador', []) }}"
"""

RETURN = r"""
_value:
  description: One sentence for each session or intercept. Empty where nobody is at work.
  type: list
  elements: str
"""

import typing as t

from ansible_collections.devclusters.telepresence.plugins.module_utils._results.at_work import at_work

if t.TYPE_CHECKING:
    from collections.abc import Callable


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"telepresence_at_work": at_work}
