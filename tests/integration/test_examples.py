"""The examples in the documentation of the modules, run as a playbook on a real cluster with an orphan in it."""

from __future__ import annotations

import os
import pathlib
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.integration.conftest import TOOLS
from tests.lab.paths import ROOT
from tests.lab.scenes import Scene, clear, play, set_up
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl

pytestmark = pytest.mark.alone
MODULES = (
    "telepresence_orphans",
    "telepresence_cluster_info",
    "telepresence_traffic_manager_info",
    "telepresence_restore",
    "telepresence_journal",
)
WARNING = {
    "telepresence_restore": "Option replicas has shop/web: 3, but no session has replaced it: it was left as it is.",
}
"""What a module's examples must warn of when they run one after the other; the others of nothing."""
NAMESPACES = ("shop", "shop-test")
"""The examples name them."""


@pytest.fixture(scope="module")
def shop() -> Iterator[Kubectl]:
    """Namespace shop, in which web was left by a client that is gone, and shop-test."""
    kubeconfig, contexts = clusters()
    kubectls = [Kubectl(contexts[0], namespace, kubeconfig) for namespace in NAMESPACES]
    web = Scene("web", 2, (("pod", "gone"),))
    set_up(kubectls, [web])
    play([(kubectls[0], web)])
    kubectls[0].run("create", "serviceaccount", "examples")
    kubectls[0].run(
        "create", "clusterrolebinding", "examples", "--clusterrole=cluster-admin", "--serviceaccount=shop:examples"
    )
    yield kubectls[0]
    kubectls[0].run("delete", "clusterrolebinding", "examples")
    for kubectl in kubectls:
        clear(kubectl)


@pytest.fixture
def home(shop: Kubectl, tmp_path: pathlib.Path) -> tuple[pathlib.Path, dict[str, str]]:
    """A home directory whose kubeconfig has the context of the examples, and what their example addresses stand for."""
    config = yaml.safe_load(shop.kubeconfig.read_text())
    context = next(one["context"] for one in config["contexts"] if one["name"] == shop.context)
    cluster = next(one["cluster"] for one in config["clusters"] if one["name"] == context["cluster"])
    config["contexts"] = [{"name": "staging", "context": context}]
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").touch(mode=0o600)
    (tmp_path / ".kube" / "config").write_text(yaml.safe_dump(config))
    authority = shop.run(
        "config", "view", "--raw", "--minify", "--output=jsonpath={.clusters[0].cluster.certificate-authority-data}"
    )
    (tmp_path / "ca.b64").write_text(authority)
    with (tmp_path / "ca.pem").open("wb") as pem:
        subprocess.run(["base64", "--decode", str(tmp_path / "ca.b64")], stdout=pem, check=True)
    return tmp_path, {"https://10.0.0.1:6443": cluster["server"], "/etc/pki/shop.pem": str(tmp_path / "ca.pem")}


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_a_module_run(module: str, shop: Kubectl, home: tuple[pathlib.Path, dict[str, str]]) -> None:
    directory, stands_for = home
    source = (ROOT / "plugins" / "modules" / f"{module}.py").read_text()
    examples = source.partition('EXAMPLES = r"""')[2].partition('"""')[0]
    for example, real in stands_for.items():
        examples = examples.replace(example, real)
    tasks: list[dict[str, Any]] = yaml.safe_load(examples)
    variables = {"ansible_python_interpreter": "{{ ansible_playbook_python }}"}
    playbook = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "vars": variables, "tasks": tasks}]
    (directory / "examples.yml").write_text(yaml.safe_dump(playbook, sort_keys=False))
    environment = {
        **os.environ,
        "HOME": str(directory),
        "KUBECONFIG": str(directory / ".kube" / "config"),
        "SHOP_TOKEN": shop.run("create", "token", "examples").strip(),
        "ANSIBLE_NOCOLOR": "1",
    }
    done = subprocess.run(
        [str(TOOLS / "ansible-playbook"), "-i", "localhost,", str(directory / "examples.yml")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    print(done.stdout + done.stderr)
    assert done.returncode == 0
    output = done.stdout + done.stderr
    assert re.findall(r"\[WARNING\]: (.*)", output) == ([WARNING[module]] if module in WARNING else [])


def test_they_have_put_the_orphan_back(shop: Kubectl) -> None:
    assert shop.get("deployment", "web")["spec"]["replicas"] == 2
