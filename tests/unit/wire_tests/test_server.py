"""Identity, access, time and scripted faults."""

from __future__ import annotations

import socket
import ssl
import time
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import urllib3
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

from wire import status, tls
from wire.exec import Ran
from wire.script import FOREVER, Delay, Hang, Reset, Truncate, on
from wire.server import ApiServer

from .conftest import Http

PODS = "/api/v1/pods"
MAPS = "/api/v1/namespaces/kube-system/configmaps"


def test_starting_and_stopping_takes_no_time() -> None:
    tls.shared_identity()
    taken = []
    for _server in range(10):
        started = time.monotonic()
        with ApiServer():
            pass
        taken.append(time.monotonic() - started)
    # The quickest of them: the machine may be busy with other things.
    assert min(taken) < 0.05


def test_anonymous_and_wrong_tokens(http: Http) -> None:
    assert http("GET", PODS, headers={"Authorization": "Bearer wrong"}).status == 401


def test_nobody_may_see_only_the_version(server: ApiServer, ca_file: str) -> None:
    with urllib3.PoolManager(ca_certs=ca_file) as pool:
        assert pool.request("GET", f"{server.url}/version").json()["gitVersion"] == "v1.34.4"
        for path in (PODS, "/apis", "/apis/apps/v1"):
            answer = pool.request("GET", server.url + path)
            assert answer.status == 403
            assert 'User "system:anonymous" cannot' in answer.json()["message"]


def test_each_identity_is_its_own(server: ApiServer, ca_file: str) -> None:
    with ApiServer(identity=tls.make_identity()) as other, urllib3.PoolManager(ca_certs=ca_file, retries=False) as pool:
        assert other.ca != server.ca
        with pytest.raises(HTTPError, match="CERTIFICATE_VERIFY_FAILED"):
            pool.request("GET", other.url)


def test_the_date_is_the_servers(tmp_path: Path) -> None:
    with ApiServer(clock=lambda: 1_000_000_000.0) as server:
        server.store.load({"kind": "Pod", "metadata": {"name": "p"}})
        (tmp_path / "ca.pem").write_bytes(server.ca)
        with urllib3.PoolManager(ca_certs=str(tmp_path / "ca.pem")) as pool:
            answer = pool.request("GET", f"{server.url}/version")
        assert parsedate_to_datetime(answer.headers["Date"]).timestamp() == 1_000_000_000
        pod = server.store.get("Pod", "p", "default")
        assert pod and pod["metadata"]["creationTimestamp"] == "2001-09-09T01:46:40Z"


def test_what_counts_as_a_write(server: ApiServer, http: Http) -> None:
    review = {"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}}
    http("GET", PODS)
    http("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    http("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {})
    assert server.writes == []
    http("POST", MAPS, {"metadata": {"name": "c"}})
    http("DELETE", f"{MAPS}/c")
    assert [str(request) for request in server.writes] == [f"POST {MAPS}", f"DELETE {MAPS}/c"]
    assert [request.access.verb for request in server.requests] == ["list", "create", "create", "create", "delete"]


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (status.unauthorized(), 401, "Unauthorized"),
        (status.expired(), 410, "Expired"),
        (status.too_many_requests(3), 429, "TooManyRequests"),
        (status.internal_error("etcdserver: request timed out"), 500, "InternalError"),
        (status.unavailable(), 503, "ServiceUnavailable"),
    ],
)
def test_scripted_errors_wear_off(
    server: ApiServer, http: Http, error: status.ApiError, code: int, reason: str
) -> None:
    server.script(on("list", "pods"), error, times=2)
    answers = [http("GET", PODS) for _request in range(3)]
    assert [answer.status for answer in answers] == [code, code, 200]
    assert (answers[0].json["kind"], answers[0].json["reason"]) == ("Status", reason)
    assert answers[0].headers.get("Retry-After") == ("3" if code == 429 else None)


