# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """What the modules promise to Ansible; each module says itself how far it keeps it."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and tell what would change without changing the cluster.
  diff_mode:
    description: Returns what changed, or in check mode would change, when in diff mode.
  idempotent:
    description: When run twice in a row outside of check mode, with the same arguments and nothing else changing the cluster, the second run
      changes nothing.
  action_group:
    description: Use C(group/devclusters.telepresence.k8s) in C(module_defaults) to set the credentials for the modules of this collection and
      of C(kubernetes.core) at once.
    support: full
    membership:
      - devclusters.telepresence.k8s
"""

    INFO = r"""
options: {}
attributes:
  check_mode:
    support: full
    details: Nothing is ever written to the cluster, in check mode or outside of it.
  diff_mode:
    support: N/A
    details: Nothing is ever changed.
  idempotent:
    support: full
"""
