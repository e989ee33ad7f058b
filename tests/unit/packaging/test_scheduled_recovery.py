"""What the role scheduled_recovery refuses before it asks the cluster anything."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
IMAGE = {"scheduled_recovery_image": "lab.local/recovery:1"}


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "Give scheduled_recovery_image, the image that is to run."),
        (
            {**IMAGE, "scheduled_recovery_namspaces": ["shop"]},
            "none of the role scheduled_recovery: scheduled_recovery_namspaces.",
        ),
        ({**IMAGE, "telepresence_contxt": "eu"}, "none of the role scheduled_recovery: telepresence_contxt."),
        ({**IMAGE, "scheduled_recovery_namespaces": ["shop-*"]}, "there are no rights by a wildcard"),
        (
            {**IMAGE, "scheduled_recovery_variables": {"recover_namspaces": ["shop"]}},
            "scheduled_recovery_variables has recover_namspaces, which the role recover does not know.",
        ),
        (
            {**IMAGE, "scheduled_recovery_variables": {"telepresence_context": "eu"}},
            "scheduled_recovery_variables has telepresence_context, which the role recover does not know.",
        ),
        (
            {
                **IMAGE,
                "scheduled_recovery_namespaces": ["shop"],
                "scheduled_recovery_variables": {"recover_namespaces": ["*"]},
            },
            "Give scheduled_recovery_namespaces or recover_namespaces, not both.",
        ),
        (
            {
                **IMAGE,
                "scheduled_recovery_namespaces": ["shop"],
                "scheduled_recovery_variables": {"recover_workload": "a/b"},
            },
            "Give scheduled_recovery_namespaces or recover_workload, not both.",
        ),
        ({**IMAGE, "telepresence_auth": {"api_kei": "x"}}, "telepresence_auth has api_kei"),
    ],
)
def test_what_would_mean_something_else_is_refused(variables: dict[str, Any], sentence: str) -> None:
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "scheduled_recovery.yml", "-i", "eu,"]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "KUBECONFIG": "/nowhere"}
    done = subprocess.run(
        [*command, "-e", json.dumps(variables)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert sentence in " ".join(done.stdout.split())
