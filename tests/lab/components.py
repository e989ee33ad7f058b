"""The programs that make up one cluster: how each is started and where it says that it is healthy."""

from __future__ import annotations

from dataclasses import dataclass

from .addresses import Addresses
from .files import API_PORT, ClusterFiles

NODE_QPS = ("--kube-api-qps=100", "--kube-api-burst=200")


@dataclass(frozen=True)
class Component:
    """One daemon. `health` is the URL that answers 200 while it is well; None for containerd, which is asked by ctr."""

    name: str
    argv: tuple[str, ...]
    health: str | None


def components(name: str, address: Addresses, files: ClusterFiles) -> tuple[Component, ...]:
    """The components of cluster `name` in the order in which they need each other.

    `files` are its configuration files and certificates; the programs are found by their names in PATH.
    """
    node, etc, pki = address.node, files.etc, files.pki
    return (
        Component(
            "etcd",
            (
                "etcd",
                "--data-dir=/var/lib/etcd",
                "--unsafe-no-fsync",
                "--listen-client-urls=http://127.0.0.1:2379",
                "--advertise-client-urls=http://127.0.0.1:2379",
                "--listen-peer-urls=http://127.0.0.1:2380",
                f"--listen-metrics-urls=http://{node}:2381",
            ),
            f"http://{node}:2381/health",
        ),
        Component(
            "kube-apiserver",
            (
                "kube-apiserver",
                f"--advertise-address={node}",
                f"--secure-port={API_PORT}",
                "--etcd-servers=http://127.0.0.1:2379",
                f"--service-cluster-ip-range={address.services}",
                "--authorization-mode=Node,RBAC",
                "--enable-admission-plugins=NodeRestriction",
                "--allow-privileged=true",
                f"--client-ca-file={pki}/ca.crt",
                f"--tls-cert-file={pki}/kube-apiserver.crt",
                f"--tls-private-key-file={pki}/kube-apiserver.key",
                "--kubelet-preferred-address-types=InternalIP",
                f"--kubelet-certificate-authority={pki}/ca.crt",
                f"--kubelet-client-certificate={pki}/kubelet-client.crt",
                f"--kubelet-client-key={pki}/kubelet-client.key",
                "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
                f"--service-account-key-file={pki}/service-accounts.pub",
                f"--service-account-signing-key-file={pki}/service-accounts.key",
            ),
            f"https://{node}:{API_PORT}/readyz",
        ),
        Component(
            "kube-controller-manager",
            (
                "kube-controller-manager",
                f"--kubeconfig={etc}/kube-controller-manager.kubeconfig",
                "--leader-elect=false",
                "--use-service-account-credentials",
                f"--root-ca-file={pki}/ca.crt",
                f"--service-account-private-key-file={pki}/service-accounts.key",
                *NODE_QPS,
            ),
            f"https://{node}:10257/healthz",
        ),
        Component(
            "kube-scheduler",
            (
                "kube-scheduler",
                f"--kubeconfig={etc}/kube-scheduler.kubeconfig",
                "--leader-elect=false",
                *NODE_QPS,
            ),
            f"https://{node}:10259/healthz",
        ),
        Component("containerd", ("containerd", f"--config={etc}/containerd.toml"), None),
        Component(
            "kubelet",
            (
                "kubelet",
                f"--config={etc}/kubelet.yaml",
                f"--kubeconfig={etc}/kubelet.kubeconfig",
                f"--hostname-override={name}",
                f"--node-ip={node}",
            ),
            f"http://{node}:10248/healthz",
        ),
        Component(
            "kube-proxy",
            (
                "kube-proxy",
                f"--kubeconfig={etc}/kube-proxy.kubeconfig",
                f"--hostname-override={name}",
                "--proxy-mode=iptables",
                f"--cluster-cidr={address.pods}",
                # The connection tracking table is the machine's.
                "--conntrack-max-per-core=0",
                "--conntrack-tcp-timeout-established=0s",
                "--conntrack-tcp-timeout-close-wait=0s",
                "--oom-score-adj=0",
            ),
            f"http://{node}:10256/healthz",
        ),
        Component("coredns", ("coredns", f"-conf={etc}/Corefile"), f"http://{node}:8181/ready"),
    )
