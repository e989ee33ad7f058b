"""`python -m tests.release`: whether the last commit can be tagged as a release.

Builds the collection from that commit, holds the versions against each other, shows the tarball to the importer of Ansible
Galaxy, installs it into an empty place, and recovers a real orphan of the lab with it from there. One line per step; exit
code 1 with a sentence where one fails.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import yaml

from tests.lab.demo import MEANWHILE
from tests.lab.paths import LAB, LOG, ROOT
from tests.lab.say import LabError, Say
from tests.lab.scenes import Scene, broken_claims, clear, play, set_up
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl
from tests.lab.telepresence1.session import Session

from .judge import complaints, disagreements

TOOLS = pathlib.Path(sys.executable).parent
IMPORTER = LAB / "importer"
NEEDED = ("kubernetes/core", "awx/awx")
"""The collections that ours refers to. The importer reads documentation and playbooks, which it cannot do without them."""
NAMESPACE = "release-check"
ORPHAN = Scene("web", 2, (("deployment", "gone"),), ("stale",), ("restored",), after=2)
WARNINGS = ("[WARNING]", "[DEPRECATION WARNING]", "[ERROR]")


def main() -> int:
    """Takes the steps one after the other; returns the exit code."""
    say = Say()
    try:
        with tempfile.TemporaryDirectory(prefix="release-check-") as directory:
            _check(say, pathlib.Path(directory))
    except (LabError, OSError) as error:
        print(f"release-check: {error}", file=sys.stderr)
        return 1
    return 0


def _check(say: Say, place: pathlib.Path) -> None:
    log = LOG / "release.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)

    commit = _output(["git", "rev-parse", "--short", "HEAD"], ROOT, log).strip()
    say(f"building the collection from commit {commit}, without what is not committed")
    source = place / "source"
    _export(commit, source, log)
    tarball = _build(source, place / "built", log)

    version = str(yaml.safe_load((source / "galaxy.yml").read_text())["version"])
    say(f"holding version {version} of galaxy.yml against the changelog and {tarball.name}")
    changelog = yaml.safe_load((source / "changelogs" / "changelog.yaml").read_text())
    waiting = sorted(path.name for path in (source / "changelogs" / "fragments").glob("[!.]*"))
    _demand(disagreements(version, changelog["releases"], waiting, tarball.name))

    say("showing the tarball to galaxy-importer (1 to 3 minutes)")
    _demand([f"galaxy-importer says: {line}" for line in complaints(_import(tarball, log))])

    say("installing the tarball into an empty place")
    collections = place / "collections"
    # Offline: what it depends on has to be there, in a release that it allows, which is checked in this way.
    install = ["ansible-galaxy", "collection", "install", "--offline", "-p", str(collections), str(tarball)]
    empty = place / "empty"
    empty.mkdir()
    _output(install, empty, log)

    with _orphan(say) as (kubectl, sessions):
        say(f"recovering it from an empty directory with devclusters.telepresence {version}, as installed")
        if not _recover(kubectl, place, collections, log):
            raise LabError(
                f"The recovery ended well on {kubectl.context}, but says that it changed nothing (log: {log})."
            )
        wrong = broken_claims(kubectl, ORPHAN, sessions)
        _demand([f"After the recovery on {kubectl.context}, {sentence} (log: {log})." for sentence in wrong])
        say("recovering once more, which must change nothing")
        if _recover(kubectl, place, collections, log):
            raise LabError(f"A second recovery on {kubectl.context} changed something (log: {log}).")
    say(f"{tarball.name} can be released: tag commit {commit} as {version}")


def _demand(wrong: list[str]) -> None:
    """Raises LabError with what is wrong, if anything is."""
    if wrong:
        raise LabError("\n".join(wrong))


def _output(command: list[str], where: pathlib.Path, log: pathlib.Path, **environment: str) -> str:
    """What a program of the project's environment writes, appended to the log as well. Raises LabError where it fails."""
    # What the user's shell says of Ansible or of clusters is no part of the release.
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "K8S_AUTH_"))}
    path = os.pathsep.join([str(TOOLS), kept["PATH"]])
    wanted = {**kept, "PATH": path, "ANSIBLE_NOCOLOR": "1", "NO_COLOR": "1", **environment}
    done = subprocess.run(
        command, cwd=where, env=wanted, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with log.open("a") as file:
        file.write(f"$ {' '.join(command)}\n{done.stdout}\n")
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["no output"])[-1]
        raise LabError(f"{' '.join(command[:3])} failed (exit {done.returncode}): {last} (log: {log})")
    return done.stdout


