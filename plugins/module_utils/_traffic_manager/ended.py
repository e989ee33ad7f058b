# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What telepresence_intercepts does, from a module's parameters to its result."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor

from .._cluster.connect import Identity, connect, identify
from .._cluster.errors import ClusterError, details
from .._cluster.foreign import clean, tidy
from .._signals import ended_at_once
from . import intercepts, replaced
from .ending import Case, Ender
from .options import Options
from .policy import Policy
from .report import AT_ONCE

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

Record = dict[str, t.Any]


@ended_at_once
def end_intercepts(module: AnsibleModule) -> None:
    """What telepresence_intercepts does, from its parameters to exit_json or fail_json. In check mode it writes nothing."""
    params, identity = module.params, None
    try:
        options = Options.of(params)
        policy = Policy.of(params)
        api = connect(module)
        identity = identify(api)
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            ender = Ender(api, policy, options, identity.version, pool)
            ender.observe()
    except (ClusterError, ValueError) as error:
        module.fail_json(msg=str(error), error=details(error), **result(identity, [], []))
        return
    if not module.check_mode:
        ender.end()
        ended = [case for case in ender.cases if case.outcome == "removed"]
        said = replaced.wait_for(api, [case.intercept for case in ended], options.deadline)
        for case in ended:
            case.settle("removed", case.remark, said.get(case.intercept.id, ""))
    found = tidy(result(identity, ender.cases, ender.unknown))
    if found["failed_intercepts"]:
        message = " ".join(f"Intercept {clean(one['id'])}: {one['remark']}" for one in found["failed_intercepts"])
        module.fail_json(msg=message, **found)
    module.exit_json(**found)


def result(identity: Identity | None, cases: t.Sequence[Case], unknown: t.Sequence[str]) -> Record:
    """The keys of every result."""
    records = [record(case) for case in cases]
    difference = diff(cases)
    return {
        "cluster": identity.as_dict() if identity else None,
        "changed": bool(difference["before"]),
        "diff": difference,
        "intercepts": records,
        **{
            key: [one for one in records if one["outcome"] in outcomes]
            for key, outcomes in (
                ("removed", ("removable", "removed")),
                ("skipped_intercepts", ("skipped",)),
                ("failed_intercepts", ("failed",)),
            )
        },
        "unknown": [*dict.fromkeys(unknown)],
    }


def record(case: Case) -> Record:
    """The public record of one intercept."""
    return {
        **intercepts.record(case.intercept),
        "reasons": [*case.judgement.reasons],
        "outcome": case.outcome,
        "remark": case.remark,
    }


def diff(cases: t.Iterable[Case]) -> dict[str, dict[str, t.Any]]:
    """Before and after of the intercepts that a run ended, or would end."""
    touched = [case.intercept for case in cases if case.outcome in ("removable", "removed")]
    before = {
        f"intercept {one.id}": {
            "client": one.client,
            "workload": f"{one.kind} {one.namespace}/{one.agent}",
            "disposition": one.disposition,
        }
        for one in touched
    }
    return {"before": before, "after": dict.fromkeys(before, "absent")}
