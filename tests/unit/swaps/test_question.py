"""The program that runs inside a proxy, against real sockets in a network of its own; and what is made of its answer."""

from __future__ import annotations

import ast
import contextlib
import json
import socket
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps import question
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.question import Answer

from . import builders
from . import network as net
from .network import Network

PATIENT, HASTY = question.CONNECT_AND_START + 6.0, question.CONNECT_AND_START + 1.0
"""Deadlines that give the program six seconds of patience, or one where nobody is going to answer."""


def run(
    place: Network, command: list[str], path: str | None = None, **options: t.Any
) -> subprocess.CompletedProcess[str]:
    """Runs a command in a network; ``path``: the PATH it finds programs on, the machine's own if None."""
    programs = path or f"{Path(sys.executable).parent}:/usr/bin:/bin"
    env = {"PATH": programs, **options.pop("env", {})}
    return place.run(
        lambda: subprocess.run(command, capture_output=True, text=True, timeout=20, check=False, env=env, **options)
    )


def ask(place: Network, path: str | None = None, deadline: float = PATIENT, **options: t.Any) -> Answer:
    """The answer of the real program, which must be one."""
    finished = run(place, question.command(deadline), path, **options)
    answer = question.parse(finished.stdout)
    assert finished.returncode == 0 and answer is not None, finished
    return answer


@contextlib.contextmanager
def scene(place: Network, *servers: t.Callable[[], t.ContextManager[t.Any]]) -> t.Iterator[None]:
    """Servers that run in a network."""
    with contextlib.ExitStack() as stack:
        for server in servers:
            place.run(lambda server=server: stack.enter_context(server()))  # type: ignore[misc]
        yield


def _send(*parts: bytes, hold: bool = False) -> t.Callable[[socket.socket], None]:
    """A server's behaviour: reads the request, sends parts 50 ms apart, and closes; ``hold``: not before the other side."""

    def behave(connection: socket.socket) -> None:
        connection.recv(4096)
        for part in parts:
            connection.sendall(part)
            time.sleep(0.05)
        if hold:
            connection.recv(1)

    return behave


HTTP_CASES: dict[str, tuple[str, list[t.Callable[[], t.ContextManager[t.Any]]]]] = {
    "client": ("alive", [net.client]),
    "client on both addresses": ("alive", [net.client, lambda: net.client("::1")]),
    "client on ::1 alone": ("alive", [lambda: net.client("::1")]),
    "nothing": ("refused", []),
    "closed without a byte": ("closed", [lambda: net.answering(net.close_politely)]),
    "reset": ("closed", [lambda: net.answering(net.reset)]),
    "closed on ::1 alone": ("closed", [lambda: net.answering(net.close_politely, "::1")]),
    "silent": ("silent", [net.silent]),
    "silent on ::1 alone": ("silent", [lambda: net.silent("::1")]),
    "silent on 127.0.0.1, client on ::1": ("silent", [net.silent, lambda: net.client("::1")]),
    "501 with a client's header": ("other", [net.no_head]),
    "200 of another server": ("other", [net.foreign]),
    "garbage": ("other", [lambda: net.answering(_send(b"\x00\xff\xfe\x80" * 40))]),
    "half a status line": ("other", [lambda: net.answering(_send(b"HTTP/1.0 200"))]),
    "status without Server": ("other", [lambda: net.answering(_send(b"HTTP/1.0 200 OK\r\n\r\n"))]),
    "client's answer in pieces": (
        "alive",
        [lambda: net.answering(_send(b"HTTP/1.0 20", b"0 OK\r\nServer: Base", b"HTTP/0.6 Python/3.6.9\r\n\r\n"))],
    ),
    "half an answer, then nothing": ("silent", [lambda: net.answering(_send(b"HTTP/1.0 200 OK\r\n", hold=True))]),
}


@pytest.mark.parametrize(("expected", "servers"), HTTP_CASES.values(), ids=HTTP_CASES.keys())
def test_http(network: Network, expected: str, servers: list[t.Callable[[], t.ContextManager[t.Any]]]) -> None:
    with scene(network, *servers):
        answer = ask(network, deadline=HASTY if expected == "silent" else PATIENT)
    assert (answer.http, answer.listening, answer.tunnels) == (expected, bool(servers), 0)


@pytest.mark.parametrize(("servers", "expected"), [([], "refused"), ([net.client], "alive")], ids=["refused", "alive"])
def test_without_ipv6(network: Network, servers: list[t.Callable[[], t.ContextManager[t.Any]]], expected: str) -> None:
    network.run(net.without_ipv6)
    with scene(network, *servers):
        assert ask(network).http == expected


