"""An account of AWS at moto's server, and Ansible as users of AWS run it: with boto3, in another Python than the Kubernetes client's.

botocore and the newest Kubernetes client want different releases of python-dateutil (botocore 1.44.8: below 3; kubernetes 37.0.2: 3 or later).
"""

from __future__ import annotations

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.lab.paths import LAB, ROOT

BIN = LAB / "aws" / "bin"
REGION = "eu-west-1"
LIMIT = 60.0
"""Seconds until the server must answer; two on an idle machine."""
ROOT_KEYS = {"AWS_ACCESS_KEY_ID": "of-the-account-itself", "AWS_SECRET_ACCESS_KEY": "of-the-account-itself"}
"""moto takes keys that it does not know for those of the account, until it is told to check."""


@dataclass(frozen=True)
class Account:
    """The account: where AWS is, and the file that says what its clusters are like (see tests/aws/server.py)."""

    url: str
    state: pathlib.Path

    def environment(self, **variables: str) -> dict[str, str]:
        """An environment in which AWS is found here alone: nothing of the machine's own settings, and these variables."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        here = {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": str(self.state.with_name("config")),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.state.with_name("credentials")),
        }
        return {**kept, **here, "PATH": f"{BIN}:{os.environ['PATH']}", **variables}

    def aws(self, *words: str) -> Any:
        """What the `aws` command says, as the account itself."""
        command = [str(BIN / "aws"), "--region", REGION, "--output", "json", *words]
        done = subprocess.run(command, env=self.environment(**ROOT_KEYS), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null")

    def add_cluster(self, name: str, region: str = REGION, tags: str = "", **attributes: Any) -> None:
        """Creates a cluster of EKS; *tags* as KEY=VALUE,KEY=VALUE, *attributes* are for the file."""
        words = ["--name", name, "--region", region, "--role-arn", "arn:aws:iam::123456789012:role/eks"]
        tagged = ["--tags", tags] if tags else []
        self.aws("eks", "create-cluster", *words, "--resources-vpc-config", "subnetIds=a,b", *tagged)
        known = json.loads(self.state.read_text())
        known["clusters"][name] = attributes
        self.state.write_text(json.dumps(known))

    @contextlib.contextmanager
    def denying(self, region: str) -> Iterator[None]:
        """Nobody may list the clusters of this region in the block."""
        before = self.state.read_text()
        self.state.write_text(json.dumps({**json.loads(before), "denied": [region]}))
        try:
            yield
        finally:
            self.state.write_text(before)

    def add_role(self, name: str, *actions: str) -> str:
        """Creates a role that anybody may assume, with rights to these actions; its ARN."""
        anybody = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}}],
        }
        role = self.aws("iam", "create-role", "--role-name", name, "--assume-role-policy-document", json.dumps(anybody))
        self._allow("role", name, actions)
        return str(role["Role"]["Arn"])

    def _allow(self, kind: str, name: str, actions: Sequence[str]) -> None:
        allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]}
        policy = ["--policy-name", "it", "--policy-document", json.dumps(allowed)]
        if actions:
            self.aws("iam", f"put-{kind}-policy", f"--{kind}-name", name, *policy)

    def add_user(self, name: str, *actions: str) -> dict[str, str]:
        """Creates a user who may do these actions; the environment variables of a key of that user."""
        self.aws("iam", "create-user", "--user-name", name)
        self._allow("user", name, actions)
        key = self.aws("iam", "create-access-key", "--user-name", name)["AccessKey"]
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    @contextlib.contextmanager
    def checking(self) -> Iterator[None]:
        """Has moto check keys, signatures and rights of requests to STS in the block. (Its EKS then refuses everybody.)"""
        self._check_after("0")
        try:
            yield
        finally:
            self._check_after("inf")

    def _check_after(self, requests: str) -> None:
        plain = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{self.url}/moto-api/reset-auth", requests.encode(), plain)
        urllib.request.urlopen(request, timeout=5).close()


@contextlib.contextmanager
def account(directory: pathlib.Path) -> Iterator[Account]:
    """Starts moto's server with its files in *directory*; ends it."""
    with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    state = directory / "state.json"
    state.write_text(json.dumps({"clusters": {}, "denied": []}))
    log = directory / "moto.log"
    command = [str(BIN / "python"), str(ROOT / "tests" / "aws" / "server.py"), str(port), str(state)]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            _await(f"http://127.0.0.1:{port}", server, log)
            yield Account(f"http://127.0.0.1:{port}", state)
        finally:
            server.kill()


def _await(url: str, server: subprocess.Popen[bytes], log: pathlib.Path) -> None:
    ends = time.monotonic() + LIMIT
    while time.monotonic() < ends and server.poll() is None:
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"{url}/moto-api/", timeout=5).close()
            return
        time.sleep(0.2)
    raise AssertionError(f"moto's server does not answer: {log.read_text()}")


def in_checkout(environment: dict[str, str]) -> dict[str, str]:
    """The environment for programs of `BIN` by which Ansible finds the collections: this checkout, and those of the project's Python."""
    collections = pathlib.Path(sys.prefix) / "lib" / f"python3.{sys.version_info[1]}" / "site-packages"
    return {
        **environment,
        "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"),
        "ANSIBLE_COLLECTIONS_PATH": f"{ROOT / 'collections'}:{collections}",
        "ANSIBLE_NOCOLOR": "1",
    }


def ansible(program: str, words: Sequence[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Runs `ansible-playbook` and the like in the checkout, by the Python that has boto3; the modules run by that of the project."""
    environment = in_checkout(environment)
    command = [str(BIN / program), *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False)
