"""Readings in, verdict out: every state that was recorded, and both sides of every boundary."""

from __future__ import annotations

import dataclasses
import itertools
import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.liveness import (
    Judgement,
    Reading,
    Rules,
    best,
    earliest,
    judge,
)

from . import builders
from .builders import NOW, answer, log, reading

DEFAULT = Rules()
ASKED_FOR = Rules(restorable=frozenset({"stale", "ended", "suspended", "clientless"}))


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("alive", "alive"),
        ("suspended", "suspended"),
        ("clientless", "clientless"),
        ("gone", "stale"),
        ("asleep-5s", "suspended"),
        ("asleep-2min", "stale"),
    ],
)
def test_recorded(state: str, verdict: str) -> None:
    said = judge(builders.recorded_reading(state), DEFAULT)
    assert (said.verdict, said.firm, said.look_again) == (verdict, True, None)


def log_of(*, alive: float | None, lasting: float, last: float = 10.0) -> t.Any:
    """A log whose polls have failed for ``lasting`` seconds, the last one ``last`` seconds ago."""
    return log(alive, since=last + lasting, until=last)


# One look: (reading, rules, verdict, firm, look again after seconds)
Row = tuple[Reading, Rules, str, bool, float | None]
REFUSED = answer("refused")
ONE_LOOK: dict[str, Row] = {
    # The log condemns: a sign of life, then polls that failed at least 30 s apart, the last at most 45 s ago.
    "failing 29 s": (reading(REFUSED, log_of(alive=500, lasting=29)), DEFAULT, "unknown", False, 30),
    "failing 30 s": (reading(REFUSED, log_of(alive=500, lasting=30)), DEFAULT, "stale", True, None),
    "failing 31 s": (reading(REFUSED, log_of(alive=500, lasting=31)), DEFAULT, "stale", True, None),
    "last failure 44 s ago": (reading(REFUSED, log_of(alive=500, lasting=90, last=44)), DEFAULT, "stale", True, None),
    "last failure 45 s ago": (reading(REFUSED, log_of(alive=500, lasting=90, last=45)), DEFAULT, "stale", True, None),
    "last failure 46 s ago": (reading(REFUSED, log_of(alive=500, lasting=90, last=46)), DEFAULT, "unknown", False, 30),
    "no failed poll": (reading(REFUSED, log(20)), DEFAULT, "unknown", False, 30),
    "failed together": (reading(REFUSED, log(300, since=10, until=10)), DEFAULT, "unknown", False, 30),
    "interval 60": (reading(REFUSED, log(20)), Rules(interval=60), "unknown", False, 60),
    "a sign of life leaves no grace": (
        reading(REFUSED, log_of(alive=60, lasting=30), age=90.0),
        DEFAULT,
        "stale",
        True,
        None,
    ),
    # No sign of life in the log: the start window, then polls must have failed longer than any start.
    "new, silent log": (reading(REFUSED, log(None), age=10.0), DEFAULT, "starting", True, None),
    "new, failing": (reading(REFUSED, log_of(alive=None, lasting=300), age=359.0), DEFAULT, "starting", True, None),
    "360 s, silent log": (reading(REFUSED, log(None), age=360.0), DEFAULT, "unknown", False, 30),
    "360 s, failing 330 s": (
        reading(REFUSED, log_of(alive=None, lasting=330), age=360.0),
        DEFAULT,
        "unknown",
        False,
        30,
    ),
    "never alive, failing 359 s": (reading(REFUSED, log_of(alive=None, lasting=359)), DEFAULT, "unknown", False, 30),
    "never alive, failing 360 s": (reading(REFUSED, log_of(alive=None, lasting=360)), DEFAULT, "stale", True, None),
    "window 210, 209 s": (reading(REFUSED, log(None), age=209.0), Rules(210), "starting", True, None),
    "window 210, 210 s": (reading(REFUSED, log(None), age=210.0), Rules(210), "unknown", False, 30),
    "window 210, failing 210 s": (reading(REFUSED, log_of(alive=None, lasting=210)), Rules(210), "stale", True, None),
    "window 900, failing 899 s": (reading(REFUSED, log_of(alive=None, lasting=899)), Rules(900), "unknown", False, 30),
    "new, but silent": (
        reading(answer("silent", listening=True, tunnels=2), log(None), age=9.0),
        DEFAULT,
        "starting",
        True,
        None,
    ),
    "new, but closed": (
        reading(answer("closed", listening=True, tunnels=2), log(None), age=9.0),
        DEFAULT,
        "starting",
        True,
        None,
    ),
    "new, but another answers": (
        reading(answer("other", listening=True), log(None), age=9.0),
        DEFAULT,
        "starting",
        True,
        None,
    ),
    "new and alive": (
        reading(answer("alive", listening=True, tunnels=2), log(None), age=9.0),
        DEFAULT,
        "alive",
        True,
        None,
    ),
    # Tunnels that are still open: the log alone never condemns.
    "one tunnel open": (reading(answer(tunnels=1), log_of(alive=500, lasting=300)), DEFAULT, "unknown", False, 150),
    "three tunnels open": (reading(answer(tunnels=3), log_of(alive=500, lasting=300)), DEFAULT, "unknown", False, 150),
    "tunnel open, interval 60": (reading(answer(tunnels=1), log(20)), Rules(interval=60), "unknown", False, 180),
    # Something holds the port.
    "listener, but refused": (
        reading(answer(listening=True), log_of(alive=500, lasting=300)),
        DEFAULT,
        "unknown",
        False,
        None,
    ),
    "another answers": (
        reading(answer("other", listening=True), log_of(alive=500, lasting=300)),
        DEFAULT,
        "unknown",
        False,
        None,
    ),
    "another answers, unlisted": (
        reading(answer("other"), log_of(alive=500, lasting=300)),
        DEFAULT,
        "unknown",
        False,
        None,
    ),
    "closed without a tunnel": (
        reading(answer("closed", listening=True), log_of(alive=500, lasting=300)),
        DEFAULT,
        "unknown",
        False,
        None,
    ),
    "silent without a tunnel": (
        reading(answer("silent", listening=True), log_of(alive=500, lasting=300)),
        DEFAULT,
        "unknown",
        False,
        None,
    ),
    # Clients up to 0.87 never listen on 9055: an open tunnel is their life, and no poll in the log says anything.
    "0.87, connected": (reading(answer(tunnels=1), log(None), polled=False), DEFAULT, "alive", True, None),
    "0.87, connected, new": (
        reading(answer(tunnels=2), log(None), polled=False, age=9.0),
        DEFAULT,
        "alive",
        True,
        None,
    ),
    "0.87, connected, no python": (
        reading(answer(None, tunnels=1), log(None), polled=False),
        DEFAULT,
        "alive",
        True,
        None,
    ),
    "0.87, exposes 9055 itself": (
        reading(answer("other", listening=True, tunnels=2), log(None), polled=False),
        ASKED_FOR,
        "alive",
        True,
        None,
    ),
    "0.87, 9055 hangs up": (
        reading(answer("closed", listening=True, tunnels=2), log(None), polled=False),
        ASKED_FOR,
        "alive",
        True,
        None,
    ),
    "0.87, new": (reading(REFUSED, log(None), polled=False, age=359.0), DEFAULT, "starting", True, None),
    "0.87, nothing": (reading(REFUSED, log(None), polled=False), DEFAULT, "unknown", False, 30),
    "0.87, nothing, another's polls": (
        reading(REFUSED, log_of(alive=None, lasting=1800), polled=False),
        DEFAULT,
        "unknown",
        False,
        30,
    ),
    "0.87, but the log knows a sign of life": (
        reading(answer(tunnels=1), log_of(alive=500, lasting=300), polled=False),
        DEFAULT,
        "unknown",
        False,
        150,
    ),
    # A tag that is no release: it may be such a client.
    "no release, connected": (
        reading(answer(tunnels=1), log_of(alive=None, lasting=1800), polled=None),
        DEFAULT,
        "unknown",
        False,
        None,
    ),
    "no release, nothing": (
        reading(REFUSED, log_of(alive=None, lasting=1800), polled=None),
        DEFAULT,
        "unknown",
        False,
        30,
    ),
    "no release, new": (reading(answer(tunnels=1), log(None), polled=None, age=9.0), DEFAULT, "starting", True, None),
    "no release, once alive": (
        reading(REFUSED, log_of(alive=500, lasting=30), polled=None),
        DEFAULT,
        "stale",
        True,
        None,
    ),
    # No Python in the proxy: the sockets alone.
    "no python, nothing listens": (reading(answer(None), log_of(alive=500, lasting=30)), DEFAULT, "stale", True, None),
    "no python, listener": (
        reading(answer(None, listening=True, tunnels=1), log_of(alive=500, lasting=30)),
        DEFAULT,
        "unknown",
        False,
        None,
    ),
    # Alive beats everything else that is said.
    "alive": (
        reading(answer("alive", listening=True, tunnels=2), log_of(alive=500, lasting=300)),
        DEFAULT,
        "alive",
        True,
        None,
    ),
    "alive by pod proxy": (reading(None, None, alive_by_proxy=True), DEFAULT, "alive", True, None),
    # Connected, but not well: firm only if asked for, and seen twice.
    "suspended": (reading(answer("silent", listening=True, tunnels=2), log(90)), DEFAULT, "suspended", True, None),
    "suspended, asked for": (
        reading(answer("silent", listening=True, tunnels=2), log(90)),
        ASKED_FOR,
        "suspended",
        False,
        60,
    ),
    "clientless": (reading(answer("closed", listening=True, tunnels=2), log(90)), DEFAULT, "clientless", True, None),
    "clientless, asked for": (
        reading(answer("closed", listening=True, tunnels=2), log(90)),
        ASKED_FOR,
        "clientless",
        False,
        30,
    ),
    # Nothing that runs.
    "over": (reading(None, None, state="over"), DEFAULT, "ended", True, None),
    "over and being deleted": (reading(None, None, state="over", terminating=True), DEFAULT, "ended", True, None),
    "over, young": (reading(None, None, state="over", age=1.0), DEFAULT, "ended", True, None),
    "being deleted": (reading(None, None, terminating=True), DEFAULT, "terminating", False, None),
    "being deleted, not started": (
        reading(None, None, state="waiting", terminating=True),
        DEFAULT,
        "terminating",
        False,
        None,
    ),
    "no proxy's image": (reading(None, None, state="missing"), DEFAULT, "unknown", False, None),
    "waiting 359 s": (reading(None, None, state="waiting", instance="", age=359.0), DEFAULT, "starting", True, None),
    "waiting 360 s": (reading(None, None, state="waiting", instance="", age=360.0), DEFAULT, "ended", True, None),
    "waiting, window 210": (
        reading(None, None, state="waiting", instance="", age=210.0),
        Rules(210),
        "ended",
        True,
        None,
    ),
    "crashing": (reading(None, None, state="waiting"), DEFAULT, "unknown", False, None),
    # A failed question is no answer.
    "exec failed": (reading(None, log_of(alive=500, lasting=300), problem="x"), DEFAULT, "unknown", False, None),
    "log failed": (reading(REFUSED, None, problem="x"), DEFAULT, "unknown", False, None),
    "both failed": (reading(None, None, problem="x"), DEFAULT, "unknown", False, None),
    "all failed, very old": (reading(None, None, problem="x", age=1e7), DEFAULT, "unknown", False, None),
}