def test_a_silent_client_costs_no_more_than_the_patience_given(network: Network) -> None:
    with scene(network, net.silent):
        started = time.monotonic()
        assert ask(network, deadline=HASTY).http == "silent"
        assert 1.0 <= time.monotonic() - started < HASTY


def test_a_dripping_server_is_not_waited_for(network: Network) -> None:
    with scene(network, lambda: net.answering(_send(*[b"x"] * 300))):
        started = time.monotonic()
        assert ask(network, deadline=HASTY).http == "silent"
        assert time.monotonic() - started < HASTY


def test_a_whole_request_is_sent(network: Network) -> None:
    """Anything less would block the client's single-threaded server; HTTP/1.1 is what the client keeps quiet about."""
    heard: list[bytes] = []

    def listen(connection: socket.socket) -> None:
        heard.append(connection.recv(4096))

    with scene(network, lambda: net.answering(listen)):
        ask(network)
    assert heard[0].startswith(b"HEAD / HTTP/1.1\r\n") and heard[0].endswith(b"\r\n\r\n")


def test_clock(network: Network) -> None:
    before = time.time()
    answer = ask(network)
    assert before <= answer.clock <= time.time()


def test_nothing_is_written_and_nothing_foreign_is_imported(network: Network, tmp_path: Path) -> None:
    folder = tmp_path / "app"
    folder.mkdir()
    (folder / "_socket.py").write_text("raise SystemExit('imported')")
    ask(network, cwd=folder, env={"PYTHONPATH": str(folder), "HOME": str(folder)})
    assert [path.name for path in folder.iterdir()] == ["_socket.py"]


# Socket tables


def established_after_the_listener_closed() -> t.ContextManager[t.Any]:
    """A connection on 9055 that outlives its listener."""
    stack = contextlib.ExitStack()
    with net.listener() as listening:
        stack.enter_context(socket.create_connection(("127.0.0.1", net.ALIVE)))
        stack.enter_context(listening.accept()[0])
    return stack


@contextlib.contextmanager
def tunnels_that_closed() -> t.Iterator[None]:
    """Of three connections to sshd one stays; of the others one end is closed: CLOSE_WAIT and FIN_WAIT2 rows remain."""
    with net.tunnels(3) as links:
        links[0][0].close()
        links[1][1].close()
        yield


SOCKETS: dict[str, tuple[list[t.Callable[[], t.ContextManager[t.Any]]], tuple[bool, bool, int]]] = {
    "none": ([], (False, False, 0)),
    "sshd": ([lambda: net.tunnels(0)], (False, True, 0)),
    "sshd on IPv6": ([lambda: net.tunnels(0, "::1")], (False, True, 0)),
    "one tunnel": ([lambda: net.tunnels(1)], (False, True, 1)),
    "three tunnels": ([lambda: net.tunnels(3)], (False, True, 3)),
    "one tunnel on IPv6": ([lambda: net.tunnels(1, "::1")], (False, True, 1)),
    "tunnels on both": ([lambda: net.tunnels(2), lambda: net.tunnels(1, "::1")], (False, True, 3)),
    "closed tunnels": ([tunnels_that_closed], (False, True, 1)),
    "9055": ([net.client], (True, False, 0)),
    "9055 on IPv6": ([lambda: net.client("::1")], (True, False, 0)),
    "9055 established, not listening": ([established_after_the_listener_closed], (False, False, 0)),
    "client": ([net.client, lambda: net.tunnels(2)], (True, True, 2)),
}


@pytest.mark.parametrize(("servers", "expected"), SOCKETS.values(), ids=SOCKETS.keys())
def test_sockets(
    network: Network,
    shells: dict[str, str],
    servers: list[t.Callable[[], t.ContextManager[t.Any]]],
    expected: tuple[bool, bool, int],
) -> None:
    """Python and every shell see the same."""
    with scene(network, *servers):
        answers = {shell: ask(network, path) for shell, path in [*shells.items(), ("python", None)]}
    seen = {shell: (answer.listening, answer.sshd, answer.tunnels) for shell, answer in answers.items()}
    assert seen == dict.fromkeys(answers, expected)
    assert [shell for shell, answer in answers.items() if answer.http is not None] == ["python"]


