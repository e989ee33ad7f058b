# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: merged_report
short_description: Merge the reports of runs over parts of an inventory
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Takes what the role P(devclusters.telepresence.recover#role) has written as C(recover.json) or C(orphans.json) in several runs, and makes of it
    what one run over all of the hosts would have written.
  - Hosts of different parts that are one and the same cluster get a C(msg) which says so.
options:
  _input:
    description: The contents of the reports, as dictionaries.
    type: list
    elements: dict
    required: true
seealso:
  - plugin: devclusters.telepresence.report_page
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Merge two reports
  ansible.builtin.copy:
    content: "{{ [first, second] | devclusters.telepresence.merged_report | to_nice_json }}"
    dest: reports/recover.json
    mode: "0644"
  vars:
    first: "{{ lookup('ansible.builtin.file', 'slice-1/recover.json') | from_json }}"
    second: "{{ lookup('ansible.builtin.file', 'slice-2/recover.json') | from_json }}"
"""

RETURN = r"""
_value:
  description: The keys V(format), V(generated) (of the newest), V(check_mode), and V(clusters), which maps each host to its result.
  type: dict
"""

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.merged import merge

if t.TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


def merged_report(reports: Sequence[Mapping[str, t.Any]]) -> dict[str, t.Any]:
    """One report with the clusters of all."""
    try:
        return merge(reports)
    except ValueError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"merged_report": merged_report}
