# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""One run of a module on one cluster: connect, check the rights, observe, act, report."""

from __future__ import annotations

import json
import os
import typing as t
from concurrent.futures import ThreadPoolExecutor

from ._cluster import access
from ._cluster.api import Api
from ._cluster.connect import Identity, connect, identify
from ._cluster.errors import ClusterError, details
from ._cluster.foreign import tidy
from ._cluster.kinds import Kind, ref
from ._cluster.workloads import in_use
from ._files import put
from ._results import noted, records, short
from ._results.records import Record
from ._signals import ended_at_once
from ._swaps.interrupted import tell
from ._swaps.journal import Journal
from ._swaps.keep import keep, strangers, survey
from ._swaps.lost import Lost
from ._swaps.observe import Observer
from ._swaps.options import DEFAULTS, Options
from ._swaps.plan import Case
from ._swaps.ready import wait_until_ready
from ._swaps.recall import look_for_lost, restore_lost
from ._swaps.record import Stored
from ._swaps.restore import hold_beyond, restore
from ._swaps.told import told_in_vain

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule


@ended_at_once
def report_orphans(module: AnsibleModule) -> None:
    """What telepresence_orphans does, from its parameters to exit_json or fail_json. Writes nothing."""

    def act(observer: Observer, cases: list[Case], chosen: list[Case], lost: list[Lost], identity: Identity) -> Record:
        return {"changed": False, **records.result(identity, chosen, lost, observer.options.policy.restorable)}

    _run(module, "orphans", act)


@ended_at_once
def restore_orphans(module: AnsibleModule) -> None:
    """What telepresence_restore does, from its parameters to exit_json or fail_json. In check mode it writes nothing."""

    def act(observer: Observer, cases: list[Case], chosen: list[Case], lost: list[Lost], identity: Identity) -> Record:
        limit_reached = hold_beyond(chosen, lost, module.params["max_restores"])
        path = None if module.check_mode else module.params["journal"]
        journal = Journal(path, identity.identity or identity.server, observer.api.now, module.warn)
        begun = [one for one in journal.earlier() if observer.options.wants(one.key[0])]
        if not module.check_mode:
            restore(observer, chosen, cases, journal)
            restore_lost(observer, lost, journal)
            if module.params["wait"]:
                wait_until_ready(
                    observer.api,
                    [*chosen, *lost],
                    module.params["wait_timeout"],
                    module.params["wait_sleep"],
                    observer.options.oc_binary,
                )
        said = tell(observer.api, begun, chosen, cases)
        journal.end()
        difference = records.diff([*chosen, *lost])
        result = records.result(identity, chosen, lost, observer.options.policy.restorable, limit_reached)
        return {
            "changed": bool(difference["before"]),
            "diff": difference,
            **result,
            **records.by_outcome(result["sessions"]),
            "journal": sorted(journal.keys | said.keys),
            "notices": said.notices,
        }

    _run(module, "restore", act)


@ended_at_once
def record_baseline(module: AnsibleModule) -> None:
    """What telepresence_baseline does: notes the counts of what is well. In check mode it writes nothing."""
    identity = None
    try:
        options = Options.of({**DEFAULTS, **module.params})
        api = connect(module)
        identity = identify(api)
        kinds = in_use(api, options.workload_kinds)
        _demand_rights(api, identity, "baseline", options, kinds)
        with ThreadPoolExecutor(max_workers=options.concurrency) as pool:
            observer = Observer(api, options, pool, kinds)
            stored = observer.read_records(options.listed)
            seen = survey(observer, stored)
            for sentence in strangers(observer, seen):
                module.warn(sentence)
            write = not module.check_mode
            kept = list(pool.map(lambda one: keep(api, one, stored.get(one.namespace, Stored()), write), seen))
    except (ClusterError, ValueError) as error:
        _fail(module, error, noted.empty(identity))
        return
    for sentence in noted.warnings(kept):
        module.warn(sentence)
    result = tidy(noted.result(identity, kept))
    problems = [one.problem for one in kept if one.problem]
    if problems:
        module.fail_json(msg=" ".join(problems), **result)
    module.exit_json(**result)


