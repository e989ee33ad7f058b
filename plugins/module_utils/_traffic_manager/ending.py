# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Ends the intercepts that a policy names, one after another: each is read again just before the order, and its end is read after it."""

from __future__ import annotations

import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from .._cluster.access import Right, missing
from .._cluster.api import Api
from .._cluster.errors import ClusterError
from .._cluster.foreign import clean
from .._cluster.kinds import DEPLOYMENT, NAMESPACE, POD, STATEFUL_SET, Object
from .._cluster.port_forward import forward
from . import managers, revoke, rights
from .agents import addresses
from .ask import Answer, ask_for_intercepts, pod_of
from .connections import NOT_NEEDED, Glance, look
from .intercepts import Intercept, Talk, talk
from .managers import Manager
from .options import Options
from .policy import ENDED, Judgement, Policy, host_of, judge

ATTEMPTS = 3
"""A manager passes over an order that comes while it carries out another one (cmd/traffic/cmd/manager/config/config.go of 2.27.4)."""
BETWEEN = 0.3
"""Seconds between two looks at whether an intercept has ended."""


@dataclass
class Case:
    """One intercept of the run: whether the policy names it, and what became of it.

    ``outcome``: ``none`` where the policy does not name it, ``removable``, ``removed``, ``skipped`` or ``failed``. ``ordered``: whether
    its end was ordered.
    """

    intercept: Intercept
    judgement: Judgement
    outcome: str = "none"
    remark: str = ""
    ordered: bool = False

    def settle(self, outcome: str, *remarks: str) -> None:
        """Notes what became of it."""
        self.outcome, self.remark = outcome, " ".join(remark for remark in remarks if remark)


@dataclass(frozen=True)
class Held:
    """What a manager said, and what the pod that said it showed."""

    manager: Manager
    answer: Answer
    glance: Glance