@pytest.mark.parametrize("acts", [False, True])
def test_a_reset_before_or_after_the_server_acted(server: ApiServer, http: Http, acts: bool) -> None:
    server.script(on("create", "configmaps"), Reset(acts))
    with pytest.raises(ProtocolError):
        http("POST", MAPS, {"metadata": {"name": "c"}})
    assert (server.store.get("ConfigMap", "c", "kube-system") is not None) is acts
    assert server.writes[0].status is None


def _sent(server: ApiServer, request: bytes) -> ssl.SSLSocket:
    """An encrypted connection on which *request* was sent."""
    trust = ssl.create_default_context(cadata=server.ca.decode())
    raw = socket.create_connection(("127.0.0.1", int(server.url.split(":")[-1])), timeout=10)
    encrypted = trust.wrap_socket(raw, server_hostname="127.0.0.1")
    encrypted.sendall(request)
    return encrypted


def test_a_reset_is_one_of_tcp(server: ApiServer) -> None:
    server.script(on(), Reset())
    encrypted = _sent(server, b"GET /version HTTP/1.1\r\nHost: x\r\n\r\n")
    with socket.socket(fileno=encrypted.detach()) as below, pytest.raises(ConnectionResetError):
        below.settimeout(10)
        while below.recv(1024):
            pass


def test_head_is_answered_without_a_body(server: ApiServer) -> None:
    with _sent(server, b"HEAD /api/v1/pods HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n") as connection:
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("acts", [False, True])
def test_a_hang_before_or_after_the_server_acted(server: ApiServer, http: Http, acts: bool) -> None:
    server.script(on("create", "configmaps"), Hang(60, acts))
    with pytest.raises(ReadTimeoutError):
        http("POST", MAPS, {"metadata": {"name": "c"}}, timeout=0.3)
    assert (server.store.get("ConfigMap", "c", "kube-system") is not None) is acts


def test_a_slow_and_a_cut_answer(server: ApiServer, http: Http) -> None:
    server.script(on("list"), Delay(0.2), Truncate())
    started = time.monotonic()
    assert http("GET", PODS).status == 200
    assert time.monotonic() - started >= 0.2
    with pytest.raises(ValueError, match=r"Expecting|Unterminated"):
        assert http("GET", PODS).json


def test_somebody_writes_at_that_very_moment(server: ApiServer, http: Http) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments/web"
    server.store.load({"kind": "Deployment", "metadata": {"name": "web"}, "spec": {"replicas": 0}})
    server.script(
        on("update", subresource="scale", name="web", namespace="default", group="apps"),
        lambda request: server.store.edit("Deployment", "web", "default", lambda web: web["spec"].update(replicas=5)),
    )
    scale = {**http("GET", f"{path}/scale").json, "spec": {"replicas": 2}}
    assert http("PUT", f"{path}/scale", scale).status == 409
    assert http("GET", f"{path}/scale").json["spec"] == {"replicas": 5}


def test_a_fault_that_never_happened_fails_the_test() -> None:
    with pytest.raises(AssertionError, match=r"no request met.*Reset"), ApiServer() as server:
        server.script(on("list", "pods"), Reset(), times=FOREVER)


def test_a_broken_script_fails_the_test(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"(?s)the fake server broke.*ZeroDivisionError"), ApiServer() as server:
        (tmp_path / "ca.pem").write_bytes(server.ca)
        server.script(on(), lambda request: 1 / 0)
        with urllib3.PoolManager(ca_certs=str(tmp_path / "ca.pem")) as pool:
            assert pool.request("GET", f"{server.url}/version").status == 500


def test_exec_is_authorised_as_a_subresource(server: ApiServer, http: Http) -> None:
    pod = {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"nodeName": "n", "containers": [{"name": "c"}]}}
    server.store.load(pod)
    server.exec("default", "p", Ran())
    server.deny(subresource="exec")
    path = "/api/v1/namespaces/default/pods/p/exec"
    answer = http("GET", path, command="true")
    assert (answer.status, answer.json["reason"]) == (403, "Forbidden")
    assert 'pods "p" is forbidden' in answer.message and 'resource "pods/exec"' in answer.message
