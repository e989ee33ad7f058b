"""Secrets in the credentials, through ansible-playbook at its most talkative: nothing that it prints or writes holds one."""

from __future__ import annotations

import base64
import dataclasses
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.integration.conftest import Place, Ran, orphaned, written
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl

NAMESPACE = "rights-secrets"
CANARY = "canary-4711"
TALKATIVE = {
    "ANSIBLE_DISPLAY_ARGS_TO_STDOUT": "true",
    "ANSIBLE_DISPLAY_TRACEBACK": "always",
    "ANSIBLE_SHOW_CUSTOM_STATS": "true",
}
Variables = dict[str, Any]


@pytest.fixture(scope="module")
def kubectl() -> Iterator[Kubectl]:
    """A namespace on the first cluster with one orphan in it, and a ServiceAccount that may do everything there."""
    with orphaned(NAMESPACE, clusters()[1][:1]) as kubectl:
        kubectl.run("create", "serviceaccount", "canary")
        kubectl.run("create", "rolebinding", "canary", "--clusterrole=admin", f"--serviceaccount={NAMESPACE}:canary")
        kubectl.run("create", "role", "canary", "--verb=get,create", "--resource=namespaces,pods/exec,pods/proxy")
        kubectl.run("create", "rolebinding", "canary-too", "--role=canary", f"--serviceaccount={NAMESPACE}:canary")
        yield kubectl


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The first cluster: its entry in a kubeconfig, a token for it, and a directory for files."""

    entry: Variables
    token: str
    directory: pathlib.Path

    def kubeconfig(self, user: Variables, **changes: Any) -> Variables:
        """A kubeconfig with this user and these changes to the cluster's entry."""
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "it",
            "clusters": [{"name": "it", "cluster": {**self.entry, **changes}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "users": [{"name": "it", "user": user}],
        }

    def file(self, user: Variables, **changes: Any) -> str:
        """The path of such a kubeconfig."""
        path = self.directory / f"kubeconfig-{len(list(self.directory.iterdir()))}"
        path.write_text(yaml.safe_dump(self.kubeconfig(user, **changes)))
        return str(path)

    def plugin(self, token: str, code: int = 0) -> Variables:
        """A user whose credential plugin prints a token, and a secret on stderr."""
        kind = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
        script = self.directory / f"plugin-{code}"
        said = json.dumps({**kind, "status": {"token": token}})
        script.write_text(f"#!/bin/sh\necho {CANARY}-stderr >&2\necho '{said}'\nexit {code}\n")
        script.chmod(0o700)
        env = [{"name": "KEY", "value": f"{CANARY}-env"}]
        return {
            "exec": {
                "apiVersion": kind["apiVersion"],
                "command": str(script),
                "env": env,
                "interactiveMode": "Never",
            }
        }

    def auth(self, **options: Any) -> Variables:
        """Host variables that give these options."""
        return {"telepresence_auth": {"host": self.entry["server"], "validate_certs": False, **options}}


@pytest.fixture
def cluster(kubectl: Kubectl, tmp_path: pathlib.Path) -> Cluster:
    """The cluster of kubectl, with a token for the ServiceAccount."""
    config = yaml.safe_load(kubectl.kubeconfig.read_text())
    context = next(one["context"] for one in config["contexts"] if one["name"] == kubectl.context)
    entry = next(one["cluster"] for one in config["clusters"] if one["name"] == context["cluster"])
    (tmp_path / "files").mkdir()
    return Cluster(entry, kubectl.run("create", "token", "canary").strip(), tmp_path / "files")


def talk(place: Place, directory: pathlib.Path, hosts: dict[str, Variables], *options: str) -> tuple[Ran, str]:
    """Runs recover as talkative as it gets; the run, and all that it printed and wrote."""
    log = directory / "ansible.log"
    talkative = dataclasses.replace(
        place,
        reports=directory / "reports",
        environment={**place.environment, **TALKATIVE, "ANSIBLE_LOG_PATH": str(log)},
    )
    inventory = written(directory, hosts)
    ran = talkative.play("recover", inventory, "-vvvv", "--diff", *options, quiet=False, recover_namespaces=[NAMESPACE])
    files = [path for path in (directory / "reports").rglob("*") if path.is_file()]
    assert {"recover.json", "recover.html"} <= {path.name for path in files}
    return ran, ran.output + log.read_text() + "".join(path.read_text() for path in files)


def given_away(text: str, *secrets: str) -> list[str]:
    """Which of these secrets a text holds, in plain or as a header or a kubeconfig would."""
    return [
        secret
        for secret in secrets
        for spelling in (secret, base64.b64encode(secret.encode()).decode().rstrip("="))
        if spelling in text
    ]


def test_whatever_fails_no_secret_is_told(checkout: Place, cluster: Cluster, tmp_path: pathlib.Path) -> None:
    proxy = f"http://somebody:{CANARY}@127.0.0.1:9"
    token = {"token": CANARY}
    hosts = {
        "unknown_token": cluster.auth(api_key=CANARY),
        "line_break": cluster.auth(api_key=f"{CANARY}\n"),
        "unknown_password": cluster.auth(username="somebody", password=CANARY),
        "unknown_in_a_file": {"telepresence_kubeconfig": cluster.file(token)},
        "unknown_inline": {"telepresence_kubeconfig": cluster.kubeconfig(token)},
        "line_break_in_a_file": {"telepresence_kubeconfig": cluster.file({"token": f"{CANARY}\n"})},
        "content": {"telepresence_kubeconfig": yaml.safe_dump(cluster.kubeconfig(token))},
        "nonsense": {"telepresence_kubeconfig": {"users": [{"user": CANARY}]}},
        "no_key": {"telepresence_kubeconfig": cluster.kubeconfig({"client-key-data": CANARY})},
        "failing_plugin": {"telepresence_kubeconfig": cluster.file(cluster.plugin(CANARY, code=1))},
        "failing_plugin_inline": {"telepresence_kubeconfig": cluster.kubeconfig(cluster.plugin(CANARY, code=1))},
        "unreachable": {"telepresence_auth": {"host": f"https://me:{CANARY}@127.0.0.1:9", "api_key": CANARY}},
        "proxy": cluster.auth(api_key=CANARY, proxy=proxy),
        "proxy_headers": cluster.auth(
            api_key=CANARY, proxy="http://127.0.0.1:9", proxy_headers={"proxy_basic_auth": f"me:{CANARY}"}
        ),
        "proxy_inline": {"telepresence_kubeconfig": cluster.kubeconfig(token, **{"proxy-url": proxy})},
        "misspelt": cluster.auth(apikey=CANARY),
        "no_dictionary": {"telepresence_auth": f"host=127.0.0.1 apikey={CANARY}"},
        "undefined": cluster.auth(api_key="{{ nowhere }}", password=CANARY),
    }
    ran, said = talk(checkout, tmp_path, hosts)
    assert ran.code == 2
    assert given_away(said, CANARY) == []
    assert "telepresence_auth has apikey, which is no option of kubernetes.core." in " ".join(said.split())
    assert "a credential holds what no header can" in ran.report["line_break_in_a_file"]["msg"]


@pytest.mark.parametrize("playbook", ["recover", "orphans", "baseline"])
def test_a_misspelt_name_for_a_secret_is_an_error(checkout: Place, tmp_path: pathlib.Path, playbook: str) -> None:
    """By that name, a module would print it with its arguments."""
    inventory = written(tmp_path, {"it": {"telepresence_auth": {"host": "https://127.0.0.1:9", "apikey": CANARY}}})
    ran = checkout.play(playbook, inventory, "-vvvv", quiet=False)
    assert ran.code == 2
    assert "telepresence_auth has apikey, which is no option of kubernetes.core." in " ".join(ran.output.split())
    assert CANARY not in ran.output


def test_whatever_succeeds_no_secret_is_told(
    checkout: Place, cluster: Cluster, kubectl: Kubectl, tmp_path: pathlib.Path
) -> None:
    token = {"token": cluster.token}
    away = {"proxy": f"http://somebody:{CANARY}@127.0.0.1:9", "no_proxy": cluster.entry["server"].split("/")[2]}
    away["no_proxy"] = away["no_proxy"].rpartition(":")[0]
    admin = yaml.safe_load(
        kubectl.run("config", "view", "--raw", "--minify", "--output=json"),
    )
    ways = {
        "plugin": {"telepresence_kubeconfig": cluster.kubeconfig(cluster.plugin(cluster.token))},
        "options": cluster.auth(api_key=cluster.token, **away),
        "certificate": {"telepresence_kubeconfig": admin},
        "inline": {"telepresence_kubeconfig": cluster.kubeconfig(token)},
    }
    keys = [admin["users"][0]["user"].get(name, CANARY) for name in ("client-key-data", "token")]
    for way, variables in ways.items():
        (tmp_path / way).mkdir()
        options = [] if way == "inline" else ["--check"]
        ran, said = talk(checkout, tmp_path / way, {way: variables}, *options)
        assert ran.code == 0
        assert given_away(said, cluster.token, CANARY, *keys) == []
        (session,) = ran.report[way]["sessions"]
        assert session["outcome"] == ("restorable" if options else "restored")
        assert session["original"]["api_version"] == "apps/v1"
    assert kubectl.get("deployment", "web")["spec"]["replicas"] == 2
