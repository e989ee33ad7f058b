"""Clusters of Amazon EKS, from the inventory to a recovery: an API server whose tokens AWS makes and AWS checks.

AWS is moto's server; boto3, the `aws` command, etcd and the API server are real; its nodes and pods are those of the fault suite, scripted.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pathlib
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from tests import rights
from tests.aws.account import BIN, REGION, Account, account, ansible, in_checkout
from tests.aws.webhook import Webhook, serving
from tests.blocks import Block
from tests.faults import kubelet
from tests.faults.world import SCENES, World
from tests.integration.conftest import Ran
from tests.integration.reader import INVENTORY, Reader, to_run
from tests.lab.control_plane import control_plane

PAGE = "docs/docsite/rst/eks.rst"
ARN = "arn:aws:iam::123456789012"
TOKEN = pathlib.PurePath("var/run/secrets/eks.amazonaws.com/serviceaccount/token")
"""Where EKS mounts the token of a pod, from the root of its files."""
RESTORED = {scene.name for scene in SCENES if scene.restored}
LIFETIME, RENEWED = 20.0, 5.0
"""Seconds for which a token is accepted, and after which the client has another made, in the tests of tokens that expire."""


@dataclass
class Cluster:
    """Cluster dev-1 of the account: its webhook, what is planted there, and the environment variables with a developer's keys."""

    account: Account
    webhook: Webhook
    world: World
    keys: dict[str, str]
    directory: pathlib.Path

    def play(self, playbook: str, environment: dict[str, str], variables: dict[str, Any], **options: Any) -> Ran:
        """Runs a playbook on the inventory of plugin eks with its *options*; its report is that of dev-1."""
        source = self.directory / "eks.yml"
        source.write_text(yaml.safe_dump({"plugin": "devclusters.telepresence.eks", "regions": [REGION], **options}))
        report = self.directory / f"{playbook}.json"
        report.unlink(missing_ok=True)
        extra = {"recover_report_dir": str(self.directory), **variables}
        words = [f"{playbook}.yml", "-i", str(source), "-e", json.dumps(extra)]
        done = ansible("ansible-playbook", words, self.account.environment(**environment))
        print(done.stdout, done.stderr)
        found = json.loads(report.read_text())["clusters"]["dev-1"] if report.exists() else {}
        return Ran(done.returncode, done.stdout + done.stderr, found)

    def refused(self, environment: dict[str, str], **options: Any) -> str:
        """Why a run does nothing."""
        ran = self.play("orphans", environment, {}, **options)
        assert ran.code == 2
        assert self.keys["AWS_SECRET_ACCESS_KEY"] not in ran.output
        return str(ran.report["msg"])


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster, which lets a user of AWS and a role in as a developer's group, with the rights that docs/rbac gives for a recovery."""
    directory = tmp_path_factory.mktemp("eks")
    with contextlib.ExitStack() as stack:
        aws = stack.enter_context(account(directory))
        keys, role = aws.add_user("dev", "sts:AssumeRole"), aws.add_role("developer")
        webhook = Webhook("dev-1", aws.url, {f"{ARN}:user/dev": "dev", role: "developer"})
        config = stack.enter_context(serving(webhook, directory))
        tokens = [
            f"--authentication-token-webhook-config-file={config}",
            "--authentication-token-webhook-version=v1",
            # Each request is asked about: a token is not believed for longer than it lives.
            "--authentication-token-webhook-cache-ttl=0s",
        ]
        (server,) = stack.enter_context(control_plane(directory, 1, lambda server: [*kubelet.options(server), *tokens]))
        group, version = "rbac.authorization.k8s.io", "/apis/rbac.authorization.k8s.io/v1"
        manifest, binding = rights.read("restore", "cluster")
        binding["subjects"] = [{"apiGroup": group, "kind": "Group", "name": "developers"}]
        server.client().call("POST", f"{version}/clusterroles", manifest)
        server.client().call("POST", f"{version}/clusterrolebindings", binding)
        authority = base64.b64encode(server.authority.read_bytes()).decode()
        endpoint = f"https://127.0.0.1:{server.port}"
        aws.add_cluster("dev-1", tags="environment=dev", endpoint=endpoint, certificate_authority={"data": authority})
        world = World(server.client(), kubelet.Kubelet(str(kubelet.pods_of(server)), server.kubelet))
        yield Cluster(aws, webhook, world, keys, directory)


