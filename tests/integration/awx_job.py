"""A job as AWX runs it: a private data directory for ansible-runner, with the files and variables that AWX puts there.

What AWX 24.6.1 does is in its ``awx/main/tasks/jobs.py`` (``build_private_data_dir``, ``build_env``, ``build_inventory``, ``RunJob``), and what
a custom credential type does in ``awx/main/models/credential/__init__.py`` (``inject_credential``). AWX itself does not run here.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

from ansible.parsing.dataloader import DataLoader

from tests.lab.paths import ROOT

TOOLS = pathlib.Path(sys.executable).parent
CUT = 700_000
"""Characters of a task's result from which on AWX keeps nothing of it (``MAX_EVENT_RES_DATA`` in awx/settings/defaults.py)."""
VARIABLES = ROOT / "playbooks" / "awx" / "vars.yml"


@dataclass(frozen=True)
class Done:
    """A finished job: exit code and status of ansible-runner, what it printed, its events, and what AWX keeps as artifacts."""

    code: int
    status: str
    output: str
    events: list[dict[str, Any]]

    @property
    def artifacts(self) -> dict[str, Any]:
        """What ``set_stats`` handed over."""
        (stats,) = [event for event in self.events if event["event"] == "playbook_on_stats"]
        found: dict[str, Any] = stats["event_data"]["artifact_data"]
        return found

    def result(self, task: str, host: str) -> dict[str, Any]:
        """What AWX keeps of a task's result on a host."""
        (found,) = [
            event["event_data"]["res"]
            for event in self.events
            if event["event"].startswith("runner_on_")
            and (event["event_data"].get("task"), event["event_data"].get("host")) == (task, host)
            and "res" in event["event_data"]
        ]
        assert isinstance(found, dict)
        return found

    def longest(self) -> int:
        """The length of the longest result of a task, measured as ansible-runner measures it."""
        return max(len(str(event.get("event_data", {}).get("res", ""))) for event in self.events)


def job(
    place: pathlib.Path,
    project: pathlib.Path,
    hosts: dict[str, dict[str, Any]],
    kubeconfig: pathlib.Path,
    *options: str,
    playbook: str = "recover.yml",
    **variables: Any,
) -> Done:
    """Runs a playbook of the project in ``place``, a directory to be made, on these hosts with the kubeconfig as its credential."""
    env = place / "env"
    env.mkdir(parents=True)
    shutil.copytree(project, place / "project", symlinks=True)
    credential = _injected(env, kubeconfig)
    environment = {
        "ANSIBLE_FORCE_COLOR": "True",
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "ANSIBLE_INVENTORY_UNPARSED_FAILED": "True",
        "ANSIBLE_PARAMIKO_RECORD_HOST_KEYS": "False",
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "ANSIBLE_COLLECTIONS_PATH": f"{place}/requirements_collections:~/.ansible/collections:/usr/share/ansible/collections",
        "AWX_PRIVATE_DATA_DIR": str(place),
        "HOME": str(place),
        "JOB_ID": "7",
        "MAX_EVENT_RES": str(CUT),
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
        **credential,
    }
    given = {"awx_job_id": 7, "awx_job_launch_type": "scheduled", "tower_job_id": 7, **variables}
    (env / "envvars").write_text(json.dumps(environment))
    (env / "extravars").write_text(json.dumps(given))
    (env / "cmdline").write_text(" ".join(options))
    _inventory(place / "inventory" / "hosts", hosts)
    command = [str(TOOLS / "ansible-runner"), "run", str(place), "--playbook", playbook, "--ident", "7"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=600)
    print(done.stdout + done.stderr)
    kept = place / "artifacts" / "7"
    events = [json.loads(path.read_text()) for path in (kept / "job_events").glob("*.json")]
    events.sort(key=lambda event: int(event["counter"]))
    return Done(done.returncode, (kept / "status").read_text(), done.stdout, events)


def _injected(env: pathlib.Path, kubeconfig: pathlib.Path) -> dict[str, str]:
    """Writes the file of the credential type of playbooks/awx and returns its variables of the environment."""
    injectors = DataLoader().load_from_file(str(VARIABLES))["awx_credential_type"]["injectors"]
    assert injectors["file"] == {"template.kubeconfig": "{{ kubeconfig }}"}
    path = env / "tmp_kubeconfig"
    path.touch(mode=0o600)
    path.write_text(kubeconfig.read_text())
    return {
        name: value.replace("{{ tower.filename.kubeconfig }}", str(path)) for name, value in injectors["env"].items()
    }


def _inventory(path: pathlib.Path, hosts: dict[str, dict[str, Any]]) -> None:
    """AWX hands the inventory over as a script that prints it."""
    path.parent.mkdir()
    content = {"all": {"hosts": list(hosts)}, "_meta": {"hostvars": hosts}}
    path.write_text(f"#! /usr/bin/env python3\nprint({json.dumps(content)!r})\n")
    path.chmod(0o700)
