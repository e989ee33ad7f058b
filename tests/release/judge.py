"""What a release has to agree about, and what the importer of Ansible Galaxy may say of it: pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ansible.utils.version import SemanticVersion

COLLECTION = "devclusters-telepresence"
COMPLAINTS = ("WARNING: ", "ERROR: ", "CRITICAL: ")
"""How galaxy-importer begins what it does not like (CustomFormatter in its main.py, 0.4.44); one line for each."""
EXPLAINED = {
    "WARNING: ERROR    Failed to find devclusters.telepresence.recover playbook.": (
        "docs/examples/awx-project imports the playbook of the installed collection, and the importer installs none"
    ),
    "WARNING: ERROR    Failed to find {{ 'clusters.yml' if whole else undef(hint=no_link) }} playbook.": (
        "playbooks/inventory.yml decides when it runs whether there is a playbook to import"
    ),
}
"""The complaints of the importer that say nothing against the release, whole, each with the reason."""


def disagreements(version: str, releases: Iterable[str], fragments: Sequence[str], tarball: str) -> list[str]:
    """What does not fit together, one sentence each; nothing where a release may be tagged.

    ``version`` is that of galaxy.yml, ``releases`` are those of changelogs/changelog.yaml, ``fragments`` the names of the
    files that wait in changelogs/fragments, and ``tarball`` is the name of the one that was built. Raises ValueError
    where a version is none.
    """
    newest = max(releases, key=SemanticVersion, default=None)
    wrong = []
    if newest != version:
        has = f"its newest release is {newest}" if newest else "it has no release"
        wrong.append(
            f"galaxy.yml has version {version}, but changelogs/changelog.yaml does not: {has}. "
            "Run antsibull-changelog release and commit what it changes, or mend the version."
        )
    elif fragments:
        wrong.append(
            f"{', '.join(fragments)} in changelogs/fragments came after the release of {version} in the changelog. "
            "Run antsibull-changelog release --update-existing and commit what it changes, or raise the version in galaxy.yml."
        )
    if tarball != f"{COLLECTION}-{version}.tar.gz":
        wrong.append(f"The tarball is {tarball}, but galaxy.yml has version {version}: mend the build.")
    return wrong


def complaints(output: str) -> list[str]:
    """The lines of galaxy-importer's output that are errors, or warnings that `EXPLAINED` does not know."""
    return [line for line in output.splitlines() if line.startswith(COMPLAINTS) and line not in EXPLAINED]
