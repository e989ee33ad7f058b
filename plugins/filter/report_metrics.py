# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: report_metrics
short_description: Turn the results of a run into metrics for Prometheus
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Takes what the role P(devclusters.telepresence.recover#role) writes to C(recover.json) and counts it in the text format that the textfile
    collector of node-exporter reads.
  - A cluster that could not be worked on has no numbers of sessions.
options:
  _input:
    description: A dictionary with the keys V(format), V(generated), V(check_mode), and V(clusters), which maps each host to the result of the module.
    type: dict
    required: true
seealso:
  - plugin: devclusters.telepresence.report_page
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Count what an earlier run found
  ansible.builtin.copy:
    content: "{{ lookup('ansible.builtin.file', 'reports/recover.json') | from_json | devclusters.telepresence.report_metrics }}"
    dest: telepresence.txt
    mode: "0644"
"""

RETURN = r"""
_value:
  description: The metrics V(telepresence_sessions), V(telepresence_outcomes), V(telepresence_lost_workloads), V(telepresence_run_failed), and
    V(telepresence_run_timestamp_seconds).
  type: str
"""

import typing as t

from ansible_collections.devclusters.telepresence.plugins.module_utils._results.metrics import metrics

if t.TYPE_CHECKING:
    from collections.abc import Callable


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"report_metrics": metrics}
