"""What the lab writes for a cluster: certificates, kubeconfigs, configuration files."""

from __future__ import annotations

import json
import pathlib
import re
import stat

import pytest
import yaml
from cryptography import x509

from tests.lab.addresses import NETWORKS, Addresses
from tests.lab.components import components
from tests.lab.files import ClusterFiles

ADDRESSES = Addresses(NETWORKS["alpha"])


@pytest.fixture
def files(tmp_path: pathlib.Path) -> ClusterFiles:
    """The files of a cluster `alpha`."""
    files = ClusterFiles("alpha", tmp_path / "alpha", ADDRESSES)
    files.write("/lab/pods")
    return files


def certificate(path: pathlib.Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_the_kubelet_finds_its_cgroup_dns_and_certificates(files: ClusterFiles) -> None:
    config = yaml.safe_load((files.etc / "kubelet.yaml").read_text())
    assert config["cgroupRoot"] == "/lab/pods"
    assert config["clusterDNS"] == ["198.18.0.2"]
    for path in (config["tlsCertFile"], config["tlsPrivateKeyFile"], config["authentication"]["x509"]["clientCAFile"]):
        assert pathlib.Path(path).is_file()


def test_pods_get_addresses_of_their_own_network(files: ClusterFiles) -> None:
    config = json.loads((files.etc / "cni/10-lab.conflist").read_text())
    assert config["plugins"][0]["ipam"]["ranges"] == [[{"subnet": "198.18.64.0/18"}]]


def test_no_placeholder_is_left(files: ClusterFiles) -> None:
    for path in files.etc.rglob("*"):
        assert path.is_dir() or "$" not in path.read_text(), path


def test_every_file_that_a_component_is_told_of_exists(files: ClusterFiles) -> None:
    words = [word for component in components("alpha", ADDRESSES, files) for word in component.argv]
    texts = [path.read_text() for path in files.etc.rglob("*") if path.is_file()]
    told = re.findall(rf"{re.escape(str(files.directory))}[-./\w]*", "\n".join([*words, *texts]))
    assert len(told) > 20
    assert [path for path in told if not pathlib.Path(path).exists()] == []


def test_every_certificate_is_of_the_clusters_authority(files: ClusterFiles) -> None:
    authority = certificate(files.pki / "ca.crt")
    issued = [certificate(path) for path in files.pki.glob("*.crt")]
    assert len(issued) > 5
    for each in issued:
        each.verify_directly_issued_by(authority)


def test_the_api_server_is_known_by_its_addresses(files: ClusterFiles) -> None:
    names = certificate(files.pki / "kube-apiserver.crt").extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    assert {str(address) for address in names.value.get_values_for_type(x509.IPAddress)} == {
        "127.0.0.1",
        "198.18.0.2",
        "198.18.128.1",
    }
    assert "kubernetes.default.svc" in names.value.get_values_for_type(x509.DNSName)


def test_keys_and_kubeconfigs_are_the_owners_alone(files: ClusterFiles) -> None:
    secrets = [*files.pki.glob("*.key"), *files.etc.glob("*.kubeconfig")]
    assert len(secrets) > 10
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets} == {0o600}


def test_a_kubeconfig_leads_to_the_api_server(files: ClusterFiles) -> None:
    config = yaml.safe_load((files.etc / "admin.kubeconfig").read_text())
    assert config["current-context"] == "alpha"
    assert config["clusters"][0]["cluster"]["server"] == "https://198.18.0.2:6443"


def test_no_two_networks_overlap() -> None:
    networks = [
        network for plan in map(Addresses, NETWORKS.values()) for network in (plan.link, plan.pods, plan.services)
    ]
    assert not any(one.overlaps(other) for one in networks for other in networks if one is not other)