@pytest.mark.parametrize("row", ONE_LOOK.values(), ids=ONE_LOOK.keys())
def test_one_look(row: Row) -> None:
    now, rules, *expected = row
    said = judge(now, rules)
    assert [said.verdict, said.firm, said.look_again] == expected
    assert said.reason.endswith(".") or now.problem


def test_the_problem_is_told() -> None:
    assert (
        judge(reading(None, None, problem="Failed to exec."), DEFAULT).reason
        == "The proxy could not be asked: Failed to exec."
    )


# Two looks: what the first one saw, how many seconds passed by the pod's own clock, what the second one saw.
Twice = tuple[t.Any | None, float, t.Any, Rules, str, bool]
SILENT = {"http": "silent", "listening": True, "tunnels": 2}
CLOSED = {"http": "closed", "listening": True, "tunnels": 2}
GONE: dict[str, t.Any] = {"http": "refused"}
HALF_OPEN = {"http": "refused", "tunnels": 1}
TWO_LOOKS: dict[str, Twice] = {
    "refused 29 s": (GONE, 29, GONE, DEFAULT, "unknown", False),
    "refused 30 s": (GONE, 30, GONE, DEFAULT, "stale", True),
    "refused 59 s, interval 60": (GONE, 59, GONE, Rules(interval=60), "unknown", False),
    "refused 60 s, interval 60": (GONE, 60, GONE, Rules(interval=60), "stale", True),
    "half open 30 s": (HALF_OPEN, 30, HALF_OPEN, DEFAULT, "unknown", False),
    "half open 149 s": (HALF_OPEN, 149, HALF_OPEN, DEFAULT, "unknown", False),
    "half open 150 s": (HALF_OPEN, 150, HALF_OPEN, DEFAULT, "stale", True),
    "half open 179 s, interval 60": (HALF_OPEN, 179, HALF_OPEN, Rules(interval=60), "unknown", False),
    "half open 180 s, interval 60": (HALF_OPEN, 180, HALF_OPEN, Rules(interval=60), "stale", True),
    "half open, then closed": (HALF_OPEN, 30, GONE, DEFAULT, "stale", True),
    "refused, then half open 149 s": (GONE, 149, HALF_OPEN, DEFAULT, "unknown", False),
    "listener before": ({"http": "refused", "listening": True}, 300, GONE, DEFAULT, "unknown", False),
    "silent before": (SILENT, 300, GONE, DEFAULT, "unknown", False),
    "another answered before": ({"http": "other"}, 300, GONE, DEFAULT, "unknown", False),
    "alive before": ({"http": "alive", "listening": True, "tunnels": 1}, 300, GONE, DEFAULT, "unknown", False),
    "unanswered before": (None, 300, GONE, DEFAULT, "unknown", False),
    "no python, 30 s": ({"http": None}, 30, {"http": None}, DEFAULT, "stale", True),
    "no python, listener before": ({"http": None, "listening": True}, 300, {"http": None}, DEFAULT, "unknown", False),
    "the clock was set back": (GONE, -300, GONE, DEFAULT, "unknown", False),
    "alive at last": (GONE, 300, {"http": "alive", "listening": True, "tunnels": 1}, DEFAULT, "alive", True),
    "listener at last": (GONE, 300, {"http": "refused", "listening": True}, DEFAULT, "unknown", False),
    "silent 59 s": (SILENT, 59, SILENT, ASKED_FOR, "suspended", False),
    "silent 60 s": (SILENT, 60, SILENT, ASKED_FOR, "suspended", True),
    "silent 300 s, not asked for": (SILENT, 300, SILENT, DEFAULT, "suspended", True),
    "closed, then silent": (CLOSED, 300, SILENT, ASKED_FOR, "suspended", False),
    "closed 29 s": (CLOSED, 29, CLOSED, ASKED_FOR, "clientless", False),
    "closed 30 s": (CLOSED, 30, CLOSED, ASKED_FOR, "clientless", True),
    "closed 59 s, interval 60": (
        CLOSED,
        59,
        CLOSED,
        Rules(interval=60, restorable=ASKED_FOR.restorable),
        "clientless",
        False,
    ),
    "silent, then closed": (SILENT, 300, CLOSED, ASKED_FOR, "clientless", False),
    "refused, then closed": (GONE, 300, CLOSED, ASKED_FOR, "clientless", False),
    "unanswered, then closed": (None, 300, CLOSED, ASKED_FOR, "clientless", False),
}


