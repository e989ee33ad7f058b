"""What the pod of a manager shows of the connections to it; the tables are those of a real 2.20.2 with one client."""

from __future__ import annotations

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager import agents, connections
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.connections import Glance, read

from .builders import pod

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
REST = "00000000:00000000 02:00000522 00000000     0        0 3148634 3 00000000e552afa7 20 4 20 17 -1\n"
CLOCK = "telepresence_clock 1795541573\n"
MAPPED = "0000000000000000FFFF0000"
KUBELET = f"   0: 0100007F:A99A 0100007F:1F91 01 {REST}"
"""The other end of the same connection: the kubelet's socket is in the pod."""
API_SERVER = f"   1: 024013C6:CA9A 018013C6:01BB 01 {REST}"
LISTENING = f"   0: {'0' * 32}:1F91 {'0' * 32}:0000 0A {REST}"
AGENT = f"   2: {MAPPED}024013C6:1F91 {MAPPED}044013C6:DE5C 01 {REST}"
CLIENT = f"   3: {MAPPED}0100007F:1F91 {MAPPED}0100007F:A99A 01 {REST}"
ENDED = CLIENT.replace("A99A 01", "A99A 06")
WEBHOOK = f"   4: {MAPPED}024013C6:01BB {MAPPED}014013C6:CD7E 01 {REST}"
AGENTS = {"198.19.64.4"}


def output(*rows: str, tables: int = 2) -> str:
    """What the command prints: the second table has the rows of the manager."""
    return HEAD + KUBELET + API_SERVER + (HEAD + LISTENING + "".join(rows) if tables == 2 else "".join(rows)) + CLOCK


@pytest.mark.parametrize(
    ("rows", "clients"),
    [
        ([], 0),
        ([AGENT, WEBHOOK], 0),
        ([AGENT, CLIENT, WEBHOOK], 1),
        ([AGENT, ENDED, WEBHOOK], 0),
        ([CLIENT, CLIENT.replace("A99A", "A99B"), ENDED], 2),
        ([AGENT.replace("044013C6", "054013C6")], 1),
        ([f"   5: 00000000000000000000000001000000:1F91 00000000000000000000000001000000:A99A 01 {REST}"], 1),
        ([f"   5: B80D0120000000000000000004000000:1F91 B80D0120000000000000000005000000:A99A 01 {REST}"], 0),
    ],
    ids=["nobody", "agent", "client", "ended", "two", "from elsewhere", "IPv6", "agent by IPv6"],
)
def test_who_is_connected(rows: list[str], clients: int) -> None:
    assert read(output(*rows), 8081, AGENTS | {"2001:db8::5"}) == Glance(clock=1795541573.0, clients=clients)


def test_without_ipv6_there_is_one_table() -> None:
    row = f"   3: 0100007F:1F91 0100007F:A99A 01 {REST}"
    assert read(output(row, tables=1), 8081, AGENTS).clients == 1


def test_another_port_is_not_the_managers() -> None:
    assert read(output(CLIENT), 8082, AGENTS).clients == 0
    assert read(output(CLIENT.replace("1F91", "1F92")), 8082, AGENTS).clients == 1


@pytest.mark.parametrize(
    "said",
    [
        "",
        "\n",
        CLOCK,
        HEAD + CLIENT,
        output(CLIENT).replace(CLOCK, "telepresence_clock \n"),
        output(CLIENT).replace(CLOCK, "telepresence_clock now\n"),
        output(CLIENT)[: -len(CLOCK) - 20],
        output(CLIENT).replace(HEAD, ""),
        output("   3: 0100007F\n"),
        output(f"   3: {MAPPED}0100007F:1F91 0100:A99A 01 {REST}"),
        output(f"   3: {MAPPED}0100007F:1F91 {MAPPED}0100007X:A99A 01 {REST}"),
        output(f"   3: {MAPPED}0100007F:XXXX {MAPPED}0100007F:A99A 01 {REST}"),
    ],
)
def test_what_is_not_whole_is_no_answer(said: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        read(said, 8081, AGENTS)


def test_whatever_is_cut_off_never_says_that_nobody_is_there() -> None:
    whole = output(AGENT, CLIENT)
    for size in range(len(whole) - len("1795541573\n")):
        with pytest.raises(ValueError, match=r"."):
            read(whole[:size], 8081, AGENTS)


def test_addresses_of_agents_are_those_of_pods_that_run_one() -> None:
    def at(phase: str, name: str, **status: object) -> dict[str, object]:
        return {**pod(name), "status": {"phase": phase, **status}}

    app = at("Running", "app", podIP="10.0.0.9")
    app["spec"] = {"containers": [{"name": "app"}]}
    found = agents.addresses(
        [
            at("Running", "web-1", podIP="10.0.0.1", podIPs=[{"ip": "10.0.0.1"}, {"ip": "2001:DB8:0::5"}]),
            at("Running", "web-2", podIP="10.0.0.2"),
            at("Succeeded", "web-3", podIP="10.0.0.3"),
            at("Running", "web-4"),
            app,
        ]
    )
    assert found == {"10.0.0.1", "2001:db8::5", "10.0.0.2"}


def test_the_command_only_reads() -> None:
    assert not set(connections.SHELL) & {">", "<", "&", "|"}
