"""A pod's log and its port through the API server."""

from __future__ import annotations

import pytest
from urllib3.exceptions import ReadTimeoutError

from wire.pods import Answered, Silent, Unreachable
from wire.server import ApiServer
from wire.states import epoch

from .conftest import Http

POD = "/api/v1/namespaces/default/pods/p"
LOG = "".join(f"2026-11-22T03:41:{second}.745840726Z line {second}\n" for second in (10, 20, 30))
REFUSED = "dial tcp 10.244.0.7:9055: connect: connection refused"


@pytest.fixture(autouse=True)
def _pod(server: ApiServer) -> None:
    spec = {"nodeName": "n", "containers": [{"name": "c"}, {"name": "d"}]}
    server.store.load({"kind": "Pod", "metadata": {"name": "p"}, "spec": spec, "status": {"podIP": "10.244.0.7"}})
    server.log("default", "p", LOG, container="c")


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({}, "line 10\nline 20\nline 30\n"),
        ({"timestamps": "true"}, LOG),
        ({"tailLines": 1}, "line 30\n"),
        ({"tailLines": 0}, ""),
        ({"tailLines": 9}, "line 10\nline 20\nline 30\n"),
        ({"tailLines": 1, "timestamps": "true"}, "2026-11-22T03:41:30.745840726Z line 30\n"),
        ({"limitBytes": 6}, "line 1"),
        ({"sinceSeconds": 15}, "line 30\n"),
    ],
)
def test_log(server: ApiServer, http: Http, query: dict[str, object], text: str) -> None:
    server.clock = lambda: epoch("2026-11-22T03:41:40Z")
    answer = http("GET", f"{POD}/log", container="c", **query)
    assert (answer.status, answer.data.decode()) == (200, text)
    assert answer.headers["Content-Type"] == "text/plain"


def test_a_log_that_cannot_be_had(server: ApiServer, http: Http) -> None:
    assert http("GET", f"{POD}/log").message == "a container name must be specified for pod p, choose one of: [c d]"
    assert http("GET", f"{POD}/log", container="x").message == "container x is not valid for pod p"
    assert http("GET", f"{POD}/log", container="d").data == b""
    previous = http("GET", f"{POD}/log", container="c", previous="true")
    assert previous.message == 'previous terminated container "c" in pod "p" not found'
    waiting = {"containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "ContainerCreating"}}}]}
    server.store.edit("Pod", "p", "default", lambda pod: pod.update(status=waiting))
    answer = http("GET", f"{POD}/log", container="c")
    assert answer.message == 'container "c" in pod "p" is waiting to start: ContainerCreating'


@pytest.mark.parametrize("path", ["http:p:9055", "p:9055", "http%3Ap%3A9055"])
def test_a_port_that_answers(server: ApiServer, http: Http, path: str) -> None:
    server.port("default", "p", "HEAD", Answered(200, {"Server": "BaseHTTP/0.6 Python/3.11.7"}))
    answer = http("HEAD", f"/api/v1/namespaces/default/pods/{path}/proxy/")
    assert (answer.status, answer.headers["Server"], answer.data) == (200, "BaseHTTP/0.6 Python/3.11.7", b"")
    redirect = http("HEAD", f"/api/v1/namespaces/default/pods/{path}/proxy")
    assert (redirect.status, redirect.headers["Location"][-7:]) == (301, "/proxy/")


def test_a_port_that_does_not(server: ApiServer, http: Http) -> None:
    proxy = "/api/v1/namespaces/default/pods/http:p:9055/proxy/"
    # Where nothing is scripted, nothing listens.
    assert http("GET", proxy).message == f"error trying to reach service: {REFUSED}"
    server.port(
        "default", "p", "GET", Unreachable("read tcp 10.244.0.1:1->10.244.0.7:9055: read: connection reset by peer")
    )
    assert http("GET", proxy).message.endswith("read: connection reset by peer")
    head = http("HEAD", proxy)
    assert (head.status, head.data, "Server" in head.headers) == (503, b"", False)
    server.port("default", "p", "HEAD", Silent())
    with pytest.raises(ReadTimeoutError):
        http("HEAD", proxy, timeout=0.3)
    assert http("HEAD", proxy.replace("9055", "9050")).status == 503
    assert http("GET", proxy.replace(":p:", ":q:")).message == 'pods "q" not found'


def test_the_proxy_is_a_right_of_its_own(server: ApiServer, http: Http) -> None:
    server.port("default", "p", "HEAD", Answered(200))
    server.deny("get", "pods", "proxy")
    assert http("HEAD", "/api/v1/namespaces/default/pods/http:p:9055/proxy/").status == 403
    assert http("GET", POD).status == 200
