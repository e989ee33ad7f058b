"""Inventories made of kubeconfig files, as ansible-inventory reads them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from .said import plain

ROOT = Path(__file__).resolve().parents[3]
EKS = "arn:aws:eks:eu-west-1:111122223333:cluster/dev-1"
PLUGIN = {"plugin": "devclusters.telepresence.kubeconfig_contexts"}
SECRET = "not-to-be-seen"

Listing = dict[str, Any]


def kubeconfig(path: Path, *names: str, **context: str) -> Path:
    """A kubeconfig with a context of each name, a cluster ``NAME-cluster`` and a user with a secret for each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    config = {
        "contexts": [
            {"name": name, "context": {"cluster": f"{name}-cluster", "user": f"{name}-user", **context}}
            for name in names
        ],
        "clusters": [
            {"name": f"{name}-cluster", "cluster": {"server": f"https://{name[:3]}.eu-west-1.eks.example:443"}}
            for name in names
        ],
        "users": [{"name": f"{name}-user", "user": {"token": SECRET}} for name in names],
    }
    path.write_text(yaml.safe_dump(config))
    return path


def _list(path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [f"{Path(sys.executable).parent}/ansible-inventory", "-i", str(path), "--list", "--export", "-vvv"]
    plain = {key: value for key, value in os.environ.items() if key not in ("KUBECONFIG", "K8S_AUTH_KUBECONFIG")}
    return subprocess.run(command, cwd=ROOT, env={**plain, **environment}, capture_output=True, text=True)


def _unmarked(obj: Listing) -> Any:
    """ansible-inventory marks values that are not to be taken for templates."""
    return obj.get("__ansible_unsafe", obj)


@pytest.fixture
def listed(tmp_path: Path) -> Callable[..., Listing]:
    """Lists the inventory that a configuration makes; relative paths start in *tmp_path*."""

    def run(environment: dict[str, str] | None = None, **options: Any) -> Listing:
        source = tmp_path / "kubeconfig_contexts.yml"
        source.write_text(yaml.safe_dump({**PLUGIN, **options}))
        done = _list(source, **(environment or {}))
        assert done.returncode == 0, done.stderr
        assert SECRET not in done.stdout + done.stderr
        found: Listing = json.loads(done.stdout[done.stdout.index("{") :], object_hook=_unmarked)
        return found

    return run


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., str]:
    """What is said about a configuration that cannot be used."""

    def run(**options: Any) -> str:
        source = tmp_path / "kubeconfig_contexts.yml"
        source.write_text(yaml.safe_dump({**PLUGIN, **options}))
        done = _list(source)
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        assert SECRET not in done.stdout + done.stderr
        return plain(done.stderr)

    return run


def test_each_context_is_a_host(tmp_path: Path, listed: Callable[..., Listing]) -> None:
    file = kubeconfig(tmp_path / "one", "dev-1", namespace="shop")
    found = listed(kubeconfig=["one"])
    assert found["_meta"]["hostvars"] == {
        "dev-1": {
            "telepresence_kubeconfig": str(file),
            "telepresence_context": "dev-1",
            "kubeconfig_cluster": "dev-1-cluster",
            "kubeconfig_server": "https://dev.eu-west-1.eks.example:443",
            "kubeconfig_user": "dev-1-user",
            "kubeconfig_namespace": "shop",
        }
    }


def test_patterns_choose_and_exclude_wins(tmp_path: Path, listed: Callable[..., Listing]) -> None:
    kubeconfig(tmp_path / "one", "dev-1", "dev-2", "prod-1")
    found = listed(kubeconfig=["one"], include=["dev-*"], exclude=["*-2"])
    assert found["ungrouped"]["hosts"] == ["dev-1"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"KUBECONFIG": "{0}/one:{0}/two"}, ["a", "b"]),
        ({"K8S_AUTH_KUBECONFIG": "{0}/two", "KUBECONFIG": "{0}/one"}, ["b"]),
        ({"HOME": "{0}"}, ["home"]),
    ],
)
def test_without_files_those_of_kubectl_are_read(
    tmp_path: Path, listed: Callable[..., Listing], environment: dict[str, str], expected: list[str]
) -> None:
    kubeconfig(tmp_path / "one", "a")
    kubeconfig(tmp_path / "two", "b")
    kubeconfig(tmp_path / ".kube" / "config", "home")
    found = listed(environment={key: value.format(tmp_path) for key, value in environment.items()})
    assert sorted(found["_meta"]["hostvars"]) == expected


