"""Every code block of the documentation is right in all that can be told without running it, or says that nobody checks it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.blocks import ROOT, Block, blocks, collect, play_of

from . import commands, yaml_blocks

BLOCKS = collect()
CHECKERS = {"console": commands.check, "sh": commands.check, "yaml": yaml_blocks.check}


RULESET = (
    "{name: a, hosts: all, sources: [{ansible.eda.webhook: {port: 5000}}], rules: [{name: b, condition: event.c == 1,"
    " action: {run_playbook: {name: devclusters.telepresence.%s, extra_vars: {recover_namspaces: [shop]}}}}]}"
)
"""A rulebook with a misspelt variable, for a playbook to be named."""


def complaints(block: Block) -> list[str]:
    """What is wrong with a block that is not marked."""
    checker = CHECKERS.get(block.language)
    return checker(block) if checker else [f"nobody checks {block.language or 'a block without a language'}: mark it"]


def syntax_check(directory: Path, of: list[Block]) -> str:
    """What Ansible says against the playbooks and tasks among these blocks; they are checked in one run."""
    paths = []
    for number, block in enumerate(of):
        plays = play_of(block) if block.language == "yaml" else None
        if plays is not None:
            path = directory / f"{number}-{block.page.replace('/', '-')}-{block.line}.yml"
            path.write_text(yaml.safe_dump(plays, sort_keys=False))
            paths.append(str(path))
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "--syntax-check", "-i", "localhost,", *paths]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def block(text: str, language: str) -> Block:
    """A block for the checks to find fault with."""
    return Block("page.rst", 1, language, text)


@pytest.mark.parametrize("found", [one for one in BLOCKS if one.checked], ids=str)
def test_a_block_is_right(found: Block) -> None:
    assert complaints(found) == []


def test_the_playbooks_among_them_pass_the_syntax_check(tmp_path: Path) -> None:
    assert not syntax_check(tmp_path, [one for one in BLOCKS if one.checked])


def test_a_playbook_that_ansible_refuses_is_told(tmp_path: Path) -> None:
    refused = block("- hosts: all\n  roles: [devclusters.telepresence.nothing]\n", "yaml")
    assert "devclusters.telepresence.nothing" in syntax_check(tmp_path, [refused])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("ansible-playbook nothing.yml -i my-clusters", "there is no playbook nothing.yml"),
        ("ansible-playbook devclusters.telepresence.nothing -i my-clusters", "there is no playbook"),
        ("ansible-playbook recover.yml", "required: -i"),
        ("ansible-playbook recover.yml -i my-cluster", "there is no inventory my-cluster"),
        ("ansible-playbook recover.yml -i my-clusters --chek", "--chek"),
        ("ansible-playbook recover.yml -i my-clusters -e recover_namspaces=shop", "recover_namspaces"),
        ("ansible-playbook recover.yml -i my-clusters -e recover_interval=soon", "recover_interval"),
        ("ansible-playbook recover.yml -i my-clusters -e '{\"recover_replicas\": 3}'", "recover_replicas"),
        ("ansible-playbook devclusters.telepresence.root_env -e root_env_forms=json", "root_env_forms"),
        ("ansible-galaxy collection install devclusters-telepresence-0.9.0.tar.gz", "nothing to install"),
        ("make demos", "there is no target demos"),
        ("NO_SUCH_VARIABLE=1 make test", "nothing reads NO_SUCH_VARIABLE"),
        ("export NO_SUCH_VARIABLE=1", "nothing reads NO_SUCH_VARIABLE"),
        ("kubectl apply -f nothing.yml", "there is no manifest nothing.yml"),
        ("kubectl delete namespace shop", "no command names anything of this collection"),
        ("cd docs/nowhere", "there is no directory"),
        ("pip install jmspath", "do not install jmspath"),
        ("python -m pytest tests/unit/nowhere", "there is no tests/unit/nowhere"),
        ("python -m tests.nothing", "there is no -m tests.nothing"),
        ("aws eks list-clusters", "nobody checks the command aws"),
    ],
)
def test_a_wrong_command_is_told(text: str, sentence: str) -> None:
    assert sentence in " ".join(complaints(block(f"{text}\n", "sh")))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: [", "this is no YAML"),
        ("- one\n- two", "neither a playbook nor tasks"),
        ("recover_namspaces: [shop]", "recover_namspaces"),
        ("recover_trust: blind", "recover_trust"),
        ("all: {children: {eu: {hosts: {a: {telepresence_contxt: a}}}}}", "telepresence_contxt"),
        ("plugin: devclusters.telepresence.kubeconfig_contexts\nincluded: ['*']", "included"),
        ("plugin: other", "no check for the plugin other"),
        ("- devclusters.telepresence.telepresence_orphan: {}", "there is no module"),
        ("- devclusters.telepresence.telepresence_orphans: {probes: exec}", "probes"),
        ("- devclusters.telepresence.telepresence_orphans: {probe: hard}", "probe"),
        ("- block: [{devclusters.telepresence.telepresence_journal: {}}]", "missing required arguments: path"),
        ("- hosts: all\n  vars: {recover_namspaces: [shop]}\n  tasks: []", "recover_namspaces"),
        ("groups: [{name: a, rules: [{alert: b, expr: sum(}]}]", "FAILED"),
        ("- {hosts: all, sources: [], rules: []}", "'name' is a required property"),
        (f"- {RULESET % 'nothing'}", "there is no playbook devclusters.telepresence.nothing"),
        (f"- {RULESET % 'recover'}", "recover_namspaces"),
        (f"- {RULESET % 'recover'}".replace("==", "="), "Error parsing"),
        (f"- {RULESET % 'recover'}".replace("[shop]", "'{{ event.c }}'"), "event.c may be anything"),
    ],
)
def test_wrong_yaml_is_told(text: str, sentence: str) -> None:
    assert sentence in " ".join(complaints(block(text, "yaml")))


def test_output_is_no_command() -> None:
    with pytest.raises(ValueError, match="is no command"):
        complaints(block("$ make test\n5 passed\n", "console"))


def test_another_language_is_told() -> None:
    assert complaints(block("{}", "json")) == ["nobody checks json: mark it"]


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("page.md", "One:\n\n<!-- not run: because -->\n\n    aws\n\nTwo:\n\n```console\n$ make\n```\n"),
        (
            "page.rst",
            "One:\n\n.. not run: because\n\n.. code-block:: sh\n\n   aws\n\nTwo:\n\n.. code-block:: console\n\n   $ make\n",
        ),
    ],
)
def test_a_mark_holds_for_the_block_behind_it(page: str, text: str) -> None:
    first, second = blocks(page, text)
    assert (first.language, first.text, first.not_run, first.checked) == ("sh", "aws\n", "because", False)
    assert (second.language, second.text, second.not_run, second.checked) == ("console", "$ make\n", None, True)
    first, _second = blocks(page, text.replace("not run", "not run, only checked"))
    assert (first.not_run, first.checked) == ("because", True)
    assert text.splitlines()[second.line - 1 + page.endswith("md")].strip() == "$ make"


@pytest.mark.parametrize("text", ["One::\n\n   aws\n", ".. only:: html\n\n   .. code-block:: sh\n\n      aws\n"])
def test_a_block_that_could_be_overlooked_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="a block is no code-block directive"):
        blocks("page.rst", text)
