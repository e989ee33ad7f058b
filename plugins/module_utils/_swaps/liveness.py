# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Is the client behind a proxy alive? Readings in, verdict out: no clock of ours, no network."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .._cluster import clock

if t.TYPE_CHECKING:
    from .log import Log
    from .question import Answer

BEST_FIRST = ("alive", "starting", "suspended", "clientless", "unknown", "stale", "ended", "terminating")
"""Of several pods of one session the best verdict holds; one that is only being replaced says nothing of the others."""

POLL = 30.0
"""Seconds between two polls of a proxy (telepresence 0.109, k8s-proxy/periodic.py)."""
FRESH = 45.0
"""Seconds: the last failed poll may be at most so old, or the poller has stopped telling."""
HALF_OPEN = 120.0
"""Further seconds where a tunnel still looks open: traffic to an exposed port keeps a dead client's other ssh half open."""
SUSPENDED_TWICE = 60.0
"""Seconds between two looks at a silent client: a half-open tunnel is dropped meanwhile (sshd 9.2: 22 s measured)."""
WHOLE_SECONDS = 1.0
"""Seconds by which a span may be misjudged by the API server's clock, of which only whole seconds are told."""

UNPOLLED = "its image's tag is no release whose clients are known to listen there"


@dataclass(frozen=True)
class Rules:
    """The user's numbers: all in seconds. ``restorable``: verdicts besides stale and ended that the user wants restored."""

    start_window: float = 360.0
    interval: float = 30.0
    restorable: frozenset[str] = frozenset({"stale", "ended"})


@dataclass(frozen=True)
class Reading:
    """All that one look at one pod of a proxy gave.

    ``pod`` is its name, ``state`` that of the proxy's container: ``running``, ``over`` (it will not run again), ``waiting``
    (not yet, or not now), ``missing`` (no container is recognised as a proxy's). ``age``: seconds since its creation.
    ``polled``: whether clients of its version answer on 9055, see Session. ``alive_by_proxy``: the client answered through the
    API server's pod proxy, nothing else was asked. ``refused_at``: when the pod's own address refused there, by the API
    server's clock; then only the log was asked as well. ``answer`` and ``log`` are None where the question failed;
    ``problem`` then says how.
    """

    pod: str
    age: float
    state: str
    instance: str = ""
    terminating: bool = False
    polled: bool | None = None
    alive_by_proxy: bool = False
    refused_at: float | None = None
    answer: Answer | None = None
    log: Log | None = None
    problem: str = ""

    @property
    def clock(self) -> float | None:
        """When the client was asked, by the clock that two looks are compared by; None where it could not be."""
        return self.answer.clock if self.answer else self.refused_at

    @property
    def http(self) -> str | None:
        """What port 9055 said, as in Answer."""
        return self.answer.http if self.answer else None if self.refused_at is None else "refused"


@dataclass(frozen=True)
class Judgement:
    """A verdict, its reason in a sentence, and whether it is firm enough to act on.

    ``look_again``: a second look so many seconds after this one could change what this run does; None where it could not.
    """

    verdict: str
    reason: str
    firm: bool = True
    look_again: float | None = None


def judge(now: Reading, rules: Rules, before: Reading | None = None) -> Judgement:
    """The verdict on one pod. ``before`` is an earlier reading of the same pod, None at the first look."""
    if now.alive_by_proxy:
        return Judgement("alive", "The client answered on port 9055.")
    if now.state == "over":
        return Judgement("ended", "The proxy's container has ended and will not run again.")
    if now.terminating:
        return Judgement("terminating", "The proxy is being deleted.", firm=False)
    if now.state == "missing":
        return Judgement("unknown", "No container of it has an image that image_pattern recognises.", firm=False)
    if now.state == "waiting":
        return _not_running(now, rules)
    before = before if before and before.instance == now.instance else None
    if now.refused_at is not None and now.log is not None:
        return _by_address(now, now.refused_at, now.log, rules, before)
    if now.answer is None or now.log is None:
        return Judgement("unknown", f"The proxy could not be asked: {now.problem}", firm=False)
    return _by_answer(now, now.answer, now.log, rules, before)


def _not_running(now: Reading, rules: Rules) -> Judgement:
    if now.age < rules.start_window:
        return Judgement("starting", f"The proxy is {clock.span(now.age)} old and does not run yet.")
    if now.instance:
        return Judgement("unknown", "The proxy's container has stopped and waits to be started again.", firm=False)
    return Judgement("ended", f"The proxy has not started in {clock.span(now.age)}; clients give up after 210 s.")


def _by_answer(now: Reading, answer: Answer, log: Log, rules: Rules, before: Reading | None) -> Judgement:
    if answer.http == "alive":
        return Judgement("alive", "The client answered on port 9055.")
    if now.polled is False and log.last_alive is None and answer.tunnels:
        return Judgement(
            "alive", f"{_tunnels(answer.tunnels).capitalize()}: the only sign of life of clients up to 0.87."
        )
    if log.last_alive is None and now.age < rules.start_window:
        return _starting(now)
    if answer.http == "silent" and answer.tunnels:
        return _twice(
            "suspended", "The client holds its tunnel but does not answer.", SUSPENDED_TWICE, now, rules, before
        )
    if answer.http == "closed" and answer.tunnels:
        reason = "The client's tunnel is open, but the client behind it is gone."
        return _twice("clientless", reason, rules.interval, now, rules, before)
    if answer.listening or answer.http not in ("refused", None):
        return Judgement(
            "unknown", "Port 9055 is taken, but what holds it does not answer as a client would.", firm=False
        )
    return _refused(now, answer, log, rules, before)


