# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""OpenShift's own client, for the one thing that is its business: rolling a DeploymentConfig out and watching that."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import typing as t

from .api import Api
from .errors import ClusterError
from .kinds import Object, ref

LONGEST = 60.0
"""Seconds for a command that does not wait for pods."""
UNDER_WAY = re.compile(r"#(\d+) is already in progress")
"""What ``oc rollout latest`` says while another rollout goes on (openshift/oc, pkg/cli/rollout/latest.go)."""


def missing(binary: str) -> str:
    """Why the client cannot be used here, in a sentence; empty where it can."""
    if _library() is None:
        return f"The Python library openshift-client is missing from {sys.executable}: install it there."
    if shutil.which(binary) is None:
        return f"There is no program {binary}, OpenShift's client: install it, or give its path with option oc_binary."
    return ""


def check(api: Api, binary: str, config: Object) -> None:
    """Has the client read the DeploymentConfig: what stops it should do so before anything is written. Raises ClusterError."""
    code, said = _run(
        api, binary, config, LONGEST, "get", f"deploymentconfigs/{config['metadata']['name']}", "--output=name"
    )
    if code:
        # Nothing was written, so there is nothing to look for: any status below 500 says that.
        raise _failed(f"read {ref(config)}", api, binary, said, status=400)


def roll_out(api: Api, binary: str, config: Object) -> None:
    """Rolls the DeploymentConfig out as it is now. One that its triggers have begun meanwhile is as good. Raises ClusterError."""
    code, said = _run(api, binary, config, LONGEST, "rollout", "latest", _dc(config))
    under_way = UNDER_WAY.search(said)
    if code and not (under_way and int(under_way.group(1)) > int(config["status"]["latestVersion"])):
        raise _failed(f"roll {ref(config)} out", api, binary, said)


def wait_for(api: Api, binary: str, config: Object, timeout: float) -> None:
    """Waits until the DeploymentConfig is rolled out, at most ``timeout`` seconds. Raises ClusterError."""
    code, said = _run(api, binary, config, timeout, "rollout", "status", _dc(config), "--watch")
    if code:
        raise _failed(f"see {ref(config)} rolled out", api, binary, said)


def _dc(config: Object) -> str:
    return f"dc/{config['metadata']['name']}"


def _failed(doing: str, api: Api, binary: str, said: str, status: int | None = None) -> ClusterError:
    last = (said.strip().splitlines() or ["it said nothing"])[-1].removeprefix("error: ")[:300].rstrip(".")
    return ClusterError(f"Failed to {doing} on {api.server} with {binary}: {last}.", status=status, reason="Oc")


def _library() -> t.Any:
    """The module openshift_client, None where it is missing. Its import takes as long as two questions to a proxy, and few runs need it."""
    try:
        import openshift_client
    except ImportError:
        return None
    return openshift_client


def _run(api: Api, binary: str, config: Object, timeout: float, verb: str, *arguments: str) -> tuple[int, str]:
    """(exit code, what it said) of one command of the client; -1 where it took too long."""
    with tempfile.TemporaryDirectory() as directory:
        kubeconfig = os.path.join(directory, "kubeconfig")
        # Not by the command line, which everybody on this machine may read.
        with open(os.open(kubeconfig, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(_kubeconfig(api), file)
        library = _library()
        # The library would take another server from the environment.
        library.set_default_api_server(None)
        with (
            library.client_path(binary),
            library.api_server(kubeconfig_path=kubeconfig),
            library.project(config["metadata"]["namespace"]),
            library.tls_verify(True),
            library.timeout(max(1.0, timeout)),
        ):
            result = library.invoke(verb, list(arguments), auto_raise=False)
    action = result.actions()[0]
    return action.status, f"no answer within {timeout:g} s" if action.timeout else f"{action.out}\n{action.err}"


def _kubeconfig(api: Api) -> dict[str, t.Any]:
    """The connection of ``api`` as a kubeconfig: same server, same account, same trust."""
    client = api.client.client
    settings = client.configuration
    cluster = {
        "server": settings.host,
        "certificate-authority": settings.ssl_ca_cert,
        "insecure-skip-tls-verify": not settings.verify_ssl,
        "tls-server-name": getattr(settings, "tls_server_name", None),
        "proxy-url": settings.proxy,
    }
    token = next((one["value"] for one in settings.auth_settings().values() if one.get("key") == "authorization"), None)
    user = {
        "token": token.removeprefix("Bearer ") if token else None,
        "client-certificate": settings.cert_file,
        "client-key": settings.key_file,
        "username": settings.username,
        "password": settings.password,
        "as": next(iter(_headers(client, "Impersonate-User")), None),
        "as-groups": _headers(client, "Impersonate-Group"),
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": {key: value for key, value in cluster.items() if value}}],
        "users": [{"name": "user", "user": {key: value for key, value in user.items() if value}}],
        "contexts": [{"name": "context", "context": {"cluster": "cluster", "user": "user"}}],
        "current-context": "context",
    }


def _headers(client: t.Any, name: str) -> list[str]:
    """The values of a header that is sent with every request; kubernetes.core makes one entry of that name for each."""
    return [str(value) for key, value in client.default_headers.items() if str(key) == name]