# The same for clients that may never listen on 9055, and were never seen to.
CONNECTED = {"http": "refused", "tunnels": 1}
TWO_LOOKS_UNPOLLED: dict[str, tuple[t.Any, float, t.Any, str, str]] = {
    # what the first look saw, the seconds, what the second saw, the verdict on 0.87, and where the tag is no release
    "nothing 29 s": (GONE, 29, GONE, "unknown", "unknown"),
    "nothing 30 s": (GONE, 30, GONE, "stale", "stale"),
    "connected an hour": (CONNECTED, 3600, CONNECTED, "alive", "unknown"),
    "connected, then nothing": (CONNECTED, 3600, GONE, "unknown", "unknown"),
    "nothing, then connected": (GONE, 3600, CONNECTED, "alive", "unknown"),
    "listener before": ({"http": "refused", "listening": True}, 300, GONE, "unknown", "unknown"),
    "unanswered before": (None, 300, GONE, "unknown", "unknown"),
    "no python": ({"http": None}, 30, {"http": None}, "stale", "stale"),
    "no python, connected": ({"http": None, "tunnels": 1}, 300, {"http": None, "tunnels": 1}, "alive", "unknown"),
}


@pytest.mark.parametrize("polled", [False, None], ids=["0.87", "no-release"])
@pytest.mark.parametrize("row", TWO_LOOKS_UNPOLLED.values(), ids=TWO_LOOKS_UNPOLLED.keys())
def test_two_looks_at_a_client_that_is_not_polled(
    row: tuple[t.Any, float, t.Any, str, str], polled: bool | None
) -> None:
    first, seconds, second, of_087, of_no_release = row
    before, now = (dataclasses.replace(one, polled=polled) for one in looks(first, seconds, second, None))
    said = judge(now, DEFAULT, before)
    assert (said.verdict, said.look_again) == (of_087 if polled is False else of_no_release, None)
    assert said.firm == (said.verdict != "unknown")


