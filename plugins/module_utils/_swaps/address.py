# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What port 9055 of a pod's address says through the API server, and when that is the proxy's own word.

The tunnel of a client listens on every address of its pod (``GatewayPorts yes``, telepresence 0.109, k8s-proxy/Dockerfile).
"""

from __future__ import annotations

from .._cluster.errors import status_of
from .._cluster.kinds import Object, annotations_of, dig
from .._cluster.reach import Reached

AMBIENT = "ambient.istio.io/redirection"
"""Annotation of a pod whose connections Istio's node proxy takes, with no container in the pod (istio 1.21, cni/pkg/util/podutil.go)."""
CLIENTS = {"HEAD": 200, "GET": 501}
"""A client's status by method: it knows HEAD alone (telepresence 0.109, telepresence/runner/background.py)."""


def is_client(method: str, answer: Reached) -> bool:
    """Whether a client answered a request by this method, as Python's http.server does."""
    return answer.status == CLIENTS[method] and str(answer.headers.get("Server", "")).startswith("BaseHTTP")


def refuses(pod: Object, answer: Reached) -> bool:
    """Whether the API server says that the pod's own address refused: nothing listens there.

    Any other failure (a reset, a time-out, the refusal of something on the way, a 503 of a mesh) is no refusal.
    """
    ip = str(dig(pod, "status", "podIP") or "")
    message, _reason = status_of(answer.body)
    address = f"[{ip}]" if ":" in ip else ip
    refusal = f"error trying to reach service: dial tcp {address}:9055: connect: connection refused"
    return bool(ip) and answer.status == 503 and message == refusal


def shared_with(pod: Object, container: str | None) -> str:
    """What else may stand between the pod's address and the proxy's container, empty where nothing does.

    The sidecar of a mesh takes the pod's connections and refuses them itself while it is down, although the client lives. Which
    container does so cannot be told by names and images: meshes are many, and rules in the pod's network need no container
    that goes on. So every container beside the proxy's counts, and the mark of a mesh that needs none.
    """
    spec = pod.get("spec") or {}
    others = [one for one in spec.get("containers") or [] if one.get("name") != container]
    others += [one for one in spec.get("initContainers") or [] if one.get("restartPolicy") == "Always"]
    if others:
        return f"container {others[0].get('name')}"
    return "the ambient mesh" if AMBIENT in annotations_of(pod) else ""
