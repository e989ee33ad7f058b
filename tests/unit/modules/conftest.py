"""The fake cluster of these tests, with its clock in the product's hands."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import urllib3
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.errors import ClusterError
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.execute import execute
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.reach import reach
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps import ask
from kubernetes.client import rest

from wire.server import ApiServer

from .cluster import POD_3, Cluster
from .fake_time import FakeTime, RealTime, lent_to_the_product


@pytest.fixture
def clock() -> Iterator[FakeTime]:
    """The time of the cluster and of the product: it passes only when the product sleeps."""
    clock = FakeTime()
    with contextlib.ExitStack() as stack:
        for patch in lent_to_the_product(clock):
            stack.enter_context(patch)
        yield clock


@pytest.fixture
def server(clock: FakeTime) -> Iterator[ApiServer]:
    """A running fake cluster by the same clock."""
    with ApiServer(clock=clock.time) as running:
        yield running


@pytest.fixture
def cluster(server: ApiServer, kubeconfig: str, clock: FakeTime) -> Cluster:
    """The fake cluster, to be filled and to run modules on."""
    return Cluster(server, kubeconfig, clock)


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Cluster]:
    """A running fake cluster by the real clock, for processes of their own, with one orphan in it."""
    with ApiServer() as server:
        cluster = Cluster(server, str(server.kubeconfig(tmp_path / "kubeconfig")), RealTime())  # type: ignore[arg-type]
        cluster.client(cluster.stage(POD_3), "gone")
        yield cluster


@pytest.fixture(autouse=True)
def settings_of_the_process() -> Iterator[None]:
    """A module may set these for its whole process; here the next test runs in the same one."""
    timeout = socket.getdefaulttimeout()
    with mock.patch.object(urllib3.util.retry.Retry, "DEFAULT", urllib3.util.retry.Retry.DEFAULT):
        yield
    socket.setdefaulttimeout(timeout)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch, clock: FakeTime) -> None:
    """Waits for answers that never come are cut short, and the clock goes on as if they had been waited for.

    A wait that the product does not bound is not bounded here either.
    """
    request: Callable[..., Any] = rest.RESTClientObject.request

    def impatient(*args: Any, _request_timeout: tuple[float, float] | None = None, **options: Any) -> Any:
        if _request_timeout is None:
            return request(*args, **options)
        wait, read = _request_timeout
        try:
            return request(*args, _request_timeout=(wait, max(1.0, read / 30)), **options)
        except urllib3.exceptions.TimeoutError:
            clock.sleep(read)
            raise

    def soon(api: Any, method: str, namespace: str, pod: str, port: int, deadline: float) -> Any:
        try:
            return reach(api, method, namespace, pod, port, deadline / 4)
        except ClusterError as error:
            if "Timeout" in error.reason:
                clock.sleep(deadline)
            raise

    def brief(api: Any, namespace: str, pod: str, container: str, command: Any, deadline: float) -> Any:
        try:
            return execute(api, namespace, pod, container, command, deadline / 5)
        except ClusterError as error:
            if "Timeout" in error.reason:
                clock.sleep(deadline)
            raise

    monkeypatch.setattr(rest.RESTClientObject, "request", impatient)
    monkeypatch.setattr(ask, "execute", brief)
    monkeypatch.setattr(ask, "reach", soon)


@pytest.fixture
def write_kubeconfig(server: ApiServer, tmp_path: Path) -> Callable[..., str]:
    """Writes a kubeconfig for the server with other contents, see :meth:`ApiServer.kubeconfig`; its path."""

    def write(**contents: Any) -> str:
        return str(server.kubeconfig(tmp_path / "other-kubeconfig", **contents))

    return write