@ended_at_once
def inspect_cluster(module: AnsibleModule) -> None:
    """What telepresence_cluster_info does: which cluster, as whom, and if asked, which rights are lacking."""
    identity = None
    try:
        api = connect(module)
        identity = identify(api)
        purpose = module.params["purpose"]
        options = Options.of({**DEFAULTS, **module.params})
        kinds = in_use(api, options.workload_kinds) if purpose else ()
        lacking = _lacking(api, identity, purpose, options, kinds) if purpose else []
    except (ClusterError, ValueError) as error:
        _fail(module, error, {"cluster": identity.as_dict() if identity else None})
        return
    if identity.identity is None:
        module.warn(
            f"The identity of {identity.server} is not known: two hosts that are one cluster would not be noticed."
        )
    module.exit_json(changed=False, cluster=identity.as_dict(), missing=lacking)


def _run(
    module: AnsibleModule,
    purpose: str,
    act: t.Callable[[Observer, list[Case], list[Case], list[Lost], Identity], Record],
) -> None:
    identity = None
    try:
        options = Options.of(module.params)
        api = connect(module)
        identity = identify(api)
        kinds = in_use(api, options.workload_kinds)
        _demand_rights(api, identity, purpose, options, kinds)
        with ThreadPoolExecutor(max_workers=options.concurrency) as pool:
            observer = Observer(api, options, pool, kinds)
            cases = observer.observe()
            for sentence in noted.not_believed(observer.records):
                module.warn(sentence)
            chosen = [case for case in cases if options.selects(records.record(case))]
            found = look_for_lost(observer, cases, options.listed, wanted=bool(module.params.get("lost")))
            lost = [one for one in found if options.selects(records.lost_record(one))]
            in_vain = _told_in_vain(observer, cases, lost)
            result = tidy(act(observer, cases, chosen, lost, identity))
    except (ClusterError, ValueError) as error:
        known = records.empty(identity)
        known.update({**records.by_outcome([]), "journal": []} if purpose == "restore" else {})
        _fail(module, error, _returned(module, known))
        return
    for sentence in in_vain:
        module.warn(sentence)
    result["notices"] = [*in_vain, *result.get("notices", ())]
    failed = [*result.get("failed_sessions", ()), *(one for one in result["lost"] if one["outcome"] == "failed")]
    returned = _returned(module, result)
    if failed:
        module.fail_json(msg=" ".join(f"{one['namespace']}: {one['message']}" for one in failed), **returned)
    module.exit_json(**returned)


def _returned(module: AnsibleModule, result: Record) -> Record:
    """The result as it is returned: with short records where the full ones went into the file of option ``details``."""
    path = module.params["details"]
    if not path:
        return result
    try:
        put(path, json.dumps(short.details(result)), 0o600, to_owner=True)
    except OSError as error:
        # Without the name of the file, so that Ansible shows it once for all hosts.
        module.warn(
            f"The details cannot be written in {os.path.dirname(path)} ({error.strerror}), "
            "so the result itself holds the full records: make it writable, or name another place with option details."
        )
        return result
    return {**short.short(result), "details": path}


def _told_in_vain(observer: Observer, cases: t.Sequence[Case], lost: t.Sequence[Lost]) -> list[str]:
    options = observer.options
    told = {name: count for name, count in options.replicas.items() if options.wants(name.partition("/")[0])}
    for one in lost:
        told.pop(ref(one.original).partition(" ")[2], None)
    return told_in_vain(told, cases, observer.existing(name.partition("/")[0] for name in told))


def _demand_rights(api: Api, identity: Identity, purpose: str, options: Options, kinds: t.Sequence[Kind]) -> None:
    """Raises ClusterError with every right that the account lacks for the run."""
    lacking = _lacking(api, identity, purpose, options, kinds)
    if lacking:
        raise ClusterError(
            f"{identity.lacks(lacking)} Grant them, or name the namespaces where it has them with option namespaces."
        )


def _lacking(api: Api, identity: Identity, purpose: str, options: Options, kinds: t.Sequence[Kind]) -> list[str]:
    return access.missing(
        api, access.needed(purpose, options.probe, identity.version, kinds, options.helm_releases), options.listed
    )


def _fail(module: AnsibleModule, error: Exception, known: t.Mapping[str, t.Any]) -> None:
    module.fail_json(msg=str(error), error=details(error), **known)
