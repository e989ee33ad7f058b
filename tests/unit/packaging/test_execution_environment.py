"""The execution environment: the context that ansible-builder makes of its definition, and what it finds that the collection needs.

The image itself is not built, since that takes a container engine and a registry.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import ansible_collections.kubernetes.core
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
TOOLS = Path(sys.executable).parent
PACKAGES = {
    "botocore": "boto3",
    "grpc": "grpcio",
    "openshift_client": "openshift-client",
    "websocket": "websocket-client",
    "yaml": "PyYAML",
}
"""The package that brings a library, where it has another name."""


def run(*command: str | Path, where: Path) -> str:
    """The output of a program that has to succeed."""
    done = subprocess.run([str(word) for word in command], cwd=where, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The context of the build, made as the definition says."""
    place = tmp_path_factory.mktemp("environment")
    run(TOOLS / "ansible-galaxy", "collection", "build", "--output-path", place, where=ROOT)
    shutil.copy(ROOT / "execution-environment.yml", place)
    run(TOOLS / "ansible-builder", "create", "--output-filename", "Containerfile", where=place)
    return place / "context"


def imported() -> set[str]:
    """The libraries that plugins import, apart from Python's and Ansible's own."""
    found = set()
    for path in (ROOT / "plugins").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [node.module]
            found |= {name.partition(".")[0] for name in names}
    return found - sys.stdlib_module_names - {"ansible", "ansible_collections"}


def test_every_library_that_is_imported_is_required() -> None:
    required = re.findall(r"^[\w-]+", (ROOT / "ee-requirements.txt").read_text(), re.MULTILINE)
    assert sorted(required) == sorted({PACKAGES.get(name, name) for name in imported()})


def test_the_context_installs_this_collection(context: Path, tmp_path: Path) -> None:
    containerfile = (context / "Containerfile").read_text()
    assert re.search(r"^RUN .*ansible-galaxy collection install .*-r requirements\.yml", containerfile, re.MULTILINE)
    assert 'ARG ANSIBLE_INSTALL_REFS="ansible-core>=2.17 ansible-runner"' in containerfile
    install = ("collection", "install", "--no-deps", "-r", "requirements.yml", "-p", tmp_path)
    run(TOOLS / "ansible-galaxy", *install, where=context / "_build")
    installed = tmp_path / "ansible_collections" / "devclusters" / "telepresence"
    assert (installed / "playbooks" / "recover.yml").is_file()

    core = Path(ansible_collections.kubernetes.core.__path__[0])
    shutil.copytree(core / "meta", tmp_path / "ansible_collections" / "kubernetes" / "core" / "meta")
    for name in ("bindep.txt", "requirements.txt"):
        shutil.copy(core / name, tmp_path / "ansible_collections" / "kubernetes" / "core")
    excluded = context / "_build" / "exclude-bindep.txt"
    # Whatever else it prints ends where the data begin.
    found = run(TOOLS / "ansible-builder", "introspect", tmp_path, "--exclude-bindep-reqs", excluded, where=tmp_path)
    needs = yaml.safe_load(found[found.index("---") :])
    ours = [line for line in needs["python"] if line.endswith("# from collection devclusters.telepresence")]
    assert {re.split("[> ]", line)[0] for line in ours} >= {"grpcio", "jmespath", "kubernetes", "websocket-client"}
    assert not [line for line in needs["system"] if "kubernetes.core" in line]
    assert [line for line in needs["system"] if line.startswith("gcc-c++ ")]


def test_system_packages_are_asked_for_only_to_compile() -> None:
    bindep = (TOOLS / "bindep", "--file", ROOT / "ee-bindep.txt", "--list_all", "newline")
    assert run(*bindep, where=ROOT).split() == []
    assert len(run(*bindep, "compile", where=ROOT).split()) == 2