# Nothing may be run in the pod: its address has refused at both looks, by the API server's clock. (log, version, verdict, look again)
BY_ADDRESS: dict[str, tuple[float | None, t.Any, dict[str, t.Any], str, float | None]] = {
    "once": (None, log_of(alive=500, lasting=300), {}, "unknown", 31),
    "once, no failed poll": (None, log(20), {}, "unknown", None),
    "once, first failure just now": (None, log(20, since=0, until=0), {}, "unknown", 31),
    "once, never alive, failing 329 s": (None, log_of(alive=None, lasting=329, last=0), {}, "unknown", None),
    "once, never alive, failing 330 s": (None, log_of(alive=None, lasting=330, last=0), {}, "unknown", 31),
    "29 s": (29, log_of(alive=500, lasting=300), {}, "unknown", None),
    "30 s": (30, log_of(alive=500, lasting=300), {}, "stale", None),
    "polls failed for 29 s": (30, log_of(alive=500, lasting=29), {}, "unknown", None),
    "polls failed for 30 s": (30, log_of(alive=500, lasting=30), {}, "stale", None),
    "last failure 45 s ago": (30, log_of(alive=500, lasting=300, last=45), {}, "stale", None),
    "last failure 46 s ago": (30, log_of(alive=500, lasting=300, last=46), {}, "unknown", None),
    "the node's clock is 45 s ahead": (30, log_of(alive=500, lasting=300, last=-45), {}, "stale", None),
    "the node's clock is 46 s ahead": (30, log_of(alive=500, lasting=300, last=-46), {}, "unknown", None),
    "no failed poll": (300, log(20), {}, "unknown", None),
    "an empty log": (300, log(None), {}, "unknown", None),
    "never alive, failing 359 s": (300, log_of(alive=None, lasting=359), {}, "unknown", None),
    "never alive, failing 360 s": (300, log_of(alive=None, lasting=360), {}, "stale", None),
    "starting": (300, log_of(alive=None, lasting=300), {"age": 359.0}, "starting", None),
    "0.87": (300, log_of(alive=None, lasting=3600), {"polled": False}, "unknown", None),
    "no release": (300, log_of(alive=None, lasting=3600), {"polled": None}, "unknown", None),
    "no release, once": (None, log(None), {"polled": None}, "unknown", None),
    "no release, once alive": (30, log_of(alive=500, lasting=30), {"polled": None}, "stale", None),
    "being deleted": (30, log_of(alive=500, lasting=300), {"terminating": True}, "terminating", None),
}