def _export(commit: str, source: pathlib.Path, log: pathlib.Path) -> None:
    """Writes the files of a commit into a directory of their own. Raises LabError."""
    archive = source.with_suffix(".tar")
    source.mkdir()
    _output(["git", "archive", f"--output={archive}", commit], ROOT, log)
    _output(["tar", "--extract", f"--file={archive}"], source, log)


def _build(source: pathlib.Path, built: pathlib.Path, log: pathlib.Path) -> pathlib.Path:
    """The tarball made of a checkout. Raises LabError."""
    _output(["ansible-galaxy", "collection", "build", "--output-path", str(built)], source, log)
    tarballs = list(built.iterdir())
    if len(tarballs) != 1:
        raise LabError(
            f"ansible-galaxy collection build made {len(tarballs)} files instead of one tarball (log: {log})."
        )
    return tarballs[0]


def _import(tarball: pathlib.Path, log: pathlib.Path) -> str:
    """What galaxy-importer says of a tarball. Raises LabError where it gives up."""
    (theirs,) = (IMPORTER / "lib").glob("python3.*/site-packages")
    (ours,) = (TOOLS.parent / "lib").glob("python3.*/site-packages")
    for needed in NEEDED:
        link = theirs / "ansible_collections" / needed
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(ours.resolve() / "ansible_collections" / needed)
    programs = IMPORTER / "bin"
    # The programs that it calls have to be those of its own environment.
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    command = [str(programs / "python"), "-m", "galaxy_importer.main", tarball.name]
    return _output(command, tarball.parent, log, PATH=path)


@contextmanager
def _orphan(say: Say) -> Iterator[tuple[Kubectl, list[Session]]]:
    """A workload of the lab whose developer is gone, with its sessions; all of it is ended afterwards."""
    kubeconfig, contexts = clusters()
    kubectl = Kubectl(contexts[0], NAMESPACE, kubeconfig)
    say(f"planting an orphan in namespace {NAMESPACE} of {kubectl.context}, and giving it {MEANWHILE:.0f} s")
    try:
        set_up([kubectl], [ORPHAN])
        (sessions,) = play([(kubectl, ORPHAN)]).values()
        time.sleep(MEANWHILE)
        yield kubectl, sessions
    finally:
        clear(kubectl)


def _recover(kubectl: Kubectl, place: pathlib.Path, collections: pathlib.Path, log: pathlib.Path) -> bool:
    """Runs the installed playbook on the namespace; whether it changed something. Raises LabError where it fails or warns."""
    host = {"telepresence_context": kubectl.context, "telepresence_kubeconfig": str(kubectl.kubeconfig)}
    inventory = place / "hosts.json"
    inventory.write_text(json.dumps({"all": {"hosts": {kubectl.context: host}}}))
    reports = place / "reports"
    shutil.rmtree(reports, ignore_errors=True)
    extra = json.dumps({"recover_namespaces": [kubectl.namespace], "recover_report_dir": str(reports)})
    command = ["ansible-playbook", "devclusters.telepresence.recover", "-i", str(inventory), "-e", extra]
    output = _output(command, place / "empty", log, ANSIBLE_COLLECTIONS_PATH=str(collections))
    _demand(
        [f"ansible-playbook warns: {line} (log: {log})" for line in output.splitlines() if line.startswith(WARNINGS)]
    )
    result = json.loads((reports / "recover.json").read_text())["clusters"][kubectl.context]
    return bool(result["changed"])


if __name__ == "__main__":
    sys.exit(main())
