"""The code blocks of the documentation on two clusters, in the order of a reader who begins with "Getting started".

Those of the page about EKS run in test_eks.py; there is no other that does not say that nobody runs it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from tests.blocks import Block
from tests.integration.conftest import TOOLS, renamed
from tests.integration.reader import INVENTORY, Reader, to_run
from tests.integration.test_eks import PAGE as EKS
from tests.lab.paths import BIN, ROOT
from tests.lab.scenes import Scene, clear, play, set_up
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl
from tests.lab.telepresence2.manager import TrafficManager

HOSTS = ("dev-eu-1", "dev-us-1")
NAMESPACES = ("shop", "cart")
"""The pages name them, as they do the hosts."""
MANAGER, ACCOUNT = "pages-manager", "telepresence-recovery"
FIRST = ("docs/docsite/rst/getting-started.rst", "README.md")
BLOCKS = sorted(
    (one for one in to_run() if one.page != EKS),
    key=lambda one: FIRST.index(one.page) if one.page in FIRST else len(FIRST),
)


@pytest.fixture(scope="module")
def kubectls() -> Iterator[list[Kubectl]]:
    """Namespace shop of both clusters, where web was left by a client that is gone; and an empty one."""
    kubeconfig, contexts = clusters()
    shop, cart = ([Kubectl(context, name, kubeconfig) for context in contexts] for name in NAMESPACES)
    web = Scene("web", 2, (("pod", "gone"),))
    set_up(shop, [web])
    set_up(cart, [Scene("frontend", 1)])
    play([(kubectl, web) for kubectl in shop])
    yield shop
    for kubectl in [*shop, *cart]:
        clear(kubectl)


@pytest.fixture(scope="module")
def reader(kubectls: list[Kubectl], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Somebody with contexts of these names; what they have done is removed in the end."""
    home = tmp_path_factory.mktemp("reader")
    managers = [TrafficManager(Kubectl(one.context, MANAGER, one.kubeconfig), ("shop",)) for one in kubectls]
    for name in (".kube", "tmp", "node_exporter", f"{INVENTORY}/group_vars"):
        (home / name).mkdir(parents=True)
    kubeconfig = home / ".kube" / "config"
    renamed(dict(zip(HOSTS, (one.context for one in kubectls))), kubeconfig)
    held = {
        "recover_namespaces": ["shop"],
        "baseline_namespaces": ["shop"],
        "recover_report_dir": str(home / "reports"),
        "recover_deadline": 30,  # other tests keep the machine busy
        **managers[0].variables(),
    }
    (home / INVENTORY / "group_vars" / "all.yml").write_text(json.dumps(held))
    yield Reader(
        home,
        environment={
            "PATH": f"{TOOLS}:{BIN}:{os.environ['PATH']}",
            "KUBECONFIG_FILE": str(kubeconfig),
            "AWX_ISOLATED_DATA_DIR": str(home / "runner"),
        },
        stands_for={
            f"-i {INVENTORY}": f"-i {home / INVENTORY}",
            "/tmp": str(home / "tmp"),
            "/var/lib/node_exporter": str(home / "node_exporter"),
            "hosts: dev_clusters": "hosts: all",
            # What it depends on is there, and is not to be asked for.
            "collection install": "collection install --no-deps",
        },
        held={"devclusters.telepresence.telepresence_leftovers": {"namespaces": [*NAMESPACES, MANAGER]}},
    )
    for kubectl, manager in zip(kubectls, managers):
        remove_account(kubectl)
        manager.remove()


def remove_account(kubectl: Kubectl) -> None:
    """Removes the account that several pages create, and its rights."""
    kubectl.run("delete", "namespace", ACCOUNT, "--ignore-not-found")
    kubectl.run("delete", f"--filename={ROOT / 'docs' / 'rbac' / 'restore-cluster.yml'}", "--ignore-not-found")
    ours = f"devclusters.telepresence/scheduled-in={ACCOUNT}"
    kubectl.run("delete", "clusterroles,clusterrolebindings", f"--selector={ours}")


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_ends_well(block: Block, reader: Reader, kubectls: list[Kubectl]) -> None:
    # What a page before it has made, the reader of this one would not have.
    for built in (reader.home / "tmp").iterdir():
        built.unlink()
    if "create namespace" in block.text:
        remove_account(kubectls[0])
    reader.carry_out(block)


def test_the_orphans_were_put_back(kubectls: list[Kubectl], reader: Reader) -> None:
    assert [kubectl.get("deployment", "web")["spec"]["replicas"] for kubectl in kubectls] == [2, 2]


def test_what_the_pages_write_is_there(reader: Reader) -> None:
    for path in ("reports/recover.html", "artifacts/telepresence/recover.json", "node_exporter/telepresence.prom"):
        assert (reader.home / path).is_file(), path
    assert (reader.home / "runner" / "reports" / "recover.json").is_file()