@pytest.fixture
def planted(cluster: Cluster) -> Cluster:
    """The cluster with its sessions as they were planted."""
    cluster.world.restore(cluster.world.dump())
    return cluster


@pytest.mark.parametrize(("token_from", "python"), [("boto3", {}), ("aws", {"telepresence_python": sys.executable})])
def test_sessions_are_put_right_by_tokens_of_either_way(
    planted: Cluster, token_from: str, python: dict[str, str]
) -> None:
    """With all libraries in one Python as well as with a Python for the modules that has no boto3."""
    ran = planted.play("orphans", planted.keys, python, token_from=token_from)
    assert ran.code == 0
    assert ran.report["cluster"]["user"] == "dev"
    assert [one["outcome"] for one in ran.report["sessions"]].count("restorable") == len(RESTORED)
    ran = planted.play("recover", planted.keys, {"recover_wait": False, **python}, token_from=token_from)
    assert len(ran.report["restored"]) == len(RESTORED)
    found = planted.world.dump()
    assert {scene.name: found["Deployment", scene.name]["spec"]["replicas"] for scene in SCENES if scene.count} == {
        scene.name: scene.count if scene.restored or not scene.swaps else 0 for scene in SCENES if scene.count
    }


@pytest.mark.parametrize("token_from", ["boto3", "aws"])
def test_the_role_of_the_inventory_is_that_of_the_token(cluster: Cluster, token_from: str) -> None:
    ran = cluster.play("orphans", cluster.keys, {}, token_from=token_from, assume_role_arn=f"{ARN}:role/developer")
    assert ran.report["cluster"]["user"] == "developer"


@pytest.mark.parametrize(("token_from", "plugin"), [("boto3", str(BIN.resolve())), ("aws", "aws")])
def test_keys_that_are_wrong_are_named(cluster: Cluster, token_from: str, plugin: str) -> None:
    """A token is made without asking AWS, so it is the cluster that finds out."""
    said = cluster.refused({**cluster.keys, "AWS_SECRET_ACCESS_KEY": "another-secret"}, token_from=token_from)
    assert f"The cluster of context dev-1 does not accept what the credential plugin {plugin}" in said
    assert "gave (Unauthorized): check as whom the plugin logs in" in said


def test_somebody_whom_the_cluster_does_not_know_is_refused(cluster: Cluster) -> None:
    said = cluster.refused(cluster.account.add_user("stranger"))
    assert "check as whom the plugin logs in, and whether the cluster lets them in" in said
    assert f"{ARN}:user/stranger" in cluster.webhook.refused[-1]


# Tokens that expire in a run ----------------------------------------------------------------------------------------------


@pytest.fixture
def short_lived(planted: Cluster) -> Iterator[Cluster]:
    """The cluster, which does not believe a token for long."""
    planted.webhook.lifetime = LIFETIME
    yield planted
    planted.webhook.lifetime = Webhook.lifetime


def recover_and_wait(cluster: Cluster, token_from: str, environment: dict[str, str]) -> Ran:
    """Recovers, and waits for workloads that become ready when the tokens made before are no longer believed."""

    def roll_out() -> None:
        while not cluster.webhook.accepted:
            time.sleep(0.2)
        time.sleep(LIFETIME + 2 * RENEWED)
        for name in RESTORED - {"mydev"}:
            cluster.world.roll_out(name)

    cluster.webhook.accepted.clear()
    with ThreadPoolExecutor(1) as pool:
        pool.submit(roll_out)
        variables = {"recover_wait_timeout": 120, "recover_wait_sleep": 2}
        return cluster.play("recover", {**cluster.keys, **environment}, variables, token_from=token_from)


SOONER = f"""
import datetime, json

def sooner(text):
    said = json.loads(text)
    ends = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(minutes=5, seconds={RENEWED})
    said["status"]["expirationTimestamp"] = ends.strftime("%Y-%m-%dT%H:%M:%SZ")
    return json.dumps(said)
"""


