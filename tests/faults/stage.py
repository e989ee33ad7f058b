"""One worker: a world behind a fault proxy, and cells played in it one after another."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.lab.control_plane import ApiServer
from wire import exec as exec_
from wire.request import Request

from . import invariants
from .cells import Cell
from .faults import Refused
from .invariants import Claim
from .kubelet import Kubelet, pods_of
from .proxy import FaultProxy, Rule
from .run import QuickTime, Run
from .world import POD, SCENES, Dump, Swap, World, path, proxy_name

BOUND = 200.0
"""Seconds of the module's for a run: no call may hang longer, however often it is made."""
AGE = 3600.0
"""Seconds: nobody can create an object with an age, so the clock of the API server goes ahead for the module."""
OPTIONS = {"wait": True, "wait_timeout": 30, "wait_sleep": 1, "deadline": 30}


WITHOUT_FAULT = Cell("", "", overcome=True)


@dataclass(frozen=True)
class Played:
    """What became of a cell: what was violated, a sentence each, and how long it took in seconds."""

    call: str
    name: str
    violations: tuple[str, ...]
    seconds: float


class Stage:
    """A worker's own API server, with all that belongs to it; for *speed* see :class:`.run.Run`."""

    def __init__(self, server: ApiServer, speed: float) -> None:
        self.speed = speed
        self.kubelet = Kubelet(str(pods_of(server)), server.kubelet, QuickTime(speed).time)
        self.world = World(server.client(), self.kubelet)
        self.proxy = FaultProxy(server.client(), AGE)
        self.proxy.acted = self._acted
        self.proxy.meanwhile = self._meanwhile
        self.options = {**OPTIONS, "kubeconfig": self.proxy.kubeconfig(server.directory / "kubeconfig")}
        self.claims: dict[str, Claim] = {}
        self.others: Dump = {}
        self._proven = False

    def calls(self) -> list[str]:
        """The calls of a run without faults."""
        self._set()
        with self.proxy.armed([]):
            Run(self.options, self.speed).end(BOUND / self.speed)
        return self.proxy.calls

    def play(self, cell: Cell) -> Played:
        """Plays a cell: the run with the fault, one without, and one more that must find nothing to do."""
        began = time.monotonic()
        violations = list(self._violations(cell))
        return Played(cell.call, cell.name, tuple(violations), time.monotonic() - began)

    def _violations(self, cell: Cell) -> Iterator[str]:
        """The run with the fault, and two without: the first puts right what is left, the second finds nothing to do.

        Where the fault left every object as it was planted, the two that follow are those that were seen to follow before:
        a module knows nothing from earlier runs.
        """
        self._set()
        yield from self._look(cell)
        untouched = not invariants.changed(self._planted(), self.world.dump())
        if untouched and self._proven:
            return
        well = True
        for number in ("first", "second"):
            for violation in self._look(WITHOUT_FAULT, settled=number == "second"):
                well = False
                yield f"in the {number} run after it: {violation}"
        self._proven = self._proven or (untouched and well)

    def _planted(self) -> Dump:
        return {key: obj for objects in self.world.planted.values() for key, obj in objects.items()}

    def _look(self, cell: Cell, settled: bool = False) -> Iterator[str]:
        """Makes a run, and tells what is wrong after it; *settled*: there must be nothing left to do."""
        start = self.world.dump()
        result = None
        try:
            result = self._run(cell)
        except (TimeoutError, AssertionError) as error:
            yield str(error)
        now = self.world.dump()
        yield from invariants.of_cluster(self.claims, now)
        if result is None:
            return
        # What others did meanwhile is not the run's doing.
        start = {**start, **self.others}
        yield from invariants.of_result(self.claims, start, now, result, self.proxy.url)
        told = invariants.said(result)
        if cell.overcome and not invariants.well(result):
            yield f"the run is not well, although nothing hindered it for good: {told}"
        failed_to = [invariants.names(plan.call) for plan in cell.plans if not isinstance(plan.fault, Refused)]
        if not invariants.well(result) and not all(words in told for words in failed_to):
            yield f"the run does not say that it failed to {' and to '.join(failed_to)}: {told}"
        if settled and result["changed"]:
            yield "it still changes something"

    def _set(self) -> None:
        """The scenario as it was planted, and what is claimed of it."""
        self.world.restore(self.world.dump())
        self.claims = {scene.name: Claim.of(scene, self.world.planted[scene.name]) for scene in SCENES}

    def _run(self, cell: Cell) -> dict[str, Any] | None:
        self.others = {}
        rules = [Rule(plan.call, plan.fault, plan.times) for plan in cell.plans]
        for about, saying in cell.says.items():
            (name,) = [pod for pod in self.kubelet.voices if pod == proxy_name(self.claims[about].scene)]
            self.kubelet.saying[name] = says(saying)
        try:
            with self.proxy.armed(rules):
                run = Run({**self.options, **cell.options}, self.speed)
                self.proxy.killed = run.kill
                result = run.end(BOUND / self.speed)
        finally:
            self.kubelet.saying.clear()
        unmet = [rule for rule in rules if not rule.met]
        assert not unmet, f"no call met {unmet[0].fault} at {unmet[0].call}"
        assert not self.proxy.errors, f"the fault proxy broke: {self.proxy.errors}"
        return result

    def _acted(self, request: Request) -> None:
        """The controllers, at once."""
        if request.access.subresource == "scale":
            self.world.roll_out(request.access.name)
        elif request.method == "DELETE":
            self.world.collect()

    # What others do ---------------------------------------------------------------------------------------------------

    def _meanwhile(self, what: str) -> None:
        """Lets it happen to the scene `cart`, and changes what is claimed of that."""
        claim = self.claims["cart"]
        count = {"somebody scales the original": 5, "its client cleans up": claim.to}.get(what)
        living = what in ("a new session begins", "another proxy takes the name")
        original = path("Deployment", "cart")
        if what == "a new session begins":
            self.world.add_proxy(claim.scene, Swap(POD, "alive", reachable=False), 1)
        if what == "somebody annotates the original":
            note = {"metadata": {"annotations": {"somebody": "was here"}}}
            self.world.client.call("PATCH", original, note, "application/merge-patch+json")
        if count is not None:
            self.world.scale("cart", count)
        if what in ("its client cleans up", "another proxy takes the name"):
            self.world.client.call("DELETE", path(*claim.proxy))
        if what == "another proxy takes the name":
            self.world.add_proxy(claim.scene, Swap(POD, "alive", reachable=False), 0)
        self._claim(claim, count, living)

    def _claim(self, claim: Claim, count: int | None, living: bool) -> None:
        now = {key: obj for key, obj in self.world.dump().items() if key[1].startswith("cart")}
        self.others = now
        # A client that lives wants its original at 0.
        to = 0 if living else claim.to if count is None else count
        at = invariants.replicas(now, "cart") if living or count is not None else claim.at
        self.claims["cart"] = replace(claim, before=now, at=at or 0, to=to, living=living)


def says(saying: str) -> Any:
    """What a pod says to an exec, given the answer that it would have given."""
    match saying:
        case "100 MB":
            return lambda answer: exec_.Ran(b"x" * 100_000_000)
        case "control characters":
            return lambda answer: exec_.Ran(b"\x1b[2J\x00\x07\x9b31m\r\n" + answer)
        case "nothing":
            return lambda answer: exec_.Ran()
        case "no JSON":
            return lambda answer: exec_.Ran(b"{'telepresence_probe': 1}\n")
        case "half a line":
            return lambda answer: exec_.Ran(answer[: len(answer) // 2])
        case "exit code 1":
            return lambda answer: exec_.Ran(answer, exit_code=1)
        case "not run":
            return lambda answer: exec_.program_missing("sh")
        case "wrong types":
            return lambda answer: exec_.Ran(json.dumps({**json.loads(answer), "clock": "now", "tunnels": -1}).encode())
    raise ValueError(saying)