def _twice(verdict: str, reason: str, apart: float, now: Reading, rules: Rules, before: Reading | None) -> Judgement:
    """A verdict that the user must have asked for, and that only two looks make firm."""
    if verdict not in rules.restorable:
        return Judgement(verdict, reason)
    passed = _since(before, now)
    if before and before.http == now.http and passed >= apart:
        return Judgement(verdict, f"{reason} It was so {clock.span(passed)} ago as well.")
    return Judgement(verdict, reason, firm=False, look_again=None if before else apart)


def _starting(now: Reading) -> Judgement:
    return Judgement("starting", f"No client has answered yet, and the proxy is only {clock.span(now.age)} old.")


def _refused(now: Reading, answer: Answer, log: Log, rules: Rules, before: Reading | None) -> Judgement:
    """Nothing listens on 9055: stale, once that has lasted."""
    refused = f"Port 9055 refuses connections, {_tunnels(answer.tunnels)}, {_seen(log)}"
    polled = _polled(now, log)
    if answer.tunnels and not polled:
        return Judgement("unknown", f"{refused}, and {UNPOLLED}.", firm=False)
    if not answer.tunnels and polled and _failing(log, answer.clock, rules):
        return Judgement(
            "stale", f"{refused}, and {log.failures} polls in a row have failed over {clock.span(log.failing_for)}."
        )
    apart = rules.interval + (HALF_OPEN if answer.tunnels else 0.0)
    then = before.answer if before else None
    nobody = then is not None and not then.listening and then.http in ("refused", None)
    passed = _since(before, now)
    if then is not None and nobody and (polled or not then.tunnels) and passed >= apart:
        return Judgement("stale", f"{refused}, and it refused {clock.span(passed)} ago as well.")
    reason = f"{refused}, but not for long enough to be sure."
    return Judgement("unknown", reason, firm=False, look_again=None if before else apart)


def _by_address(now: Reading, at: float, log: Log, rules: Rules, before: Reading | None) -> Judgement:
    """Nothing was run in the pod: stale only where its own address refused twice, and the log says the same."""
    if log.last_alive is None and now.age < rules.start_window:
        return _starting(now)
    refused = f"The pod's own address refuses connections to port 9055, {_seen(log)}"
    if not _polled(now, log):
        return Judgement("unknown", f"{refused}, and {UNPOLLED}.", firm=False)
    passed = _since(before, now)
    if _failing(log, at, rules) and passed >= rules.interval:
        failed = f"{log.failures} polls in a row have failed over {clock.span(log.failing_for)}"
        return Judgement("stale", f"{refused}, {failed}, and it refused {clock.span(passed)} ago as well.")
    reason = f"{refused}, but that and its log do not prove for long enough that the client is gone."
    # By then the log may tell of enough failed polls, if it tells of one now.
    in_time = log.failing_since is not None and at + rules.interval - log.failing_since >= _lasting(log, rules)
    apart = rules.interval + WHOLE_SECONDS
    return Judgement("unknown", reason, firm=False, look_again=apart if in_time and not before else None)


def _polled(now: Reading, log: Log) -> bool:
    """Whether a client of this proxy would answer on 9055: its version says so, or one has done so."""
    return bool(now.polled) or log.last_alive is not None


def _failing(log: Log, at: float, rules: Rules) -> bool:
    """Whether the log tells, up to the moment ``at``, of polls that have failed for long enough."""
    current = log.failing_until is not None and abs(at - log.failing_until) <= FRESH
    return current and log.failing_for >= _lasting(log, rules)


def _lasting(log: Log, rules: Rules) -> float:
    """Failed polls alone tell stale from starting only after a sign of life, or where they outlast any start."""
    return POLL if log.last_alive is not None else max(POLL, rules.start_window)


def _seen(log: Log) -> str:
    if log.last_alive is None:
        return "its log shows no sign of life"
    return f"the last sign of life was at {clock.text(log.last_alive)}"


def _tunnels(count: int) -> str:
    return (
        f"{count} tunnel{'s' if count > 1 else ''} on 8022 still look{'' if count > 1 else 's'} open"
        if count
        else "no tunnel is open on 8022"
    )


def _since(before: Reading | None, now: Reading) -> float:
    """Seconds between two readings by one clock; 0 where one of them has none, or the client has lived in between."""
    if before is None or before.clock is None or now.clock is None or before.log is None or now.log is None:
        return 0.0
    # Compared within the log, whose times are the node's: the readings' may be the API server's.
    if now.log.last_alive is not None and now.log.last_alive > (before.log.last_alive or 0.0):
        return 0.0
    return now.clock - before.clock


def earliest(first: Reading | None, now: Reading) -> Reading:
    """The earlier reading as long as nothing has changed since: the same container gave the same answer."""
    if first is None or first.clock is None or now.clock is None:
        return now
    return first if (first.instance, first.http) == (now.instance, now.http) else now


def best(judgements: t.Iterable[tuple[Judgement, Reading]]) -> tuple[Judgement, Reading]:
    """Of several pods of one session, the judgement that holds and its reading; what is not firm beats what is, in doubt."""
    return min(judgements, key=lambda pair: (BEST_FIRST.index(pair[0].verdict), pair[0].firm))
