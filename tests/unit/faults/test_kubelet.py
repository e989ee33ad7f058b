"""The scripted kubelet says what real ones were recorded to say."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path

import pytest
import websocket
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps import log, question

from tests.faults.kubelet import NODE, PORT, Kubelet, Voice
from tests.lab.pki import Authority
from wire import exec as exec_
from wire import states

NOW = 1795428000.0
ADDRESS = "10.244.0.7"
STATES = ["alive", "suspended", "clientless", "gone", "asleep-2min"]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """The authority of the kubelet's certificate."""
    return Authority(tmp_path / "pki", "faults")


@pytest.fixture
def kubelet(tmp_path: Path, authority: Authority) -> Iterator[Kubelet]:
    """A scripted kubelet whose clock stands still."""
    pair = authority.issue("kubelet", "kubelet", hosts=[NODE])
    kubelet = Kubelet(str(tmp_path / "pods"), pair, lambda: NOW)
    yield kubelet
    kubelet.shutdown()
    kubelet.server_close()


def dial(kubelet: Kubelet, address: str, port: int) -> tuple[str, socket.socket]:
    """Asks for a connection as an API server does: the answer's first line, and the connection."""
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(10)
    link.connect(str(kubelet.server_address))
    link.sendall(f"CONNECT {address}:{port} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += link.recv(1)
    return head.decode().split("\r\n")[0], link


def node(kubelet: Kubelet, authority: Authority) -> ssl.SSLSocket:
    """A connection to the kubelet's own port."""
    answer, link = dial(kubelet, NODE, PORT)
    assert answer == "HTTP/1.1 200 OK"
    return ssl.create_default_context(cafile=str(authority.pair.certificate)).wrap_socket(link, server_hostname=NODE)


def execute(kubelet: Kubelet, authority: Authority, pod: str) -> tuple[str, bytes, dict[str, object]]:
    """The protocol, what came on stdout, and the status of an exec."""
    link = node(kubelet, authority)
    url = f"ws://{NODE}/exec/shop/{pod}/c?command=sh&output=1&error=1"
    stream = websocket.create_connection(url, socket=link, subprotocols=[exec_.V5, exec_.V4])
    output = b""
    while True:
        _opcode, frame = stream.recv_data()
        if frame[:1] == bytes([exec_.ERROR]):
            return str(stream.subprotocol), output, json.loads(frame[1:])
        if frame[:1] == bytes([exec_.STDOUT]):
            output += frame[1:]


@pytest.mark.parametrize("state", STATES)
def test_an_exec_answers_what_was_recorded_as_if_it_were_now(
    kubelet: Kubelet, authority: Authority, state: str
) -> None:
    kubelet.voices["web-1"] = Voice(state, ADDRESS)
    protocol, output, ended = execute(kubelet, authority, "web-1")
    assert (protocol, ended) == (exec_.V4, {"metadata": {}, "status": "Success"})
    answer = question.parse(output.decode())
    recorded = states.recorded(state).probe
    assert answer is not None
    expected = {"alive": "alive", "suspended": "silent", "clientless": "closed"}.get(state, "refused")
    assert (answer.http, answer.clock) == (expected, NOW)
    rows = [line.split() for line in (recorded.tcp + recorded.tcp6).splitlines()]
    assert answer.listening == any(row[1].endswith(":235F") and row[3] == "0A" for row in rows)
    assert answer.tunnels == sum(row[1].endswith(":1F56") and row[3] == "01" for row in rows)


@pytest.mark.parametrize("state", STATES)
def test_a_log_is_the_recorded_one_as_if_it_were_now(kubelet: Kubelet, authority: Authority, state: str) -> None:
    kubelet.voices["web-1"] = Voice(state, ADDRESS)
    link = node(kubelet, authority)
    link.sendall(f"GET /containerLogs/shop/web-1/c?timestamps=true HTTP/1.1\r\nHost: {NODE}\r\n\r\n".encode())
    response = HTTPResponse(link)
    response.begin()
    said = response.read().decode()
    recorded = states.recorded(state)
    assert said == states.shift(recorded.log, round(NOW - recorded.probe.clock))
    then, now = log.parse(recorded.log), log.parse(said)
    assert (now.failures, now.last_alive is None) == (then.failures, then.last_alive is None)
    assert now.failing_until is None or NOW - now.failing_until < 45


def test_the_port_of_a_living_client_answers_as_recorded(kubelet: Kubelet) -> None:
    kubelet.voices["web-1"] = Voice("alive", ADDRESS)
    answer, link = dial(kubelet, ADDRESS, 9055)
    assert answer == "HTTP/1.1 200 OK"
    link.sendall(b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n")
    said = b""
    while part := link.recv(4096):
        said += part
    recorded = (states.CASES / "liveness" / "alive" / "head-by-exec.txt").read_text()
    assert said.decode().split("\r\n")[:2] == recorded.splitlines()[:2]


@pytest.mark.parametrize(
    "voice", [Voice("gone", ADDRESS), Voice("alive", ADDRESS, reachable=False), Voice("alive", "10.244.0.8")]
)
def test_nothing_answers_for_a_client_that_is_gone_or_out_of_reach(kubelet: Kubelet, voice: Voice) -> None:
    kubelet.voices["web-1"] = voice
    answer, _link = dial(kubelet, ADDRESS, 9055)
    assert answer.startswith("HTTP/1.1 502 ")


def test_a_pod_that_is_not_there_has_no_container(kubelet: Kubelet, authority: Authority) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as caught:
        execute(kubelet, authority, "web-2")
    assert caught.value.status_code == 500
    assert caught.value.resp_body == b'container not found ("c")'
