"""Both sides of probe-burst, each a program of its own so that its CPU can be told from the other's.

``python -m tests.bench.burst serve KUBECONFIG`` writes a kubeconfig for a scripted server and serves until its input ends;
``python -m tests.bench.burst ask KUBECONFIG CONCURRENCY`` puts the question to the proxy there, `EXECS` times, and prints
the seconds and CPU seconds that it took, as JSON.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.api import Api
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.execute import execute
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps import question
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.client import get_api_client

from wire.exec import Ran
from wire.server import ApiServer

EXECS = 500
LATENCY = 0.1
"""Seconds from the command's start to its answer."""
DEADLINE = 10.0
"""Seconds; the product's default."""
ANSWER = b'{"telepresence_probe": 1, "clock": 1.0, "head": "refused", "text": "", "listening": false, "sshd": true, "tunnels": 0}\n'


def serve(kubeconfig: Path) -> None:
    """A server with one pod, which answers every command after `LATENCY`."""
    with ApiServer() as server:
        spec = {"nodeName": "node", "containers": [{"name": "app"}]}
        server.store.load({"kind": "Pod", "metadata": {"name": "proxy", "namespace": "shop"}, "spec": spec})
        server.exec("shop", "proxy", Ran(ANSWER, delay=LATENCY))
        server.kubeconfig(kubeconfig)
        print("serving", flush=True)
        sys.stdin.read()


def ask(kubeconfig: Path, concurrency: int) -> None:
    """The execs of the product, through its own code."""
    api = Api(get_api_client(kubeconfig=str(kubeconfig)).client)
    command = question.command(DEADLINE)

    def once(_number: int) -> bool:
        return question.parse(execute(api, "shop", "proxy", "app", command, DEADLINE).stdout) is not None

    began, used = time.monotonic(), time.process_time()
    with ThreadPoolExecutor(concurrency) as pool:
        answered = sum(pool.map(once, range(EXECS)))
    cost = {"answered": answered, "seconds": time.monotonic() - began, "cpu_seconds": time.process_time() - used}
    print(json.dumps(cost))


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve(Path(sys.argv[2]))
    else:
        ask(Path(sys.argv[2]), int(sys.argv[3]))
