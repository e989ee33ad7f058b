# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Websockets to an API server with the credentials and the proxy of its client, and a deadline for the connect.

kubernetes.stream has neither a time-out for the connect nor an error for a read that timed out, is not safe in threads
(kubernetes-client/python issue 928) and drops impersonation headers, so a failed question could pass for an answer.
"""

from __future__ import annotations

import base64
import ssl
import typing as t
from urllib.parse import urlsplit, urlunsplit

from .api import Api, plainly
from .errors import ClusterError, refusal

try:
    import websocket
except ImportError:  # kubernetes depends on it; connect() says so where both are missing
    websocket = None


def open_stream(api: Api, path: str, subprotocols: t.Sequence[str], doing: str, deadline: float) -> t.Any:
    """A connected ``websocket.WebSocket``. Raises ClusterError within ``deadline`` seconds where the server refuses or is silent."""
    configuration = api.client.configuration
    server = urlsplit(configuration.host)
    url = urlunsplit(
        ("wss" if server.scheme == "https" else "ws", server.netloc, server.path.rstrip("/") + path, "", "")
    )
    try:
        return websocket.create_connection(
            url,
            timeout=deadline,
            header=[f"{name}: {value}" for name, value in api.headers().items()],
            subprotocols=[*subprotocols],
            sslopt=_tls(configuration),
            **_proxy(configuration),
        )
    except websocket.WebSocketBadStatusException as error:
        raise refusal(doing, api.server, error.status_code, error.resp_body, error.resp_headers or {}) from error
    except (websocket.WebSocketException, OSError) as error:
        raise ClusterError(
            f"Failed to {doing} on {api.server}: {plainly(error)}.", reason=type(error).__name__
        ) from error


def _tls(configuration: t.Any) -> dict[str, t.Any]:
    options: dict[str, t.Any] = {
        "cert_reqs": ssl.CERT_REQUIRED if configuration.verify_ssl else ssl.CERT_NONE,
        "ca_certs": configuration.ssl_ca_cert,
        "certfile": configuration.cert_file,
        "keyfile": configuration.key_file,
        "check_hostname": bool(configuration.verify_ssl) and configuration.assert_hostname is not False,
        "server_hostname": getattr(configuration, "tls_server_name", None),  # kubernetes 24 has none
    }
    return {name: value for name, value in options.items() if value is not None}


def _proxy(configuration: t.Any) -> dict[str, t.Any]:
    """The proxy of the configuration for websocket-client, which else would read the environment by rules of its own."""
    if not configuration.proxy:
        return {"http_no_proxy": ["*"]}
    proxy = urlsplit(configuration.proxy)
    options: dict[str, t.Any] = {
        "http_proxy_host": proxy.hostname,
        "http_proxy_port": proxy.port,
        "proxy_type": proxy.scheme if proxy.scheme.startswith("socks") else "http",
        "http_no_proxy": [entry.strip() for entry in (configuration.no_proxy or "").split(",") if entry.strip()],
    }
    basic = (configuration.proxy_headers or {}).get("proxy-authorization", "")
    if basic.startswith("Basic "):
        options["http_proxy_auth"] = tuple(base64.b64decode(basic[len("Basic ") :]).decode().split(":", 1))
    return options
