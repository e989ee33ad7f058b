"""What stands in a cluster of the bench: ordinary pods, and orphaned sessions as real clients left them behind."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from tests.faults.world import PLURALS, POD, creatable, in_order, recorded, renamed
from tests.lab.client import Client
from tests.lab.control_plane import ApiServer
from tests.lab.kwok import NODE
from tests.lab.say import LabError

COUNT = 3
"""Replicas of each original, as the recorded event of its scaling tells."""
AT_ONCE = 8
"""Requests, while the objects are made."""
PATIENCE = 120.0
"""Seconds for kwok to let the pods run."""
T = TypeVar("T")


def add_pods(server: ApiServer, count: int, namespaces: int) -> None:
    """Makes ordinary pods, spread over namespaces; returns when they run. Raises LabError."""
    client = server.client()
    places = _make_namespaces(client, "pods", namespaces)
    _each(lambda number: _create(client, _pod(f"pod-{number}", places[number % namespaces])), range(count))
    _await_running(client, places)


def add_orphans(server: ApiServer, count: int, namespaces: int) -> None:
    """Makes orphaned sessions, each with its original at 0, spread over namespaces; returns when their proxies run. Raises LabError."""
    client = server.client()
    places = _make_namespaces(client, "orphans", namespaces)
    items = in_order(recorded(POD))
    _each(lambda number: _orphan(client, items, f"web{number}", places[number % namespaces]), range(count))
    _await_running(client, places)


def _orphan(client: Client, items: list[dict[str, Any]], name: str, namespace: str) -> None:
    uids: dict[str, str] = {}
    for item in renamed(items, name, uuid.uuid4().hex, namespace):
        body = creatable(item, uids)
        if body["kind"] == "Pod":
            body["spec"]["nodeName"] = NODE
        uids[item["metadata"]["uid"]] = _create(client, body)["metadata"]["uid"]


def _pod(name: str, namespace: str) -> dict[str, Any]:
    """A pod of about the size of those that the clusters of the lab have, 3 kB."""
    environment = [{"name": f"SETTING_{number}", "value": f"value of setting {number}"} for number in range(20)]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name, "team": namespace}},
        "spec": {"nodeName": NODE, "containers": [{"name": "app", "image": "app:1", "env": environment}]},
    }


def _make_namespaces(client: Client, name: str, count: int) -> list[str]:
    places = [f"{name}-{number}" for number in range(count)]
    _each(lambda place: client.call("POST", "/api/v1/namespaces", {"metadata": {"name": place}}), places)
    return places


def _create(client: Client, body: dict[str, Any]) -> dict[str, Any]:
    group, plural = PLURALS[body["kind"]]
    created: dict[str, Any] = client.call("POST", f"/{group}/namespaces/{body['metadata']['namespace']}/{plural}", body)
    return created


def _each(work: Callable[[T], object], items: Iterable[T]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(work, items))


def _await_running(client: Client, namespaces: Iterable[str]) -> None:
    ends = time.monotonic() + PATIENCE
    for namespace in namespaces:
        while client.call("GET", f"/api/v1/namespaces/{namespace}/pods?fieldSelector=status.phase!=Running&limit=1")[
            "items"
        ]:
            if time.monotonic() > ends:
                raise LabError(f"pods of namespace {namespace} do not run after {PATIENCE:.0f} s.")
            time.sleep(0.2)