class Ender:
    """Ends intercepts of one cluster. ``cases``: all those of its namespaces, ``unknown``: sentences on what is not known."""

    def __init__(self, api: Api, policy: Policy, options: Options, version: str | None, pool: ThreadPoolExecutor):
        self.api = api
        self.policy = policy
        self.options = options
        self.version = version
        self.pool = pool
        self.cases: list[Case] = []
        self.unknown: list[str] = []

    def observe(self) -> None:
        """Finds the intercepts, and what the policy says of each. Raises ClusterError where a right lacks, or the cluster cannot be read."""
        self._demand({None: rights.TO_FIND_INTERCEPTS})
        kinds = (NAMESPACE, POD, DEPLOYMENT, STATEFUL_SET)
        namespaces, pods, *workloads = self.pool.map(self.api.list, kinds)
        configs = self.api.list(rights.CONFIG_MAP, field_selector=f"metadata.name={managers.CONFIG}")
        here = [one for one in namespaces if self.options.wants(one["metadata"]["name"])]
        found = [
            manager
            for manager in managers.recognise(filter(managers.labelled, [*workloads[0], *workloads[1]]), configs)
            if any(manager.serves(one) is not False for one in here)
        ]
        self._demand({one.namespace: self._rights_at(one) for one in found})
        self._agents = addresses(pods)
        self._held = {one.manager.namespace: one for one in self.pool.map(lambda one: self._ask(one, pods), found)}
        for held in self._held.values():
            self._judge(held)

    def end(self) -> None:
        """Ends what the policy names. Raises nothing."""
        for case in self.cases:
            if case.outcome == "removable":
                self._end(case, self._held[case.intercept.manager])

    def _demand(self, wanted: t.Mapping[str | None, t.Iterable[Right]]) -> None:
        """Raises ClusterError with all rights that lack, by namespace; None stands for all."""
        lacking = []
        for namespace, needed in wanted.items():
            said = missing(self.api, [*needed], None if namespace is None else [namespace])
            where = "all namespaces" if namespace is None else f"namespace {namespace}"
            lacking += [name for name in (f"{right} in {where}" for right in needed) if name in said]
        if lacking:
            raise ClusterError(
                f"The account lacks rights on {self.api.server}: it may not {'; not '.join(lacking)}. Grant them."
            )

    def _rights_at(self, manager: Manager) -> tuple[Right, ...]:
        by_age = rights.to_look(self.version) if self.policy.min_age else ()
        return (
            *rights.to_ask(self.version),
            *by_age,
            *(rights.TO_REVOKE if revoke.known(manager.version) else ()),
        )

    def _ask(self, manager: Manager, pods: t.Sequence[Object]) -> Held:
        """The glance comes first: the question is a connection too."""
        pod = pod_of(manager, pods)
        glance = self._look(manager, pod["metadata"]["name"]) if pod and self.policy.min_age else NOT_NEEDED
        return Held(manager, ask_for_intercepts(self.api, manager, pods, self.options.deadline, self.version), glance)

    def _look(self, manager: Manager, pod: str) -> Glance:
        return look(self.api, manager, pod, self._agents, self.options.deadline)

    def _judge(self, held: Held) -> None:
        self.unknown += held.answer.unknown
        if self.policy.min_age and held.answer.pod and held.glance.clock is None:
            whose = f"the intercepts of the manager in namespace {held.manager.namespace}"
            self.unknown.append(f"The age of {whose} is not known, so that none is ended by it. {held.glance.why}")
        for intercept in held.answer.intercepts or ():
            if not self.options.wants(intercept.namespace):
                continue
            case = Case(intercept, judge(self.policy, intercept, held.glance))
            if case.judgement.reasons:
                case.settle("removable")
            elif case.judgement.against:
                case.settle("skipped", case.judgement.against)
            elif self.policy.known_hosts and host_of(intercept.client) is None:
                client = clean(intercept.client) or "without a name"
                self.unknown.append(f"The host of client {client} is not known: it does not call itself USER@HOST.")
            self.cases.append(case)

    def _end(self, case: Case, held: Held) -> None:
        takes_orders = revoke.known(held.answer.version)
        if takes_orders is None:
            said = clean(held.answer.version or "")
            case.settle(
                "failed", f"Its manager says that it is of version '{said}': how that ends an intercept is not known."
            )
            return
        problem = ""
        for _attempt in range(ATTEMPTS):
            problem = self._attempt(case, held, takes_orders)
            if not problem:
                return
        done = "Its end was ordered, but has not come" if case.ordered else "Its end was not ordered"
        case.settle("failed", f"{done}: {problem}")

    def _attempt(self, case: Case, held: Held, takes_orders: bool) -> str:
        """Looks at an intercept again, and orders its end if all is as it was. Returns what went wrong, nothing where the case is settled."""
        manager, pod, deadline = held.manager, held.answer.pod or "", self.options.deadline
        named = judge(self.policy, case.intercept, NOT_NEEDED).reasons
        glance = NOT_NEEDED if named else self._look(manager, pod)
        try:
            with (
                # Read, order, and wait for the end: three questions.
                forward(self.api, manager.namespace, pod, manager.api_port, 3 * deadline) as path,
                talk(path, manager.namespace, deadline) as conversation,
            ):
                now = _found(conversation, case.intercept.id)
                if now is None:
                    case.settle("removed" if case.ordered else "none", "" if case.ordered else "It ended by itself.")
                    return ""
                why_not = _differs(now, case.intercept) or self._no_longer(case, now, glance)
                if why_not:
                    case.settle("failed" if case.ordered else "skipped", why_not)
                    return ""
                case.ordered = True
                problems = self._order(conversation, now, takes_orders)
                if _found(conversation, now.id) is None:
                    case.settle("removed", *problems)
                    return ""
                return " ".join(problems) or f"it was still there after {deadline:g} s."
        except ClusterError as error:
            return str(error)

    def _no_longer(self, case: Case, now: Intercept, glance: Glance) -> str:
        """Why the policy does not name it any more, empty where it does."""
        judgement = judge(self.policy, now, glance)
        if not judgement.reasons:
            return judgement.against or "At a second look the policy does not name it any more."
        case.judgement = judgement
        return ""

    def _order(self, conversation: Talk, intercept: Intercept, takes_orders: bool) -> list[str]:
        """Orders the end of an intercept and waits for it; returns what went wrong. An order in a ConfigMap is taken back after that."""
        if not takes_orders:
            return self._given(conversation, intercept, lambda: conversation.remove(intercept))
        command = revoke.order(intercept.id, self.api.now())
        problems = self._given(conversation, intercept, lambda: revoke.give(self.api, intercept.manager, command))
        try:
            revoke.withdraw(self.api, intercept.manager, command)
        except ClusterError as error:
            problems.append(f"The order may still stand, and would be carried out again after a restart. {error}")
        return problems

    def _given(self, conversation: Talk, intercept: Intercept, give: t.Callable[[], None]) -> list[str]:
        try:
            give()
            ends = time.monotonic() + self.options.deadline
            while _found(conversation, intercept.id) and time.monotonic() + BETWEEN < ends:
                time.sleep(BETWEEN)
        except ClusterError as error:
            return [str(error)]
        return []


def _found(conversation: Talk, intercept_id: str) -> Intercept | None:
    """The intercept with an id, None where there is none that has not ended. Raises ClusterError."""
    found = (one for one in conversation.intercepts() if one.id == intercept_id and one.disposition != ENDED)
    return next(found, None)


def _differs(now: Intercept, before: Intercept) -> str:
    """What is not as it was of an intercept with the same id."""
    for name in ("session_id", "client", "namespace", "agent"):
        if getattr(now, name) != getattr(before, name):
            return f"Meanwhile it is another one: its {name} is {clean(getattr(now, name))}."
    return ""
