#!/usr/bin/python
# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# It runs as the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: telepresence_report
short_description: Write the report of a recovery from templates
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Writes a few files from templates, each of them whole or not at all, and then removes from the journal of a recovery what they report.
  - The role P(devclusters.telepresence.recover#role) writes its report with it. One task costs less than one of M(ansible.builtin.template) per
    file and one each for the directory and the journal.
  - It always runs on the machine that runs Ansible, whatever the connection of the host is, and speaks to no cluster.
extends_documentation_fragment:
  - devclusters.telepresence.attributes
attributes:
  check_mode:
    support: none
    details: It writes in check mode as well. What a run in check mode would do is reported like what a run did.
  diff_mode:
    support: none
  idempotent:
    support: none
    details: The files are written anew each time.
options:
  path:
    description: The directory of the files. It is made if need be. A relative path starts at the directory of the playbook, as for modules.
    type: path
    required: true
  templates:
    description:
      - By the name of each file, the name of its template.
      - Templates are looked for as by the lookup P(ansible.builtin.template#lookup).
    type: dict
    required: true
  report:
    description:
      - What the templates find in the variable C(report). Its key C(clusters) maps hosts to results of M(devclusters.telepresence.telepresence_restore)
        or M(devclusters.telepresence.telepresence_orphans).
      - Results with RV(devclusters.telepresence.telepresence_restore#module:details) get their full records back from that file, which is removed when
        all files are written. Where it cannot be used the short records stay, and a notice in the result says so.
    type: dict
    default: {}
  metrics:
    description:
      - A file for the metrics of O(report), as the filter P(devclusters.telepresence.report_metrics#filter) gives them. Its directory has to be there.
      - A relative path starts at the directory of the playbook, too.
    type: path
  journal:
    description: The file of option O(devclusters.telepresence.telepresence_restore#module:journal).
    type: path
  reported:
    description:
      - The notes to remove from O(journal), as in RV(devclusters.telepresence.telepresence_restore#module:journal), when all files are written.
      - Notes that cannot be removed are no failure, because the next run tells of them again.
    type: list
    elements: str
    default: []
seealso:
  - module: devclusters.telepresence.telepresence_restore
  - module: devclusters.telepresence.telepresence_journal
"""

EXAMPLES = r"""
- name: Put all orphans of a cluster right
  devclusters.telepresence.telepresence_restore:
    context: staging
    journal: reports/recover.json.part
  register: healed

- name: Write a list of them
  devclusters.telepresence.telepresence_report:
    path: reports
    templates:
      orphans.txt: orphans.txt.j2
    journal: reports/recover.json.part
    reported: "{{ healed.journal }}"
"""

RETURN = r"""
forgotten:
  description: Whether notes were removed from O(journal).
  returned: always
  type: bool
  sample: true
outcomes:
  description:
    - What came of the clusters of O(report), by host, as the filters P(devclusters.telepresence.session_lines#filter),
      P(devclusters.telepresence.session_problem#filter) and P(devclusters.telepresence.session_digest#filter) tell it.
  returned: always
  type: dict
  contains:
    lines:
      description: One line for each session that is not alive, and one that sums up.
      type: list
      elements: str
      sample: ["shop/web: restored to 3 (stale, last alive 2 h ago; the scaling event says 3)", "1 session: 1 restored"]
    problem:
      description: Why somebody has to look at the cluster. Empty where all is well.
      type: str
      sample: ""
    digest:
      description: Summary, error, and the names of workloads by what became of them.
      type: dict
      sample: {error: null, restored: [shop/web]}
"""
