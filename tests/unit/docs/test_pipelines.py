"""The examples of pipelines: GitHub's and GitLab's own schemas hold, and the playbooks that they name exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.blocks import ROOT

from .variables import playbook

EXAMPLES = ROOT / "docs" / "examples" / "pipelines"
TOOL = Path(sys.executable).parent / "check-jsonschema"
SCHEMAS = {"github-actions.yml": "github-workflows", "gitlab-ci.yml": "gitlab-ci"}


def refusal(schema: str, path: Path) -> str:
    """What the schema, one of those that check-jsonschema brings, says against the file."""
    done = subprocess.run([str(TOOL), "--builtin-schema", schema, str(path)], capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize(("name", "schema"), SCHEMAS.items())
def test_the_schema_holds(name: str, schema: str) -> None:
    assert not refusal(schema, EXAMPLES / name)


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("github-actions.yml", "runs-on: ubuntu-latest", "runs-upon: ubuntu-latest"),
        ("gitlab-ci.yml", "when: always", "when: sometimes"),
    ],
)
def test_the_schema_finds_a_mistake(name: str, right: str, wrong: str, tmp_path: Path) -> None:
    broken = tmp_path / name
    text = (EXAMPLES / name).read_text()
    assert right in text
    broken.write_text(text.replace(right, wrong))
    assert refusal(SCHEMAS[name], broken)


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_the_playbooks_exist(path: Path) -> None:
    names = set(re.findall(r"devclusters\.telepresence\.\w+", path.read_text()))
    assert names
    assert {name for name in names if playbook(name) is None} == set()
