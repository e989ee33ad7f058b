"""etcd and a few API servers on loopback, each with a part of etcd of its own; they end with the process that started them."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import packages
from .client import Client
from .kubeconfig import Access
from .pki import Authority, Pair
from .say import LabError

LIMIT = 90.0
"""Seconds until a server must be ready; three on an idle machine."""


@dataclass(frozen=True)
class ApiServer:
    """One API server: its port on 127.0.0.1, its authority, an administrator's certificate.

    *kubelet* is the certificate with which a kubelet serves, *directory* the place for files that belong to this server.
    """

    port: int
    authority: Path
    admin: Pair
    kubelet: Pair
    directory: Path

    @property
    def access(self) -> Access:
        """The administrator's access, for a kubeconfig."""
        return Access(f"https://127.0.0.1:{self.port}", self.authority, self.admin)

    def client(self) -> Client:
        """A client of the administrator's."""
        context = ssl.create_default_context(cafile=str(self.authority))
        context.load_cert_chain(self.admin.certificate, self.admin.key)
        return Client("127.0.0.1", self.port, context)


def no_options(_server: ApiServer) -> Sequence[str]:
    """Nothing beside what every API server is started with."""
    return ()


@contextlib.contextmanager
def control_plane(
    directory: Path, count: int, options: Callable[[ApiServer], Sequence[str]] = no_options
) -> Iterator[list[ApiServer]]:
    """Starts etcd and *count* API servers with everything they write below *directory*; ends them. Raises LabError.

    *options* tells what else a server is started with.
    """
    directory.mkdir(parents=True, exist_ok=True)
    client, peer = free_port(), free_port()
    with contextlib.ExitStack() as stack:
        etcd = [
            "etcd",
            f"--data-dir={directory / 'etcd'}",
            "--unsafe-no-fsync",
            f"--listen-client-urls=http://127.0.0.1:{client}",
            f"--advertise-client-urls=http://127.0.0.1:{client}",
            f"--listen-peer-urls=http://127.0.0.1:{peer}",
        ]
        stack.enter_context(running(etcd, directory / "etcd.log"))
        await_ready(lambda: _get(f"http://127.0.0.1:{client}/health") is not None, "etcd", directory / "etcd.log")
        servers = []
        for number in range(count):
            server, serving = _server(directory / str(number))
            arguments = _arguments(server, serving, f"http://127.0.0.1:{client}", f"/server-{number}")
            stack.enter_context(running([*arguments, *options(server)], server.directory / "kube-apiserver.log"))
            servers.append(server)
        for server in servers:
            await_ready(partial(_ready, server.client()), "kube-apiserver", server.directory / "kube-apiserver.log")
        yield servers


def _server(directory: Path) -> tuple[ApiServer, Pair]:
    """An API server to be, with an authority of its own, and the certificate with which it serves."""
    authority = Authority(directory / "pki", "control-plane")
    authority.signing_key("service-accounts")
    serving = authority.issue("kube-apiserver", "kube-apiserver", hosts=["localhost", "127.0.0.1"])
    admin = authority.issue("admin", "control-plane-admin", "system:masters")
    kubelet = authority.issue("kubelet", "system:node:localhost", "system:nodes", hosts=["127.0.0.1"])
    return ApiServer(free_port(), authority.pair.certificate, admin, kubelet, directory), serving


def _arguments(server: ApiServer, serving: Pair, etcd: str, prefix: str) -> list[str]:
    pki = server.directory / "pki"
    return [
        "kube-apiserver",
        "--bind-address=127.0.0.1",
        "--advertise-address=127.0.0.1",
        f"--secure-port={server.port}",
        f"--etcd-servers={etcd}",
        f"--etcd-prefix={prefix}",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--authorization-mode=RBAC",
        # Nothing makes service accounts here.
        "--disable-admission-plugins=ServiceAccount",
        "--enable-priority-and-fairness=false",
        f"--client-ca-file={server.authority}",
        f"--tls-cert-file={serving.certificate}",
        f"--tls-private-key-file={serving.key}",
        "--kubelet-preferred-address-types=InternalIP",
        f"--kubelet-certificate-authority={server.authority}",
        f"--kubelet-client-certificate={server.admin.certificate}",
        f"--kubelet-client-key={server.admin.key}",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={pki}/service-accounts.pub",
        f"--service-account-signing-key-file={pki}/service-accounts.key",
    ]


@contextlib.contextmanager
def running(argv: Sequence[str], log: Path, path: str = "") -> Iterator[None]:
    """A program of the lab, its output in *log*, *path* in front of its PATH, that is killed at the end of the block, or by the kernel if this process ends before."""
    environment = packages.environment()
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**environment, "PATH": ":".join(filter(None, (path, environment["PATH"])))},
        )
    try:
        yield
    finally:
        process.kill()
        process.wait()


def await_ready(ready: Callable[[], bool], what: str, log: Path) -> None:
    """Waits until something is ready. Raises LabError with the last line of its *log* where that takes too long."""
    ends = time.monotonic() + LIMIT
    while not ready():
        if time.monotonic() > ends:
            last = (log.read_text(errors="replace").strip().splitlines() or ["no output"])[-1]
            raise LabError(f"{what} is not ready after {LIMIT:.0f} s: {last}")
        time.sleep(0.1)


def _get(url: str) -> bytes | None:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=2) as answer:
            data: bytes = answer.read()
            return data
    except OSError:
        return None


def _ready(client: Client) -> bool:
    try:
        return client.ask("GET", "/readyz", {}, b"").status == 200
    except OSError:
        return False


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
