"""Draws worlds, options and actors. What hypothesis shrinks towards is the plainest: one dead session, nobody about."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from .world import Actor, Choice, Client, Event, Fresh, InPlace, Swap, Twin, Version, Workload, World

_COUNTS = st.integers(1, 4)
_DEAD_FIRST = [Client.GONE, *(client for client in Client if client is not Client.GONE)]
_CLIENTS = st.sampled_from(_DEAD_FIRST)
_NAMESPACES = st.sampled_from("ab")


def _or_none(counts: st.SearchStrategy[int]) -> st.SearchStrategy[int | None]:
    return st.none() | counts


_SWAPS = st.builds(
    Swap,
    client=_CLIENTS,
    version=st.sampled_from([Version.V0_109, Version.V0_105, Version.V0_97, Version.V0_90, Version.V0_86]),
    found=st.just(0),
    event=st.sampled_from([Event.NOW, Event.EXPIRED, Event.LATE, Event.OLD, Event.ROLLOUT]),
    settled=st.sampled_from([True, False]),
    sidecar=st.booleans(),
)


@st.composite
def _workloads(draw: st.DrawFn) -> Workload:
    """A workload, with a history that could have been: the first session found its true count, a later one mostly 0."""
    swaps = draw(st.lists(_SWAPS, min_size=1, max_size=3))
    last = len(swaps) - 1
    young = [swap.client is Client.STARTING for swap in swaps]
    swaps = [
        replace(
            swap,
            found=draw(_COUNTS) if place == 0 else 0,
            client=Client.ALIVE if early and place < last else swap.client,
        )
        for place, (swap, early) in enumerate(zip(swaps, young))
    ]
    deliberate = draw(st.sampled_from([False, False, False, True])) and not young[last]
    return Workload(
        swaps=tuple(swaps),
        now=0 if deliberate else draw(st.sampled_from([0, 0, 0, swaps[0].found, 7])),
        deliberate=deliberate,
        declared=draw(_or_none(st.integers(0, 4))),
        least=draw(st.none() | st.none() | _COUNTS),
        earlier=draw(_or_none(st.integers(0, 4))),
        twin=draw(st.sampled_from([Twin.NONE, Twin.NONE, Twin.UNLIKE, Twin.ALIKE])),
        ignored=draw(st.sampled_from([False] * 5 + [True])),
        namespace=draw(_NAMESPACES),
    )


_FRESH = st.builds(
    Fresh,
    client=_CLIENTS,
    version=st.sampled_from([Version.V0_109, Version.V0_105]),
    exact=st.sampled_from([True, True, False]),
    namespace=_NAMESPACES,
)
_IN_PLACE = st.builds(InPlace, client=_CLIENTS.filter(lambda one: one is not Client.STARTING), namespace=_NAMESPACES)


def worlds() -> st.SearchStrategy[World]:
    """Whole clusters."""
    return st.builds(
        World,
        workloads=st.lists(_workloads(), min_size=1, max_size=3).map(tuple),
        fresh=st.lists(_FRESH, max_size=1).map(tuple),
        in_place=st.lists(_IN_PLACE, max_size=1).map(tuple),
        ignored=st.sampled_from([frozenset(), frozenset(), frozenset(), frozenset({"a"}), frozenset({"b"})]),
    )


@st.composite
def _orphaned(draw: st.DrawFn) -> Workload:
    """A workload of which a run is likely to have to put something back."""
    workload = draw(_workloads())
    if draw(st.booleans()):
        return workload
    swaps = [replace(swap, client=Client.GONE) for swap in workload.swaps]
    return replace(workload, swaps=tuple(swaps), now=0, deliberate=False, twin=Twin.NONE, ignored=False)


def busy_worlds() -> st.SearchStrategy[World]:
    """Few workloads with much to do, so that what others do concerns what the run is about."""
    return st.builds(World, workloads=st.lists(_orphaned(), min_size=1, max_size=2).map(tuple))


def choices() -> st.SearchStrategy[Choice]:
    """Options of runs, mostly the defaults."""
    usual = {"stale", "ended"}
    return st.builds(
        Choice,
        verdicts=st.sampled_from(
            [
                frozenset(usual),
                frozenset(usual),
                frozenset(usual | {"suspended"}),
                frozenset(usual | {"clientless"}),
                frozenset({"stale"}),
            ]
        ),
        trust=st.sampled_from(["declared", "recorded", "historic"]),
        replicas_limit=st.sampled_from([50, 50, 50, 2]),
        told=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60)), max_size=1).map(tuple),
        max_restores=st.sampled_from([None, None, None, 0, 1, 2]),
        namespaces=st.sampled_from([(), (), (), ("a",), ("a", "b")]),
        select=st.sampled_from([None, None, None, "stale", "ended"]),
        probe=st.sampled_from(["auto", "exec"]),
    )


def plain_choices() -> st.SearchStrategy[Choice]:
    """Options that hold little back."""
    return st.builds(
        Choice,
        verdicts=st.sampled_from(
            [frozenset({"stale", "ended"}), frozenset({"stale", "ended", "suspended", "clientless"})]
        ),
        trust=st.sampled_from(["declared", "recorded", "historic"]),
        told=st.lists(st.tuples(st.just(0), st.integers(0, 9)), max_size=1).map(tuple) | st.just(()),
        probe=st.sampled_from(["auto", "exec"]),
    )


_SESSION_STEPS = {"cleans up": 3, "is evicted": 1, "vanishes": 1, "dies": 1, "is joined": 2}
_WORKLOAD_STEPS = {
    "swaps": 3,
    "scales": 1,
    "applies": 1,
    "opts out": 1,
    "opts out the namespace": 1,
    "touches": 1,
    "lets time pass": 1,
    "recovers too": 3,
}


@st.composite
def _actors(draw: st.DrawFn) -> Actor:
    what, steps = draw(st.sampled_from([*_SESSION_STEPS.items(), *_WORKLOAD_STEPS.items()]))
    writes = draw(st.booleans())
    gaps = draw(st.lists(st.integers(0, 1 if writes else 6), min_size=1, max_size=steps))
    first = draw(st.sampled_from([0, 0, 1, 2]) if writes else st.integers(0, 24))
    at = tuple(first + sum(gaps[1 : place + 1]) for place in range(len(gaps)))
    return Actor(what, at, draw(st.integers(0, 5)), draw(st.integers(0, 15)), writes)


def actors() -> st.SearchStrategy[list[Actor]]:
    """The others that are about while a run is under way."""
    return st.lists(_actors(), min_size=1, max_size=4)
