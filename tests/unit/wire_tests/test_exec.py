"""Exec over websockets: the v4 and v5 channel protocols, and the ways an exec goes wrong."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import websocket

from wire import status
from wire.exec import STDERR, STDOUT, V4, V5, ContainerNotFound, End, ExecCall, NotRun, Ran, in_order, program_missing
from wire.script import Hang, Reset, on
from wire.server import ApiServer

from .conftest import Dial, Http

EXEC = "/api/v1/namespaces/default/pods/p/exec?command=sh&command=-c&command=a%20b&stdout=true&stderr=true"
ERROR = 3
both = pytest.mark.parametrize("protocol", [V4, V5])


@pytest.fixture(autouse=True)
def _pod(server: ApiServer) -> None:
    server.store.load(
        {"kind": "Pod", "metadata": {"name": "p"}, "spec": {"nodeName": "n", "containers": [{"name": "c"}]}}
    )


def _channels(connection: websocket.WebSocket) -> tuple[dict[int, bytes], int]:
    """All output by channel, and the opcode of the frame that ended it."""
    received: dict[int, bytes] = {}
    while True:
        opcode, data = connection.recv_data()
        if opcode != websocket.ABNF.OPCODE_BINARY:
            return received, opcode
        received[data[0]] = received.get(data[0], b"") + data[1:]


def _status(received: dict[int, bytes]) -> Any:
    return json.loads(received[ERROR])


@both
def test_output_and_success(server: ApiServer, dial: Dial, protocol: str) -> None:
    calls = []

    def handler(call: ExecCall) -> Ran:
        calls.append(call)
        return Ran(b"out", b"err")

    server.exec("default", "p", handler)
    connection = dial(EXEC, protocol)
    assert connection.getsubprotocol() == protocol
    # The first message is empty: the streams are there.
    assert connection.recv_data() == (websocket.ABNF.OPCODE_BINARY, bytes([STDOUT]))
    received, ended = _channels(connection)
    assert (received[STDOUT], received[STDERR]) == (b"out", b"err")
    assert _status(received) == {"metadata": {}, "status": "Success"}
    assert ended == websocket.ABNF.OPCODE_CLOSE
    assert calls == [ExecCall("default", "p", "c", ("sh", "-c", "a b"))]
    assert (server.requests[0].status, server.writes) == (101, [])


@both
def test_an_exit_code(server: ApiServer, dial: Dial, protocol: str) -> None:
    server.exec("default", "p", Ran(exit_code=137))
    # As a 1.34.4 server and containerd answer: v4 by the kubelet, v5 by the API server.
    error = (
        "error executing command [sh -c a b], exit code 137"
        if protocol == V4
        else "command terminated with exit code 137"
    )
    assert _status(_channels(dial(EXEC, protocol))[0]) == {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: {error}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": "137"}]},
    }


def test_container_not_found_refuses_the_handshake_of_v4(server: ApiServer, dial: Dial) -> None:
    server.exec("default", "p", ContainerNotFound())
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        dial(EXEC, V4)
    assert (refused.value.status_code, refused.value.resp_body) == (500, b'container not found ("c")')


def test_container_not_found_is_a_status_of_v5(server: ApiServer, dial: Dial) -> None:
    server.exec("default", "p", ContainerNotFound())
    cause = 'unable to upgrade connection: container not found ("c")'
    assert _status(_channels(dial(EXEC, V5))[0]) == {
        "metadata": {},
        "status": "Failure",
        "message": f"Internal error occurred: {cause}",
        "reason": "InternalError",
        "details": {"causes": [{"message": cause}]},
        "code": 500,
    }


@both
def test_a_program_that_is_not_there(server: ApiServer, dial: Dial, protocol: str) -> None:
    server.exec("default", "p", in_order(program_missing("python3"), NotRun("something else")))
    message = _status(_channels(dial(EXEC, protocol))[0])["message"]
    assert 'exec: "python3": executable file not found' in message
    # With v5 it is wrapped twice.
    assert message.count("Internal error occurred: ") == (1 if protocol == V4 else 2)
    assert "something else" in _status(_channels(dial(EXEC, protocol))[0])["message"]


def test_only_the_channels_asked_for(server: ApiServer, dial: Dial) -> None:
    server.exec("default", "p", Ran(b"out", b"err"))
    received, _ended = _channels(dial(EXEC.replace("&stderr=true", ""), V4))
    assert set(received) == {STDOUT, ERROR}


def test_a_close_without_a_status(server: ApiServer, dial: Dial) -> None:
    server.exec("default", "p", Ran(b"part", end=End.CLOSE))
    assert _channels(dial(EXEC, V4)) == ({STDOUT: b"part"}, websocket.ABNF.OPCODE_CLOSE)


def test_a_reset_in_the_middle(server: ApiServer, dial: Dial) -> None:
    server.exec("default", "p", Ran(b"part", end=End.RESET))
    connection = dial(EXEC, V4)
    with pytest.raises((websocket.WebSocketException, OSError)):
        _channels(connection)


def test_silence_after_the_output(server: ApiServer, dial: Dial) -> None:
    server.exec("default", "p", Ran(b"part", end=End.HANG))
    connection = dial(EXEC, V4)
    connection.settimeout(0.2)
    with pytest.raises(websocket.WebSocketTimeoutException):
        _channels(connection)
    connection.ping(b"there?")
    assert connection.recv_data_frame(control_frame=True)[1].data == b"there?"


def test_a_slow_command(server: ApiServer, dial: Dial) -> None:
    server.exec("default", "p", Ran(b"late", delay=0.2))
    started = time.monotonic()
    assert _channels(dial(EXEC, V5))[0][STDOUT] == b"late"
    assert time.monotonic() - started >= 0.2


@pytest.mark.parametrize("size", [125, 126, 65535, 65536, 1_000_000])
def test_output_of_any_size(server: ApiServer, dial: Dial, size: int) -> None:
    data = bytes(index % 251 for index in range(size))
    server.exec("default", "p", Ran(data))
    assert _channels(dial(EXEC, V4))[0][STDOUT] == data


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (status.forbidden("u", "get", "", "pods/exec", "default", "p"), 403),
        (status.no_such_path(), 404),
        (status.internal_error("error dialing backend: dial tcp 192.0.2.2:10250: i/o timeout"), 500),
    ],
)
def test_a_refused_handshake(server: ApiServer, dial: Dial, error: status.ApiError, code: int) -> None:
    server.script(on("get", "pods", "exec"), error)
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        dial(EXEC, V5)
    assert refused.value.status_code == code
    assert json.loads(refused.value.resp_body or b"") == error.body


def test_a_handshake_that_hangs_or_is_reset(server: ApiServer, dial: Dial) -> None:
    server.script(on("get", subresource="exec"), Hang(60), Reset())
    started = time.monotonic()
    with pytest.raises(websocket.WebSocketTimeoutException):
        dial(EXEC, V4, timeout=0.3)
    assert time.monotonic() - started < 10
    with pytest.raises((websocket.WebSocketException, OSError)):
        dial(EXEC, V4)


def test_what_the_api_server_itself_refuses(server: ApiServer, http: Http, dial: Dial) -> None:
    assert http("GET", EXEC.replace("/p/", "/q/")).message == 'pods "q" not found'
    assert http("GET", EXEC + "&container=d").message == "container d is not valid for pod p"
    server.exec("default", "p", Ran())
    for method in ("GET", "POST"):
        assert http(method, EXEC).message == "Upgrade request required"
    assert server.writes == []
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        dial(EXEC, "v9.channel.k8s.io")
    pods = [{"name": "c"}, {"name": "d"}]
    server.store.edit("Pod", "p", "default", lambda pod: pod.update(spec={"nodeName": "n", "containers": pods}))
    assert http("GET", EXEC).message == "a container name must be specified for pod p, choose one of: [c d]"
    server.store.edit("Pod", "p", "default", lambda pod: pod.update(spec={"containers": [{"name": "c"}]}))
    assert http("GET", EXEC).message == "pod p does not have a host assigned"


@pytest.mark.parametrize("calls", [1, 2])
def test_an_exec_nobody_scripted_fails_the_test(server: ApiServer, dial: Dial, calls: int) -> None:
    if calls == 2:
        server.exec("default", "p", in_order(Ran()))
        dial(EXEC, V4)
    with pytest.raises(websocket.WebSocketBadStatusException, match="500"):
        dial(EXEC, V4)
    (error,) = server.errors
    assert ("no exec is scripted" if calls == 1 else "all 1 scripted outcomes are used up") in error
    server.errors.clear()
