"""The record as it lies in the cluster: what goes in comes out, nothing else is believed, and it is small."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.record import (
    NOWHERE,
    Autoscaler,
    Note,
    Record,
    Stored,
    config_map,
    parse,
)

from .builders import SID

TIME = "2026-11-22T02:00:00Z"
WEB = Note("Deployment/web", "uid-web", 3, "running", TIME)
SCALED = Note("Deployment/api", "uid-api", 2, "autoscaler", TIME, Autoscaler("api", 2, 9, 4))
SWAP = Note("Deployment/web", "uid-web", 3, "scaling_event", TIME)
GOOD: dict[str, t.Any] = {"replicas": 3, "uid": "uid-web", "source": "running", "time": TIME}


def stored(workloads: t.Any = "{}", sessions: t.Any = "{}") -> Object:
    """A ConfigMap with these texts."""
    return {"metadata": {"resourceVersion": "7"}, "data": {"workloads": workloads, "sessions": sessions}}


def test_what_is_written_is_read() -> None:
    record = Record({"Deployment/web": WEB, "Deployment/api": SCALED}, {SID: SWAP})
    written = config_map("shop", record, "7")
    assert parse(written) == Stored(record, "7")
    # The number that an autoscaler wanted just then is no part of the comparison.
    read = parse(written).record.workloads["Deployment/api"].autoscaler
    assert read and read.desired == 4


def test_one_note_is_on_one_line() -> None:
    written = config_map("shop", Record({"Deployment/web": WEB, "Deployment/api": SCALED}), NOWHERE)["data"][
        "workloads"
    ]
    assert [line.split('"')[1] for line in written.splitlines()] == ["Deployment/api", "Deployment/web"]


@pytest.mark.parametrize("length", [20, 63])
def test_a_thousand_workloads_are_far_below_the_limit(length: int) -> None:
    """A ConfigMap may hold 1 MiB (kubernetes 1.34, pkg/apis/core/validation/validation.go)."""
    names = [f"{number:04}".rjust(length, "w") for number in range(1000)]
    uid = "2dd5e9a4-3f3c-4a5e-8c55-0b5be4f6c7de"
    record = Record({f"Deployment/{name}": Note(f"Deployment/{name}", uid, 50, "running", TIME) for name in names})
    assert len(json.dumps(config_map("shop", record, "1"))) < 300 * 1024


@pytest.mark.parametrize(
    "text",
    [
        "",
        None,
        "{}",
    ],
)
def test_nothing_is_no_harm(text: str | None) -> None:
    assert parse(stored(text)) == Stored(Record(), "7")


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "3",
        '"x"',
        "[" * 100_000,
        {"Deployment/web": GOOD},
        3,
        '{"Deployment/web": 3}',
        '{"Deployment/web": null}',
        *(
            json.dumps({"Deployment/web": {**GOOD, **change}})
            for change in (
                {"replicas": "3"},
                {"replicas": True},
                {"replicas": 3.0},
                {"replicas": -1},
                {"replicas": None},
                {"replicas": 2**31},
                {"uid": 3},
                {"uid": ""},
                {"uid": "x" * 65},
                {"uid": "{{ uid }}"},
                {"source": "<b>"},
                {"source": ["running"]},
                {"source": "x" * 100_000},
                {"time": "yesterday"},
                {"time": None},
                {"time": f"{TIME}\n"},
            )
        ),
        *(
            json.dumps({key: GOOD})
            for key in ("web", "Pod/web", "Deployment/", "Deployment/{{ x }}", "Deployment/web\n")
        ),
        '{"Deployment/web": {"replicas": ' + "9" * 5000 + "}}",
    ],
)
def test_what_is_no_note_is_not_believed(text: t.Any) -> None:
    assert parse(stored(text)) == Stored(Record(), "7", spoilt=True)


def test_what_is_good_beside_it_holds() -> None:
    text = json.dumps({"Deployment/web": GOOD, "Deployment/api": 3})
    assert parse(stored(text)) == Stored(Record({"Deployment/web": WEB}), "7", spoilt=True)


@pytest.mark.parametrize(
    ("key", "change", "read"),
    [
        (SID, {}, True),
        ("manager", {}, False),
        (SID, {"workload": "Pod/web"}, False),
        (SID, {"workload": None}, False),
        (SID, {"workload": "Deployment/<script>"}, False),
    ],
)
def test_a_session_names_its_workload(key: str, change: Object, read: bool) -> None:
    note = {**GOOD, "source": "scaling_event", "workload": "Deployment/web", **change}
    assert parse(stored(sessions=json.dumps({key: note}))) == Stored(
        Record({}, {SID: SWAP} if read else {}), "7", spoilt=not read
    )


def test_a_config_map_without_anything() -> None:
    assert parse({"metadata": {}}) == Stored(Record(), NOWHERE)
