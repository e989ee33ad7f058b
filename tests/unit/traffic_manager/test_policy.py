"""Which intercepts a policy names, and which it does not."""

from __future__ import annotations

import itertools
import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.connections import (
    NOT_NEEDED,
    Glance,
)
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.intercepts import DISPOSITIONS
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.policy import (
    BROKEN,
    Policy,
    host_of,
    judge,
)

from .builders import NOW, intercept

NOBODY, SOMEBODY = Glance(clock=NOW, clients=0), Glance(clock=NOW, clients=1)
SILENT = Glance(why="The pod did not answer.")
SET: dict[str, t.Any] = {"clients": [], "known_hosts": None, "dispositions": [], "min_age": None, "force": False}


def reasons(policy: Policy, glance: Glance = NOT_NEEDED, **changed: t.Any) -> tuple[str, ...]:
    return judge(policy, intercept(**changed), glance).reasons


@pytest.mark.parametrize(
    ("pattern", "client", "named"),
    [
        ("dev@laptop", "dev@laptop", True),
        ("*@laptop", "dev@laptop", True),
        ("dev@*", "dev@laptop", True),
        ("runner@ci-*", "runner@ci-17", True),
        ("runner@ci-?", "runner@ci-17", False),
        ("runner@ci-[0-9]*", "runner@ci-17", True),
        ("dev", "dev@laptop", False),
        ("laptop", "dev@laptop", False),
        ("DEV@laptop", "dev@laptop", False),
        ("*@*", "no-host", False),
        ("no-host", "no-host", True),
        ("", "dev@laptop", False),
        ("*", "", True),
        ("*@laptop", "a.b@corp.example@laptop", True),
    ],
)
def test_a_client_is_named_by_a_glob_of_its_whole_name(pattern: str, client: str, named: bool) -> None:
    assert bool(reasons(Policy(clients=("other@host", pattern)), client=client)) is named


@pytest.mark.parametrize(
    ("client", "host"),
    [
        ("dev@laptop", "laptop"),
        ("dev@Laptop.Corp.Example", "laptop.corp.example"),
        ("a.b@corp.example@laptop", "laptop"),
        (r"CORP\dev@laptop", "laptop"),
        ("laptop", None),
        ("@laptop", None),
        ("dev@", None),
        ("dev@ ", None),
        ("", None),
    ],
)
def test_the_host_of_a_client(client: str, host: str | None) -> None:
    assert host_of(client) == host


@pytest.mark.parametrize(
    ("client", "known", "named"),
    [
        ("dev@laptop", ["laptop"], False),
        ("dev@LAPTOP", ["other", " laptop "], False),
        ("dev@laptop", ["Laptop.corp.example"], False),
        ("dev@laptop.corp.example", ["laptop"], False),
        ("dev@laptop.corp.example", ["laptop.home.example"], True),
        ("dev@laptop-2", ["laptop"], True),
        ("dev@laptop", ["laptop-2", "desk"], True),
        ("dev@laptop", ["*"], True),
        ("no-host", ["laptop"], False),
        ("@gone", ["laptop"], False),
        ("dev@", ["laptop"], False),
        ("", ["laptop"], False),
    ],
)
def test_a_host_that_nobody_knows(client: str, known: list[str], named: bool) -> None:
    assert bool(reasons(Policy(known_hosts=tuple(known)), client=client)) is named


@pytest.mark.parametrize("disposition", [*DISPOSITIONS.values(), "UNSPECIFIED"])
def test_a_disposition_names_only_its_own(disposition: str) -> None:
    for one in BROKEN:
        assert bool(reasons(Policy(dispositions=(one,)), disposition=disposition)) is (one == disposition)


def test_what_works_is_in_no_disposition_of_the_policy() -> None:
    assert not {"ACTIVE", "WAITING", "REMOVED"} & {*BROKEN}
    assert {*BROKEN, "ACTIVE", "WAITING", "REMOVED"} == {*DISPOSITIONS.values()}


