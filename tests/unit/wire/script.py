"""Faults for single requests, chosen by what the request asks for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from .request import Access, Request
from .status import ApiError

Matcher = Callable[[Request], bool]

# As `times`: the fault never wears off.
FOREVER = 1 << 30


@dataclass(frozen=True)
class Reset:
    """The connection is reset without an answer; with *acts* after the server did what was asked."""

    acts: bool = False


@dataclass(frozen=True)
class Hang:
    """No answer for *seconds*, then the connection is closed; with *acts* the server did what was asked first."""

    seconds: float
    acts: bool = False


@dataclass(frozen=True)
class Delay:
    """A slow server: the true answer after *seconds*."""

    seconds: float


@dataclass(frozen=True)
class Truncate:
    """The true answer, cut in the middle of its JSON, with a Content-Length that fits the rest."""


Happening = Callable[[Request], object]
# An ApiError is answered instead of acting. A Happening runs just before the server acts: somebody else's write at that
# very moment.
Fault = ApiError | Reset | Hang | Delay | Truncate | Happening


def on(
    verb: str | None = None,
    resource: str | None = None,
    subresource: str | None = None,
    name: str | None = None,
    namespace: str | None = None,
    group: str | None = None,
) -> Matcher:
    """Matches requests by the attributes an authoriser sees (verb ``get list create update patch delete``); None
    matches any.

    *subresource* "" is the object itself.
    """
    wanted = {
        "verb": verb,
        "resource": resource,
        "subresource": subresource,
        "name": name,
        "namespace": namespace,
        "group": group,
    }
    return lambda request: _fits(request.access, wanted)


def _fits(access: Access, wanted: dict[str, str | None]) -> bool:
    return all(value is None or getattr(access, key) == value for key, value in wanted.items())


@dataclass
class _Rule:
    matcher: Matcher
    faults: list[tuple[Fault, int]]
    fired: int = 0


class Script:
    """The faults a test has ordered. Safe to use from several threads."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()

    def add(self, matcher: Matcher, faults: tuple[Fault, ...], times: int) -> None:
        """The next matching requests meet *faults*, each *times* times in this order; then all is normal again."""
        self._rules.append(_Rule(matcher, [(fault, times) for fault in faults]))

    def next_fault(self, request: Request) -> Fault | None:
        """The fault for this request, used up once; the oldest matching rule comes first."""
        with self._lock:
            for rule in self._rules:
                if rule.faults and rule.matcher(request):
                    fault, left = rule.faults[0]
                    rule.faults[:1] = [(fault, left - 1)] if left > 1 else []
                    rule.fired += 1
                    return fault
        return None

    def unused(self) -> list[Fault]:
        """The first faults of all rules that no request met: the test that ordered them has proved nothing."""
        return [rule.faults[0][0] for rule in self._rules if not rule.fired]
