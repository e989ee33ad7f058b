"""How Ansible starts the modules: from their own file where it can, and no task can tell which way it was."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from wire.server import TOKEN, ApiServer

from .cluster import COMPLETED, Cluster
from .fake_time import FakeTime

REPOSITORY = Path(__file__).resolve().parents[3]
PROGRAMS = Path(sys.executable).parent
OTHER_NAME = {"vars": {"ansible_python_interpreter": str(PROGRAMS / "python3")}}
"""The same Python by another path: for Ansible it is another one."""
PASSWORD = "correct horse"
PACKED = "packed: "
LIKE_SUDO = '#!/bin/sh\nwhile [ "$1" != /bin/sh ]; do shift; done\nexec "$@"\n'
DIES = "import os, sys\nif any(one.endswith('telepresence_cluster_info.py') for one in sys.argv):\n    os.kill(os.getpid(), 9)\n"


class Vaulted(str):
    """A text that a playbook holds encrypted."""


def vaulted(dumper: yaml.SafeDumper, text: Vaulted) -> yaml.Node:
    """How it stands there."""
    secret = VaultSecret(PASSWORD.encode())
    return dumper.represent_scalar("!vault", VaultLib().encrypt(text, secret).decode(), style="|")


yaml.SafeDumper.add_representer(Vaulted, vaulted)


def asked(server: ApiServer, place: Path) -> dict[str, dict[str, Any]]:
    """Tasks by name that run a module on the cluster in every way that a user may ask for."""
    config = {"kubeconfig": str(server.kubeconfig(place / "kubeconfig"))}
    (place / "ca.crt").write_bytes(server.ca)
    by_token = {"host": server.url, "ca_cert": str(place / "ca.crt"), "api_key": Vaulted(TOKEN)}
    return {
        "info": {"telepresence_cluster_info": config},
        "orphans": {"telepresence_orphans": {**config, "replicas": {"default/nothing": 3}}},
        "alias": {"telepresence_orphans_info": config},
        "only tried": {
            "telepresence_restore": {**config, "replicas": {"default/web": 4}},
            "check_mode": True,
            "diff": True,
        },
        "by the environment": {
            "telepresence_cluster_info": {},
            "environment": {"K8S_AUTH_KUBECONFIG": config["kubeconfig"]},
        },
        "by a default": {
            "telepresence_cluster_info": {},
            "module_defaults": {"group/devclusters.telepresence.k8s": config},
        },
        "by a default of the module": {
            "telepresence_orphans": {},
            "module_defaults": {
                "devclusters.telepresence.telepresence_orphans": {**config, "exclude_namespaces": ["default"]}
            },
        },
        "by a path beside the playbook": {"telepresence_cluster_info": {"kubeconfig": "kubeconfig"}},
        "by a secret": {"telepresence_cluster_info": by_token},
        "no such context": {"telepresence_cluster_info": {**config, "context": "nowhere"}},
        "no such option": {"telepresence_cluster_info": {**config, "contxt": "fake"}},
        "killed": {"telepresence_cluster_info": config, "environment": {"PYTHONPATH": str(place)}},
    }


def task(name: str, **keywords: Any) -> dict[str, Any]:
    """A task of the playbook, whose result is kept."""
    own = "telepresence_"
    full = {f"devclusters.telepresence.{key}" if key.startswith(own) else key: keywords[key] for key in keywords}
    return {"name": name, **full, "register": re.sub("[^a-z]+", "_", name), "ignore_errors": True}


def playbook(server: ApiServer, place: Path) -> list[dict[str, Any]]:
    """Every task as users write it, once more for a Python by another name, and in the ways that need a program of their own."""
    tasks = asked(server, place)
    info = tasks["info"]
    written = [
        *(task(name, **one) for name, one in tasks.items()),
        *(task(PACKED + name, **one, **OTHER_NAME) for name, one in tasks.items()),
        task("delegated", **info, delegate_to="localhost"),
        task("later", **{**info, "async": 30, "poll": 1}),
        task("as another", **info, become=True, become_exe=str(place / "as")),
    ]
    results = {one["name"]: f"{{{{ {one['register']} }}}}" for one in written}
    keep = {"content": "{{ results | to_json }}", "dest": str(place / "results.json")}
    written.append({"ansible.builtin.copy": keep, "vars": {"results": results}})
    return [{"hosts": "localhost", "gather_facts": False, "tasks": written}]


@dataclass(frozen=True)
class Ran:
    """What was seen of the playbook: what its tasks returned, in which way each was started, all that was printed, and files left behind."""

    results: dict[str, dict[str, Any]]
    ways: dict[str, str]
    said: str
    left: list[str]
    writes: int


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The playbook, run."""
    place = tmp_path_factory.mktemp("starting")
    (place / "sitecustomize.py").write_text(DIES)
    (place / "password").write_text(PASSWORD)
    (place / "as").write_text(LIKE_SUDO)
    (place / "as").chmod(0o755)
    temporary = place / "tmp"
    environment = {
        **os.environ,
        "ANSIBLE_CONFIG": str(REPOSITORY / "ansible.cfg"),
        "ANSIBLE_VAULT_PASSWORD_FILE": str(place / "password"),
        "ANSIBLE_LOCAL_TEMP": str(temporary),
        "PWD": str(place / "elsewhere"),
    }
    with ApiServer() as server:
        cluster = Cluster(server, str(place / "kubeconfig"), FakeTime())
        cluster.stage(COMPLETED, "gone")  # what it is judged by does not age
        cluster.web()
        (place / "play.yml").write_text(yaml.safe_dump(playbook(server, place), sort_keys=False))
        (place / "elsewhere").mkdir()
        command = [str(PROGRAMS / "ansible-playbook"), "-vvv", "../play.yml"]
        done = subprocess.run(
            command, cwd=place / "elsewhere", env=environment, capture_output=True, text=True, check=False
        )
        writes = sum(request.is_write for request in server.requests)
    assert done.returncode == 0, done.stdout + done.stderr
    parts = [part.partition("]") for part in done.stdout.split("TASK [")[1:]]
    return Ran(
        json.loads((place / "results.json").read_text()),
        {name: "its file" if "Starting module file" in said else "packed" for name, _, said in parts},
        done.stdout + done.stderr,
        [str(path) for path in temporary.rglob("*") if path.is_file()],
        writes,
    )