@pytest.mark.parametrize("age", [0, 59, 60, 61, -5, None])
@pytest.mark.parametrize("glance", [NOBODY, SOMEBODY, SILENT, Glance(clock=NOW, why="No table.")])
@pytest.mark.parametrize("force", [False, True])
def test_age_counts_only_where_nobody_is_connected_or_by_force(age: int | None, glance: Glance, force: bool) -> None:
    policy = Policy(min_age=60, force=force)
    judgement = judge(policy, intercept(changed=None if age is None else NOW - age), glance)
    old = age is not None and age >= 60
    named = old and glance.clock is not None and (glance.clients == 0 or force)
    assert bool(judgement.reasons) is named
    unsure = age is None or glance.clock is None or (old and not named)
    assert bool(judgement.against) is (unsure and not named)


@pytest.mark.parametrize(
    ("glance", "said"),
    [
        (SOMEBODY, "Its manager last changed it 60 s ago, but a client is connected to that manager, and"),
        (Glance(clock=NOW, clients=3), "ago, but 3 clients are connected to that manager, and"),
        (SILENT, "Its age is not known. The pod did not answer."),
        (Glance(clock=NOW, why="No table."), "but whether a client is connected is not known. No table."),
    ],
)
def test_what_keeps_an_old_intercept_is_said(glance: Glance, said: str) -> None:
    assert said in judge(Policy(min_age=60), intercept(), glance).against


PARTS: dict[str, t.Any] = {
    "clients": ("dev@*",),
    "known_hosts": ("desk",),
    "dispositions": ("AGENT_ERROR",),
    "min_age": 60,
}
LIKE: dict[str, dict[str, t.Any]] = {
    "clients": {"client": "dev@desk"},
    "known_hosts": {"client": "other@laptop"},
    "dispositions": {"disposition": "AGENT_ERROR"},
    "min_age": {"changed": NOW - 60},
}
NONE: dict[str, t.Any] = {"client": "other@desk", "disposition": "ACTIVE", "changed": NOW - 59}


@pytest.mark.parametrize("parts", [some for size in range(5) for some in itertools.combinations(PARTS, size)])
@pytest.mark.parametrize("like", [None, *LIKE])
def test_each_part_of_a_policy_names_by_itself_and_nothing_else(parts: tuple[str, ...], like: str | None) -> None:
    policy = Policy(**{name: PARTS[name] for name in parts})
    found = reasons(policy, NOBODY, **{**NONE, **(LIKE[like] if like else {})})
    assert len(found) == (1 if like in parts else 0), found


def test_what_has_ended_is_named_by_nothing() -> None:
    policy = Policy(clients=("*",), known_hosts=("desk",), dispositions=BROKEN, min_age=1, force=True)
    judgement = judge(policy, intercept(disposition="REMOVED"), SILENT)
    assert (judgement.reasons, judgement.against) == ((), "")


def test_another_part_names_what_age_alone_would_not() -> None:
    judgement = judge(Policy(clients=("dev@*",), min_age=60), intercept(), SOMEBODY)
    assert (len(judgement.reasons), judgement.against) == (1, "")


def test_what_others_wrote_is_made_visible() -> None:
    policy = Policy(clients=("*",), known_hosts=("desk",))
    assert all("\x1b" not in one and "\\x1b" in one for one in reasons(policy, client="dev@lap\x1b[2Jtop"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "No policy says which intercepts to end"),
        ({"force": True}, "No policy says which intercepts to end"),
        ({"known_hosts": []}, "Option known_hosts names no host"),
        ({"known_hosts": [], "clients": ["*"]}, "Option known_hosts names no host"),
        ({"known_hosts": ["", " "]}, "Option known_hosts names no host"),
        ({"min_age": 0}, "Option min_age is 0, but at least 1 is needed."),
        ({"min_age": -1, "clients": ["*"]}, "Option min_age is -1, but at least 1 is needed."),
    ],
)
def test_a_policy_that_is_none_or_all_by_mistake(given: dict[str, t.Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Policy.of({**SET, **given})


@pytest.mark.parametrize("name", PARTS)
def test_one_part_is_a_policy(name: str) -> None:
    value = PARTS[name]
    policy = Policy.of({**SET, name: [*value] if isinstance(value, tuple) else value})
    assert policy == Policy(**{name: value})
