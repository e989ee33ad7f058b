# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The one question that is put inside a proxy: what answers on 9055, which sockets are open, what time is it there.

It runs as ``sh -c SHELL PYTHON SECONDS`` and prints one JSON line. Every proxy image has python3 (the client itself runs
Python there, telepresence 0.109, telepresence/proxy/remote.py); where it is gone, sh answers for the sockets alone.
"""

from __future__ import annotations

import json
import typing as t
from dataclasses import dataclass

from .._cluster.kinds import whole

SENTINEL = "telepresence_probe"
"""Only a line that is a JSON object with this key is an answer."""

ALIVE_PORT = 9055
"""Where the client's own HTTP server listens through ``ssh -R`` (telepresence 0.88 and later, telepresence/runner/background.py)."""

# Python 3.5 syntax: the OpenShift image carries 3.6, older ones 3.5. Nothing is written, each wait has an end of its own,
# and a whole request is sent: a silent connection would block the client's single-threaded server.
# Modules in C alone, as every CPython has them: json and socket import some thirty more, which an image without compiled
# files compiles for each question; that was two thirds of what a question cost the node.
PYTHON = r"""
import _socket, sys, time
patience = float(sys.argv[1])
def rows():
    for name in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(name) as table:
                for line in table.readlines()[1:]:
                    fields = line.split()
                    yield fields[1][-4:], fields[3]
        except FileNotFoundError:
            if name == "/proc/net/tcp":
                raise
def head(family, address):
    ends = time.monotonic() + patience
    text = b""
    link = None
    try:
        link = _socket.socket(family, _socket.SOCK_STREAM)
        link.settimeout(patience)
        link.connect((address, 9055))
    except ConnectionRefusedError:
        return "refused", ""
    except ConnectionResetError:
        return "closed", ""
    except OSError as error:
        return ("absent" if error.errno in (97, 99, 101) else "error"), str(error)
    try:
        link.sendall(b"HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        while len(text) < 400 and b"\r\n\r\n" not in text:
            if time.monotonic() >= ends:
                raise _socket.timeout()
            link.settimeout(max(0.01, ends - time.monotonic()))
            chunk = link.recv(400)
            if not chunk:
                break
            text += chunk
    except _socket.timeout:
        return "silent", text.decode("latin-1")
    except OSError:
        pass
    finally:
        link.close()
    return ("answered" if text else "closed"), text.decode("latin-1")
seen = list(rows())
outcome, text = head(_socket.AF_INET, "127.0.0.1")
if outcome == "refused":
    other = head(_socket.AF_INET6, "::1")
    if other[0] != "absent":
        outcome, text = other
quoted = "".join(c if " " <= c <= "~" and c not in "\\\"" else "\\u%04x" % ord(c) for c in text)
print(
    '{"telepresence_probe": 1, "clock": %r, "head": "%s", "text": "%s", "listening": %s, "sshd": %s, "tunnels": %d}' % (
        time.time(), outcome, quoted, "true" if ("235F", "0A") in seen else "false",
        "true" if ("1F56", "0A") in seen else "false", seen.count(("1F56", "01"))
    )
)
"""

SHELL = r"""
command -v python3 >/dev/null 2>&1 && exec python3 -I -S -c "$0" "$1"
listening=false sshd=false tunnels=0
[ -r /proc/net/tcp ] || exit 3
for table in /proc/net/tcp /proc/net/tcp6; do
  [ -r $table ] || continue
  while read -r _ address _ state _; do
    case "$address $state" in
      *:235F\ 0A) listening=true ;;
      *:1F56\ 0A) sshd=true ;;
      *:1F56\ 01) tunnels=$((tunnels + 1)) ;;
    esac
  done < $table
done
printf '{"telepresence_probe": 1, "clock": %s, "head": null, "text": "", "listening": %s, "sshd": %s, "tunnels": %s}\n' \
  "$(date +%s)" $listening $sshd $tunnels
"""

YEAR_9999 = 253402300800.0
"""Seconds since the epoch: no time after it can be written down."""

CONNECT_AND_START = 4.0
"""Seconds of a probe's deadline that are not spent waiting for the client: API server, kubelet, start of the program."""


def command(deadline: float) -> list[str]:
    """The command to exec, for a probe with ``deadline`` seconds in all."""
    return ["sh", "-c", SHELL, PYTHON, f"{max(1.0, deadline - CONNECT_AND_START):g}"]


@dataclass(frozen=True)
class Answer:
    """What the inside of a proxy looked like.

    ``clock`` is the pod's own, in seconds since the epoch. ``http`` is ``alive``, ``refused``, ``closed`` (accepted, then
    closed without a byte), ``silent`` (accepted, no answer in time), ``other`` (something else answered, or failed), or
    None where there was no Python to ask with. ``listening``: something listens on 9055; ``sshd``: on 8022; ``tunnels``:
    established connections to 8022, one per ssh of a client.
    """

    clock: float
    http: str | None
    listening: bool
    sshd: bool
    tunnels: int


def is_client(answer: str) -> bool:
    """Whether the start of an HTTP answer is a Telepresence client's: Python's http.server, 200 to HEAD."""
    lines = answer.split("\r\n")
    status = lines[0].split(" ")
    return (
        status[0].startswith("HTTP/1.")
        and status[1:2] == ["200"]
        and any(line.startswith("Server: BaseHTTP") for line in lines)
    )


def parse(output: str) -> Answer | None:
    """The answer in a probe's output; None where no line of it is one."""
    for line in output.splitlines():
        try:
            said = json.loads(line)
            if isinstance(said, dict) and said.get(SENTINEL) == 1:
                return _understood(said)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return None


def _understood(said: dict[str, t.Any]) -> Answer:
    """Raises ValueError, KeyError or TypeError where a pod says what no probe would."""
    clock, tunnels, head, text = said["clock"], said["tunnels"], said["head"], str(said["text"])
    if isinstance(clock, bool) or not 0 < clock < YEAR_9999 or whole(tunnels) is None:
        raise ValueError("no such clock, or no such number of tunnels")
    http = head if head in ("refused", "closed", "silent", None) else "other"
    if head == "answered" and is_client(text):
        http = "alive"
    return Answer(float(clock), http, said["listening"] is True, said["sshd"] is True, tunnels)