def aws_that_tells_less(directory: pathlib.Path) -> dict[str, str]:
    """The environment in which the `aws` command is the real one, but tells of its tokens that they expire soon."""
    real = f'subprocess.run(["{BIN}/aws", *sys.argv[1:]], check=True, stdout=subprocess.PIPE).stdout'
    program = f"#!{BIN}/python\n{SOONER}\nimport subprocess, sys\nprint(sooner({real}))\n"
    (directory / "aws").write_text(program)
    (directory / "aws").chmod(0o700)
    return {"PATH": f"{directory}:{os.environ['PATH']}"}


def boto3_that_tells_less(directory: pathlib.Path) -> dict[str, str]:
    """The same of the collection's own credential plugin, in the Python that starts it."""
    changed = "print = builtins.print\n    builtins.print = lambda text: print(sooner(text))"
    program = (
        f"{SOONER}\nimport builtins, sys\nif any(one.endswith('/_aws.py') for one in sys.orig_argv):\n    {changed}\n"
    )
    (directory / "sitecustomize.py").write_text(program)
    return {"PYTHONPATH": str(directory)}


@pytest.mark.parametrize(("token_from", "told"), [("aws", aws_that_tells_less), ("boto3", boto3_that_tells_less)])
def test_a_run_outlives_its_tokens(
    short_lived: Cluster, tmp_path: pathlib.Path, token_from: str, told: Callable[[pathlib.Path], dict[str, str]]
) -> None:
    """The Kubernetes client has a token made anew five minutes before it expires (kubernetes 37.0.2, config/kube_config.py).

    No token can be made that expires sooner than in 14 minutes, so what is told of it is changed here.
    """
    ran = recover_and_wait(short_lived, token_from, told(tmp_path))
    assert len(ran.report["restored"]) == len(RESTORED)
    assert not ran.report["failed"]
    assert len(set(short_lived.webhook.accepted)) > 2


def test_without_new_tokens_a_long_run_says_that_they_are_old(short_lived: Cluster) -> None:
    """What the test above would be if its tokens were not made anew."""
    ran = recover_and_wait(short_lived, "aws", {})
    assert ran.code == 2
    assert any("the token has expired" in one for one in short_lived.webhook.refused)
    assert "The cluster does not know these credentials: log in again, or renew the token." in ran.said


# The page about it --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def reader(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Reader:
    """Somebody with the keys of a developer, a context that `aws eks update-kubeconfig` wrote, and the environment of an intercepted pod.

    The keys are in a file: those of the environment would come before the identity of a pod.
    """
    home = tmp_path_factory.mktemp("reader")
    (home / INVENTORY).mkdir()
    keys = "".join(f"{name.lower()} = {value}\n" for name, value in cluster.keys.items())
    (home / "credentials").write_text(f"[default]\n{keys}")
    mounted = home / "mounts" / TOKEN
    mounted.parent.mkdir(parents=True)
    mounted.write_text("a-token-of-the-cluster")
    intercepted = {
        "AWS_ROLE_ARN": cluster.account.add_role("pod"),
        "AWS_WEB_IDENTITY_TOKEN_FILE": f"/{TOKEN}",
        "TELEPRESENCE_MOUNTS": f"/{TOKEN.parent}",
        "TELEPRESENCE_ROOT": str(home / "mounts"),
    }
    (home / "web.json").write_text(json.dumps(intercepted))
    reader = Reader(
        home,
        environment=in_checkout(
            cluster.account.environment(
                AWS_SHARED_CREDENTIALS_FILE=str(home / "credentials"), AWS_DEFAULT_REGION=REGION
            )
        ),
    )
    reader.run(f"aws eks update-kubeconfig --name dev-1 --kubeconfig {home}/.kube/eks")
    return reader


@pytest.mark.parametrize("block", [one for one in to_run() if one.page == PAGE], ids=str)
def test_a_block_of_the_page_ends_well(block: Block, reader: Reader, planted: Cluster) -> None:
    reader.carry_out(block)


def test_a_context_that_the_aws_command_wrote_logs_in(reader: Reader, planted: Cluster) -> None:
    (block,) = [one for one in to_run() if one.page == PAGE and "kubeconfig_contexts" in one.text]
    reader.carry_out(block)
    reader.run(f"ansible-playbook devclusters.telepresence.orphans -i {INVENTORY}")
    report = json.loads((reader.home / "reports" / "orphans.json").read_text())["clusters"]
    assert report["dev-1"]["cluster"]["user"] == "dev"