@pytest.mark.parametrize("row", BY_ADDRESS.values(), ids=BY_ADDRESS.keys())
def test_refused_by_the_pods_own_address(row: tuple[float | None, t.Any, dict[str, t.Any], str, float | None]) -> None:
    seconds, written, changes, verdict, look_again = row
    now = reading(None, written, refused_at=NOW, **changes)
    before = None if seconds is None else dataclasses.replace(now, refused_at=NOW - seconds)
    said = judge(now, DEFAULT, before)
    assert (said.verdict, said.look_again) == (verdict, look_again)
    assert said.firm == (verdict in ("stale", "starting"))


@pytest.mark.parametrize(
    "before",
    [
        reading(None, log_of(alive=500, lasting=300), problem="a mesh"),
        reading(None, log_of(alive=500, lasting=300), refused_at=NOW - 300, instance="containerd://0"),
        # A sign of life that came since, by the node's clock, which is far behind.
        reading(None, log_of(alive=800, lasting=300), refused_at=NOW - 300),
    ],
    ids=["not-refused", "restarted", "alive-since"],
)
def test_one_refusal_by_the_address_is_not_two(before: Reading) -> None:
    now = reading(None, log_of(alive=500, lasting=300), refused_at=NOW)
    assert judge(now, DEFAULT, before).verdict == "unknown"


