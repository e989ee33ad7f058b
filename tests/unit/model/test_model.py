"""The product's decisions and acts on generated clusters, with others at work between any two of its requests.

``make unit`` draws the same worlds every time. ``TELEPRESENCE_MODEL_EXAMPLES=5000`` draws so many others instead,
different ones in every run; what fails is printed in its smallest form. :mod:`.direct` says what of the product is real.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, note, settings

from wire.server import ApiServer

from . import direct, strategies
from .play import Play
from .world import Actor, Choice, Client, Swap, Workload, World

_WISH = os.environ.get("TELEPRESENCE_MODEL_EXAMPLES", "")
PROFILE = settings(
    max_examples=int(_WISH or 150),
    derandomize=not _WISH,
    database=None,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def api() -> Iterator[ApiServer]:
    """The fake server whose code answers; each example brings objects of its own."""
    with ApiServer() as running:
        yield running


@PROFILE
@given(world=strategies.worlds(), choice=strategies.choices())
def test_a_world_that_keeps_still(api: ApiServer, world: World, choice: Choice) -> None:
    """Check mode says what a run would do; the run does just that; then nothing is left to do."""
    play = Play(api, world, choice)
    with direct.no_wire(play.clock):
        play.keeps_still(check=True)
        _ends_right(play)


@PROFILE
@given(world=strategies.busy_worlds(), choice=strategies.plain_choices(), others=strategies.actors())
def test_others_at_work(api: ApiServer, world: World, choice: Choice, others: list[Actor]) -> None:
    """A run does no harm whatever others do meanwhile, and the next one ends right."""
    play = Play(api, world, choice)
    with direct.no_wire(play.clock):
        note(_in_short(play.run(others=others)))
        _ends_right(play)


@pytest.mark.parametrize("at", range(25))
def test_somebody_joins_a_dead_session_and_time_passes(api: ApiServer, at: int) -> None:
    """That a verdict is too old to act on is too rare to be drawn often: here at every moment of a run."""
    play = Play(api, World((Workload((Swap(Client.GONE, found=3),)),)), Choice())
    with direct.no_wire(play.clock):
        play.run(others=[Actor("is joined", (at, at), much=12)])
        _ends_right(play)


def _ends_right(play: Play) -> None:
    """A run makes of the world what it has to, and leaves nothing for the next one."""
    play.keeps_still(check=False)
    # Time passes in a run, and a client that was starting may have given up since.
    lasting = not any(party.client is Client.STARTING for party in play.stage.present())
    again = play.keeps_still(check=False)
    assert not again["changed"] or play.choice.max_restores is not None or not lasting, "it was left for the next run"


def _in_short(result: direct.Result) -> str:
    """A result for a counterexample."""
    said = [
        f"{one['session_id'].strip('-0')}: {one['verdict']}, {one['outcome']}: {one['message']}"
        for one in result["sessions"]
    ]
    return "\n".join(["The run among the others said:", *said])
