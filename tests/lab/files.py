"""The files of one cluster: certificates, kubeconfigs, and configuration from the templates in `config/`."""

from __future__ import annotations

import pathlib
import string
from dataclasses import dataclass

from . import kubeconfig
from .addresses import Addresses
from .kubeconfig import Access
from .paths import DEBIAN, HERE
from .pki import Authority, Pair

API_PORT = 6443
ADMIN = "admin"
# Who speaks to the API server, as (name of the files, user, group). The kubelet's certificate is issued apart, because
# it serves as well.
USERS = (
    (ADMIN, "lab-admin", "system:masters"),
    ("kubelet-client", "kube-apiserver-kubelet-client", "system:masters"),
    ("kube-controller-manager", "system:kube-controller-manager", None),
    ("kube-scheduler", "system:kube-scheduler", None),
    ("kube-proxy", "system:kube-proxy", None),
    ("coredns", "coredns", None),
)
TEMPLATES = ("containerd.toml", "kubelet.yaml", "Corefile", "resolv.conf", "cni/10-lab.conflist")


@dataclass(frozen=True)
class ClusterFiles:
    """The files of cluster `name` below `directory`."""

    name: str
    directory: pathlib.Path
    address: Addresses

    @property
    def etc(self) -> pathlib.Path:
        """Configuration files and kubeconfigs (`USER.kubeconfig`)."""
        return self.directory / "etc"

    @property
    def pki(self) -> pathlib.Path:
        """Certificates and keys: `NAME.crt` and `NAME.key`; the authority is `ca`."""
        return self.directory / "pki"

    def access(self, user: str) -> Access:
        """How the user, by the name of its files, reaches the API server."""
        pair = Pair(self.pki / f"{user}.crt", self.pki / f"{user}.key")
        return Access(f"https://{self.address.node}:{API_PORT}", self.pki / "ca.crt", pair)

    def write(self, cgroup: str) -> None:
        """Write all files of a new cluster, whose kubelet keeps its pods in `cgroup`."""
        self._write_certificates()
        (self.etc / "cni").mkdir(parents=True)
        for user in ("kubelet", *(user for user, _, _ in USERS)):
            kubeconfig.write(self.etc / f"{user}.kubeconfig", {self.name: self.access(user)})
        values = {
            "name": self.name,
            "node": self.address.node,
            "pods": self.address.pods,
            "cgroup": cgroup,
            "etc": self.etc,
            "pki": self.pki,
            "cni_programs": DEBIAN / "usr/lib/cni",
        }
        for file in TEMPLATES:
            template = HERE / "config" / pathlib.Path(file).name
            (self.etc / file).write_text(string.Template(template.read_text()).substitute(values))

    def _write_certificates(self) -> None:
        authority = Authority(self.pki, f"{self.name} lab authority")
        authority.signing_key("service-accounts")
        service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"]
        addresses = ["127.0.0.1", self.address.node, self.address.apiserver_service]
        authority.issue("kube-apiserver", "kube-apiserver", hosts=[*service, "localhost", *addresses])
        authority.issue("kubelet", f"system:node:{self.name}", "system:nodes", hosts=[self.name, self.address.node])
        for file, user, group in USERS:
            authority.issue(file, user, group)
