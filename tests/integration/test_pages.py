"""The code blocks of the documentation on a cluster, in the order of a reader who begins with "Getting started".

Those of the page about EKS run in test_eks.py; there is no other that does not say that nobody runs it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import pytest

from tests.blocks import Block
from tests.integration.conftest import PATIENTLY, TOOLS, orphaned, renamed
from tests.integration.reader import INVENTORY, Reader, to_run
from tests.integration.test_eks import PAGE as EKS
from tests.lab.paths import BIN, ROOT
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl

HOST, SECOND = "dev-eu-1", "    dev-us-1:\n      telepresence_context: dev-us-1\n"
"""The host that most pages name, and a second one of an inventory: what is done there would be done twice."""
SHOP, ACCOUNT = "shop", "telepresence-recovery"
"""The namespaces that the pages name."""
FIRST = ("docs/docsite/rst/getting-started.rst", "README.md")
BLOCKS = sorted(
    (one for one in to_run() if one.page != EKS),
    key=lambda one: FIRST.index(one.page) if one.page in FIRST else len(FIRST),
)


@pytest.fixture(scope="module")
def shop() -> Iterator[Kubectl]:
    """The namespace of the pages, where web was left by a client that is gone."""
    with orphaned(SHOP, clusters()[1][:1]) as shop:
        yield shop


@pytest.fixture(scope="module")
def reader(shop: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Somebody with a context of that name; what they have done is removed in the end."""
    home = tmp_path_factory.mktemp("reader")
    for name in (".kube", "tmp", "node_exporter", f"{INVENTORY}/group_vars"):
        (home / name).mkdir(parents=True)
    kubeconfig = home / ".kube" / "config"
    renamed({HOST: shop.context}, kubeconfig)
    held = {
        "recover_namespaces": [SHOP],
        "baseline_namespaces": [SHOP],
        "recover_report_dir": str(home / "reports"),
        **PATIENTLY,
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
            "/tmp": str(home / "tmp"),
            "/var/lib/node_exporter": str(home / "node_exporter"),
            "hosts: dev_clusters": "hosts: all",
            SECOND: "",
            # What it depends on is there, and is not to be asked for.
            "collection install": "collection install --no-deps",
        },
        held={"devclusters.telepresence.telepresence_leftovers": {"namespaces": [SHOP]}},
    )
    remove_account(shop)


def remove_account(kubectl: Kubectl) -> None:
    """Removes the account that several pages create, and its rights."""
    kubectl.run("delete", "namespace", ACCOUNT, "--ignore-not-found")
    kubectl.run("delete", f"--filename={ROOT / 'docs' / 'rbac' / 'restore-cluster.yml'}", "--ignore-not-found")


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_a_block_ends_well(block: Block, reader: Reader, shop: Kubectl) -> None:
    # What a page before it has made, the reader of this one would not have.
    for built in (reader.home / "tmp").iterdir():
        built.unlink()
    if "create namespace" in block.text:
        remove_account(shop)
    reader.carry_out(block)


def test_the_orphan_was_put_back(shop: Kubectl, reader: Reader) -> None:
    assert shop.get("deployment", "web")["spec"]["replicas"] == 2


def test_what_the_pages_write_is_there(reader: Reader) -> None:
    for path in ("reports/recover.html", "artifacts/telepresence/recover.json", "node_exporter/telepresence.prom"):
        assert (reader.home / path).is_file(), path
    assert (reader.home / "runner" / "reports" / "recover.json").is_file()
