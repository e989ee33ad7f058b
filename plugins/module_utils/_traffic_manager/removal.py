# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What telepresence_leftovers does, from a module's parameters to its result."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor

from .._cluster.access import missing
from .._cluster.api import Api
from .._cluster.connect import Identity, connect, identify
from .._cluster.errors import ClusterError, details
from .._cluster.foreign import tidy
from .._signals import ended_at_once
from . import rights
from .actions import diff
from .evict import Patience
from .leftovers import find
from .observe import Observer
from .options import Options
from .remover import Cluster, Imagined, Outcome, remove
from .report import AT_ONCE, Record
from .seen import Leftover

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


@ended_at_once
def remove_leftovers(module: AnsibleModule) -> None:
    """What telepresence_leftovers does, from its parameters to exit_json or fail_json. In check mode it writes nothing."""
    params, identity = module.params, None
    found: list[Leftover] = []
    outcomes: list[Outcome] = []
    unknown: list[str] = []
    problems, why = [], None
    try:
        options = Options.of(params)
        api = connect(module)
        identity = identify(api)
        _demand_rights(api, identity, params["classes"], options)
        patience = Patience(float(params["wait_timeout"]), float(params["wait_sleep"]))
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            observer = Observer(api, options, identity.version, pool)
            first = observer.observe()
            unknown = first.unknown
            found = [one for one in find(first.seen) if options.wants(one.namespace or "")]
            world = Imagined(first) if module.check_mode else Cluster(api, observer, first, patience)
            remove(world, params["classes"], options.wants, outcomes)
    except (ClusterError, ValueError) as error:
        problems.append(str(error))
        why = details(error)
    problems += [f"{_name(one)}: {_message(one, module.check_mode)}" for one in outcomes if one.state == "failed"]
    result = tidy({"unknown": unknown, **_result(identity, found, outcomes, module.check_mode)})
    if problems:
        module.fail_json(msg=" ".join(problems), error=why, **result)
    module.exit_json(**result)


def _demand_rights(api: Api, identity: Identity, classes: t.Iterable[str], options: Options) -> None:
    """Raises ClusterError with every right that the account lacks to remove leftovers of these classes."""
    wanted = list(dict.fromkeys(right for name in classes for right in rights.TO_REMOVE[name]))
    everywhere = [right for right in wanted if right.verb == "list" or not right.kind.namespaced]
    here = [right for right in wanted if right not in everywhere]
    lacking = [
        *missing(api, (*rights.NEEDED, *everywhere), None),
        # Namespaces are listed, so that none of them need be read.
        *(one for one in missing(api, here, options.listed) if not one.startswith("get namespaces")),
    ]
    if lacking:
        raise ClusterError(
            f"{identity.lacks(dict.fromkeys(lacking))} Grant them, or name with option classes those that it has the rights for."
        )


def _result(
    identity: Identity | None, found: t.Sequence[Leftover], outcomes: t.Sequence[Outcome], imagined: bool
) -> Record:
    difference = diff(action for one in outcomes for action in one.done)
    return {
        "changed": bool(difference["before"]),
        "cluster": identity.as_dict() if identity else None,
        "leftovers": [one.record() for one in found],
        **{
            key: [
                {**one.leftover.record(), "message": _message(one, imagined)} for one in outcomes if one.state == state
            ]
            for key, state in (
                ("removed", "removed"),
                ("skipped_leftovers", "skipped"),
                ("failed_leftovers", "failed"),
            )
        },
        "diff": difference,
    }


def _message(outcome: Outcome, imagined: bool) -> str:
    said = ", ".join(map(str, outcome.done))
    done = [f"{'Would be done' if imagined else 'Done'}: {said}."] if said else []
    return " ".join([*([outcome.message] if outcome.message else []), *done])


def _name(outcome: Outcome) -> str:
    return f"{outcome.leftover.name} of {', '.join(outcome.leftover.objects)}"
