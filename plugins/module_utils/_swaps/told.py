# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Counts that the user gave in vain: a typing error, or a workload that nobody has to put back."""

from __future__ import annotations

import typing as t

from .counts import replicas
from .plan import Case


def told_in_vain(told: t.Mapping[str, int], cases: t.Iterable[Case], existing: t.Container[str]) -> list[str]:
    """A sentence for each count of option ``replicas`` that nothing is done with, and why.

    ``told``: those for namespaces that the run looks at; ``existing``: NAMESPACE/NAME of the workloads there. One inventory's
    dictionary goes to all its clusters, so a workload that a cluster lacks is no error.
    """
    swapped: dict[str, Case] = {}
    for case in cases:
        for candidate in case.match.candidates:
            swapped.setdefault(f"{candidate['metadata']['namespace']}/{candidate['metadata']['name']}", case)
    found = []
    for name, count in sorted(told.items()):
        said = f"Option replicas has {name}: {count}, but"
        if name not in existing:
            found.append(f"{said} this cluster has no such workload. If the name is right, all is well.")
        elif name not in swapped:
            found.append(f"{said} no session has replaced it: it was left as it is.")
        else:
            original = swapped[name].match.original
            # One that was changed in place runs, with the client's replicas: there the count is used.
            if original and replicas(original) > 0 and swapped[name].session.mode != "swap_in_place":
                found.append(f"{said} it runs with {replicas(original)} already: that was left as it is.")
    return found
