"""Runs Ansible on the clusters of the lab as a user does, from a checkout and from an installed collection."""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml

from tests.lab.paths import BIN, ROOT
from tests.lab.scenes import SCENES, STARTING, Scene, clear, play, set_up
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl
from tests.lab.telepresence1.session import Session

# The modules, to be run in this process, and `wire`, which runs them.
sys.path[:0] = [str(ROOT / "collections"), str(ROOT / "tests" / "unit")]

TOOLS = pathlib.Path(sys.executable).parent
COMPLAINTS = ("[WARNING]", "[DEPRECATION WARNING]")
PATIENTLY = {"recover_deadline": 30}
"""Seconds, instead of 10: other tests keep the machine busy, and a session that did not answer in time is none that can be put back."""
PLAYBOOKS = ("recover", "orphans", "baseline", "traffic_manager", "rebuild", "merge_reports", "scheduled_recovery")


def pytest_configure(config: pytest.Config) -> None:
    """Names the marker of tests that `make integration` runs one after the other, when the rest is done."""
    config.addinivalue_line(
        "markers", "alone: acts on a whole cluster, changes what kinds it has, or looks at the clock"
    )


@dataclass(frozen=True)
class Ran:
    """One run of ansible-playbook: exit code, output, and what it wrote as recover.json or orphans.json by host."""

    code: int
    output: str
    report: dict[str, Any]

    @property
    def said(self) -> str:
        """The output without the line breaks that Ansible puts into sentences."""
        return " ".join(self.output.split())

    @property
    def changed(self) -> int:
        """How many tasks changed something on host ``only``, which is all that an inventory of one cluster has."""
        return int(self.output.rpartition("only ")[2].partition("changed=")[2].split()[0])


@dataclass(frozen=True)
class Place:
    """Somewhere to run Ansible from: a directory, the playbooks' names there, and the environment."""

    directory: pathlib.Path
    names: dict[str, str]
    reports: pathlib.Path
    environment: dict[str, str] = field(default_factory=dict)

    def play(self, playbook: str, inventory: pathlib.Path, *options: str, quiet: bool = True, **variables: Any) -> Ran:
        """Runs a playbook (``recover`` or ``orphans``) with role variables; where it must be ``quiet``, a warning fails the test."""
        extra = json.dumps({"recover_report_dir": str(self.reports), **PATIENTLY, **variables})
        command = [str(TOOLS / "ansible-playbook"), self.names[playbook], "-i", str(inventory), "-e", extra, *options]
        written = self.reports / f"{playbook}.json"
        written.unlink(missing_ok=True)
        environment = {
            **os.environ,
            **self.environment,
            # The lab's `helm` is the one that role traffic_manager needs.
            "PATH": f"{TOOLS}:{BIN}:{os.environ['PATH']}",
            "ANSIBLE_NOCOLOR": "1",
        }
        done = subprocess.run(command, cwd=self.directory, env=environment, capture_output=True, text=True, timeout=600)
        output = done.stdout + done.stderr
        print(output)
        assert not (quiet and any(complaint in output for complaint in COMPLAINTS)), (
            f"a warning in the output of {' '.join(command)}"
        )
        return Ran(done.returncode, output, json.loads(written.read_text())["clusters"] if written.exists() else {})


def kubeconfig_of(kubectl: Kubectl, token: str, path: pathlib.Path) -> dict[str, Any]:
    """Writes a kubeconfig for the cluster of kubectl with a token as its only credentials; host variables that name it."""
    config = yaml.safe_load(kubectl.kubeconfig.read_text())
    context = next(one["context"] for one in config["contexts"] if one["name"] == kubectl.context)
    config["users"] = [{"name": "account", "user": {"token": token}}]
    config["contexts"] = [{"name": "account", "context": {"cluster": context["cluster"], "user": "account"}}]
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config))
    return {"telepresence_context": "account", "telepresence_kubeconfig": str(path)}


def renamed(contexts: dict[str, str], path: pathlib.Path) -> None:
    """Writes the kubeconfig of the clusters with the names that a reader's contexts have, by new name; the first is the current one."""
    config = yaml.safe_load(clusters()[0].read_text())
    by_name = {one["name"]: one["context"] for one in config["contexts"]}
    config["contexts"] = [{"name": name, "context": by_name[old]} for name, old in contexts.items()]
    config["current-context"] = next(iter(contexts))
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(config))


