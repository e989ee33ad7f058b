"""The real kubectl takes the fake server for a real one."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from wire import states
from wire.exec import Ran
from wire.server import ApiServer

LAB = Path(__file__).resolve().parents[3] / ".lab" / "bin" / "kubectl"
KUBECTL = str(LAB) if LAB.exists() else shutil.which("kubectl")

pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is neither in .lab/bin nor on the path")

Kubectl = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def pod(server: ApiServer) -> str:
    """A recorded session; its proxy's name."""
    return states.stage(server, "0.109-swap-web-pod-from-3", "gone", lambda probe: b"")


@pytest.fixture
def kubectl(kubeconfig: str, tmp_path: Path) -> Kubectl:
    """``kubectl(*arguments)``, with a home directory of its own for its caches."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "HOME": str(tmp_path), "KUBECONFIG": kubeconfig}
        return subprocess.run([str(KUBECTL), *arguments], env=env, capture_output=True, text=True, timeout=30)

    return run


def test_get(kubectl: Kubectl, pod: str) -> None:
    assert kubectl("get", "pods", "-A", "-l", "telepresence", "-o", "name").stdout == f"pod/{pod}\n"
    assert "web" in kubectl("get", "deploy,rs,events").stdout
    assert 'pods "x" not found' in kubectl("get", "pod", "x").stderr


def test_exec(server: ApiServer, kubectl: Kubectl, pod: str) -> None:
    server.exec("default", pod, Ran(b"out\n", b"err\n", 3))
    ran = kubectl("exec", pod, "--", "true")
    assert (ran.returncode, ran.stdout) == (3, "out\n")
    assert ran.stderr.startswith("err\n")


def test_logs(kubectl: Kubectl, pod: str) -> None:
    assert kubectl("logs", pod, "--tail=1").stdout.endswith("Perhaps it's time to exit?\n")


def test_scale_and_delete(server: ApiServer, kubectl: Kubectl, pod: str) -> None:
    assert kubectl("scale", "deploy/web", "--replicas=3").returncode == 0
    assert kubectl("get", "deploy", "web", "-o", "jsonpath={.status.readyReplicas}").stdout == "3"
    assert kubectl("delete", "pod", pod, "--wait=false").returncode == 0
    assert [request.method for request in server.writes] == ["PATCH", "DELETE"]
    assert "not found" in kubectl("exec", pod, "--", "true").stderr
