"""Tokens for clusters of Amazon EKS, and the kubeconfigs that have them made: beside what the `aws` command makes of the same."""

from __future__ import annotations

import base64
import datetime
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from tests.aws.account import BIN, REGION, Account, account, ansible
from tests.lab.paths import ROOT

PROGRAM = str(ROOT / "plugins" / "plugin_utils" / "_aws.py")
ASKED = ["--region", REGION, "--cluster-name", "dev-1"]
KEYS = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": "not-to-be-seen"}
CLUSTER = {"name": "dev-1", "region": REGION, "endpoint": "https://one.example", "certificate_authority": "Zm9v"}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account without anything in it."""
    with account(tmp_path_factory.mktemp("aws")) as here:
        yield here


def made(command: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """What a credential plugin prints."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    credential: dict[str, Any] = json.loads(done.stdout)
    return credential


def address(credential: dict[str, Any]) -> str:
    """The address in a token."""
    encoded = credential["status"]["token"].removeprefix("k8s-aws-v1.")
    return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()


def test_a_token_is_what_the_aws_command_makes(aws: Account) -> None:
    environment = aws.environment(**KEYS)
    role = aws.add_role("auditor")
    for more in ([], ["--role-arn", role]):
        ours = made([str(BIN / "python"), PROGRAM, *ASKED, *more], environment)
        theirs = made([str(BIN / "aws"), "eks", "get-token", "--output", "json", *ASKED, *more], environment)
        assert {key: ours[key] for key in ("apiVersion", "kind", "spec")} == {
            key: theirs[key] for key in ("apiVersion", "kind", "spec")
        }
        assert urlsplit(address(ours))[:3] == urlsplit(address(theirs))[:3]
        own, other = (parse_qs(urlsplit(address(one)).query) for one in (ours, theirs))
        assert own.keys() == other.keys()
        if not more:
            # With a role, each got keys of its own.
            fixed = own.keys() - {"X-Amz-Date", "X-Amz-Signature"}
            assert {name: own[name] for name in fixed} == {name: other[name] for name in fixed}
        ends = [datetime.datetime.fromisoformat(one["status"]["expirationTimestamp"][:-1]) for one in (ours, theirs)]
        assert abs(ends[0] - ends[1]) < datetime.timedelta(minutes=1)


@pytest.mark.parametrize(
    ("python", "environment", "more", "sentence"),
    [
        (str(BIN / "python"), {}, [], "Unable to locate credentials"),
        (str(BIN / "python"), KEYS, ["--profile", "nobody"], "The config profile (nobody) could not be found"),
        (sys.executable, KEYS, [], f"The Python library boto3 is missing from {sys.executable}."),
    ],
)
def test_what_hinders_is_one_line(
    aws: Account, python: str, environment: dict[str, str], more: list[str], sentence: str
) -> None:
    command = [python, PROGRAM, *ASKED, *more]
    done = subprocess.run(command, env=aws.environment(**environment), capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"{sentence}\n")


# The lookup -----------------------------------------------------------------------------------------------------------------


def looked_up(aws: Account, tmp_path: Path, cluster: dict[str, str], **login: str) -> subprocess.CompletedProcess[str]:
    """A play that copies the kubeconfig which the lookup writes, and notes where it was and its mode."""
    play = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "vars": {
                "cluster": cluster,
                "login": login,
                "path": "{{ lookup('devclusters.telepresence.eks_kubeconfig', cluster, **login) }}",
            },
            "tasks": [
                {"ansible.builtin.stat": {"path": "{{ path }}"}, "register": "first"},
                {"ansible.builtin.copy": {"src": "{{ path }}", "dest": f"{tmp_path}/kubeconfig", "mode": "0600"}},
                {"ansible.builtin.copy": {"content": "{{ first.stat }}", "dest": f"{tmp_path}/stat", "mode": "0600"}},
                {"ansible.builtin.assert": {"that": ["path == first.stat.path"]}},
            ],
        }
    ]
    (tmp_path / "play.yml").write_text(json.dumps(play))
    return ansible("ansible-playbook", [str(tmp_path / "play.yml")], aws.environment())


def test_a_kubeconfig_has_boto3_make_the_tokens(aws: Account, tmp_path: Path) -> None:
    done = looked_up(aws, tmp_path, CLUSTER, profile="team", assume_role_arn="arn:role")
    assert done.returncode == 0, done.stdout
    written = json.loads((tmp_path / "kubeconfig").read_text())
    plugin = written["users"][0]["user"]["exec"]
    assert Path(plugin["command"]).resolve() == (BIN / "python").resolve()
    assert Path(plugin["args"][0]).resolve() == Path(PROGRAM)
    assert plugin["args"][1:] == [*ASKED, "--profile", "team", "--role-arn", "arn:role"]
    assert written["clusters"] == [
        {"name": "dev-1", "cluster": {"server": "https://one.example", "certificate-authority-data": "Zm9v"}}
    ]
    assert written["contexts"] == [{"name": "dev-1", "context": {"cluster": "dev-1", "user": "dev-1"}}]
    assert written["current-context"] == "dev-1"
    seen = json.loads((tmp_path / "stat").read_text())
    assert stat.S_IMODE(int(seen["mode"], 8)) == 0o600
    assert not os.path.exists(seen["path"])


def test_a_kubeconfig_has_the_aws_command_make_the_tokens(aws: Account, tmp_path: Path) -> None:
    """As the command itself would write it, but for the order of the words and a profile, which is told to it and not to its environment."""
    aws.add_cluster("dev-1")
    written = tmp_path / "theirs"
    words = ["--region", REGION, "eks", "update-kubeconfig", "--name", "dev-1", "--kubeconfig", str(written)]
    command = [str(BIN / "aws"), *words, "--role-arn", "arn:role"]
    subprocess.run(command, env=aws.environment(**KEYS), capture_output=True, check=True)
    assert looked_up(aws, tmp_path, CLUSTER, token_from="aws", assume_role_arn="arn:role").returncode == 0
    ours, theirs = (
        yaml.safe_load(path.read_text())["users"][0]["user"]["exec"] for path in (tmp_path / "kubeconfig", written)
    )
    assert {key: ours[key] for key in ("apiVersion", "command")} == {
        key: theirs[key] for key in ("apiVersion", "command")
    }
    # What update-kubeconfig calls --role is --role-arn in full.
    assert sorted(ours["args"]) == sorted({"--role": "--role-arn"}.get(word, word) for word in theirs["args"])


def test_half_a_cluster_is_refused(aws: Account, tmp_path: Path) -> None:
    done = looked_up(aws, tmp_path, {"name": "dev-1", "region": REGION, "endpoint": ""})
    assert done.returncode != 0
    sentence = "A kubeconfig for EKS cannot be made of a cluster without endpoint, certificate_authority."
    assert sentence in " ".join((done.stdout + done.stderr).split())
