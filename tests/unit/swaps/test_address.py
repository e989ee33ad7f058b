"""What the API server says of a pod's port 9055: a client, a refusal by the pod's own address, or nothing to go by."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.reach import Reached
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.address import (
    is_client,
    refuses,
    shared_with,
)

from . import builders
from .builders import container, pod, proxy_container

BASE_HTTP = {"Server": "BaseHTTP/0.6 Python/3.11.7"}
IP = "10.244.0.25"


@pytest.mark.parametrize(
    ("method", "status", "headers", "expected"),
    [
        ("HEAD", 200, BASE_HTTP, True),
        ("GET", 501, BASE_HTTP, True),
        ("HEAD", 501, BASE_HTTP, False),
        ("GET", 200, BASE_HTTP, False),
        ("HEAD", 204, BASE_HTTP, False),
        ("HEAD", 302, BASE_HTTP, False),
        ("GET", 503, BASE_HTTP, False),
        ("HEAD", 200, {"Server": "nginx"}, False),
        ("HEAD", 200, {}, False),
        ("GET", 501, {"Server": "SimpleHTTP/0.6 Python/3.11.7"}, False),
    ],
)
def test_is_client(method: str, status: int, headers: dict[str, str], expected: bool) -> None:
    assert is_client(method, Reached(status, headers, "")) is expected


def status(message: str, **changes: t.Any) -> str:
    """A Status object of the API server, as text."""
    return json.dumps(
        {
            "kind": "Status",
            "status": "Failure",
            "message": message,
            "reason": "ServiceUnavailable",
            "code": 503,
            **changes,
        }
    )


def trying(cause: str) -> str:
    """The Status of an API server that did not reach a pod."""
    return status(f"error trying to reach service: {cause}")


REFUSED = f"dial tcp {IP}:9055: connect: connection refused"


@pytest.mark.parametrize(
    ("ip", "code", "body", "expected"),
    [
        pytest.param(IP, 503, trying(REFUSED), True, id="refused"),
        pytest.param("fd00::25", 503, trying("dial tcp [fd00::25]:9055: connect: connection refused"), True, id="ipv6"),
        pytest.param(
            IP, 503, trying("dial tcp 10.244.0.2:9055: connect: connection refused"), False, id="another-address"
        ),
        pytest.param("10.244.0.2", 503, trying(REFUSED), False, id="longer-address"),
        pytest.param("0.244.0.25", 503, trying(REFUSED), False, id="end-of-an-address"),
        pytest.param(IP, 503, trying(f"dial tcp {IP}:9050: connect: connection refused"), False, id="another-port"),
        pytest.param(IP, 503, trying(f"proxyconnect tcp: {REFUSED}"), False, id="refused-on-the-way"),
        pytest.param(IP, 503, trying(f"dial tcp {IP}:9055: i/o timeout"), False, id="timeout"),
        pytest.param(IP, 503, trying(f"dial tcp {IP}:9055: connect: no route to host"), False, id="no-route"),
        pytest.param(
            IP, 503, trying(f"read tcp 10.0.0.1:5->{IP}:9055: read: connection reset by peer"), False, id="reset"
        ),
        pytest.param(IP, 503, trying("EOF"), False, id="eof"),
        pytest.param(IP, 503, "upstream connect error or disconnect/reset before headers", False, id="a-mesh"),
        pytest.param(IP, 503, f"error trying to reach service: {REFUSED}", False, id="no-status-object"),
        pytest.param(IP, 503, trying(REFUSED)[:-9], False, id="cut"),
        pytest.param(IP, 503, f"[{trying(REFUSED)}]", False, id="a-list"),
        pytest.param(IP, 503, "", False, id="no-body"),
        pytest.param(IP, 502, trying(REFUSED), False, id="another-code"),
        pytest.param(IP, 200, trying(REFUSED), False, id="the-pod-says-so"),
        pytest.param("", 503, trying("dial tcp :9055: connect: connection refused"), False, id="no-address"),
        pytest.param(None, 503, trying("dial tcp None:9055: connect: connection refused"), False, id="null-address"),
    ],
)
def test_refuses(ip: str | None, code: int, body: str, expected: bool) -> None:
    assert refuses({"status": {"podIP": ip}}, Reached(code, {}, body)) is expected


def test_refuses_as_recorded() -> None:
    for state, expected in (("gone", True), ("asleep-2min", True), ("clientless", False), ("asleep-5s", False)):
        folder = builders.CASES / "liveness" / state
        said = (folder / "get-by-pod-proxy.txt").read_text().strip().partition(": ")[2]
        recorded = json.loads((folder / "pod.json").read_text())
        assert refuses(recorded, Reached(503, {}, status(said))) is expected, state


def test_a_pod_without_a_status_refuses_nothing() -> None:
    assert not refuses(pod(), Reached(503, {}, trying(REFUSED)))


def sidecar(name: str, **changes: t.Any) -> Object:
    """A container beside the proxy's."""
    return {**container(name, "mesh/proxy:1"), **changes}


@pytest.mark.parametrize(
    ("containers", "init", "annotations", "expected"),
    [
        pytest.param([], [], {}, "", id="alone"),
        pytest.param([], [sidecar("migrate"), sidecar("istio-init")], {}, "", id="init-containers-that-end"),
        pytest.param([sidecar("istio-proxy")], [], {}, "container istio-proxy", id="istio"),
        pytest.param([sidecar("linkerd-proxy")], [], {}, "container linkerd-proxy", id="linkerd"),
        pytest.param([sidecar("kuma-sidecar")], [], {}, "container kuma-sidecar", id="kuma"),
        pytest.param([sidecar("consul-dataplane")], [], {}, "container consul-dataplane", id="consul"),
        pytest.param([sidecar("log")], [], {}, "container log", id="anything-else"),
        pytest.param([], [sidecar("istio-proxy", restartPolicy="Always")], {}, "container istio-proxy", id="native"),
        pytest.param([], [], {"ambient.istio.io/redirection": "enabled"}, "the ambient mesh", id="ambient"),
    ],
)
@pytest.mark.parametrize("first", [False, True], ids=["after", "before"])
def test_shared_with(
    containers: list[Object], init: list[Object], annotations: dict[str, str], expected: str, first: bool
) -> None:
    proxy = [proxy_container("app")]
    of = pod(containers=containers + proxy if first else proxy + containers, annotations=annotations)
    of["spec"]["initContainers"] = init
    assert shared_with(of, "app") == expected


@pytest.mark.parametrize("of", [{}, {"spec": {}}, {"spec": {"containers": None, "initContainers": None}}], ids=str)
def test_nothing_is_beside_nothing(of: Object) -> None:
    assert shared_with({"metadata": {}, **of}, "app") == ""
