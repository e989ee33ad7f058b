"""The processes of a Telepresence 1 client, and the states in which they can leave its proxy.

Commands and ssh options as telepresenceio/telepresence 0.109, ``telepresence/connect/{connect,expose,ssh}.py``, but
for two: ssh waits longer, where clients give up a connection after 5 s and a tunnel after 10, which ended the living
clients of the tests when the machine stood still for that long. Left out is what no proxy can see: the tunnel to its
SOCKS port (nothing would use it) and following its log.
"""

from __future__ import annotations

import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from ..processes import Process
from ..say import LabError
from .kubectl import Kubectl

T = TypeVar("T")

EXPOSED_PORT = 8080  # as by the client's option --expose
START_LIMIT = 60.0  # seconds for each of its processes; a client gives its login 30, on a quiet machine
HEAD_SERVER = pathlib.Path(__file__).with_name("head_server.py")
SERVER, PORT_FORWARD, SSH_EXPOSED, SSH_POLLS = "head-server", "port-forward", "ssh-exposed", "ssh-polls"
SSH = [
    *["ssh", "-F", "/dev/null", "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", "-oConnectTimeout=30"],
    *["-q", "-oServerAliveInterval=1", "-oServerAliveCountMax=60"],
]

# What happens to a living client: the signal and the process that gets it (None: all of them).
TRANSITIONS: dict[str, tuple[signal.Signals, str | None]] = {
    "suspended": (signal.SIGSTOP, SERVER),
    "clientless": (signal.SIGKILL, SERVER),
    "asleep": (signal.SIGSTOP, None),
    "gone": (signal.SIGKILL, None),
}
STATES = ("alive", "starting", *TRANSITIONS)


def start(
    kubectl: Kubectl, pod: str, container: str, log: pathlib.Path, *, polled: bool = True
) -> Iterator[tuple[str, Process]]:
    """Start a client of the proxy, ``container`` of ``pod``; yield role and identity of each process once it runs.

    One that is not ``polled`` (up to 0.87) has its tunnels alone, which stand some time after the last one is yielded.
    Their output goes to files beside ``log``, named after it and the role. The processes outlive the caller. Raises
    `LabError` if one of them does not come up in time.
    """
    if polled:
        server, output = _launch(SERVER, [sys.executable, str(HEAD_SERVER)], log)
        yield SERVER, server
        server_port = _port(SERVER, server, output, r"^(\d+)$")
    ended = time.monotonic() + START_LIMIT
    logged_in = False
    while not logged_in:
        forward, output = _launch(PORT_FORWARD, kubectl.command("port-forward", pod, ":8022"), log)
        yield PORT_FORWARD, forward
        port = _port(PORT_FORWARD, forward, output, r"127\.0\.0\.1:(\d+) -> 8022")
        ssh = [*SSH, "-p", port, "telepresence@127.0.0.1"]
        logged_in = _logs_in(ssh, forward, pod, ended - time.monotonic())
    # The exposed port leads to a port where nothing listens: the developer's program does not run yet.
    yield SSH_EXPOSED, _launch(SSH_EXPOSED, [*ssh, "-N", f"-R*:{EXPOSED_PORT}:127.0.0.1:9"], log)[0]
    if polled:
        yield SSH_POLLS, _launch(SSH_POLLS, [*ssh, "-N", f"-R9055:127.0.0.1:{server_port}"], log)[0]


def enter(state: str, processes: dict[str, Process]) -> None:
    """Bring the living client made of ``processes`` (by role) into ``state``, one of `TRANSITIONS`."""
    number, target = TRANSITIONS[state]
    for role, process in processes.items():
        if target in (None, role):
            send(process, number)


def send(process: Process, number: signal.Signals) -> None:
    """Send a signal to exactly this process, unless it has ended."""
    if process.alive():
        os.kill(process.pid, number)


def answers(kubectl: Kubectl, pod: str, container: str, *, polled: bool = True) -> bool:
    """Return whether the client answers a HEAD request from inside its proxy, ``container`` of ``pod``, within 5 s.

    Of one that is not ``polled``: whether a tunnel of it is open.
    """
    if not polled:
        ask = "grep -c ':1F56 [0-9A-F]*:[0-9A-F]* 01 ' /proc/net/tcp; true"
        return int(kubectl.run("exec", pod, f"--container={container}", "--", "sh", "-c", ask)) > 0
    ask = r"printf 'HEAD / HTTP/1.1\r\n\r\n' | timeout 5 nc 127.0.0.1 9055; true"
    return kubectl.run("exec", pod, f"--container={container}", "--", "sh", "-c", ask).startswith("HTTP/1.0 200 OK")


def wait_for(ask: Callable[[], T | None], what: str, limit: float = START_LIMIT) -> T:
    """Return the first true answer of ``ask``; raise `LabError` naming ``what`` after ``limit`` seconds."""
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        answer = ask()
        if answer:
            return answer
        time.sleep(0.5)
    raise LabError(f"There was not {what} within {limit:.0f} s.")


def _launch(role: str, command: list[str], log: pathlib.Path) -> tuple[Process, pathlib.Path]:
    """Start one process of the client in a session of its own; return it and the file with its output."""
    output = log.with_suffix(f".{role}.log")
    # Not by subprocess, which warns of every process that it is not asked to wait for.
    pid = os.posix_spawnp(
        command[0],
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(output), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )
    process = Process.find(pid)
    if process is None:
        raise LabError(_ended(role, output))
    return process, output


def _port(role: str, process: Process, output: pathlib.Path, pattern: str) -> str:
    """Return the port number that the process reports."""

    def reported() -> re.Match[str] | None:
        if not process.alive():
            raise LabError(_ended(role, output))
        return re.search(pattern, output.read_text(), re.MULTILINE)

    return wait_for(reported, f"a port number from the {role} of a client").group(1)


def _logs_in(ssh: list[str], forward: Process, pod: str, limit: float) -> bool:
    """Wait until ``ssh`` logs in through ``forward``; return whether it does, or the latter has ended.

    kubectl ends its port-forward at the first connection that the pod refuses, and a pod is ready before its sshd listens.
    """
    login = [*ssh, "/bin/true"]
    wait_for(
        lambda: (
            not forward.alive() or subprocess.run(login, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0
        ),
        f"a login through ssh to pod {pod}",
        limit,
    )
    return forward.alive()


def _ended(role: str, output: pathlib.Path) -> str:
    return f"The {role} of a client ended at once: {output.read_text().strip() or 'it said nothing'}."
