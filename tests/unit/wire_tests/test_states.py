"""The recorded states say over the wire what was recorded, as if recorded now."""

from __future__ import annotations

import re
from typing import Any

import pytest
import websocket
from urllib3.exceptions import ReadTimeoutError

from wire import states
from wire.exec import V5
from wire.server import ApiServer
from wire.states import CASES, Head, Probe, epoch

from .conftest import Dial, Http

CASE = "0.109-swap-web-pod-from-3"
EXEC = "/api/v1/namespaces/default/pods/{}/exec?command=probe&stdout=true"
LIVENESS = CASES / "liveness"


def _stage(server: ApiServer, state: str, **options: Any) -> tuple[str, list[Probe]]:
    probes: list[Probe] = []

    def encode(probe: Probe) -> bytes:
        probes.append(probe)
        return b"encoded"

    return states.stage(server, CASE, state, encode, **options), probes


@pytest.mark.parametrize(
    ("state", "head"),
    [
        ("alive", Head.ALIVE),
        ("starting", Head.REFUSED),
        ("suspended", Head.SILENT),
        ("clientless", Head.CLOSED),
        ("gone", Head.REFUSED),
        ("asleep-5s", Head.SILENT),
        ("asleep-2min", Head.REFUSED),
    ],
)
def test_an_exec_finds_the_recorded_state(server: ApiServer, dial: Dial, state: str, head: Head) -> None:
    pod, probes = _stage(server, state)
    connection = dial(EXEC.format(pod), V5)
    assert [connection.recv_data()[1] for _message in range(2)] == [b"\x01", b"\x01encoded"]
    (probe,) = probes
    assert {address: answer.kind for address, answer in probe.heads.items()} == {"127.0.0.1": head, "::1": head}
    assert all(
        answer.data.startswith(b"HTTP/1.0 200 OK\r\n") is (head is Head.ALIVE) for answer in probe.heads.values()
    )
    assert abs(probe.clock - server.clock()) < 1
    # The witness in the kernel's tables: ssh listens on 9055 (235F) unless the connection is refused.
    for table in (probe.tcp, probe.tcp6):
        assert table.startswith("  sl  local_address")
        assert bool(re.search(r"^\s+\d+: 0+:235F 0+:0000 0A", table, re.M)) is (head is not Head.REFUSED)


@pytest.mark.parametrize("state", ["alive", "clientless", "gone", "asleep-2min"])
def test_the_log_is_the_recorded_one_shifted_to_now(server: ApiServer, http: Http, state: str) -> None:
    server.clock = lambda: 1_800_000_000.0
    pod, _probes = _stage(server, state)
    told = http("GET", f"/api/v1/namespaces/default/pods/{pod}/log", timestamps="true").data.decode().splitlines()
    recorded = (LIVENESS / state / "log.txt").read_text().splitlines()
    assert len(told) == len(recorded)
    shift = server.clock() - epoch((LIVENESS / state / "taken-at.txt").read_text())
    for line, original in zip(told, recorded, strict=True):
        assert abs(epoch(line) - epoch(original) - shift) <= 1
        assert re.sub(r"\d\d\d\d-\S+T\S+", "", line) == re.sub(r"\d\d\d\d-\S+T\S+", "", original)
    # The time that the forwarder itself writes moves along.
    assert told[-1].split(" ")[1][:19] == told[-1][:19]


def test_a_node_whose_clock_is_ahead(server: ApiServer, http: Http, dial: Dial) -> None:
    probes: list[Probe] = []
    (pod,) = states.load_case(server, CASE, age=600)
    name = pod["metadata"]["name"]

    def encode(probe: Probe) -> bytes:
        probes.append(probe)
        return b""

    states.answers(server, "default", name, "gone", encode, pod_clock_ahead=3600)
    log = http("GET", f"/api/v1/namespaces/default/pods/{name}/log", timestamps="true", tailLines=1).data.decode()
    # gone/log.txt ends about 3 s before gone/taken-at.txt.
    assert 3590 < epoch(log) - server.clock() < 3600
    dial(EXEC.format(name), V5).recv_data()
    assert 3595 < probes[0].clock - server.clock() < 3601


