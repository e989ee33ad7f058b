# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""One request to a port of a pod through the API server's proxy for pods: put once, bounded in time and size, never redirected.

What answers may be anything that runs in a pod, so nothing that the dynamic client does for an API server's answers is done here:
it reads an answer of any size, follows a redirect to any host, and asks again.
"""

from __future__ import annotations

import time
import typing as t
from dataclasses import dataclass

from .api import Api, plainly
from .errors import ClusterError
from .kinds import POD

try:
    import urllib3
except ImportError:  # kubernetes depends on it; connect() says so where both are missing
    urllib3 = None  # type: ignore[assignment]

MOST_BODY = 4096
"""Bytes: an API server's Status fits in well; a client sends no body, or a short page with its refusal."""


@dataclass(frozen=True)
class Reached:
    """An HTTP answer: status, headers, and the beginning of its body. It may be the API server's own or the pod's."""

    status: int
    headers: t.Mapping[str, str]
    body: str


def reach(api: Api, method: str, namespace: str, pod: str, port: int, deadline: float) -> Reached:
    """The answer of a pod's port to a request for ``/``, whatever its status, within about ``deadline`` seconds.

    Raises ClusterError where there was none.
    """
    doing = f"ask pod {namespace}/{pod} through the pod proxy"
    ends = time.monotonic() + deadline
    url = api.server.rstrip("/") + POD.path(namespace, f"http:{pod}:{port}", "proxy") + "/"
    try:
        response = api.client.client.rest_client.pool_manager.request(
            method, url, headers=api.headers(), timeout=deadline, retries=False, redirect=False, preload_content=False
        )
        body = _beginning(response, ends)
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise ClusterError(
            f"Failed to {doing} on {api.server}: {plainly(error)}.", reason=type(error).__name__
        ) from error
    return Reached(response.status, response.headers, body.decode("utf-8", "replace"))


def _beginning(response: t.Any, ends: float) -> bytes:
    body: bytes = b""
    # Byte by byte: a read of more would wait until all of it has come.
    for byte in response.stream(1):
        body += byte
        if len(body) >= MOST_BODY or time.monotonic() > ends:
            response.close()
            break
    response.release_conn()
    return body
