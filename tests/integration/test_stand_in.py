"""The lab's proxy and clients, held against recordings of a real Telepresence 0.109 session in the same states.

What is seen of the stand-in is written down in the form of the recordings (``tests/unit/fixtures/cases/liveness``), so
that both are read by the same functions.
"""

from __future__ import annotations

import concurrent.futures
import datetime
import pathlib
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.lab.swap import plant
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl
from tests.lab.telepresence1.session import Session

pytestmark = pytest.mark.alone  # beside others, the machine is too busy for what must happen at a second
RECORDINGS = pathlib.Path(__file__).parents[1] / "unit" / "fixtures" / "cases" / "liveness"

# By state of the client, the recordings to compare with and when to look, in seconds after the state was entered. The
# proxy polls every 30 s and was seen alive just before: 40 s see one poll come to nothing, 70 s two.
LOOKS = {
    "alive": [("alive", 0)],
    "suspended": [("suspended", 70)],
    "clientless": [("clientless", 40)],
    "gone": [("gone", 40)],
    "asleep": [("asleep-5s", 5), ("asleep-2min", 40)],
}
RECORDED = [recording for looks in LOOKS.values() for recording, _ in looks]

HEAD = """
import socket, time
for address in ("127.0.0.1", "::1"):
    began = time.time()
    try:
        with socket.create_connection((address, 9055), 5) as connection:
            connection.sendall(b"HEAD / HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n")
            answer = b""
            while part := connection.recv(4096):
                answer += part
    except OSError as error:
        answer = error
    print(address, round(time.time() - began, 3), repr(answer))
"""

# A client that hangs up resets the connection if the request was there first, as in every recording; on a busy machine
# it may be quicker, and closes it. By the words for the one, those for the other.
CLOSED_OR_RESET = {
    "ConnectionDone: Connection was closed cleanly.": "ConnectionLost: Connection to the other side was lost in a non-clean fashion.",
    "127.0.0.1 b''": "127.0.0.1 ConnectionResetError(104, 'Connection reset by peer')",
    "::1 b''": "::1 ConnectionResetError(104, 'Connection reset by peer')",
    "reach service: EOF": "reach service: read tcp FROM->POD:9055: read: connection reset by peer",
}

Look = dict[str, str]  # by file name of the recordings, the text seen


@pytest.fixture(scope="module")
def namespace() -> Iterator[Kubectl]:
    """A namespace of its own in the first of the clusters."""
    kubeconfig, contexts = clusters()
    kubectl = Kubectl(contexts[0], f"stand-in-{time.time_ns():x}", kubeconfig)
    kubectl.run("create", "namespace", kubectl.namespace)
    yield kubectl
    kubectl.run("delete", "namespace", kubectl.namespace, "--wait=false")


@pytest.fixture(scope="module")
def watched(namespace: Kubectl) -> Iterator[tuple[dict[str, Session], dict[str, Look]]]:
    """A session per state of its client, by state, and what was seen of them, by recording to compare with."""
    sessions: dict[str, Session] = {}
    looks: dict[str, Look] = {}

    def watch(state: str) -> None:
        namespace.run("create", "deployment", state, "--image=lab.local/app:1")
        sessions[state] = plant(namespace, state, "pod", state)
        entered = time.monotonic()
        for recording, after in LOOKS[state]:
            time.sleep(max(0.0, entered + after - time.monotonic()))
            looks[recording] = look_at(sessions[state])

    try:
        with concurrent.futures.ThreadPoolExecutor(len(LOOKS)) as pool:
            list(pool.map(watch, LOOKS))
        yield sessions, looks
    finally:
        for session in sessions.values():
            session.stop_client()
            assert not [role for role, process in session.processes.items() if process.alive()]


@pytest.fixture
def looks(watched: tuple[dict[str, Session], dict[str, Look]]) -> dict[str, Look]:
    """What was seen, by recording to compare with."""
    return watched[1]


@pytest.fixture
def suspended(watched: tuple[dict[str, Session], dict[str, Look]]) -> Session:
    """The session whose client is suspended."""
    return watched[0]["suspended"]


def look_at(session: Session) -> Look:
    """Write down what a session looks like from its proxy and from the API server."""
    pod = session.pod

    def execute(*command: str) -> str:
        return session.kubectl.run("exec", pod, "--", *command)

    path = f"/api/v1/namespaces/{session.kubectl.namespace}/pods/http:{pod}:9055/proxy/"
    # Sockets first, before questions open new ones; GET beside HEAD, to see how it ends when a sleeper's tunnel does.
    look = {"proc-net-tcp.txt": execute("cat", "/proc/net/tcp"), "proc-net-tcp6.txt": execute("cat", "/proc/net/tcp6")}
    get = subprocess.Popen(session.kubectl.command("get", "--raw", path), stderr=subprocess.PIPE, text=True)
    look["head-by-python.txt"] = execute("python3", "-c", HEAD)
    look["log.txt"] = session.kubectl.run("logs", pod, "--timestamps")
    try:
        look["get-by-pod-proxy.txt"] = get.communicate(timeout=20)[1]
    except subprocess.TimeoutExpired:
        get.kill()
        get.communicate()
        look["get-by-pod-proxy.txt"] = "no answer"
    return look


