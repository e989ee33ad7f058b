"""The examples in the documentation of the modules, run as playbooks on a real cluster with an orphan and a traffic-manager in it."""

from __future__ import annotations

import base64
import json
import os
import pathlib
import re
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.integration.conftest import TOOLS, renamed
from tests.lab.paths import ROOT
from tests.lab.scenes import Scene, clear, play, set_up
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl
from tests.lab.telepresence2.manager import TrafficManager

pytestmark = pytest.mark.alone
MODULES = (
    "telepresence_orphans",
    "telepresence_cluster_info",
    "telepresence_traffic_manager_info",
    "telepresence_restore",
    "telepresence_journal",
    "telepresence_report",
    "telepresence_baseline",
    "telepresence_intercepts",
    "telepresence_agents",
    "telepresence_leftovers",
)
"""In this order: the first that writes finds the orphan."""
INVENTORY = {"all": {"hosts": {"localhost": {}}, "children": {"laptops": {"hosts": {"devbox": {}}}}}}
WARNING = {
    "telepresence_restore": "Option replicas has shop/web: 3, but no session has replaced it: it was left as it is.",
}
"""What a module's examples must warn of when they run one after the other; the others of nothing."""
NAMESPACES, MANAGER = ("shop", "shop-test"), "ambassador"
"""The examples name them."""


@pytest.fixture(scope="module")
def shop() -> Iterator[Kubectl]:
    """Namespace shop, in which web was left by a client that is gone; shop-test, and a traffic-manager in its usual namespace."""
    kubeconfig, contexts = clusters()
    kubectls = [Kubectl(contexts[0], namespace, kubeconfig) for namespace in NAMESPACES]
    manager = TrafficManager(Kubectl(contexts[0], MANAGER, kubeconfig), ())
    web = Scene("web", 2, (("pod", "gone"),))
    reports = Scene("reports", 0)
    set_up(kubectls, [web, reports])
    manager.install()
    play([(kubectls[0], web)])
    kubectls[0].run("delete", "clusterrolebinding", "examples", "--ignore-not-found")
    kubectls[0].run("create", "serviceaccount", "examples")
    kubectls[0].run(
        "create", "clusterrolebinding", "examples", "--clusterrole=cluster-admin", "--serviceaccount=shop:examples"
    )
    yield kubectls[0]
    kubectls[0].run("delete", "clusterrolebinding", "examples")
    # One of the examples notes the counts of all namespaces.
    noted = ["configmaps", "--all-namespaces", "--field-selector=metadata.name=telepresence-baseline"]
    for one in kubectls[0].get(*noted)["items"]:
        where = Kubectl(contexts[0], one["metadata"]["namespace"], kubeconfig)
        where.run("delete", "configmap", one["metadata"]["name"])
    for kubectl in kubectls:
        clear(kubectl)
    manager.remove()


@pytest.fixture
def home(shop: Kubectl, tmp_path: pathlib.Path) -> tuple[pathlib.Path, dict[str, str]]:
    """A home directory whose kubeconfig has the context of the examples, and what their example addresses stand for."""
    (tmp_path / ".kube").mkdir()
    renamed({"staging": shop.context}, tmp_path / ".kube" / "config")
    of_cluster = "--output=jsonpath={.clusters[0].cluster.%s}"
    minified = ["config", "view", "--raw", "--minify"]
    server, authority = (shop.run(*minified, of_cluster % field) for field in ("server", "certificate-authority-data"))
    (tmp_path / "ca.pem").write_bytes(base64.b64decode(authority))
    (tmp_path / "orphans.txt.j2").write_text("{{ healed.summary | to_json }}")
    return tmp_path, {"https://10.0.0.1:6443": server, "/etc/pki/shop.pem": str(tmp_path / "ca.pem")}


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
    (directory / "hosts.json").write_text(json.dumps(INVENTORY))
    environment = {
        **os.environ,
        "HOME": str(directory),
        "KUBECONFIG": str(directory / ".kube" / "config"),
        "SHOP_TOKEN": shop.run("create", "token", "examples").strip(),
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_NOCOLOR": "1",
    }
    done = subprocess.run(
        [str(TOOLS / "ansible-playbook"), "-i", str(directory / "hosts.json"), str(directory / "examples.yml")],
        cwd=directory,
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
