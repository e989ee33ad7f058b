"""What tenants may write into a cluster, through ansible-playbook: never run, never a template, and visible for what it is."""

from __future__ import annotations

import json
import pathlib
import unicodedata
import uuid
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.integration.conftest import Place, written
from tests.lab.scenes import Scene, clear, play, set_up
from tests.lab.target import clusters
from tests.lab.telepresence1 import manifests
from tests.lab.telepresence1.kubectl import Kubectl

NAMESPACE = "rights-hostile"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
LIAR = r"""
mkdir -p /usr/local/bin
printf '#!/bin/sh\nprintf %%s "$HOSTILE"\n' > /usr/local/bin/python3
chmod 755 /usr/local/bin/python3
while :; do printf '%s\n' "$HOSTILE"; sleep 1; done
"""
"""Answers and logs what is in its environment, whatever it is asked."""


@pytest.fixture(scope="module")
def owned(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A file that is there if something hostile was run."""
    return tmp_path_factory.mktemp("hostile") / "owned"


@pytest.fixture(scope="module")
def hostile(owned: pathlib.Path) -> str:
    """A text that tries to be run by Ansible, a shell, a terminal, and a browser."""
    run = f"touch {owned}"
    return (
        f"{{{{ lookup('pipe', '{run}') }}}}{{% raw %}}$({run})`{run}`\x1b[31m\x1b]0;title\x07\x9b1m"
        "<script>alert(1)</script>\r\n\u202e\u2066&'\""
    )


@pytest.fixture(scope="module")
def kubectl(hostile: str) -> Iterator[Kubectl]:
    """A namespace on the first cluster: web, an orphan in whose annotations everything is hostile, and liar, whose proxy answers so."""
    kubeconfig, contexts = clusters()
    kubectl = Kubectl(contexts[0], NAMESPACE, kubeconfig)
    web = Scene("web", 2, (("pod", "gone"),))
    set_up([kubectl], [web, Scene("liar", 1)])
    play([(kubectl, web)])
    long = hostile + "x" * 100_000
    marks = ("argocd.argoproj.io/tracking-id", "kustomize.toolkit.fluxcd.io/name", "meta.helm.sh/release-name")
    annotations = dict.fromkeys(marks, hostile + "x" * 2000) | {LAST_APPLIED: long}
    patch = json.dumps({"metadata": {"annotations": annotations}})
    kubectl.run("patch", "deployment", "web", f"--patch={patch}")
    kubectl.run("patch", "pods", *named(kubectl), f"--patch={patch}")
    lie(kubectl, hostile)
    yield kubectl
    clear(kubectl)


def named(kubectl: Kubectl) -> list[str]:
    """The names of the proxies."""
    return [item["metadata"]["name"] for item in kubectl.get("pods", "--selector=telepresence")["items"]]


def lie(kubectl: Kubectl, hostile: str) -> None:
    """Swaps liar for a proxy that answers and logs what is hostile."""
    original = kubectl.get("deployment", "liar")
    proxy: dict[str, Any] = manifests.swapped_pod(original, uuid.uuid4().hex, "app")["items"][0]
    (container,) = proxy["spec"]["containers"]
    container["command"] = ["sh", "-c", LIAR]
    container["args"] = [hostile]
    container["env"].append({"name": "HOSTILE", "value": hostile})
    container["securityContext"] = {"runAsUser": 0}
    kubectl.run("create", "--filename=-", stdin=proxy)
    kubectl.run("scale", "deployment", "liar", "--replicas=0")
    kubectl.run("wait", "pod", proxy["metadata"]["name"], "--for=condition=Ready", "--timeout=120s")


class Reader(HTMLParser):
    """Collects the tags and the texts of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def steering(text: str) -> set[str]:
    """The characters in a text that could steer a terminal."""
    return {character for character in text if unicodedata.category(character)[0] == "C"} - {"\n", "\t"}


def test_it_stays_a_text(
    checkout: Place, kubectl: Kubectl, owned: pathlib.Path, hostile: str, tmp_path: pathlib.Path
) -> None:
    hosts = {"it": {"telepresence_context": kubectl.context, "telepresence_kubeconfig": str(kubectl.kubeconfig)}}
    inventory = written(tmp_path, hosts)
    ran = checkout.play("recover", inventory, "-vvv", "--diff", quiet=False, recover_namespaces=[NAMESPACE])
    sessions = {one["original"]["name"]: one for one in ran.report["it"]["sessions"]}

    assert (sessions["web"]["outcome"], sessions["web"]["replicas"]) == ("restored", 2)
    assert (sessions["liar"]["verdict"], sessions["liar"]["outcome"]) == ("unknown", "none")
    assert ran.code == 2
    assert kubectl.get("deployment", "web")["spec"]["replicas"] == 2
    assert not owned.exists()

    page = (checkout.reports / "recover.html").read_text()
    for text in (ran.output, json.dumps(ran.report, ensure_ascii=False), page):
        assert steering(text) == set()
        assert len(text) < 100_000
    # It was there to be met: in the JSON, and on the page.
    beginning = hostile.partition("\x1b")[0]
    assert any(beginning in manager for manager in sessions["web"]["managed_by"])
    reader = Reader()
    reader.feed(page)
    assert beginning in reader.text and "script" not in reader.tags
