"""A stand-in for OpenShift's client ``oc``, of which it knows the three commands that the collection runs.

It reads the DeploymentConfig with the credentials that it is given, as ``oc`` does, and appends a line of JSON to the file
that OC_STAND_IN_LOG names: its arguments, and the user of its kubeconfig. What it says on top, and that it fails, is told by
OC_STAND_IN_FAILS, such as ``latest: no route to host``. With OC_STAND_IN_ACTS it also does what it is for: ``rollout latest``
counts the version up, which the stand-in for OpenShift's controllers (tests/lab/openshift.py) answers with a rollout, and
``rollout status`` waits for that.
"""

from __future__ import annotations

import json
import os
import pathlib
import ssl
import sys
import time
import urllib.error
import urllib.request
from typing import Any

Obj = dict[str, Any]


class Api:
    """The cluster of a kubeconfig, with its credentials."""

    def __init__(self, kubeconfig: pathlib.Path) -> None:
        config = json.loads(kubeconfig.read_text())
        self.user: Obj = config["users"][0]["user"]
        cluster = config["clusters"][0]["cluster"]
        self._server = cluster["server"]
        self._context = ssl.create_default_context(cafile=cluster["certificate-authority"])
        if "client-certificate" in self.user:
            self._context.load_cert_chain(self.user["client-certificate"], self.user["client-key"])

    def ask(self, method: str, path: str, body: Obj | None = None) -> Obj:
        """One request; the decoded answer. Raises OSError."""
        headers = {"Accept": "application/json", "Content-Type": "application/merge-patch+json"}
        if "token" in self.user:
            headers["Authorization"] = f"Bearer {self.user['token']}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._server + path, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30, context=self._context) as answer:
            found: Obj = json.load(answer)
            return found


def main(arguments: list[str]) -> int:
    """Do what the command line says; return the exit status."""
    options = dict(one[2:].split("=", 1) for one in arguments if one.startswith("--") and "=" in one)
    words = [one for one in arguments if not one.startswith("--")]
    api = Api(pathlib.Path(options["kubeconfig"]))
    with open(os.environ["OC_STAND_IN_LOG"], "a", encoding="utf-8") as log:
        print(json.dumps({"words": words, "namespace": options["namespace"], "user": api.user}), file=log)
    failing, _colon, message = os.environ.get("OC_STAND_IN_FAILS", "").partition(": ")
    if failing in words:
        print(f"error: {message}", file=sys.stderr)
        return 1
    name = words[-1].split("/")[1]
    path = f"/apis/apps.openshift.io/v1/namespaces/{options['namespace']}/deploymentconfigs/{name}"
    try:
        config = api.ask("GET", path)
        if "OC_STAND_IN_ACTS" in os.environ:
            act(words, api, path, config)
    except (OSError, TimeoutError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"deploymentconfig.apps.openshift.io/{name}")
    return 0


def act(words: list[str], api: Api, path: str, config: Obj) -> None:
    """What the command is for. Raises OSError."""
    version = config["status"]["latestVersion"]
    if words[:2] == ["rollout", "latest"]:
        api.ask("PATCH", f"{path}/status", {"status": {"latestVersion": version + 1}})
    elif words[:2] == ["rollout", "status"]:
        ends = time.monotonic() + 60
        while api.ask("GET", path)["status"].get("rolledOut") != version:
            if time.monotonic() > ends:
                raise TimeoutError(f"rollout #{version} did not come to an end")
            time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
