# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Which intercepts a policy names. Whether a client lives cannot be asked, so the user says what is taken for a sign that it does not."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass
from fnmatch import fnmatchcase

from .._cluster import clock
from .._cluster.foreign import clean
from .._params import at_least
from .connections import Glance
from .intercepts import Intercept

ENDED = "REMOVED"
BROKEN = ("NO_CLIENT", "NO_AGENT", "NO_MECHANISM", "NO_PORTS", "AGENT_ERROR", "BAD_ARGS")
"""The dispositions of intercepts that do not work; ACTIVE and WAITING say nothing of the client."""


@dataclass(frozen=True)
class Policy:
    """What the user says. Each part names intercepts by itself; None and empty parts name none.

    ``clients``: globs of USER@HOST; ``known_hosts``: a client on any other host is gone; ``dispositions``: some of ``BROKEN``;
    ``min_age``: seconds since the last change, together with no client at the manager, or alone with ``force``.
    """

    clients: tuple[str, ...] = ()
    known_hosts: tuple[str, ...] | None = None
    dispositions: tuple[str, ...] = ()
    min_age: int | None = None
    force: bool = False

    @classmethod
    def of(cls, params: t.Mapping[str, t.Any]) -> Policy:
        """The policy in a module's parameters. Raises ValueError where it names none, or all by mistake."""
        hosts = params["known_hosts"]
        policy = cls(
            clients=tuple(params["clients"]),
            known_hosts=None if hosts is None else tuple(hosts),
            dispositions=tuple(params["dispositions"]),
            min_age=params["min_age"],
            force=params["force"],
        )
        if hosts is not None and not any(host.strip() for host in hosts):
            raise ValueError("Option known_hosts names no host, so that every intercept would be of an unknown one.")
        at_least(params, {"min_age": 1})
        if not (policy.clients or policy.known_hosts or policy.dispositions or policy.min_age):
            raise ValueError(
                "No policy says which intercepts to end: set clients, known_hosts, dispositions or min_age."
            )
        return policy


@dataclass(frozen=True)
class Judgement:
    """Why a policy names an intercept, one sentence each; or what keeps the policy from naming it, though its age may be enough."""

    reasons: tuple[str, ...] = ()
    against: str = ""


def judge(policy: Policy, intercept: Intercept, glance: Glance) -> Judgement:
    """Whether a policy names an intercept; ``glance`` is what its manager's pod shows."""
    if intercept.disposition == ENDED:
        return Judgement()
    reasons = [*_by_client(policy, intercept.client), *_by_host(policy, intercept.client)]
    if intercept.disposition in policy.dispositions:
        reasons.append(f"It is {intercept.disposition}.")
    by_age = _by_age(policy, intercept, glance)
    reasons += by_age.reasons
    return Judgement(tuple(reasons), "" if reasons else by_age.against)


def host_of(client: str) -> str | None:
    """The host in USER@HOST, in lower case; None where a client calls itself otherwise. Users may have an @ in their names."""
    user, _at, host = client.rpartition("@")
    return host.lower() if user and host.strip() else None


def _by_client(policy: Policy, client: str) -> t.Iterator[str]:
    for pattern in policy.clients:
        if fnmatchcase(client, pattern):
            yield f"Its client {clean(client)} matches {pattern}."
            return


def _by_host(policy: Policy, client: str) -> t.Iterator[str]:
    host = host_of(client)
    if policy.known_hosts is not None and host is not None and not any(_same(host, one) for one in policy.known_hosts):
        yield f"No known host is called {clean(host)}."


def _same(host: str, known: str) -> bool:
    """Whether two names may be those of one host: one with a domain and one without are."""
    known = known.strip().lower()
    short = "." not in host or "." not in known
    return host == known or (short and host.partition(".")[0] == known.partition(".")[0])


def _by_age(policy: Policy, intercept: Intercept, glance: Glance) -> Judgement:
    if policy.min_age is None:
        return Judgement()
    if intercept.changed is None:
        return Judgement(against="Its manager does not say when it last changed it, so that its age is not known.")
    if glance.clock is None:
        return Judgement(against=f"Its age is not known. {glance.why}")
    age = glance.clock - intercept.changed
    if age < policy.min_age:
        return Judgement()
    since = f"Its manager last changed it {clock.span(age)} ago"
    if policy.force:
        return Judgement((f"{since}.",))
    if glance.clients is None:
        return Judgement(against=f"{since}, but whether a client is connected is not known. {glance.why}")
    if glance.clients:
        count = "a client is" if glance.clients == 1 else f"{glance.clients} clients are"
        return Judgement(against=f"{since}, but {count} connected to that manager, and its own may be among them.")
    return Judgement((f"{since}, and no client is connected to that manager.",))
