"""Which texts of the credentials are secret."""

from __future__ import annotations

import base64
import types
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.secrets import (
    left_out,
    of_client,
    of_options,
    texts,
)
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

ROLE = Path(__file__).parents[3] / "roles" / "recover"

KUBECONFIG: dict[str, Any] = {
    "apiVersion": "v1",
    "clusters": [
        {"name": "dev", "cluster": {"server": "https://a:s3rver@10.0.0.1", "proxy-url": "http://a:pr0xy@10.0.0.2:1"}}
    ],
    "contexts": [{"name": "dev", "context": {"cluster": "dev", "user": "me", "namespace": "default"}}],
    "users": [
        {"name": "me", "user": {"token": "t0ken", "client-key-data": "k3y", "client-certificate-data": "public"}},
        {"name": "other", "user": {"username": "admin", "password": "passw0rd"}},
        {
            "name": "old",
            "user": {"auth-provider": {"name": "oidc", "config": {"id-token": "1d", "refresh-token": "r3"}}},
        },
        {
            "name": "plugin",
            "user": {"exec": {"command": "aws", "args": ["eks"], "env": [{"name": "KEY", "value": "3nv"}]}},
        },
    ],
}


def pair(text: str) -> str:
    """As a header carries it."""
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("options", "environ", "expected"),
    [
        ({}, {}, set()),
        ({"api_key": None, "password": "", "host": "https://10.0.0.1"}, {}, set()),
        ({"api_key": "t0ken"}, {}, {"t0ken"}),
        ({"api_key": "t0ken\n"}, {}, {"t0ken\n", "t0ken", "t0ken\\n"}),
        ({"api_key": ["t0ken"]}, {}, {"t0ken"}),
        ({"password": 12345}, {}, {"12345"}),
        ({}, {"K8S_AUTH_API_KEY": "a", "K8S_AUTH_PASSWORD": "b", "K8S_AUTH_USERNAME": "c"}, {"a", "b"}),
        ({"host": "https://u:pass@10.0.0.1:6443/path"}, {}, {"pass", pair("u:pass")}),
        ({"host": "https://10.0.0.1:6443/path"}, {}, set()),
        ({"proxy": "http://u@10.0.0.1"}, {}, set()),
        ({"proxy": "http://u:p%40ss@h:1"}, {}, {"p%40ss", "p@ss", pair("u:p%40ss"), pair("u:p@ss")}),
        ({"proxy": "http://u:p/a@s#s@h"}, {}, {"p/a@s#s", pair("u:p/a@s#s")}),
        ({}, {"https_proxy": "http://u:a@h", "ALL_PROXY": "socks5://u:b@h"}, {"a", pair("u:a"), "b", pair("u:b")}),
        ({}, {"K8S_AUTH_PROXY": "http://u:a@h", "K8S_AUTH_HOST": "//u:b@h"}, {"a", pair("u:a"), "b", pair("u:b")}),
        ({"proxy_headers": {"basic_auth": "u:a", "user_agent": "me: 1"}}, {}, {"a", pair("u:a")}),
        ({}, {"K8S_AUTH_PROXY_HEADERS_PROXY_BASIC_AUTH": "u:a"}, {"a", pair("u:a")}),
        ({"kubeconfig": "~/.kube/config"}, {}, set()),
        (
            {"kubeconfig": KUBECONFIG},
            {},
            {"s3rver", pair("a:s3rver"), "pr0xy", pair("a:pr0xy"), "t0ken", "k3y", "passw0rd", "1d", "r3", "3nv"},
        ),
        ({"kubeconfig": {"users": "nonsense", "clusters": [1, {"cluster": 2}]}}, {}, set()),
        ({"kubeconfig": {"users": [{"user": {"exec": {"env": [3]}, "token": {"a": ["t0ken"]}}}]}}, {}, {"t0ken"}),
    ],
)
def test_of_options(options: dict[str, Any], environ: dict[str, str], expected: set[str]) -> None:
    assert of_options(options, environ) == expected


def configuration(**known: Any) -> types.SimpleNamespace:
    """A client's configuration."""
    none = dict.fromkeys(("api_key", "username", "password", "proxy"))
    return types.SimpleNamespace(**{**none, "host": "https://10.0.0.1", **known})


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, set()),
        ({"api_key": {"authorization": "Bearer t0ken"}}, {"t0ken"}),
        ({"api_key": {"BearerToken": "t0ken"}}, {"t0ken"}),
        ({"username": "u", "password": "pass"}, {"pass", pair("u:pass")}),
        ({"username": "u"}, set()),
        ({"proxy": "http://u:a@h", "host": "https://u:b@h"}, {"a", pair("u:a"), "b", pair("u:b")}),
    ],
)
def test_of_client(known: dict[str, Any], expected: set[str]) -> None:
    assert of_client(configuration(**known)) == expected


def test_texts() -> None:
    assert texts({"a": ["x", 1, {"b": None, "c": True}], "d": {}}) == {"x", "1", "True"}


def test_the_role_knows_the_names_of_all_auth_options() -> None:
    variables = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())
    names = {*AUTH_ARG_SPEC}.union(*(option.get("aliases", ()) for option in AUTH_ARG_SPEC.values()))
    assert variables["__recover_auth_known"] == sorted(names)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Unable to locate credentials", "Unable to locate credentials"),
        ("The config profile (dev) could not be found", "The config profile (dev) could not be found"),
        (
            "User: arn:aws:iam::111122223333:user/dev is not authorized to perform: sts:AssumeRole",
            "User: arn:aws:iam::111122223333:user/dev is not authorized to perform: sts:AssumeRole",
        ),
        ("region eu-central-1 is not known", "region eu-central-1 is not known"),
        ("token k8s-aws-v1.aHR0cHM6Ly9zdHM is old", "token (left out) is old"),
        ("key 'AKIAIOSFODNN7EXAMPLE' is not active", "key '(left out)' is not active"),
        ("password hunter is wrong", "password (left out) is wrong"),
        ("user somebody is not known", "user somebody is not known"),
    ],
)
def test_what_a_plugin_says_is_shown_without_what_may_be_a_secret(said: str, shown: str) -> None:
    assert left_out(said, {"DB_PASSWORD": "hunter", "AN_EMPTY_TOKEN": "", "WHO": "somebody"}) == shown