def test_names_groups_and_variables_can_be_composed(tmp_path: Path, listed: Callable[..., Listing]) -> None:
    kubeconfig(tmp_path / "eks", EKS)
    kubeconfig(tmp_path / "openshift", "lab")
    found = listed(
        kubeconfig=["eks", "openshift"],
        hostname="telepresence_context | split('/') | last",
        keyed_groups=[{"key": "kubeconfig_server | regex_search('[a-z]+-[a-z]+-[0-9](?=[.]eks)')", "prefix": "region"}],
        groups={"openshift": "'openshift' in telepresence_kubeconfig"},
        compose={"recover_probe": "'exec' if 'eks' in telepresence_kubeconfig else 'auto'"},
    )
    assert found["region_eu_west_1"]["hosts"] == ["dev-1", "lab"]
    assert found["openshift"]["hosts"] == ["lab"]
    assert {host: one["recover_probe"] for host, one in found["_meta"]["hostvars"].items()} == {
        "dev-1": "exec",
        "lab": "auto",
    }


def test_what_looks_like_a_template_stays_what_it_is(tmp_path: Path, listed: Callable[..., Listing]) -> None:
    hostile = "{{ lookup('pipe', 'touch pwned') }}"
    kubeconfig(tmp_path / "one", hostile)
    found = listed(kubeconfig=["one"], hostname="'dev'")
    assert found["_meta"]["hostvars"]["dev"]["telepresence_context"] == hostile
    marked = f'"telepresence_context": {{ "__ansible_unsafe": "{hostile}" }}'
    assert marked in " ".join(_list(tmp_path / "kubeconfig_contexts.yml").stdout.split())
    assert not (ROOT / "pwned").exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (None, "cannot be read: No such file or directory."),
        ("a: [", "is no YAML."),
        (f"users: [{{user: {{token: {SECRET}}}]", "is no YAML."),
        ("- 1", "is no kubeconfig: it has no list of clusters."),
        ("clusters: []", "is no kubeconfig: it has no list of contexts."),
        ("{clusters: [{name: 1, cluster: {}}], contexts: []}", "has an entry in clusters without a name or a cluster."),
        (
            "{clusters: [], contexts: [{name: dev, context: {cluster: gone}}]}",
            "names cluster gone, which that file does not define: mend or exclude it.",
        ),
        ("{clusters: [], contexts: []}", "correct include and exclude."),
    ],
)
def test_a_file_that_is_no_kubeconfig_is_named(
    tmp_path: Path, refused: Callable[..., str], content: str | None, sentence: str
) -> None:
    if content is not None:
        (tmp_path / "one").write_text(content)
    said = refused(kubeconfig=["one"])
    assert sentence in said
    assert str(tmp_path / "one") in said


def test_content_in_place_of_a_path_is_refused_unseen(tmp_path: Path, refused: Callable[..., str]) -> None:
    content = kubeconfig(tmp_path / "one", "dev").read_text()
    assert "Option kubeconfig holds the content of a kubeconfig: write it to a file" in refused(kubeconfig=[content])


def test_two_contexts_of_one_name_are_an_error(tmp_path: Path, refused: Callable[..., str]) -> None:
    kubeconfig(tmp_path / "one", "dev")
    kubeconfig(tmp_path / "two", "dev")
    said = refused(kubeconfig=["one", "two"])
    assert f"Both context dev of {tmp_path}/one and context dev of {tmp_path}/two would be host dev" in said


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("nonsense", "Option hostname cannot be worked out for context dev"),
        ("''", "Option hostname ('') gives no name for context dev"),
    ],
)
def test_a_wrong_hostname_is_an_error(
    tmp_path: Path, refused: Callable[..., str], expression: str, sentence: str
) -> None:
    kubeconfig(tmp_path / "one", "dev")
    assert sentence in refused(kubeconfig=["one"], hostname=expression)