def looks(first: t.Any, seconds: float, second: t.Any, alive: float | None) -> tuple[Reading, Reading]:
    """Two readings of one pod; its log shows no failed polls, so that only the looks tell."""
    before = reading(None if first is None else answer(**first, clock=NOW - seconds), log(alive))
    return before, reading(answer(**second), log(alive))


@pytest.mark.parametrize("alive", [None, 500.0], ids=["never alive", "once alive"])
@pytest.mark.parametrize("row", TWO_LOOKS.values(), ids=TWO_LOOKS.keys())
def test_two_looks(row: Twice, alive: float | None) -> None:
    first, seconds, second, rules, verdict, firm = row
    before, now = looks(first, seconds, second, alive)
    said = judge(now, rules, before)
    assert (said.verdict, said.firm, said.look_again) == (verdict, firm, None)


@pytest.mark.parametrize(
    ("second", "verdict"),
    [(GONE, "unknown"), (SILENT, "suspended"), (CLOSED, "clientless")],
    ids=["refused", "silent", "closed"],
)
def test_a_container_that_was_restarted_between_two_looks_was_seen_once(second: t.Any, verdict: str) -> None:
    before, now = looks(second, 300, second, 500.0)
    said = judge(dataclasses.replace(now, instance="containerd://2"), ASKED_FOR, before)
    assert (said.verdict, said.firm) == (verdict, False)


@pytest.mark.parametrize(
    ("second", "verdict"),
    [(GONE, "unknown"), (SILENT, "suspended"), (CLOSED, "clientless")],
    ids=["refused", "silent", "closed"],
)
def test_a_sign_of_life_between_two_looks_makes_them_say_nothing_of_each_other(second: t.Any, verdict: str) -> None:
    """Its client came and may be going just now: it puts everything back by itself within seconds."""
    before = reading(answer(**second, clock=NOW - 300), log(None))
    said = judge(reading(answer(**second), log(20)), ASKED_FOR, before)
    assert (said.verdict, said.firm) == (verdict, False)