RECORDED = {
    "alive": (True, True, 2),
    "suspended": (True, True, 2),
    "clientless": (True, True, 2),
    "gone": (False, True, 0),
    "asleep-5s": (True, True, 2),
    "asleep-2min": (False, True, 0),
}


def tables(folder: Path, state: str) -> list[str]:
    """The command, made to read recorded socket tables."""
    _, tcp, tcp6 = builders.recorded_tables(state)
    (folder / "tcp").write_text(tcp)
    (folder / "tcp6").write_text(tcp6)
    return [word.replace("/proc/net/", f"{folder}/") for word in question.command(PATIENT)]


@pytest.mark.parametrize("state", builders.STATES)
def test_recorded_tables(network: Network, shells: dict[str, str], state: str, tmp_path: Path) -> None:
    command = tables(tmp_path, state)
    for path in (None, *shells.values()):
        answer = question.parse(run(network, command, path).stdout)
        assert answer is not None
        assert (answer.listening, answer.sshd, answer.tunnels) == RECORDED[state]


@pytest.mark.parametrize(("lacking", "answers"), [("tcp6", True), ("tcp", False)])
def test_a_missing_table(network: Network, shells: dict[str, str], lacking: str, answers: bool, tmp_path: Path) -> None:
    """Without IPv6 there is no tcp6; without tcp nothing is known, and nothing may be said."""
    command = tables(tmp_path, "gone")
    (tmp_path / lacking).unlink()
    for path in (None, *shells.values()):
        finished = run(network, command, path)
        assert (finished.returncode == 0) == answers
        assert (question.parse(finished.stdout) is not None) == answers


def test_every_shell_hands_over_to_python(network: Network, shells: dict[str, str]) -> None:
    with scene(network, net.client):
        for path in shells.values():
            (Path(path) / "python3").symlink_to(Path(sys.executable).resolve())
            assert ask(network, path).http == "alive"


def test_clock_of_a_shell(network: Network, shells: dict[str, str]) -> None:
    for path in shells.values():
        before = time.time()
        assert int(before) <= ask(network, path).clock <= time.time()


# The command


def test_syntax_of_python_3_5() -> None:
    tree = ast.parse(question.PYTHON, feature_version=(3, 5))
    newer = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr)
    assert not [node for node in ast.walk(tree) if isinstance(node, newer)]


@pytest.mark.parametrize(
    ("deadline", "patience"), [(10, "6"), (6, "2"), (5.0, "1"), (4.0, "1"), (1.0, "1"), (12.5, "8.5")], ids=str
)
def test_patience_is_what_the_deadline_leaves(deadline: float, patience: str) -> None:
    assert question.command(deadline) == ["sh", "-c", question.SHELL, question.PYTHON, patience]


# What is made of its output

GOOD: dict[str, t.Any] = {
    "telepresence_probe": 1,
    "clock": 1800000000.5,
    "head": "refused",
    "text": "",
    "listening": False,
    "sshd": True,
    "tunnels": 0,
}
CLIENT_TEXT = "HTTP/1.0 200 OK\r\nServer: BaseHTTP/0.6 Python/3.11.7\r\nDate: x\r\n\r\n"


def line(**changes: t.Any) -> str:
    return json.dumps({**GOOD, **changes})


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, Answer(1800000000.5, "refused", False, True, 0), id="refused"),
        pytest.param({"head": "closed", "tunnels": 2}, Answer(1800000000.5, "closed", False, True, 2), id="closed"),
        pytest.param({"head": "silent", "listening": True}, Answer(1800000000.5, "silent", True, True, 0), id="silent"),
        pytest.param({"head": None, "sshd": False}, Answer(1800000000.5, None, False, False, 0), id="no-python"),
        pytest.param(
            {"head": "answered", "text": CLIENT_TEXT}, Answer(1800000000.5, "alive", False, True, 0), id="alive"
        ),
        pytest.param(
            {"head": "silent", "text": CLIENT_TEXT}, Answer(1800000000.5, "silent", False, True, 0), id="silent-late"
        ),
        pytest.param(
            {"head": "answered", "text": "x"}, Answer(1800000000.5, "other", False, True, 0), id="answered-else"
        ),
        pytest.param(
            {"head": "error", "text": "[Errno 13]"}, Answer(1800000000.5, "other", False, True, 0), id="error"
        ),
        pytest.param({"head": "absent"}, Answer(1800000000.5, "other", False, True, 0), id="absent"),
        pytest.param({"head": "alive"}, Answer(1800000000.5, "other", False, True, 0), id="alive-is-not-for-it-to-say"),
        pytest.param({"head": ["refused"]}, Answer(1800000000.5, "other", False, True, 0), id="head-of-another-type"),
        pytest.param({"listening": "false"}, Answer(1800000000.5, "refused", False, True, 0), id="text-is-no-truth"),
    ],
)
def test_parse(changes: dict[str, t.Any], expected: Answer) -> None:
    assert question.parse(line(**changes) + "\n") == expected