def test_starting_has_no_poll_in_its_log(server: ApiServer, http: Http) -> None:
    pod, _probes = _stage(server, "starting")
    log = http("GET", f"/api/v1/namespaces/default/pods/{pod}/log").data.decode()
    assert "Listening..." in log and "[Poll#" not in log
    stored = server.store.get("Pod", pod, "default")
    assert stored and 0 < server.clock() - epoch(stored["metadata"]["creationTimestamp"]) < 30


@pytest.mark.parametrize(
    ("state", "code", "words"),
    [
        ("alive", 501, "Unsupported method ('GET')"),
        ("clientless", 503, "read: connection reset by peer"),
        ("gone", 503, "connect: connection refused"),
        ("asleep-2min", 503, "connect: connection refused"),
    ],
)
def test_the_port_answers_as_recorded(server: ApiServer, http: Http, state: str, code: int, words: str) -> None:
    pod, _probes = _stage(server, state)
    path = f"/api/v1/namespaces/default/pods/http:{pod}:9055/proxy/"
    answer = http("GET", path)
    assert answer.status == code and words in answer.data.decode()
    # kubectl printed the recorded answer; what it quotes is the body, or the message of the Status.
    recorded = (LIVENESS / state / "get-by-pod-proxy.txt").read_text().strip()
    said = answer.message if code == 503 else answer.data.decode().replace("\n", "\\n").replace('"', '\\"')
    # The pod of the case refuses at its own address, not at the one that was recorded.
    dialled = re.compile(r"dial tcp [0-9.]+:")
    assert dialled.sub("dial tcp", said) in dialled.sub("dial tcp", recorded)
    head = http("HEAD", path)
    assert (head.status, head.headers.get("Server", "")[:8]) == ((200, "BaseHTTP") if state == "alive" else (503, ""))


@pytest.mark.parametrize("state", ["suspended", "asleep-5s"])
def test_the_port_is_silent(server: ApiServer, http: Http, state: str) -> None:
    pod, _probes = _stage(server, state)
    with pytest.raises(ReadTimeoutError):
        http("HEAD", f"/api/v1/namespaces/default/pods/http:{pod}:9055/proxy/", timeout=0.3)


def test_a_case_is_shifted_as_a_whole(server: ApiServer) -> None:
    pod, _probes = _stage(server, "gone", age=1000, namespace="team-a")
    proxy, web = server.store.get("Pod", pod, "team-a"), server.store.get("Deployment", "web", "team-a")
    assert proxy and web
    assert abs(server.clock() - epoch(proxy["metadata"]["creationTimestamp"]) - 1000) < 2
    # As recorded: 02:37:09 less 02:15:13.
    created = [epoch(obj["metadata"]["creationTimestamp"]) for obj in (proxy, web)]
    assert created[0] - created[1] == 21 * 60 + 56
    events = server.store.all("Event")
    assert {event["involvedObject"]["namespace"] for event in events} == {"team-a"}
    assert max(epoch(event["lastTimestamp"]) for event in events) - created[0] < 5


@pytest.mark.parametrize("case", sorted(path.stem for path in CASES.glob("*.yaml")))
def test_every_recorded_case_loads(server: ApiServer, http: Http, case: str) -> None:
    (pod,) = states.load_case(server, case, age=600)
    listed = http("GET", "/api/v1/pods", labelSelector="telepresence").json["items"]
    assert [item["metadata"]["uid"] for item in listed] == [pod["metadata"]["uid"]]


def test_no_socket_is_left_by_a_silent_exec() -> None:
    """Leaving the server ends what still hangs."""
    with ApiServer() as server:
        pod, _probes = _stage(server, "alive")
        assert pod
    with pytest.raises((OSError, websocket.WebSocketException)):
        websocket.create_connection(server.url.replace("https", "wss") + EXEC.format(pod), timeout=1)
