"""Whose certificate a cluster must show, by credentials alone: only what is certain may spare a question to the cluster."""

from __future__ import annotations

import base64
import hashlib
import json
import pathlib
from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.filter.cluster_authority import cluster_authority

from tests.lab.pki import Authority


@pytest.fixture
def directory(tmp_path: pathlib.Path) -> pathlib.Path:
    """A directory with the certificates of two authorities, one/ca.crt and other/ca.crt."""
    for name in ("one", "other"):
        Authority(tmp_path / name, name)
    return tmp_path


def pem(directory: pathlib.Path, name: str) -> bytes:
    return (directory / name / "ca.crt").read_bytes()


def kubeconfig(directory: pathlib.Path, **cluster: Any) -> dict[str, Any]:
    """Options that name context shop of a kubeconfig whose cluster is so."""
    path = directory / "kubeconfig"
    clusters = [{"name": "c", "cluster": {"server": "https://10.0.0.9:6443", **cluster}}]
    contexts = [{"name": "shop", "context": {"cluster": "c", "user": "u"}}]
    path.write_text(json.dumps({"clusters": clusters, "contexts": contexts}))
    return {"kubeconfig": str(path), "context": "shop"}


def as_data(certificates: bytes) -> str:
    return base64.b64encode(certificates).decode()


def test_a_certificate_in_the_kubeconfig_or_beside_it(directory: pathlib.Path) -> None:
    one, other = pem(directory, "one"), pem(directory, "other")
    expected = hashlib.sha256(b"".join(one.split())).hexdigest()
    for cluster in (
        {"certificate-authority-data": as_data(one)},
        {"certificate-authority-data": as_data(one + b"\n\n")},
        {"certificate-authority": "one/ca.crt"},
        {"certificate-authority": str(directory / "one" / "ca.crt")},
    ):
        assert cluster_authority(kubeconfig(directory, **cluster)) == expected
    found = cluster_authority(kubeconfig(directory, **{"certificate-authority-data": as_data(other)}))
    assert found and found != expected


@pytest.mark.parametrize(
    "changed",
    [
        {"context": "other"},
        {"context": None},
        {"kubeconfig": "/nonexistent"},
        {"kubeconfig": None},
        {"kubeconfig": {"clusters": []}},
        {"host": "https://10.0.0.9:6443"},
        {"ca_cert": "/etc/ca.crt"},
        {"validate_certs": False},
        {"proxy": "http://10.0.0.1"},
    ],
)
def test_options_that_leave_a_doubt(directory: pathlib.Path, changed: dict[str, Any]) -> None:
    auth = kubeconfig(directory, **{"certificate-authority": "one/ca.crt"})
    assert cluster_authority(auth)
    assert cluster_authority({**auth, "impersonate_user": "somebody"}) == cluster_authority(auth)
    assert cluster_authority({**auth, **changed}) == ""
    assert cluster_authority({key: value for key, value in auth.items() if key != "context"}) == ""


@pytest.mark.parametrize(
    "cluster",
    [
        {},
        {"certificate-authority": "none.crt"},
        {"certificate-authority-data": "no base64"},
        {"certificate-authority-data": as_data(b"no certificate")},
        {"certificate-authority": "one/ca.crt", "insecure-skip-tls-verify": True},
        {"certificate-authority": "one/ca.crt", "server": "http://10.0.0.9:8080"},
        {"certificate-authority": 7},
    ],
)
def test_kubeconfigs_that_leave_a_doubt(directory: pathlib.Path, cluster: dict[str, Any]) -> None:
    assert cluster_authority(kubeconfig(directory, **cluster)) == ""


def test_two_authorities_may_be_those_of_another_bundle(directory: pathlib.Path) -> None:
    both = pem(directory, "one") + pem(directory, "other")
    assert cluster_authority(kubeconfig(directory, **{"certificate-authority-data": as_data(both)})) == ""


@pytest.mark.parametrize("text", ["", "[]", "clusters: 7", "{", "\x00"])
def test_what_is_no_kubeconfig_leaves_a_doubt(tmp_path: pathlib.Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    assert cluster_authority({"kubeconfig": str(path), "context": "shop"}) == ""
