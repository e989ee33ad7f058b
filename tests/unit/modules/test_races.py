"""Other hands at every moment of a recovery: between each two of its requests, all that a developer, a client or a second recovery
does. What must hold is the same each time, and the state reached is the one that either alone would have reached.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from wire.request import Request
from wire.script import FOREVER
from wire.server import ApiServer
from wire.store import Obj

from .cluster import POD_3, Cluster
from .fake_time import FakeTime

POD = "web-9bdd4ff98a184820b2d4027b00a9af39"
NEWCOMER = "f" * 32
COUNT = 3


@dataclass
class Race:
    """One recovery of one orphan, web from 3, with other hands in it."""

    cluster: Cluster
    requests: list[str] = field(default_factory=list)
    """Those that concern sessions, such as ``list pods``."""
    moments: list[int] = field(default_factory=list)
    """Before which of them each step of the other hands came."""
    deleted_at_zero: list[str] = field(default_factory=list)

    def scale(self, count: int) -> None:
        """``kubectl scale``."""
        if self.cluster.store.get("Deployment", "web", "default"):
            self.cluster.store.edit("Deployment", "web", "default", lambda web: web["spec"].update(replicas=count))

    def delete_proxy(self) -> None:
        """The proxy goes by other hands."""
        if POD in self.cluster.proxies():
            self.cluster.store.remove("Pod", POD, "default")

    def come(self) -> None:
        """A developer's new proxy; its client is alive."""
        self.cluster.client(self.cluster.proxy(NEWCOMER, created=0), "alive")

    def run(self, steps: tuple[Callable[[Race], object], ...], position: int) -> None:
        """A recovery; the first step comes just before request *position*, each further one before the next."""
        left = list(steps)
        running = [True]

        def meet(request: Request) -> None:
            access = request.access
            if not running or not access.resource or access.resource.startswith("self"):
                return
            if access.resource == "namespaces":
                return
            self.requests.append(f"{access.verb} {access.resource}")
            if len(self.requests) > position and left:
                self.moments.append(len(self.requests) - 1)
                left.pop(0)(self)
            if access.verb == "delete":
                self.note_deletion(request)

        self.cluster.server.script(lambda request: True, meet, times=FOREVER)
        self.cluster.run(concurrency=1)
        running.clear()
        for step in left:
            step(self)

    def note_deletion(self, request: Request) -> None:
        """Notes evidence that goes while the original is at 0."""
        web = self.cluster.store.get("Deployment", "web", "default")
        if web and not web["spec"].get("replicas"):
            self.deleted_at_zero.append(request.access.name)


@dataclass(frozen=True)
class Other:
    """What other hands do.

    ``ends_at``: the replicas that must be there in the end (None: whatever). ``newcomer``: whether a session lives then.
    ``opts_out``: the resource whose list shows that nothing may be deleted any more.
    """

    steps: tuple[Callable[[Race], object], ...]
    ends_at: int | None = COUNT
    newcomer: bool = False
    opts_out: str = ""


def swap(race: Race) -> None:
    """A developer swaps the original again."""
    race.come()
    race.scale(0)


def clean_up(race: Race) -> None:
    """The client's own clean-up."""
    race.scale(COUNT)
    race.delete_proxy()


def recreate(race: Race) -> None:
    """The original is deleted and made anew, at 0, by somebody who declares no count."""
    race.cluster.store.remove("Deployment", "web", "default")
    race.cluster.web()


def opt_out(kind: str, name: str) -> Callable[[Race], None]:
    """An object is annotated, if it is still there."""

    def annotate(obj: Obj) -> None:
        obj["metadata"].setdefault("annotations", {})["devclusters.telepresence/ignore"] = "true"

    def step(race: Race) -> None:
        if race.cluster.store.get(kind, name, "default"):
            race.cluster.store.edit(kind, name, "default", annotate)

    return step


def to(count: int) -> Callable[[Race], None]:
    """``kubectl scale``."""
    return lambda race: race.scale(count)


OTHERS = {
    "a developer swaps again": Other((swap,), ends_at=0, newcomer=True),
    "a developer swaps again, slowly": Other((Race.come, to(0)), ends_at=0, newcomer=True),
    "the client cleans up": Other((clean_up,)),
    "the client cleans up, slowly": Other((to(COUNT), Race.delete_proxy)),
    "somebody scales to another count": Other((to(5),), ends_at=5),
    "a second session's exit scales to 0": Other((to(0),)),
    "somebody scales up and down": Other((to(7), to(0))),
    "the original is opted out": Other((opt_out("Deployment", "web"),), ends_at=None, opts_out="deployments"),
    "the proxy is opted out": Other((opt_out("Pod", POD),), ends_at=None, opts_out="pods"),
    "the original is made anew": Other((recreate,), ends_at=None),
}


@pytest.fixture
def race(tmp_path: Path, clock: FakeTime) -> Iterator[Callable[[], Race]]:
    """Makes a new cluster with one orphan for each race."""
    with contextlib.ExitStack() as stack:

        def make() -> Race:
            server = stack.enter_context(ApiServer(clock=clock.time))
            cluster = Cluster(server, str(server.kubeconfig(tmp_path / "kubeconfig")), clock)
            cluster.client(cluster.stage(POD_3), "gone")
            return Race(cluster)

        yield make


@pytest.mark.parametrize("name", OTHERS)
def test_other_hands_at_every_moment(race: Callable[[], Race], name: str) -> None:
    other = OTHERS[name]
    alone = race()
    alone.run((), 0)
    assert [request for request in alone.requests if not request.startswith(("list", "get"))] == [
        "update deployments",
        "create events",
        "delete pods",
    ]
    for position in range(len(alone.requests)):
        one = race()
        one.run(other.steps, position)
        where = f"{name} before requests {one.moments} of {one.requests}"
        after = one.requests[one.moments[-1] :] if one.moments else []
        # The last look at the original comes right before the delete. What happens between the two cannot be seen.
        unseen = "list deployments" not in after
        assert unseen or not one.deleted_at_zero, f"evidence went while the original was at 0: {where}"
        assert POD in one.cluster.proxies() or f"list {other.opts_out}" not in after, (
            f"an opt-out was not seen: {where}"
        )
        for _again in range(2):
            if other.newcomer:
                assert any(NEWCOMER in proxy for proxy in one.cluster.proxies()), f"a living session was cut: {where}"
            if other.ends_at is not None and not (unseen and other.ends_at == COUNT):
                assert one.cluster.replicas() == other.ends_at, where
            one.cluster.run(concurrency=1)
