"""The addresses of one cluster, all from one /16 of 198.18.0.0/15.

RFC 2544 sets that range aside for tests of network devices, so that it meets neither the private networks of an office
nor those of a VPN.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass

# The clusters of the lab, each with its /16.
NETWORKS = {
    "alpha": ipaddress.IPv4Network("198.18.0.0/16"),
    "beta": ipaddress.IPv4Network("198.19.0.0/16"),
}


@dataclass(frozen=True)
class Addresses:
    """The plan of one cluster, by its `network`, a /16."""

    network: ipaddress.IPv4Network

    @property
    def link(self) -> ipaddress.IPv4Network:
        """The /30 between the machine and the cluster's node."""
        return next(self.network.subnets(new_prefix=30))

    @property
    def host(self) -> str:
        """The machine's end of the link."""
        return str(self.link[1])

    @property
    def node(self) -> str:
        """The cluster's end of the link: node, API server and DNS server."""
        return str(self.link[2])

    @property
    def pods(self) -> ipaddress.IPv4Network:
        """The pods' /18."""
        return list(self.network.subnets(new_prefix=18))[1]

    @property
    def services(self) -> ipaddress.IPv4Network:
        """The Services' /18."""
        return list(self.network.subnets(new_prefix=18))[2]

    @property
    def apiserver_service(self) -> str:
        """The address of the Service `kubernetes`: the first one."""
        return str(self.services[1])
