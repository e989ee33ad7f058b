"""Secrets in the credentials: whatever comes of a run, no result holds one; and what is no secret is not masked."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import Configuration

from wire import status
from wire.script import FOREVER, on
from wire.server import TOKEN

from .cluster import MAIN, Cluster, only

CANARY = "canary-4711"
PROXY = f"http://somebody:{CANARY}-proxy@127.0.0.1:9"
Options = dict[str, Any]


def spellings(secret: str) -> list[str]:
    """How a secret could stand in a result."""
    return [secret, base64.b64encode(secret.encode()).decode().rstrip("=")]


def checked(result: dict[str, Any]) -> dict[str, Any]:
    """The result, after a look for secrets in it."""
    said = json.dumps(result)
    for secret in (CANARY, TOKEN):
        assert not [spelling for spelling in spellings(secret) if spelling in said], said
    return result


def plugin(directory: Path, answer: str, code: int = 0) -> Options:
    """The user of a kubeconfig whose credential plugin prints this answer, and a secret on stderr."""
    script = directory / "plugin.sh"
    (directory / "answer").write_text(answer)
    script.write_text(f"#!/bin/sh\necho {CANARY}-stderr >&2\ncat '{directory / 'answer'}'\nexit {code}\n")
    script.chmod(0o700)
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": str(script),
            "args": [],
            "env": [{"name": "KEY", "value": f"{CANARY}-env"}],
            "interactiveMode": "Never",
        }
    }


def credential(token: str) -> str:
    """What a credential plugin prints."""
    kind = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
    return json.dumps({**kind, "status": {"token": token}})


class Credentials:
    """Ways to give credentials for a fake cluster, as options of a module."""

    def __init__(self, cluster: Cluster, directory: Path) -> None:
        self.url, self.directory = cluster.server.url, directory
        self.server = cluster.server
        (directory / "ca.pem").write_bytes(cluster.server.ca)
        self.host = {"kubeconfig": None, "host": self.url, "ca_cert": str(directory / "ca.pem")}

    def file(self, user: Options, **cluster: Any) -> Options:
        """A kubeconfig file."""
        path = self.server.kubeconfig(self.directory / "kubeconfig", user=user)
        config = yaml.safe_load(path.read_text())
        config["clusters"][0]["cluster"].update(cluster)
        path.write_text(yaml.safe_dump(config))
        return {"kubeconfig": str(path)}

    def inline(self, user: Options, **cluster: Any) -> Options:
        """A kubeconfig as a dictionary."""
        return {"kubeconfig": yaml.safe_load(Path(self.file(user, **cluster)["kubeconfig"]).read_text())}


@pytest.fixture
def credentials(cluster: Cluster, tmp_path: Path) -> Credentials:
    """Ways to give credentials for the cluster."""
    return Credentials(cluster, tmp_path)


GOOD: dict[str, Callable[[Credentials], Options]] = {
    "token": lambda of: {**of.host, "api_key": TOKEN},
    "file": lambda of: of.file({"token": TOKEN}),
    "inline": lambda of: of.inline({"token": TOKEN}),
    "plugin in a file": lambda of: of.file(plugin(of.directory, credential(TOKEN))),
    "plugin inline": lambda of: of.inline(plugin(of.directory, credential(TOKEN))),
    "proxy": lambda of: {**of.host, "api_key": TOKEN, "proxy": PROXY, "no_proxy": "127.0.0.1"},
    "headers": lambda of: {**of.host, "api_key": TOKEN, "proxy_headers": {"proxy_basic_auth": f"me:{CANARY}"}},
    "proxy in a file": lambda of: {**of.file({"token": TOKEN}, **{"proxy-url": PROXY}), "no_proxy": "127.0.0.1"},
    "proxy inline": lambda of: {**of.inline({"token": TOKEN}, **{"proxy-url": PROXY}), "no_proxy": "127.0.0.1"},
}
BAD: dict[str, Callable[[Credentials], Options]] = {
    "token": lambda of: {**of.host, "api_key": CANARY},
    "token with a line break": lambda of: {**of.host, "api_key": f"{CANARY}\n"},
    "password": lambda of: {**of.host, "username": "somebody", "password": CANARY},
    "password with a line break": lambda of: {**of.host, "username": "somebody", "password": f"{CANARY}\n"},
    "file": lambda of: of.file({"token": CANARY}),
    "inline": lambda of: of.inline({"token": CANARY}),
    "line break in a file": lambda of: of.file({"token": f"{CANARY}\n"}),
    "line break inline": lambda of: of.inline({"token": f"{CANARY}\n"}),
    "password in a file": lambda of: of.file({"username": "somebody", "password": CANARY}),
    "key that is none": lambda of: of.inline({"client-key-data": base64.b64encode(CANARY.encode()).decode()}),
    "key that is no base64": lambda of: of.inline({"client-certificate-data": "%", "client-key-data": CANARY}),
    "auth provider": lambda of: of.inline({"auth-provider": {"name": "oidc", "config": {"id-token": CANARY}}}),
    "plugin that fails": lambda of: of.file(plugin(of.directory, credential(CANARY), code=1)),
    "plugin inline that fails": lambda of: of.inline(plugin(of.directory, credential(CANARY), code=1)),
    "plugin that prints something else": lambda of: of.file(plugin(of.directory, CANARY)),
    "plugin with a token that is not known": lambda of: of.file(plugin(of.directory, credential(CANARY))),
    "plugin with a line break": lambda of: of.file(plugin(of.directory, credential(f"{CANARY}\n"))),
    "proxy": lambda of: {**of.host, "api_key": TOKEN, "proxy": PROXY},
    "proxy in a file": lambda of: of.file({"token": TOKEN}, **{"proxy-url": PROXY}),
    "proxy inline": lambda of: of.inline({"token": TOKEN}, **{"proxy-url": PROXY}),
    "proxy that cannot be read": lambda of: {**of.host, "api_key": TOKEN, "proxy": f"http://me:{CANARY}#x@h:port"},
    "address with a password": lambda of: {**of.host, "api_key": TOKEN, "host": f"https://me:{CANARY}@127.0.0.1:9"},
    "content in place of a path": lambda of: {"kubeconfig": Path(of.file({"token": CANARY})["kubeconfig"]).read_text()},
    "JSON in place of a path": lambda of: {"kubeconfig": json.dumps(of.inline({"token": CANARY})["kubeconfig"])},
    "a kubeconfig of nonsense": lambda of: {"kubeconfig": {"users": [{"user": CANARY}, CANARY], "clusters": CANARY}},
}


@pytest.mark.parametrize("way", GOOD)
@pytest.mark.parametrize("check", [False, True])
def test_a_success_tells_no_secret(cluster: Cluster, credentials: Credentials, way: str, check: bool) -> None:
    cluster.stage()
    result = checked(cluster.run(check=check, **GOOD[way](credentials)))
    assert only(result)["outcome"] == ("restorable" if check else "restored")
    assert result["invocation"]


@pytest.mark.parametrize("way", GOOD)
def test_what_is_no_secret_is_not_masked(cluster: Cluster, credentials: Credentials, way: str) -> None:
    """Ansible would mask the v1 of a kubeconfig in apps/v1, and the names in it wherever they are part of another."""
    cluster.stage()
    result = cluster.run(**GOOD[way](credentials))
    said = {key: value for key, value in result.items() if key != "invocation"}
    assert "****" not in json.dumps(said) and "NO_LOG" not in json.dumps(said)
    assert only(result)["original"]["api_version"] == "apps/v1"
    assert result["cluster"]["server"] == credentials.url


@pytest.mark.parametrize("way", BAD)
@pytest.mark.parametrize("module", MAIN)
def test_a_failure_to_connect_tells_no_secret(
    cluster: Cluster, credentials: Credentials, way: str, module: str
) -> None:
    cluster.stage()
    result = checked(cluster.run(module, **BAD[way](credentials)))
    assert result["failed"] is True and len(result["msg"]) > 40
    assert cluster.writes == []


@pytest.mark.parametrize("way", GOOD)
@pytest.mark.parametrize("fault", [status.unauthorized(), status.unavailable()], ids=["401", "503"])
def test_a_failure_on_the_way_tells_no_secret(
    cluster: Cluster, credentials: Credentials, way: str, fault: status.ApiError
) -> None:
    cluster.stage()
    cluster.server.script(on("list", "pods"), fault, times=FOREVER)
    assert checked(cluster.run(**GOOD[way](credentials)))["failed"] is True


@pytest.mark.parametrize("way", GOOD)
def test_missing_rights_tell_no_secret(cluster: Cluster, credentials: Credentials, way: str) -> None:
    cluster.stage()
    cluster.server.deny("delete", "pods")
    assert "it may not delete pods" in checked(cluster.run(**GOOD[way](credentials)))["msg"]


@pytest.mark.parametrize("way", GOOD)
@pytest.mark.parametrize("resource", ["", "pods"], ids=["at once", "later"])
def test_a_server_that_repeats_the_token_does_not_give_it_away(
    cluster: Cluster, credentials: Credentials, way: str, resource: str
) -> None:
    matcher = on("list", resource) if resource else on(resource="")
    cluster.server.script(matcher, status.internal_error(f"cannot parse Bearer {TOKEN}"), times=FOREVER)
    result = checked(cluster.run(**GOOD[way](credentials)))
    assert "cannot parse Bearer ********" in result["msg"]


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "K8S_AUTH_PROXY"])
def test_a_proxy_of_the_environment_is_a_secret(
    cluster: Cluster, credentials: Credentials, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {**GOOD["token"](credentials)}
    broken = f"http://me:{CANARY}@127.0.0.1:port"
    with monkeypatch.context() as env:
        env.setenv(variable, PROXY)
        env.setenv("NO_PROXY", "")
        env.setenv("no_proxy", "")
        # Only kubernetes.core's own variable is heeded with kubernetes 24 (kubernetes/client/configuration.py).
        heeded = variable.startswith("K8S_AUTH") or bool(Configuration(host=cluster.server.url).proxy)
    for address in (PROXY, broken):
        assert checked(cluster.run(env={variable: address}, **options)).get("failed", False) is heeded


@pytest.mark.parametrize("where", ["option", "environment"])
@pytest.mark.parametrize("write", [yaml.safe_dump, json.dumps])
def test_content_in_place_of_a_path_is_refused(
    cluster: Cluster, credentials: Credentials, write: Callable[[Any], str], where: str
) -> None:
    content = write(credentials.inline({"token": CANARY})["kubeconfig"])
    options = {"kubeconfig": content} if where == "option" else {"kubeconfig": None}
    env = {"K8S_AUTH_KUBECONFIG": content} if where == "environment" else {}
    result = checked(cluster.run(env=env, **options))
    assert "holds the content of a kubeconfig where its path is expected" in result["msg"]


def test_secrets_of_the_environment_are_secrets(cluster: Cluster, credentials: Credentials) -> None:
    env = {"K8S_AUTH_HOST": cluster.server.url, "K8S_AUTH_API_KEY": f"{CANARY}\n"}
    assert checked(cluster.run(kubeconfig=None, env=env))["failed"] is True
