"""The matrix: which faults meet which calls. Each cell is one run with a fault, and is reproduced by its name alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .faults import REFUSALS, Fault, Hang, Killed, Meanwhile, Refusal, Refused, Reset, Stream, Truncated
from .proxy import FOREVER

MOMENT = 0.25
"""Real seconds for which a server is gone that comes back."""
ONCE: Mapping[str, Fault] = {
    "refused": Refused(MOMENT),
    "reset before": Reset(False),
    "reset after": Reset(True),
    "hang": Hang(False),
    **REFUSALS,
    "truncated": Truncated(True),
    "cut off": Truncated(False),
}
ALWAYS: Mapping[str, Fault] = {
    "refused": Refused(FOREVER),
    **{name: ONCE[name] for name in ("reset before", "429 retry-after", "503")},
}
"""What a second try meets as well; other answers are not tried again, but for those of :func:`_again`."""
ALWAYS_ON_WRITES: Mapping[str, Fault] = {name: ONCE[name] for name in ("reset after", "hang", "500", "truncated")}
"""For a read these are as the others; after a write they leave it open what was done."""
WRITES = ("update ", "delete ", "create events")
SAYINGS = ("100 MB", "control characters", "nothing", "no JSON", "half a line", "exit code 1", "not run", "wrong types")
"""What a pod may say to an exec instead of an answer, see :meth:`.stage.Stage.says`."""

QUESTIONS = ("HEAD pods/proxy", "get pods/exec", "get pods/log")
ASKED = ("HEAD pods/proxy users", *(f"{what} {about}" for what in QUESTIONS[1:] for about in ("cart", "stock")))
"""Of the questions to pods, those that are broken: to one whose client is gone, and to those whose clients live."""
LISTED = "get namespaces shop"
"""The call that only a run makes which is limited to one namespace."""
AGAIN = "get pods cart"
"""The call that only follows on a failed question."""


@dataclass(frozen=True)
class Plan:
    """One fault of a cell: see :class:`.proxy.Rule`, which is made anew for each run."""

    call: str
    fault: Fault
    times: int = 1


@dataclass(frozen=True)
class Cell:
    """One fault, or a few that belong together, in one run.

    *call*: under which it is counted. *says*: what pods say to an exec instead, by workload. *options*: of the module.
    *overcome*: the run must end well all the same.
    """

    call: str
    fault: str
    plans: tuple[Plan, ...] = ()
    says: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    overcome: bool = False

    @property
    def name(self) -> str:
        """The name by which it is played alone."""
        return f"{self.call}: {self.fault}"


def cells(seen: Iterable[str]) -> list[Cell]:
    """All cells, given the calls that a run without faults makes."""
    calls = sorted(call for call in set(seen) if not call.startswith(QUESTIONS) or call in ASKED)
    found: list[Cell] = []
    for call in calls:
        found += _broken(call)
    found += _broken(LISTED, options={"namespaces": ["shop"]})
    again = _broken(AGAIN, before=(Plan("get pods/exec cart", REFUSALS["500"]),))
    # A pod that is not found has gone: nothing could tell that a server lies about that, and nothing is done to it.
    found += [cell for cell in again if cell.fault != "404, once"]
    for call in calls:
        found += _killed(call)
    for about in ("cart", "stock"):
        found += _streams(about)
    found += _meanwhile()
    return sorted(found, key=lambda cell: cell.call)


def _broken(call: str, before: tuple[Plan, ...] = (), options: Mapping[str, Any] | None = None) -> Iterator[Cell]:
    for name, fault in ONCE.items():
        overcome = not before and passes(call, fault)
        yield Cell(call, f"{name}, once", (*before, Plan(call, fault)), options=options or {}, overcome=overcome)
    again = {name: fault for name, fault in REFUSALS.items() if fault.code in _again(call)}
    of_write = ALWAYS_ON_WRITES if call.startswith(WRITES) else {}
    for name, fault in {**ALWAYS, **of_write, **again}.items():
        yield Cell(call, f"{name}, always", (*before, Plan(call, fault, FOREVER)), options=options or {})


def _again(call: str) -> set[int]:
    """The answers after which a call is made again, for reasons of its own."""
    if call.startswith("list "):
        return {410}
    return {409} if call.startswith(("update ", "delete ")) else set()


def passes(call: str, fault: Fault) -> bool:
    """Whether a fault that occurs once must not fail a run: the call is made again, or its answer is not needed."""
    if call.startswith(("get /", "get pods/exec")):
        return False
    if isinstance(fault, Refused):
        # Those who ask pods at the same time are refused as well, and do not ask again.
        return not call.startswith(QUESTIONS)
    if call.startswith(("HEAD ", "create events")):
        return True
    if isinstance(fault, Refusal):
        return fault.code in {429, 500, 503} | _again(call)
    if isinstance(fault, Hang):
        return call.startswith(("update ", "delete "))
    # A log has no end by which its reader could know it to be whole; it says so by a second look.
    return True


def _killed(call: str) -> Iterator[Cell]:
    for name, acted in (("killed before", False), ("killed after", True)):
        yield Cell(call, name, (Plan(call, Killed(acted)),))


def _streams(about: str) -> Iterator[Cell]:
    call = f"get pods/exec {about}"
    for frames in (1, 2, 3):
        whole = frames == 3
        yield Cell(call, f"cut after {frames} frames", (Plan(call, Stream(frames)),), overcome=whole)
    for frames in (0, 1, 2):
        yield Cell(call, f"silent after {frames} frames", (Plan(call, Stream(frames, silent=True)),))
    for saying in SAYINGS:
        yield Cell(call, f"says {saying}", says={about: saying}, overcome=saying == "control characters")


def _meanwhile() -> Iterator[Cell]:
    """What others do at the worst moment. One thing after another, so that the moment is the same in every run."""
    one = {"concurrency": 1}
    scale, delete = "update deployments/scale cart", "delete pods cart"
    for what, call in (
        ("a new session begins", "list pods newcomers"),
        ("a new session begins", "list deployments newcomers"),
        ("somebody scales the original", scale),
        ("somebody annotates the original", scale),
        ("its client cleans up", scale),
        ("its client cleans up", delete),
        ("another proxy takes the name", delete),
    ):
        yield Cell(call, f"meanwhile {what}", (Plan(call, Meanwhile(what)),), options=one, overcome=True)
    for name, fault in (("reset before", Reset(False)), ("reset after", Reset(True)), ("503", REFUSALS["503"])):
        for what in ("somebody scales the original", "its client cleans up"):
            plans = (Plan(scale, fault), Plan(scale, Meanwhile(what)))
            yield Cell(scale, f"{name}, meanwhile {what}", plans, options=one, overcome=True)
