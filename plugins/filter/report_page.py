# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: report_page
short_description: Arrange the results of a run for its report page
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Takes what the role P(devclusters.telepresence.recover#role) writes to C(recover.json) and arranges it for a template that makes a page of it.
  - Every text is cleaned of control characters. Escaping for HTML remains the duty of the template.
options:
  _input:
    description: A dictionary with the keys V(format), V(generated), V(check_mode), and V(clusters), which maps each host to the result of the module.
    type: dict
    required: true
seealso:
  - plugin: devclusters.telepresence.session_digest
    plugin_type: filter
  - module: devclusters.telepresence.telepresence_restore
"""

EXAMPLES = r"""
- name: Write the page
  ansible.builtin.template:
    src: report.html.j2
    dest: reports/recover.html
    mode: "0644"
  vars:
    recover_page: "{{ recover_report | devclusters.telepresence.report_page }}"
"""

RETURN = r"""
_value:
  description: Totals, and per cluster its groups of sessions, ready to be shown.
  type: dict
"""

import typing as t

from ansible_collections.devclusters.telepresence.plugins.module_utils._results.page import page

if t.TYPE_CHECKING:
    from collections.abc import Callable


class FilterModule:
    """Makes the filter known to Ansible."""

    def filters(self) -> dict[str, Callable[..., t.Any]]:
        return {"report_page": page}
