"""The playbook that makes an intercepted container's environment work here, and what then finds the pod's identity on AWS.

AWS is played by moto's server; who asks it is botocore itself. Both live in an environment of their own (requirements/aws.txt).
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[3]
AWS = REPOSITORY / ".lab" / "aws" / "bin"
MOUNT = "/var/run/secrets/eks.amazonaws.com/serviceaccount"
SECRET = "not-to-be-seen"
WHO_AM_I = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"


def play(tmp_path: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [f"{Path(sys.executable).parent}/ansible-playbook", str(REPOSITORY / "playbooks" / "root_env.yml")]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"), "PWD": str(tmp_path)}
    options = ["-e", json.dumps(variables), "-vvvv", "--diff"]
    done = subprocess.run([*command, *options], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert SECRET not in done.stdout + done.stderr
    return done


@pytest.fixture
def intercepted(tmp_path: Path) -> dict[str, str]:
    """What --env-json wrote as web.json of a pod with an IAM role, whose volumes are mounted here."""
    root = tmp_path / "telfs"
    (root / MOUNT[1:]).mkdir(parents=True)
    (root / MOUNT[1:] / "token").write_text("header.payload.signature")
    environment = {
        "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/shop",
        "AWS_WEB_IDENTITY_TOKEN_FILE": f"{MOUNT}/token",
        "DATABASE_PASSWORD": SECRET,
        "HOME": "/root",
        "TELEPRESENCE_MOUNTS": MOUNT,
        "TELEPRESENCE_ROOT": str(root),
    }
    (tmp_path / "web.json").write_text(json.dumps(environment))
    return environment


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """The address of moto's server."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    with subprocess.Popen(
        [AWS / "moto_server", "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as server:
        address = f"http://127.0.0.1:{port}"
        for _ in range(300):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/moto-api/", timeout=5)
                break
            time.sleep(0.2)
        yield address
        server.terminate()


def identity(aws: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Asks AWS who it is, with nothing but this environment."""
    where = {"AWS_ENDPOINT_URL": aws, "AWS_DEFAULT_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true"}
    return subprocess.run(
        [AWS / "python", "-c", WHO_AM_I], env={**environment, **where}, capture_output=True, text=True, timeout=120
    )


def test_the_identity_of_the_pod_is_had_on_this_machine(tmp_path: Path, intercepted: dict[str, str], aws: str) -> None:
    lost = identity(aws, intercepted)
    assert lost.returncode != 0
    assert f"{MOUNT}/token" in lost.stderr
    done = play(tmp_path, root_env_source="web.json", root_env_dest="here.json", root_env_form="json")
    assert done.returncode == 0, done.stdout
    here = json.loads((tmp_path / "here.json").read_text())
    found = identity(aws, here)
    assert found.returncode == 0, found.stderr
    assert ":assumed-role/shop/" in found.stdout
    assert {name for name in here if here[name] != intercepted[name]} == {"AWS_WEB_IDENTITY_TOKEN_FILE"}


def test_the_file_is_private_and_written_once(tmp_path: Path, intercepted: dict[str, str]) -> None:
    (tmp_path / "web.env").touch(mode=0o644)
    variables = {"root_env_source": "web.json", "root_env_dest": "web.env"}
    assert "changed=1" in play(tmp_path, **variables).stdout
    assert stat.S_IMODE((tmp_path / "web.env").stat().st_mode) == 0o600
    assert (
        f"AWS_WEB_IDENTITY_TOKEN_FILE={intercepted['TELEPRESENCE_ROOT']}{MOUNT}/token\n"
        in (tmp_path / "web.env").read_text()
    )
    assert "changed=0" in play(tmp_path, **variables).stdout


@pytest.mark.parametrize(
    ("variables", "content", "sentence"),
    [
        ({}, "{}", "Give -e root_env_source=FILE"),
        ({"root_env_form": "toml"}, "{}", "root_env_form=dotenv (the default), shell or json"),
        ({"root_env_source": "nowhere.json"}, "{}", "nowhere.json cannot be read"),
        ({}, json.dumps({"PASSWORD": SECRET}), "intercept with --mount=true"),
        ({}, json.dumps([SECRET]), "is no environment"),
        ({}, '{"PASSWORD": "' + SECRET, "is no JSON"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(
    tmp_path: Path, variables: dict[str, str], content: str, sentence: str
) -> None:
    (tmp_path / "web.json").write_text(content)
    names = {} if sentence.startswith("Give") else {"root_env_source": "web.json", "root_env_dest": "web.env"}
    done = play(tmp_path, **{**names, **variables})
    assert done.returncode == 2
    assert sentence in " ".join(done.stdout.split())
    assert not (tmp_path / "web.env").exists()
