# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Whether any client is connected to a manager, and what time it is there: one command in the manager's pod, which only reads.

A client comes in through a port-forward, which the kubelet makes from inside the pod, and stays connected for as long as it lives;
an agent comes from the address of its pod. So whatever is connected to the manager's API from anywhere but the pod of an agent is
taken for a client. Whose it is does not show.
"""

from __future__ import annotations

import ipaddress
import time
import typing as t
from dataclasses import dataclass

from .._cluster.api import Api
from .._cluster.errors import ClusterError
from .._cluster.execute import execute
from .managers import CONTAINER, Manager

# The second table is not there where IPv6 is off; that a table breaks off shows in the last line.
SHELL = r"""
set -e
cat /proc/net/tcp
if [ -e /proc/net/tcp6 ]; then cat /proc/net/tcp6; fi
echo telepresence_clock $(date +%s)
"""
SENTINEL = "telepresence_clock"
ESTABLISHED = "01"
"""Linux, include/net/tcp_states.h."""
LOOKS = 3
PAUSE = 1.0
"""Seconds. A port-forward that has ended, as our own does, stays connected in the pod for a moment."""


@dataclass(frozen=True)
class Glance:
    """What the pod of a manager shows. ``clock``: its own, in seconds since the epoch; ``clients``: how many may be connected.

    Both are None where it is not known, and ``why`` says why, in one sentence.
    """

    clock: float | None = None
    clients: int | None = None
    why: str = ""


NOT_NEEDED = Glance(why="Nobody looked.")


def look(api: Api, manager: Manager, pod: str, agents: t.Container[str], deadline: float) -> Glance:
    """Looks into the pod of a manager, while no port-forward of this run leads there. ``agents``: the addresses of pods with an agent.

    As long as somebody is connected it looks again, a few times. Raises nothing.
    """
    glance = _look(api, manager, pod, agents, deadline)
    for _again in range(LOOKS - 1):
        if not glance.clients:
            break
        time.sleep(PAUSE)
        glance = _look(api, manager, pod, agents, deadline)
    return glance


def _look(api: Api, manager: Manager, pod: str, agents: t.Container[str], deadline: float) -> Glance:
    try:
        done = execute(api, manager.namespace, pod, CONTAINER, ["sh", "-c", SHELL], deadline)
    except ClusterError as error:
        return Glance(why=str(error))
    if done.exit_code:
        return Glance(why=f"The command in pod {manager.namespace}/{pod} ended with exit code {done.exit_code}.")
    try:
        return read(done.stdout, manager.api_port, agents)
    except ValueError:
        return Glance(why=f"What the command in pod {manager.namespace}/{pod} printed cannot be read.")


def read(output: str, port: int, agents: t.Container[str]) -> Glance:
    """What the command printed, for a manager whose API is at ``port``. Raises ValueError where it is not whole, or no such thing."""
    *rows, last = [line.split() for line in output.splitlines() if line.strip()] or [[]]
    if not rows or rows[0][0] != "sl" or len(last) != 2 or last[0] != SENTINEL or not last[1].isdecimal():
        raise ValueError("no table, or no clock")
    clients = 0
    for row in rows:
        if row[0] == "sl":
            continue
        local, remote, state = row[1:4]
        if int(local.rpartition(":")[2], 16) == port and state == ESTABLISHED and _address(remote) not in agents:
            clients += 1
    return Glance(clock=float(last[1]), clients=clients)


def _address(text: str) -> str:
    """The address in ``0100007F:1F91``: words of four bytes, each as the processor stores it. Raises ValueError where it is none.

    Every processor that Kubernetes runs on stores the lowest byte first, but s390x: there the address is none of an agent, and all
    count as clients.
    """
    digits = text.partition(":")[0]
    if len(digits) not in (8, 32):
        raise ValueError("no address")
    data = bytes.fromhex(digits)
    address = ipaddress.ip_address(b"".join(data[at : at + 4][::-1] for at in range(0, len(data), 4)))
    return str(getattr(address, "ipv4_mapped", None) or address)
