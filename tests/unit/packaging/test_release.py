"""What `make release-check` decides: whether the versions agree, and which words of galaxy-importer stand against a release."""

from __future__ import annotations

import pytest

from tests.release.judge import EXPLAINED, complaints, disagreements

TARBALL = "devclusters-telepresence-1.0.0.tar.gz"


@pytest.mark.parametrize(
    ("version", "releases", "fragments", "tarball", "sentences"),
    [
        ("1.0.0", ["1.0.0"], [], TARBALL, []),
        ("1.0.0", ["0.9.0", "1.0.0", "0.10.0"], [], TARBALL, []),
        ("1.10.0", ["1.9.0", "1.10.0"], [], "devclusters-telepresence-1.10.0.tar.gz", []),
        ("1.0.0", ["1.0.0-rc.1", "1.0.0"], [], TARBALL, []),
        ("1.0.0", [], ["first.yml"], TARBALL, ["galaxy.yml has version 1.0.0, but", "it has no release"]),
        ("1.0.0", ["0.9.0"], [], TARBALL, ["its newest release is 0.9.0"]),
        ("1.0.0", ["1.0.0", "1.1.0"], [], TARBALL, ["its newest release is 1.1.0"]),
        ("1.0.0", ["1.0.0-rc.1"], [], TARBALL, ["its newest release is 1.0.0-rc.1"]),
        (
            "1.0.0",
            ["1.0.0"],
            ["late.yml", "later.yml"],
            TARBALL,
            ["late.yml, later.yml in changelogs/fragments came after"],
        ),
        (
            "1.0.0",
            ["1.0.0"],
            [],
            "devclusters-telepresence-0.9.0.tar.gz",
            ["The tarball is devclusters-telepresence-0.9.0"],
        ),
        ("1.0.0", ["1.0.0"], [], "devclusters-telepresence-1.0.0.tar", ["The tarball is"]),
        (
            "1.0.0",
            ["0.9.0"],
            [],
            "other-telepresence-1.0.0.tar.gz",
            ["its newest release is 0.9.0", "The tarball is other-"],
        ),
    ],
)
def test_versions_agree(
    version: str, releases: list[str], fragments: list[str], tarball: str, sentences: list[str]
) -> None:
    found = " ".join(disagreements(version, releases, fragments, tarball))
    assert [sentence for sentence in sentences if sentence not in found] == []
    assert bool(found) == bool(sentences)


@pytest.mark.parametrize("line", EXPLAINED)
def test_what_is_explained_is_no_complaint(line: str) -> None:
    assert complaints(f"Importing with galaxy-importer 0.4.44\n{line}\nCollection loading complete\n") == []


@pytest.mark.parametrize(
    ("line", "stands"),
    [
        ("Importing with galaxy-importer 0.4.44", False),
        ("Loading module telepresence_errors", False),
        ("ERROR: Error running ansible-doc: cmd=...", True),
        ("CRITICAL: nothing works", True),
        ("WARNING: Ignore files skip ansible-test sanity tests, found ignore-2.19.txt with 2 statements", True),
        ("WARNING: ERROR    Failed to find devclusters.telepresence.orphans playbook.", True),
        ("WARNING: ERROR    Failed to find devclusters.telepresence.recover playbook. And more.", True),
        ("ERROR: ERROR    Failed to find devclusters.telepresence.recover playbook.", True),
    ],
)
def test_everything_else_that_the_importer_warns_of_is_one(line: str, stands: bool) -> None:
    assert complaints(f"{line}\nImporter processing completed successfully\n") == ([line] if stands else [])
