"""The example inventories: each is read by ansible-inventory, makes hosts, and gives them variables that the roles know.

The users of AKS and GKE are such as the pages of kubelogin and gcloud show; the plugins themselves cannot be had here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.aws.account import ROOT_KEYS, Account, account, ansible
from tests.lab.paths import ROOT

from . import variables

EXAMPLES = ROOT / "inventories" / "examples"
HOSTS = {
    "kubeconfig-contexts": {"dev-eu-1", "dev-eu-2", "dev-us-1"},
    "every-context": {"dev-1", "dev-2"},
    "token": {"dev-1"},
    "eks": {"eks-dev-1", "eks-dev-2"},
    "eks-tags": {"dev-1"},
    "openshift": {"ocp-dev"},
    "aks": {"aks-dev-1"},
    "gke": {"dev-1"},
    "namespaces": {"shared-1"},
}
"""What each makes of the kubeconfig and the account below."""
OF_A_PLUGIN = {
    "eks_cluster",
    "eks_login",
    *(f"kubeconfig_{name}" for name in ("cluster", "server", "user", "namespace")),
}
BETA = "client.authentication.k8s.io/v1beta1"
USERS: dict[str, dict[str, Any]] = {
    "dev-1": {
        "command": "kubelogin",
        "args": ["get-token", "--login", "spn", "--server-id", "6dae42f8-4368-4678-94ff-3960e28e3630"],
    },
    "dev-2": {
        "command": "aws",
        "args": ["--region", "eu-west-1", "eks", "get-token", "--cluster-name", "dev-2", "--output", "json"],
    },
    "gke_shop_europe-west1_dev-1": {"command": "gke-gcloud-auth-plugin", "provideClusterInfo": True},
}
"""Contexts, and the credential plugins of their users."""


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account with a cluster that the example wants, and one that it does not."""
    with account(tmp_path_factory.mktemp("aws")) as here:
        here.add_cluster("dev-1", tags="environment=dev")
        here.add_cluster("prod-1", tags="environment=prod")
        yield here


@pytest.fixture
def kubeconfig(tmp_path: Path) -> str:
    """A kubeconfig with a context of each kind."""
    config = {
        "clusters": [{"name": name, "cluster": {"server": "https://one.example"}} for name in USERS],
        "users": [{"name": name, "user": {"exec": {"apiVersion": BETA, **plugin}}} for name, plugin in USERS.items()],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in USERS],
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    return str(path)


def test_every_example_is_here_and_described() -> None:
    directories = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    assert directories == HOSTS.keys()
    readme = (EXAMPLES / "README.md").read_text()
    assert all(f"\n| `{name}` | " in readme for name in directories)


@pytest.mark.parametrize("name", HOSTS)
def test_an_example_is_an_inventory(aws: Account, kubeconfig: str, name: str) -> None:
    done = ansible(
        "ansible-inventory", ["-i", str(EXAMPLES / name), "--list"], aws.environment(**ROOT_KEYS, KUBECONFIG=kubeconfig)
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    found: dict[str, Any] = json.loads(done.stdout, object_hook=lambda obj: obj.get("__ansible_unsafe", obj))
    hosts = found["_meta"]["hostvars"]
    assert hosts.keys() == HOSTS[name]
    for given in hosts.values():
        roles = {key: value for key, value in given.items() if key not in OF_A_PLUGIN}
        assert variables.complaints(roles, variables.anywhere(), whole=False) == []
        assert {"telepresence_kubeconfig", "telepresence_auth"} & given.keys()


def test_the_examples_group_by_region(aws: Account, kubeconfig: str) -> None:
    words = [word for name in ("eks-tags", "gke") for word in ("-i", str(EXAMPLES / name))]
    done = ansible("ansible-inventory", [*words, "--graph"], aws.environment(**ROOT_KEYS, KUBECONFIG=kubeconfig))
    assert "@region_eu_west_1:" in done.stdout and "@location_europe_west1:" in done.stdout