def test_no_second_look_changes_a_state_that_cannot_be_asked() -> None:
    before = reading(answer("refused", clock=NOW - 300), log(None))
    for state in ("waiting", "missing"):
        assert judge(reading(None, None, state=state), DEFAULT, before).verdict == "unknown"
    assert judge(reading(None, None, problem="x"), DEFAULT, before).verdict == "unknown"


# The whole space of answers and logs


def test_what_no_reading_may_lead_to() -> None:
    """Over the product of all answers, logs and ages: stale and ended only where nothing speaks against it."""
    logs = [None, log(None), log(20), log(500, 90, 10), log(500, 90, 50), log(500, 10, 10), log(None, 1800, 10)]
    answers = [None] + [
        answer(http, listening=listening, tunnels=tunnels)
        for http in ("alive", "refused", "closed", "silent", "other", None)
        for listening in (False, True)
        for tunnels in (0, 2)
    ]
    for answered, written, age, rules, polled in itertools.product(
        answers, logs, (10.0, 359.0, 360.0, 9e5), (DEFAULT, ASKED_FOR), (True, False, None)
    ):
        now = reading(answered, written, age=age, polled=polled)
        said = judge(now, rules)
        about = f"{now} -> {said}"
        if answered is None or written is None:
            assert (said.verdict, said.firm, said.look_again) == ("unknown", False, None), about
            continue
        assert said.verdict != "ended", about
        unpolled = polled is False and written.last_alive is None and answered.tunnels > 0
        assert (said.verdict == "alive") == (answered.http == "alive" or unpolled), about
        if said.verdict == "stale":
            assert answered.http in ("refused", None) and not answered.listening and not answered.tunnels, about
            assert written.failures and written.failing_for >= 30, about
            assert written.last_alive is not None or (age >= 360 and polled), about
        if written.last_alive is None and age < 360:
            assert said.verdict in ("alive", "starting"), about
        if said.look_again is not None:
            assert not said.firm and said.verdict in {"unknown", *rules.restorable}, about
        if said.verdict in rules.restorable and said.verdict != "stale":
            assert not said.firm, about


# Several pods of one session


def verdicts(*said: str) -> t.Iterator[tuple[Judgement, Reading]]:
    """Judgements written as ``stale`` or ``stale?`` (not firm), each with the reading of its own pod."""
    for number, word in enumerate(said):
        yield Judgement(word.rstrip("?"), word, firm=not word.endswith("?")), reading(None, None, pod=f"web-{number}")


ORDER = ("alive", "starting", "suspended", "clientless", "unknown", "stale", "ended", "terminating")


@pytest.mark.parametrize(("better", "worse"), [*itertools.combinations(ORDER, 2)])
def test_the_best_of_several_pods_holds(better: str, worse: str) -> None:
    for words in ((better, worse), (worse, better), (worse, worse, better)):
        judgement, of = best(verdicts(*words))
        assert judgement.verdict == better
        assert of.pod == f"web-{words.index(better)}"


@pytest.mark.parametrize("words", [("suspended", "suspended?"), ("suspended?", "suspended")], ids=str)
def test_in_doubt_what_is_not_firm_holds(words: tuple[str, ...]) -> None:
    assert best(verdicts(*words))[0].firm is False


def test_one_pod_is_its_own_best() -> None:
    assert best(verdicts("stale"))[0].verdict == "stale"


@pytest.mark.parametrize(
    ("changes", "holds"),
    [
        ({}, True),
        ({"instance": "another"}, False),
        ({"answer": builders.answer("silent", tunnels=1)}, False),
        ({"answer": None}, False),
        ({"answer": None, "refused_at": builders.NOW}, True),
    ],
    ids=["same", "restarted", "other-answer", "no-answer", "same-by-address"],
)
def test_the_first_of_equal_readings_is_kept(changes: dict[str, t.Any], holds: bool) -> None:
    """A third look must not find the second too young to be a proof."""
    first = builders.reading(builders.answer(clock=builders.NOW - 45), builders.log())
    now = dataclasses.replace(builders.reading(builders.answer(), builders.log()), **changes)
    assert (earliest(first, now) is first) is holds