@pytest.mark.parametrize(
    "output",
    [
        pytest.param("", id="empty"),
        pytest.param("sh: python3: not found\n", id="error"),
        pytest.param(line()[:-2], id="half-a-line"),
        pytest.param(line()[1:], id="other-half"),
        pytest.param(json.dumps([GOOD]), id="list"),
        pytest.param("1\ntrue\nnull\n", id="scalars"),
        pytest.param(line(telepresence_probe=2), id="another-version"),
        pytest.param(line(telepresence_probe="1"), id="sentinel-text"),
        pytest.param(
            json.dumps({key: value for key, value in GOOD.items() if key != "telepresence_probe"}), id="no-sentinel"
        ),
        *(
            pytest.param(json.dumps({name: value for name, value in GOOD.items() if name != key}), id=f"no-{key}")
            for key in ("clock", "head", "text", "listening", "sshd", "tunnels")
        ),
        pytest.param(line(clock=None), id="no-time"),
        pytest.param(line(clock="now"), id="time-in-words"),
        pytest.param(line(tunnels=[]), id="tunnels-list"),
        pytest.param(line()[:40] + "\n" + line()[40:], id="broken-in-two"),
    ],
)
def test_parse_takes_nothing_else_for_an_answer(output: str) -> None:
    assert question.parse(output) is None


@pytest.mark.parametrize(
    "output",
    [
        pytest.param(line().replace('"tunnels": 0', '"tunnels": 1e999'), id="endless-tunnels"),
        pytest.param(line(tunnels=-1), id="negative-tunnels"),
        pytest.param(line(tunnels=1.5), id="broken-tunnels"),
        pytest.param(line().replace("1800000000.5", "NaN"), id="nan"),
        pytest.param(line().replace("1800000000.5", "Infinity"), id="infinity"),
        pytest.param(line().replace("1800000000.5", "-Infinity"), id="minus-infinity"),
        pytest.param(line(clock=1e300), id="beyond-every-calendar"),
        pytest.param(line(clock=True), id="true-is-no-time"),
        pytest.param("[" * 60000, id="deep"),
        pytest.param("9" * 60000, id="huge-number"),
    ],
)
def test_parse_hostile_values_are_no_answer(output: str) -> None:
    """What runs in a pod may print anything: it must neither pass for an answer nor stop the run."""
    assert question.parse(output) is None


@pytest.mark.parametrize(
    "output",
    [
        f"warning: something\n{line()}\n",
        f"{line()}\nafterwards\n",
        f"{{}}\n[]\n{line()}",
        f"{line()[:30]}\n{line()}\n",
        f"{line(telepresence_probe=0, head='silent')}\n{line()}\n",
    ],
    ids=["before", "after", "other-json", "half-before", "foreign-before"],
)
def test_parse_finds_the_answer_among_other_lines(output: str) -> None:
    answer = question.parse(output)
    assert answer is not None and answer.http == "refused"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (CLIENT_TEXT, True),
        ("HTTP/1.1 200 OK\r\nServer: BaseHTTP/0.6 Python/3.6.1\r\n\r\n", True),
        ("HTTP/1.0 501 Unsupported method ('HEAD')\r\nServer: BaseHTTP/0.6 Python/3.11\r\n\r\n", False),
        ("HTTP/1.0 200 OK\r\nServer: nginx\r\n\r\n", False),
        ("HTTP/1.0 200 OK\r\nX-Server: BaseHTTP/0.6\r\n\r\n", False),
        ("HTTP/1.0 2000 OK\r\nServer: BaseHTTP/0.6\r\n\r\n", False),
        ("SSH-2.0-200 OK\r\nServer: BaseHTTP/0.6\r\n\r\n", False),
        ("HTTP/1.0 \r\nServer: BaseHTTP/0.6\r\n\r\n", False),
        ("", False),
    ],
    ids=["1.0", "1.1", "501", "nginx", "other-header", "2000", "ssh", "no-code", "empty"],
)
def test_is_client(text: str, expected: bool) -> None:
    assert question.is_client(text) is expected
