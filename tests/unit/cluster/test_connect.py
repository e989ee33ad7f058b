"""Credentials that would reach another cluster than was named, or nobody's account, are refused."""

from __future__ import annotations

import types
import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.connect import (
    refuse_ambiguous,
    refuse_anonymous,
)
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.errors import ClusterError
from kubernetes.client import Configuration

HOST, KEY = {"K8S_AUTH_HOST": "https://other"}, {"K8S_AUTH_API_KEY": "x"}
FILE, CONTEXT = {"kubeconfig": "/etc/alpha"}, {"context": "alpha"}


@pytest.mark.parametrize(
    ("auth", "environ", "refused"),
    [
        pytest.param(FILE, HOST, True, id="kubeconfig-host"),
        pytest.param(FILE, KEY, True, id="kubeconfig-key"),
        pytest.param(FILE, {**HOST, **KEY}, True, id="kubeconfig-both"),
        pytest.param(CONTEXT, KEY, True, id="context-key"),
        pytest.param({**FILE, **CONTEXT}, HOST, True, id="kubeconfig-and-context"),
        pytest.param({"kubeconfig": {"apiVersion": "v1"}}, HOST, True, id="inline"),
        pytest.param({**FILE, "api_key": "x"}, HOST, True, id="own-key-other-host"),
        pytest.param({**FILE, "host": "https://alpha"}, KEY, False, id="own-host"),
        pytest.param({}, {**HOST, **KEY}, False, id="environment-alone"),
        pytest.param({"kubeconfig": None, "context": None}, HOST, False, id="nothing-named"),
        pytest.param(FILE, {}, False, id="kubeconfig-alone"),
        pytest.param(FILE, {"K8S_AUTH_HOST": "", "K8S_AUTH_API_KEY": ""}, False, id="empty"),
        pytest.param(FILE, {"K8S_AUTH_KUBECONFIG": "/other"}, False, id="weaker-ones"),
        pytest.param(FILE, {"K8S_AUTH_CONTEXT": "beta"}, True, id="other-context"),
        pytest.param({**FILE, "context": "alpha"}, {"K8S_AUTH_CONTEXT": "beta"}, False, id="own-context"),
    ],
)
def test_refuse_ambiguous(auth: dict[str, t.Any], environ: dict[str, str], refused: bool) -> None:
    if not refused:
        refuse_ambiguous(auth, environ)
        return
    with pytest.raises(ClusterError) as caught:
        refuse_ambiguous(auth, environ)
    sentence = str(caught.value)
    assert all(name in sentence for name in [*environ, *(name for name in ("kubeconfig", "context") if auth.get(name))])
    assert "x" not in environ.values() or " x " not in sentence


@pytest.mark.parametrize("option", ["kubeconfig", "context", "host", "api_key"])
def test_an_empty_option_is_refused(option: str) -> None:
    """An unset variable in an inventory must not mean whatever cluster is the default."""
    with pytest.raises(ClusterError, match=f"Option {option} is empty"):
        refuse_ambiguous({option: ""}, {})


def configuration(**settings: t.Any) -> Configuration:
    """The Kubernetes client's own configuration, with nothing from this machine."""
    own = Configuration()
    for name, value in settings.items():
        setattr(own, name, value)
    return own


@pytest.mark.parametrize(
    ("settings", "refused"),
    [
        pytest.param({}, True, id="nothing"),
        pytest.param({"api_key": {"authorization": "Bearer x"}}, False, id="token"),
        pytest.param({"cert_file": "/tmp/cert", "key_file": "/tmp/key"}, False, id="certificate"),
        pytest.param({"username": "dev", "password": "x"}, False, id="user"),
        pytest.param({"ssl_ca_cert": "/tmp/ca"}, True, id="a-ca-is-no-credential"),
    ],
)
def test_refuse_anonymous(settings: dict[str, t.Any], refused: bool) -> None:
    if refused:
        with pytest.raises(ClusterError, match="context alpha: they hold no token, no certificate and no user"):
            refuse_anonymous(configuration(**settings), {"host": "https://alpha", "kubeconfig": {}}, "context alpha")
    else:
        refuse_anonymous(configuration(**settings), {}, "context alpha")


def kubeconfig(user: dict[str, t.Any]) -> dict[str, t.Any]:
    """A kubeconfig with two contexts; the current one is beta."""
    return {
        "current-context": "beta",
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in ("alpha", "beta")],
        "users": [{"name": "alpha", "user": user}, {"name": "beta", "user": {"exec": {"command": "beta-login"}}}],
    }


@pytest.mark.parametrize(
    ("auth", "said"),
    [
        (
            {"context": "alpha", "kubeconfig": kubeconfig({"exec": {"command": "alpha-login"}})},
            "plugin alpha-login gave none",
        ),
        ({"kubeconfig": kubeconfig({})}, "plugin beta-login gave none"),
        ({"context": "alpha", "kubeconfig": kubeconfig({})}, "they hold no token"),
        ({"context": "gamma", "kubeconfig": kubeconfig({})}, "they hold no token"),
        ({"kubeconfig": "/does/not/exist"}, "they hold no token"),
    ],
    ids=["plugin", "plugin-of-current", "no-plugin", "no-such-context", "no-file"],
)
def test_a_credential_plugin_that_failed_is_named(auth: dict[str, t.Any], said: str) -> None:
    silent = types.SimpleNamespace(auth_settings=dict, cert_file=None, username=None)
    with pytest.raises(ClusterError, match=said):
        refuse_anonymous(silent, auth, "context x")
