"""Inventories of clusters of Amazon EKS, as ansible-inventory reads them with boto3; moto's server is AWS (see tests/aws)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.aws.account import REGION, ROOT_KEYS, Account, account, ansible
from tests.lab.paths import ROOT

from .said import plain

PLUGIN = {"plugin": "devclusters.telepresence.eks", "regions": [REGION, "us-east-1"]}
HOSTILE = "{{ lookup('pipe', 'touch pwned') }}"

Listing = dict[str, Any]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account with clusters in two regions."""
    with account(tmp_path_factory.mktemp("aws")) as here:
        here.add_cluster(
            "dev-1",
            tags="environment=dev,team=shop",
            endpoint="https://one.example",
            certificate_authority={"data": "Zm9v"},
        )
        here.add_cluster("prod-1", tags="environment=prod", status="UPDATING")
        here.add_cluster("untagged")
        here.add_cluster("dev-2", region="us-east-1", tags="environment=dev,team=search")
        yield here


@pytest.fixture
def run(aws: Account, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Lists the inventory that a configuration makes, with the variables given for the environment."""

    def run(environment: dict[str, str], *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        source = tmp_path / "eks.yml"
        source.write_text(yaml.safe_dump({**PLUGIN, **options}))
        done = ansible("ansible-inventory", ["-i", str(source), "--list", *words], aws.environment(**environment))
        assert "Traceback" not in done.stderr
        for name, value in environment.items():
            assert "SECRET" not in name or value not in done.stdout + done.stderr
        return done

    return run


@pytest.fixture
def listed(run: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., Listing]:
    """The inventory that a configuration makes for the account itself."""

    def listed(*words: str, environment: dict[str, str] | None = None, **options: Any) -> Listing:
        done = run(environment or ROOT_KEYS, *words, **options)
        assert done.returncode == 0, done.stderr
        found: Listing = json.loads(done.stdout, object_hook=lambda obj: obj.get("__ansible_unsafe", obj))
        return found

    return listed


@pytest.fixture
def refused(run: Callable[..., subprocess.CompletedProcess[str]]) -> Callable[..., str]:
    """What is said about a configuration or an environment that cannot be used."""

    def refused(environment: dict[str, str] | None = None, **options: Any) -> str:
        done = run(ROOT_KEYS if environment is None else environment, **options)
        assert done.returncode != 0
        return plain(done.stderr)

    return refused


def hosts(found: Listing) -> set[str]:
    """The names of the hosts."""
    return set(found["_meta"]["hostvars"])


def test_each_cluster_is_a_host(listed: Callable[..., Listing]) -> None:
    variables = listed(include=["dev-1"])["_meta"]["hostvars"]["dev-1"]
    assert variables == {
        "eks_cluster": {
            "name": "dev-1",
            "region": REGION,
            "account": "123456789012",
            "arn": f"arn:aws:eks:{REGION}:123456789012:cluster/dev-1",
            "version": variables["eks_cluster"]["version"],
            "status": "ACTIVE",
            "tags": {"environment": "dev", "team": "shop"},
            "endpoint": "https://one.example",
            "certificate_authority": "Zm9v",
        },
        "eks_login": {"token_from": "boto3"},
        "telepresence_context": "{{ eks_cluster.name }}",
        "telepresence_kubeconfig": "{{ lookup('devclusters.telepresence.eks_kubeconfig', eks_cluster, **eks_login) }}",
    }


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, {"dev-1", "dev-2", "prod-1", "untagged"}),
        ({"regions": ["us-east-1"]}, {"dev-2"}),
        ({"include": ["dev-*"], "exclude": ["*-2"]}, {"dev-1"}),
        ({"filters": {"tag:environment": "dev"}}, {"dev-1", "dev-2"}),
        ({"filters": {"tag:environment": "*"}}, {"dev-1", "dev-2", "prod-1"}),
        ({"filters": {"tag:environment": "dev", "tag:team": ["shop", "cart"]}}, {"dev-1"}),
        ({"filters": {"tag:environment": ["pr*", "none"]}}, {"prod-1"}),
    ],
)
def test_regions_names_and_tags_choose(
    listed: Callable[..., Listing], options: dict[str, Any], expected: set[str]
) -> None:
    assert hosts(listed(**options)) == expected


def test_without_regions_it_is_that_of_the_environment(
    listed: Callable[..., Listing], refused: Callable[..., str]
) -> None:
    assert hosts(listed(environment={**ROOT_KEYS, "AWS_DEFAULT_REGION": "us-east-1"}, regions=[])) == {"dev-2"}
    assert "No region is set: name some with option regions, or set AWS_DEFAULT_REGION." in refused(regions=[])


def test_names_groups_and_variables_can_be_composed(listed: Callable[..., Listing]) -> None:
    found = listed(
        include=["dev-*"],
        hostname="eks_cluster.region ~ '-' ~ eks_cluster.name",
        keyed_groups=[{"key": "eks_cluster.tags.team", "prefix": "team"}],
        groups={"american": "eks_cluster.region is match('us-')"},
        compose={"recover_probe": "'exec' if eks_cluster.tags.team == 'shop' else 'auto'"},
    )
    assert found["team_shop"]["hosts"] == [f"{REGION}-dev-1"]
    assert found["american"]["hosts"] == ["us-east-1-dev-2"]
    assert found["_meta"]["hostvars"][f"{REGION}-dev-1"]["recover_probe"] == "exec"


def test_a_cluster_that_is_not_in_use_is_left_out_and_named(
    aws: Account, run: Callable[..., subprocess.CompletedProcess[str]], refused: Callable[..., str]
) -> None:
    aws.add_cluster("new", region="eu-west-3", status="CREATING", endpoint=None, certificate_authority=None)
    done = run(ROOT_KEYS, regions=["eu-west-3", "us-east-1"])
    assert done.returncode == 0
    assert "Cluster new of eu-west-3 is left out: its status is CREATING." in plain(done.stderr)
    assert '"new"' not in done.stdout
    assert "AWS told of no cluster in use that" in refused(regions=["eu-west-3"])


def test_what_looks_like_a_template_stays_what_it_is(
    aws: Account, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    aws.add_cluster("dev-3", region="eu-north-1", tags=json.dumps({"who": HOSTILE}))
    done = run(ROOT_KEYS, regions=["eu-north-1"], compose={"who": "eks_cluster.tags.who"})
    marked = f'"who": {{ "__ansible_unsafe": "{HOSTILE}" }}'
    assert " ".join(done.stdout.split()).count(marked) == 2
    assert not (ROOT / "pwned").exists()


def test_two_clusters_of_one_name_are_an_error(aws: Account, refused: Callable[..., str]) -> None:
    aws.add_cluster("twin", region="eu-west-2")
    aws.add_cluster("twin", region="eu-south-1")
    said = refused(regions=["eu-west-2", "eu-south-1"])
    assert "Both cluster twin of eu-west-2 and cluster twin of eu-south-1 would be host twin" in said


def test_other_filters_are_refused(refused: Callable[..., str]) -> None:
    assert "Option filters has environment; only tag:KEY is known." in refused(filters={"environment": "dev"})


# Who asks -----------------------------------------------------------------------------------------------------------------


def test_without_credentials_it_says_so(refused: Callable[..., str]) -> None:
    assert f"Failed to list the clusters of region {REGION}: Unable to locate credentials." in refused(environment={})


def test_a_profile_that_does_not_exist_is_named(refused: Callable[..., str]) -> None:
    assert "Failed to log in to AWS: The config profile (nobody) could not be found." in refused(profile="nobody")


def test_a_profile_is_used_and_handed_on(aws: Account, listed: Callable[..., Listing]) -> None:
    aws.state.with_name("config").write_text(
        "[profile team]\nregion = us-east-1\naws_access_key_id = team\naws_secret_access_key = team\n"
    )
    found = listed(profile="team", regions=[])
    assert hosts(found) == {"dev-2"}
    assert found["_meta"]["hostvars"]["dev-2"]["eks_login"] == {"token_from": "boto3", "profile": "team"}


def test_a_role_is_assumed_and_handed_on(
    aws: Account, listed: Callable[..., Listing], refused: Callable[..., str]
) -> None:
    role, nobody = aws.add_role("auditor", "eks:*"), aws.add_user("nobody")
    with aws.checking():
        said = refused(environment=nobody, assume_role_arn=role)
        assert "Failed to log in to AWS: An error occurred (AccessDenied)" in said
        assert "user/nobody is not authorized to perform: sts:AssumeRole" in said
        said = refused(environment={**nobody, "AWS_SECRET_ACCESS_KEY": "not-to-be-seen"}, assume_role_arn=role)
        assert "Failed to log in to AWS: An error occurred (SignatureDoesNotMatch)" in said
    found = listed(environment=nobody, assume_role_arn=role, token_from="aws", regions=["us-east-1"])
    assert found["_meta"]["hostvars"]["dev-2"]["eks_login"] == {"token_from": "aws", "assume_role_arn": role}


def test_a_region_that_is_denied_is_an_error_or_left_out(
    aws: Account, run: Callable[..., subprocess.CompletedProcess[str]], refused: Callable[..., str]
) -> None:
    sentence = "Failed to list the clusters of region us-east-1:"
    with aws.denying("us-east-1"):
        assert sentence in refused()
        done = run(ROOT_KEYS, strict_permissions=False)
    assert done.returncode == 0
    assert sentence in plain(done.stderr)
    assert '"dev-1"' in done.stdout and '"dev-2"' not in done.stdout


def test_without_boto3_it_says_where_to_install_it(aws: Account, tmp_path: Path) -> None:
    source = tmp_path / "eks.yml"
    source.write_text(yaml.safe_dump(PLUGIN))
    command = [str(Path(sys.executable).parent / "ansible-inventory"), "-i", str(source), "--list"]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ}, capture_output=True, text=True)
    assert done.returncode != 0
    said = plain(done.stderr)
    assert (
        f"The Python library botocore is missing from {sys.executable}, which runs Ansible: install boto3 there."
        in said
    )


# Cache --------------------------------------------------------------------------------------------------------------------


def test_what_aws_said_can_be_kept(aws: Account, tmp_path: Path, listed: Callable[..., Listing]) -> None:
    options = {
        "regions": ["ap-south-1"],
        "cache": True,
        "cache_plugin": "ansible.builtin.jsonfile",
        "cache_connection": str(tmp_path / "cache"),
    }
    aws.add_cluster("first", region="ap-south-1")
    assert hosts(listed(**options)) == {"first"}
    aws.add_cluster("second", region="ap-south-1")
    assert hosts(listed(**options)) == {"first"}
    assert hosts(listed(**options, exclude=["first-*"])) == {"first"}
    assert hosts(listed("--flush-cache", **options)) == {"first", "second"}