ALIKE = [
    *("info", "orphans", "alias", "only tried", "by the environment", "by a default", "by a default of the module"),
    *("by a path beside the playbook", "by a secret", "no such context", "no such option"),
]


def test_a_module_is_started_from_its_file_where_nothing_speaks_against_it(ran: Ran) -> None:
    ways = {way: sorted(name for name, one in ran.ways.items() if one == way) for way in set(ran.ways.values())}
    assert ways["its file"] == sorted([*ALIKE, "killed"])
    assert {*(PACKED + name for name in ALIKE), "delegated", "later", "as another"} <= set(ways["packed"])


@pytest.mark.parametrize("name", ALIKE)
def test_the_result_is_the_same_in_both_ways(ran: Ran, name: str) -> None:
    one, other = (json.dumps(steady(ran.results[key])) for key in (name, PACKED + name))
    assert one == other


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("info", {"failed": False, "changed": False}),
        ("orphans", {"failed": False, "changed": False}),
        ("only tried", {"failed": False, "changed": True}),
        ("by the environment", {"failed": False}),
        ("by a default", {"failed": False}),
        ("by a default of the module", {"failed": False, "sessions": []}),
        ("by a path beside the playbook", {"failed": False}),
        ("by a secret", {"failed": False}),
        ("no such context", {"failed": True}),
        ("delegated", {"failed": False}),
        ("later", {"failed": False, "finished": 1}),
        ("as another", {"failed": False}),
    ],
)
def test_it_does_what_was_asked(ran: Ran, name: str, expected: dict[str, Any]) -> None:
    assert {key: ran.results[name][key] for key in expected} == expected


def test_what_it_warns_of_is_part_of_its_result(ran: Ran) -> None:
    (warning,) = ran.results["orphans"]["warnings"]
    assert "default/nothing" in warning


def test_check_mode_writes_nothing(ran: Ran) -> None:
    assert ran.results["only tried"]["diff"]["before"]
    assert ran.writes == 0


def test_a_module_that_is_killed_fails_its_task_alone(ran: Ran) -> None:
    killed = ran.results["killed"]
    assert (killed["failed"], killed["rc"]) == (True, -9)
    assert not ran.results[PACKED + "info"]["failed"]


def test_no_secret_is_printed_and_nothing_is_left(ran: Ran) -> None:
    assert TOKEN not in ran.said
    assert TOKEN not in json.dumps(ran.results)
    assert ran.left == []


def steady(result: dict[str, Any]) -> dict[str, Any]:
    """A result without what differs between two runs of one module: moments, and the files of a traceback, which -vvv shows."""
    text = json.dumps({key: result[key] for key in result if key != "exception"}, sort_keys=True)
    steady: dict[str, Any] = json.loads(re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)", "TIME", text))
    return steady
