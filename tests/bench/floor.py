"""The floor: for each proxy of a namespace the exec, the log and the writes of a recovery, and nothing that proves or decides.

``python -m tests.bench.floor CONTEXT NAMESPACE``: what no program in Python that does these can be faster than.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps import log, question

from tests.lab.paths import KUBECONFIG
from tests.lab.say import LabError

from .client import AT_ONCE, connect, execute

DEADLINE = 10.0
"""Seconds; the product's default."""


def main(context: str, namespace: str) -> int:
    """Recovers the namespace; returns the exit code."""
    client = connect(KUBECONFIG, context)
    core, apps = f"/api/v1/namespaces/{namespace}", f"/apis/apps/v1/namespaces/{namespace}/deployments"

    def recover(pod: Any) -> None:
        metadata = pod["metadata"]
        container, path = pod["spec"]["containers"][0]["name"], f"{core}/pods/{metadata['name']}"
        printed = execute(client, path, container, question.command(DEADLINE))
        lines = f"{path}/log?container={container}&timestamps=true&tailLines={log.TAIL}"
        written = client.ask("GET", lines, {}, b"").body
        if question.SENTINEL.encode() not in printed or log.FAILED_POLL.encode() not in written:
            raise LabError(f"{path} does not speak as a proxy whose client is gone.")
        original = originals[metadata["name"].rpartition("-")[0]]
        named = {key: original[key] for key in ("name", "namespace", "uid", "resourceVersion")}
        scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": named, "spec": {"replicas": 1}}
        client.call("PUT", f"{apps}/{original['name']}/scale", scale)
        client.call("POST", f"{core}/events", _event(original, metadata["name"]))
        client.call("DELETE", path, {"preconditions": {"uid": metadata["uid"]}})

    pods = client.call("GET", f"{core}/pods?labelSelector=telepresence")["items"]
    originals = {one["metadata"]["name"]: one["metadata"] for one in client.call("GET", apps)["items"]}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return len([*pool.map(recover, pods)]) == 0


def _event(original: Any, proxy: str) -> Any:
    involved = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": original["name"],
        "namespace": original["namespace"],
    }
    return {
        "metadata": {"name": f"floor.{proxy}", "namespace": original["namespace"]},
        "involvedObject": {**involved, "uid": original["uid"]},
        "reason": "Floor",
        "message": f"Scaled from 0 back to 1: the client of {proxy} is gone.",
    }


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