@contextlib.contextmanager
def orphaned(namespace: str, contexts: Sequence[str]) -> Iterator[Kubectl]:
    """A namespace of these clusters with web in it, which on the first, given here, was left by a client that is gone; both go in the end."""
    kubectls = [Kubectl(context, namespace, clusters()[0]) for context in contexts]
    web = Scene("web", 2, (("pod", "gone"),))
    set_up(kubectls, [web])
    play([(kubectls[0], web)])
    yield kubectls[0]
    for kubectl in kubectls:
        clear(kubectl)


def written(tmp_path: pathlib.Path, hosts: dict[str, dict[str, Any]]) -> pathlib.Path:
    """An inventory of these hosts."""
    path = tmp_path / "hosts.json"
    path.write_text(json.dumps({"all": {"hosts": hosts}}))
    return path


@pytest.fixture(scope="session")
def contexts() -> list[str]:
    """The contexts of the two clusters."""
    return clusters()[1]


@pytest.fixture(scope="session")
def inventory(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """An inventory of the two clusters: that of the checkout, or one written for clusters of the user's own."""
    kubeconfig, contexts = clusters()
    path = tmp_path_factory.mktemp("inventory") / "hosts.json"
    hosts = {
        context: {"telepresence_context": context, "telepresence_kubeconfig": str(kubeconfig)} for context in contexts
    }
    path.write_text(json.dumps({"all": {"hosts": hosts}}))
    return path


@pytest.fixture(scope="session")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The checkout itself."""
    reports = tmp_path_factory.mktemp("reports")
    return Place(ROOT, {name: f"{name}.yml" for name in PLAYBOOKS}, reports)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """The collection built as a tarball, installed in an empty place, and run by its full names."""
    place = tmp_path_factory.mktemp("installed")
    galaxy = str(TOOLS / "ansible-galaxy")
    subprocess.run([galaxy, "collection", "build", "--output-path", str(place)], cwd=ROOT, check=True)
    (tarball,) = place.glob("*.tar.gz")
    install = [galaxy, "collection", "install", "--no-deps", "-p", str(place / "collections"), str(tarball)]
    subprocess.run(install, cwd=place, check=True)
    names = {name: f"devclusters.telepresence.{name}" for name in PLAYBOOKS}
    reports = tmp_path_factory.mktemp("installed-reports")
    return Place(place, names, reports, {"ANSIBLE_COLLECTIONS_PATH": str(place / "collections")})


@dataclass
class Stage:
    """The scenes planted in one namespace of both clusters."""

    namespace: str
    kubectls: list[Kubectl]
    sessions: dict[tuple[str, str, str], list[Session]]

    def of(self, kubectl: Kubectl, scene: Scene) -> list[Session]:
        """The sessions of a scene, in its order."""
        return self.sessions[(kubectl.context, kubectl.namespace, scene.name)]

    def add_starting(self) -> None:
        """Plants the session that is just starting: late, for it is an orphan after six minutes."""
        self.sessions.update(play([(kubectl, STARTING) for kubectl in self.kubectls]))


@pytest.fixture(scope="session")
def stages() -> Iterator[dict[str, Stage]]:
    """The scenes twice, for a run from the checkout and one from the installed collection; planted at the same time."""
    kubeconfig, contexts = clusters()
    found = {}
    for name in ("checkout", "installed"):
        kubectls = [Kubectl(context, f"recovery-{name}", kubeconfig) for context in contexts]
        found[name] = Stage(f"recovery-{name}", kubectls, {})
    set_up([kubectl for stage in found.values() for kubectl in stage.kubectls], (*SCENES, STARTING))
    jobs = [(kubectl, scene) for stage in found.values() for kubectl in stage.kubectls for scene in SCENES]
    planted = play(jobs)
    for stage in found.values():
        stage.sessions = {key: sessions for key, sessions in planted.items() if key[1] == stage.namespace}
    yield found
    for stage in found.values():
        for kubectl in stage.kubectls:
            clear(kubectl)
