# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Every write to a workload or a proxy goes through here: it is noted first, then done."""

from __future__ import annotations

from dataclasses import dataclass

from .._cluster import oc
from .._cluster.api import Api
from .in_place import Rollback
from .journal import Journal
from .plan import Action, Delete, Scale
from .write import delete, roll_back, scale


@dataclass(frozen=True)
class Hand:
    """What writes to one cluster, and notes it in one journal. ``oc_binary``: OpenShift's client."""

    api: Api
    journal: Journal
    oc_binary: str

    def carry_out(self, action: Action, subject: str) -> None:
        """Notes the action, then does it. Raises ClusterError. ``subject``: the id of the session that it is for, or the uid of a lost original."""
        self.journal.note(subject, action)
        if isinstance(action, Scale):
            scale(self.api, action)
        elif isinstance(action, Delete):
            delete(self.api, action.obj)
        elif isinstance(action, Rollback):
            roll_back(self.api, action, self.oc_binary)
        else:
            oc.roll_out(self.api, self.oc_binary, action.obj)