def recorded(recording: str, file: str) -> str:
    """The text of a recording's file."""
    return (RECORDINGS / recording / file).read_text()


def rows(table: str) -> Counter[tuple[str, str, str]]:
    """Count the listening (0A) and established (01) rows by local port, remote port and state, ports in hex.

    A port that is not one of the proxy's (9055, 9050, 8080, 8022) is ``*``, for it differs from run to run.
    """
    found = re.findall(r"^ *\d+: \w+:(\w{4}) \w+:(\w{4}) (0A|01) ", table, re.MULTILINE)
    known = {"235F", "235A", "1F90", "1F56"}
    return Counter(
        (local if local in known else "*", far if far in known else "*", state) for local, far, state in found
    )


def events(log: str) -> list[tuple[datetime.datetime, str]]:
    """The lines of a log with the time at which they reached it, their own times, names and addresses masked."""
    lines = [line.split(" ", 1) for line in log.splitlines()]
    return [(datetime.datetime.fromisoformat(at[:26]), masked(text)) for at, text in lines]


def masked(text: str) -> str:
    """A text without what differs from run to run."""
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000", "TIME", text)
    text = re.sub(r"(?m)^(127\.0\.0\.1|::1) [\d.]+ ", r"\1 ", text)
    text = re.sub(r"Date: [^\\]+", "Date: DATE", re.sub(r"Python/[\d.]+", "Python/VERSION", text))
    text = re.sub(r"\d+\.\d+\.\d+\.\d+:(?!9055)\d+->", "FROM->", text)
    text = re.sub(r"\d+\.\d+\.\d+\.\d+:9055", "POD:9055", text)
    text = re.sub(r"Pod's namespace is '[^']+'", "Pod's namespace is NAME", text)
    for closed, reset in CLOSED_OR_RESET.items():
        text = text.replace(closed, reset)
    return text


def last_poll(log: str) -> list[str]:
    """The lines of the last poll in a log: one of success or three of failure."""
    polls = [text for _, text in events(log) if "[Poll#" in text]
    return polls[-1:] if polls[-1].endswith("Checkpoint") else polls[-3:]


@pytest.mark.parametrize("recording", RECORDED)
def test_sockets_are_those_of_the_recording(looks: dict[str, Look], recording: str) -> None:
    seen, expected = looks[recording]["proc-net-tcp.txt"], recorded(recording, "proc-net-tcp.txt")
    assert rows(seen) == rows(expected)
    # Over IPv6, the number of established rows is that of the polls not answered yet: compare which there are.
    seen, expected = looks[recording]["proc-net-tcp6.txt"], recorded(recording, "proc-net-tcp6.txt")
    assert rows(seen).keys() == rows(expected).keys()


@pytest.mark.parametrize("recording", RECORDED)
def test_head_is_answered_as_in_the_recording(looks: dict[str, Look], recording: str) -> None:
    file = "head-by-python.txt"
    assert masked(looks[recording][file]) == masked(recorded(recording, file))


@pytest.mark.parametrize("recording", [recording for recording in RECORDED if recording != "suspended"])
def test_get_through_the_api_server_ends_as_in_the_recording(looks: dict[str, Look], recording: str) -> None:
    file = "get-by-pod-proxy.txt"
    assert masked(looks[recording][file]) == masked(recorded(recording, file))


def test_get_through_the_api_server_is_not_answered_by_a_suspended_client(looks: dict[str, Look]) -> None:
    # The recorded one was only ended, by a reset, when its client was killed later.
    assert looks["suspended"]["get-by-pod-proxy.txt"] == "no answer"


@pytest.mark.parametrize("recording", RECORDED)
def test_log_speaks_as_in_the_recordings(looks: dict[str, Look], recording: str) -> None:
    known = {text for folder in RECORDED for _, text in events(recorded(folder, "log.txt"))}
    log = looks[recording]["log.txt"]
    assert {text for _, text in events(log)} <= known
    assert last_poll(log) == last_poll(recorded(recording, "log.txt"))


def test_first_poll_comes_thirty_seconds_after_the_start(looks: dict[str, Look]) -> None:
    began, *_, checked = [at for at, _ in events(looks["alive"]["log.txt"])]
    assert checked - began == pytest.approx(datetime.timedelta(seconds=30), abs=datetime.timedelta(seconds=2))


def test_polls_of_a_suspended_client_pile_up_and_succeed_together(looks: dict[str, Look], suspended: Session) -> None:
    assert not suspended.client_answers()
    before = events(looks["suspended"]["log.txt"])
    suspended.resume_client()
    assert suspended.client_answers()
    after = events(suspended.kubectl.run("logs", suspended.pod, "--timestamps"))[len(before) :]
    assert {text for _, text in after} == {"TIME [Poll#info] Checkpoint"}
    assert len(after) >= 2
    assert after[1][0] - after[0][0] < datetime.timedelta(seconds=2)
