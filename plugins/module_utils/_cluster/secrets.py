# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What of the credentials is secret: Ansible masks these texts in everything that a module prints, and no others."""

from __future__ import annotations

import base64
import re
import typing as t
from urllib.parse import unquote

from .kinds import dig

OPTIONS = ("api_key", "password")
HEADERS = ("proxy_basic_auth", "basic_auth")
ADDRESSES = ("host", "proxy")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
FIELDS = ("token", "password", "client-key-data")
"""Of a user in a kubeconfig (k8s.io/client-go v0.34.4, tools/clientcmd/api/types.go, ``datapolicy``)."""

TELLING = re.compile("KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL")
"""In the name of a variable of the environment: its value is secret."""
KEY_LIKE = re.compile(r"(?<![^\s'\"])(?=[^\s'\"]*[0-9])(?=[^\s'\"]*[A-Za-z])(?!arn:)[^\s'\"]{16,}")
"""A word that may be a token or a key: long, of letters and digits. Names of AWS, which it needs to say who lacks a right, are none."""


def of_options(options: t.Mapping[str, t.Any], environ: t.Mapping[str, str]) -> set[str]:
    """Every secret in the auth options of a module, and in the variables that stand in for them."""
    headers = options.get("proxy_headers") or {}
    found = set()
    for name in OPTIONS:
        found |= texts(options.get(name)) | texts(environ.get(f"K8S_AUTH_{name.upper()}"))
    for name in HEADERS:
        found |= _pair(headers.get(name)) | _pair(environ.get(f"K8S_AUTH_PROXY_HEADERS_{name.upper()}"))
    for name in ADDRESSES:
        found |= _userinfo(options.get(name)) | _userinfo(environ.get(f"K8S_AUTH_{name.upper()}"))
    for name in PROXIES:
        found |= _userinfo(environ.get(name)) | _userinfo(environ.get(name.lower()))
    return _spelt(found | _of_kubeconfig(options.get("kubeconfig")))


def of_client(configuration: t.Any) -> set[str]:
    """Every secret in the configuration of a client: what a kubeconfig file and a credential plugin gave."""
    found = _userinfo(configuration.proxy) | _userinfo(configuration.host)
    for value in (configuration.api_key or {}).values():
        found.add(str(value).partition(" ")[2] or value)
    if configuration.username or configuration.password:
        found |= _pair(f"{configuration.username or ''}:{configuration.password or ''}")
    return _spelt(found)


def left_out(text: str, variables: t.Mapping[str, str]) -> str:
    """The text of another program without the secrets among its variables, and without words that may be one.

    For output that is worth to be shown: what a credential plugin says when it fails, which could be anything.
    """
    for name, value in variables.items():
        if TELLING.search(name.upper()) and len(value) > 3:
            text = text.replace(value, "(left out)")
    return KEY_LIKE.sub("(left out)", text)


def is_content(kubeconfig: str) -> bool:
    """Whether this is the content of a kubeconfig, in YAML or JSON, and not a path."""
    return "\n" in kubeconfig or kubeconfig.lstrip().startswith("{")


def texts(value: t.Any) -> set[str]:
    """Every text and number in nested data, as a text."""
    if isinstance(value, (dict, list)):
        return set().union(*map(texts, value.values() if isinstance(value, dict) else value))
    return set() if value is None else {str(value)}


def _of_kubeconfig(kubeconfig: t.Any) -> set[str]:
    found = set()
    for one in _dicts(dig(kubeconfig, "clusters")):
        found |= _userinfo(dig(one, "cluster", "server")) | _userinfo(dig(one, "cluster", "proxy-url"))
    for one in _dicts(dig(kubeconfig, "users")):
        found |= texts([dig(one, "user", field) for field in FIELDS])
        found |= texts(dig(one, "user", "auth-provider", "config"))
        found |= texts([variable.get("value") for variable in _dicts(dig(one, "user", "exec", "env"))])
    return found


def _dicts(value: t.Any) -> list[dict[str, t.Any]]:
    """The dictionaries in what should be a list of them."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _userinfo(address: t.Any) -> set[str]:
    """The password in an address, also in one that is spelt wrong."""
    found = re.match("[^/]*//(.*)@", str(address or ""), re.DOTALL)
    return _pair(found.group(1)) | _pair(unquote(found.group(1))) if found else set()


def _pair(text: t.Any) -> set[str]:
    """The password in ``USER:PASSWORD``, and what the header makes of both."""
    password = str(text or "").partition(":")[2]
    return {password, base64.b64encode(str(text).encode()).decode()} if password else set()


def _spelt(found: t.Iterable[str]) -> set[str]:
    """Each secret as it is, without the white space around it, and as an error message spells it."""
    spelt = {spelling for text in found for spelling in (text, text.strip(), repr(text)[1:-1])}
    return {text for text in spelt if text.strip()}
