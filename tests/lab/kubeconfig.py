"""Kubeconfig files, as JSON, which is YAML as well."""

from __future__ import annotations

import base64
import json
import pathlib
from collections.abc import Mapping
from dataclasses import dataclass

from .pki import Pair


@dataclass(frozen=True)
class Access:
    """How to reach one API server: its URL, the certificate of its authority, and the client's own pair."""

    server: str
    authority: pathlib.Path
    client: Pair


def write(path: pathlib.Path, accesses: Mapping[str, Access]) -> None:
    """Write a kubeconfig (mode 0600) with one context per name, the first being the current one."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": next(iter(accesses)),
        "clusters": [
            {
                "name": name,
                "cluster": {"server": access.server, "certificate-authority-data": _encoded(access.authority)},
            }
            for name, access in accesses.items()
        ],
        "users": [
            {
                "name": name,
                "user": {
                    "client-certificate-data": _encoded(access.client.certificate),
                    "client-key-data": _encoded(access.client.key),
                },
            }
            for name, access in accesses.items()
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in accesses],
    }
    text = json.dumps(content, indent=2) + "\n"
    if path.is_file() and path.read_text() == text:
        return
    partial = path.with_name(path.name + ".new")
    partial.touch(mode=0o600)
    partial.write_text(text)
    partial.replace(path)


def _encoded(path: pathlib.Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
