"""Jobs as AWX runs them, by ansible-runner: from a clone of the repository, from an archive of it, and from a project for the released collection."""

from __future__ import annotations

import json
import pathlib
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.short import details, short

from tests.integration.awx_job import CUT, TOOLS, Done, job
from tests.integration.conftest import Place, orphaned
from tests.lab.paths import ROOT
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl

NAMESPACE = "awx-shop"
EXAMPLE = ROOT / "docs" / "examples" / "awx-project"


@pytest.fixture(scope="module")
def shop() -> Iterator[Kubectl]:
    """A namespace of both clusters with web in it, which on the first, returned here, was left by a client that is gone."""
    with orphaned(NAMESPACE, clusters()[1]) as shop:
        yield shop


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The files of the repository, with its links, as AWX has them of a project of type git."""
    place = tmp_path_factory.mktemp("clone")
    archive = subprocess.run(["git", "archive", _tree()], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "--extract", "--directory", str(place)], input=archive, check=True)
    return place


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The same of type archive: AWX writes each member of a zip as a file, a link too (awx/playbooks/action_plugins/project_archive.py)."""
    place = tmp_path_factory.mktemp("archive")
    packed = place / "packed.zip"
    subprocess.run(["git", "archive", "--format=zip", f"--output={packed}", _tree()], cwd=ROOT, check=True)
    with zipfile.ZipFile(packed) as opened:
        opened.extractall(place / "project")
    return place / "project"


def _tree() -> str:
    """The name of a tree of the repository as it is now; files that git does not know yet are not in it."""
    stash = subprocess.run(["git", "stash", "create"], cwd=ROOT, capture_output=True, text=True, check=True)
    return stash.stdout.strip() or "HEAD"


def hosts() -> dict[str, dict[str, Any]]:
    """Both clusters, by their contexts in the kubeconfig of the credential."""
    return {context: {"telepresence_context": context} for context in clusters()[1]}


def run(place: pathlib.Path, project: pathlib.Path, *options: str, **variables: Any) -> Done:
    """Runs a recovery of the namespace, which the survey of the job template hands over as a text."""
    return job(place, project, hosts(), clusters()[0], *options, recover_namespaces=NAMESPACE, **variables)


def replicas(shop: Kubectl) -> int:
    """How many replicas web shall have."""
    return int(shop.get("deployment", "web")["spec"]["replicas"])


def test_what_needs_a_decision_fails_the_job(shop: Kubectl, clone: pathlib.Path, tmp_path: pathlib.Path) -> None:
    done = run(tmp_path / "job", clone, recover_replicas_limit=1)
    assert (done.code, done.status) == (2, "failed")
    first, second = hosts()
    handed = done.artifacts["telepresence"]
    assert handed[first]["needs_decision"] == [f"{NAMESPACE}/web"]
    assert (handed[second]["needs_decision"], handed[second]["error"]) == ([], None)
    assert replicas(shop) == 0


def test_a_job_of_type_check_changes_nothing(shop: Kubectl, clone: pathlib.Path, tmp_path: pathlib.Path) -> None:
    done = run(tmp_path / "job", clone, "--check")
    assert (done.code, done.status) == (0, "successful")
    assert done.artifacts["telepresence"][shop.context]["restorable"] == [f"{NAMESPACE}/web"]
    assert replicas(shop) == 0


@pytest.mark.parametrize("left", ["a file", "nothing"])
def test_an_archive_says_what_it_lacks(left: str, archive: pathlib.Path, tmp_path: pathlib.Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(archive, project)
    link = project / "collections" / "ansible_collections" / "devclusters" / "telepresence"
    assert link.is_file()
    if left == "nothing":
        link.unlink()
    done = run(tmp_path / "job", project)
    assert (done.code, done.status) == (4, "failed")
    assert "Archives keep no links: take the repository from git" in " ".join(done.output.split())


def test_the_example_project_recovers_with_the_released_collection(
    shop: Kubectl, installed: Place, tmp_path: pathlib.Path
) -> None:
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "requirements_collections").symlink_to(installed.directory / "collections")
    done = run(tmp_path / "job", EXAMPLE, "--diff", recover_trust="declared", recover_max_restores=20)
    assert (done.code, done.status) == (0, "successful")
    assert done.artifacts["telepresence"][shop.context]["restored"] == [f"{NAMESPACE}/web"]
    assert replicas(shop) == 2
    assert 0 < done.longest() < CUT
    kept = done.result("Restore the workloads of orphaned sessions", shop.context)
    reports = tmp_path / "job" / "project" / "reports"
    report = json.loads((reports / "recover.json").read_text())["clusters"][shop.context]
    assert details(short(report)) == details(kept) != details(report)
    assert [(len(one["evidence"]) > 0, one["plan"][0]["done"]) for one in report["restored"]] == [(True, True)]
    assert sorted(path.name for path in reports.iterdir()) == ["recover.html", "recover.json"]
    secret = shop.run("config", "view", "--raw", "--minify", "--output=jsonpath={.users[0].user.client-key-data}")
    assert secret and secret not in str(done.events) + done.output


def test_the_example_project_requires_what_is_released(installed: Place) -> None:
    """Without a network, galaxy is content with nothing but what is installed already."""
    offline = ("collection", "install", "--offline", "--no-deps", "-p", str(installed.directory / "collections"))
    requirements = EXAMPLE / "collections" / "requirements.yml"
    command = [str(TOOLS / "ansible-galaxy"), *offline, "-r", str(requirements)]
    done = subprocess.run(command, cwd=installed.directory, capture_output=True, text=True)
    assert "All requested collections are already installed." in done.stdout, done.stdout + done.stderr
