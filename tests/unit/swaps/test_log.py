"""What a proxy's log tells of its client: signs of life, and failed polls after the last one."""

from __future__ import annotations

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.log import Log, parse

from . import builders
from .builders import at

DAY = "2026-11-22T"


def lines(*polls: str) -> str:
    """A log of polls written as ``03:41:26 +`` (answered) or ``03:41:26 -`` (failed: three lines)."""
    written = []
    for poll in polls:
        time, _, sign = poll.partition(" ")
        stamp = f"{DAY}{time}.5Z {DAY}{time}+0000"
        if sign == "+":
            written.append(f"{stamp} [Poll#info] Checkpoint")
        else:
            written.append(f"{stamp} [Poll#error] Failed to contact Telepresence client:")
            written.append(f"{stamp} [Poll#error] Connection was refused by other side: 111: Connection refused.")
            written.append(f"{stamp} [Poll#warn] Perhaps it's time to exit?")
    return "".join(f"{line}\n" for line in written)


def time(text: str) -> float:
    """A time of the day of the recordings."""
    return at(f"{DAY}{text}Z")


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ("alive", Log(time("03:42:26.765702294"), None, None, 0)),
        ("suspended", Log(time("03:42:26.765702294"), None, None, 0)),
        ("clientless", Log(time("03:46:56.769482770"), time("03:47:10.879111291"), time("03:47:56.756551115"), 3)),
        ("gone", Log(time("03:46:56.769482770"), time("03:47:10.879111291"), time("03:49:57.370063024"), 7)),
        ("asleep-5s", Log(time("03:51:09.760992384"), None, None, 0)),
        ("asleep-2min", Log(time("03:51:09.760992384"), time("03:51:40.330356818"), time("03:52:40.354268474"), 3)),
    ],
    ids=builders.STATES,
)
def test_recorded(state: str, expected: Log) -> None:
    assert parse(builders.recorded_log(state)) == expected


@pytest.mark.parametrize(
    ("polls", "expected"),
    [
        pytest.param([], Log(None, None, None, 0), id="empty"),
        pytest.param(["10:00:00 +"], Log(time("10:00:00.5"), None, None, 0), id="alive"),
        pytest.param(["10:00:00 -"], Log(None, time("10:00:00.5"), time("10:00:00.5"), 1), id="never-alive"),
        pytest.param(
            ["10:00:00 -", "10:00:30 -", "10:01:00 +"], Log(time("10:01:00.5"), None, None, 0), id="alive-again-forgets"
        ),
        pytest.param(
            ["10:00:00 +", "10:00:30 -", "10:01:00 +", "10:01:30 -", "10:02:00 -"],
            Log(time("10:01:00.5"), time("10:01:30.5"), time("10:02:00.5"), 2),
            id="only-after-the-last-sign",
        ),
    ],
)
def test_polls(polls: list[str], expected: Log) -> None:
    assert parse(lines(*polls)) == expected


def test_unanswered_polls_that_fail_together_last_no_time() -> None:
    """A stopped client leaves polls open; when its tunnel falls they all fail at once, which proves one moment only."""
    log = parse(lines("10:00:00 +", *["10:03:10 -"] * 6))
    assert (log.failures, log.failing_for) == (6, 0.0)


def test_failing_for() -> None:
    assert parse(lines("10:00:00 -", "10:00:45 -", "10:02:00 -")).failing_for == 120.0
    assert parse(lines("10:00:00 +")).failing_for == 0.0


CHECKPOINT = f"{DAY}10:00:00.5Z {DAY}10:00:00+0000 [Poll#info] Checkpoint"
FAILED = f"{DAY}10:00:00.5Z {DAY}10:00:00+0000 [Poll#error] Failed to contact Telepresence client:"
NOTHING = Log(None, None, None, 0)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(CHECKPOINT.partition(" ")[2], id="without-the-kubelet's-time"),
        pytest.param(CHECKPOINT.replace(f"{DAY}10:00:00.5Z", "yesterday"), id="broken-time"),
        pytest.param(CHECKPOINT.replace(f"{DAY}10:00:00.5Z", "2026-13-22T10:00:00Z"), id="month-13"),
        pytest.param(f"{CHECKPOINT} reached", id="more-behind"),
        pytest.param(f"{CHECKPOINT} ", id="space-behind"),
        pytest.param(CHECKPOINT.replace("[Poll", "x [Poll"), id="more-before"),
        pytest.param(CHECKPOINT.replace("Poll#info", "Poll#error"), id="another-level"),
        pytest.param(CHECKPOINT.replace("Poll#info", "socks#info"), id="another-source"),
        pytest.param(CHECKPOINT.replace("Checkpoint", "checkpoint"), id="another-case"),
        pytest.param(CHECKPOINT[:-3], id="cut-off"),
        pytest.param(FAILED[:-1], id="cut-off-failure"),
        pytest.param(f"{FAILED} [Poll#info] Checkpoint", id="both-in-one"),
        pytest.param(FAILED.replace("Failed to contact", "Perhaps it's time to exit?"), id="the-third-line"),
        pytest.param("\x00\ufffd" * 50, id="bytes"),
        pytest.param(" " * 50, id="spaces"),
        pytest.param("9" * 5000 + "-01-01T00:00:00Z x [Poll#info] Checkpoint", id="year-with-5000-digits"),
    ],
)
def test_what_only_looks_like_the_poller(line: str) -> None:
    assert parse(line + "\n") == NOTHING


@pytest.mark.parametrize("separator", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\r"], ids=ascii)
@pytest.mark.parametrize("posing", [CHECKPOINT, FAILED], ids=["alive", "failed"])
def test_hostile_lines(separator: str, posing: str) -> None:
    """What another writes into a line of the proxy (a host name to look up) does not become a line of the poller."""
    assert parse(f"{DAY}09:00:00Z {DAY}09:00:00+0000 [socks] name{separator}{posing}\n") == NOTHING


def test_a_log_without_a_last_newline_counts() -> None:
    assert parse(FAILED).failures == 1
