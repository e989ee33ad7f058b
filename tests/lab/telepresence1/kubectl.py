"""kubectl on one namespace of one cluster, with errors that say what failed where."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import subprocess
from typing import Any

from ..paths import BIN, KUBECONFIG
from ..say import LabError


@dataclasses.dataclass(frozen=True)
class Kubectl:
    """kubectl with the connection settings that every call of one session shares."""

    context: str
    namespace: str
    kubeconfig: pathlib.Path = KUBECONFIG

    def command(self, *arguments: str) -> list[str]:
        """Return the command line of kubectl with ``arguments``."""
        options = ["--kubeconfig", str(self.kubeconfig), "--context", self.context, "--namespace", self.namespace]
        return [str(BIN / "kubectl"), *options, *arguments]

    def run(self, *arguments: str, stdin: Any = None) -> str:
        """Return kubectl's output; ``stdin`` is an object that kubectl reads as JSON. Raises `LabError`."""
        text = "" if stdin is None else json.dumps(stdin)
        try:
            done = subprocess.run(self.command(*arguments), input=text, capture_output=True, text=True)
        except FileNotFoundError as error:
            raise LabError(f"There is no {error.filename}; build the lab with 'make lab-up'.") from None
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise LabError(
                f"kubectl {arguments[0]} failed in namespace {self.namespace} of cluster {self.context} "
                f"({self.kubeconfig}): {reason.removeprefix('error: ')}"
            )
        return done.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """Return what ``kubectl get`` finds: an object, or a List for a selector. Raises `LabError`."""
        found: dict[str, Any] = json.loads(self.run("get", *arguments, "--output=json"))
        return found
