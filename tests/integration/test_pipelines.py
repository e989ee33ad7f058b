"""The examples of pipelines: their commands run on two clusters with the released collection, and Tekton's own schema holds."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml
from junitparser import JUnitXml

from tests.integration.conftest import TOOLS, Place, orphaned, renamed
from tests.lab.build import GO_SETTINGS, find_go, required_go
from tests.lab.commands import run
from tests.lab.paths import BIN, HERE, LOG, ROOT
from tests.lab.say import Say
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl
from tests.lab.telepresence2.manager import TrafficManager

NAMESPACE, MANAGER = "pipelines-shop", "pipelines-manager"
EXAMPLES = ROOT / "docs" / "examples"
HOSTS = ("dev-eu-1", "dev-us-1")
"""The hosts of the example inventory, and their contexts."""
TEKTON = "github.com/tektoncd/pipeline"


@pytest.fixture(scope="module")
def shop() -> Iterator[Kubectl]:
    """A namespace of both clusters, to which all runs are held; in that of the first, returned here, a client that is gone left web."""
    with orphaned(NAMESPACE, clusters()[1]) as shop:
        yield shop


@pytest.fixture
def project(shop: Kubectl, tmp_path: pathlib.Path) -> pathlib.Path:
    """The example project beside a kubeconfig that has its contexts."""
    renamed(dict(zip(HOSTS, clusters()[1])), tmp_path / "kubeconfig")
    project = tmp_path / "project"
    shutil.copytree(EXAMPLES / "awx-project", project)
    (project / "clusters" / "group_vars").mkdir()
    give(project)
    return project


def give(project: pathlib.Path, **variables: Any) -> None:
    """Gives variables to all hosts of the project."""
    held = {"recover_namespaces": [NAMESPACE], "baseline_namespaces": [NAMESPACE]}
    (project / "clusters" / "group_vars" / "all.yml").write_text(json.dumps(held | variables))


def example(name: str) -> dict[str, Any]:
    """An example as data."""
    read: dict[str, Any] = yaml.safe_load((EXAMPLES / "pipelines" / name).read_text())
    return read


Step = tuple[str, dict[str, str]]


def github() -> Step:
    """The command of a recovery and its variables, as GitHub would run it."""
    return of_github("Recover"), example("github-actions.yml")["env"]


def of_github(name: str) -> str:
    """The command of GitHub's step of this name."""
    steps = {step.get("name"): step for step in example("github-actions.yml")["jobs"]["telepresence"]["steps"]}
    return str(steps[name]["run"])


def gitlab() -> Step:
    """The same for GitLab."""
    pipeline = example("gitlab-ci.yml")
    return "\n".join(pipeline["recover"]["script"]), pipeline["recover"]["variables"]


def tekton(*options: str) -> Step:
    """The same for Tekton, with what its array of options holds."""
    (step,) = example("tekton-task.yml")["spec"]["steps"]
    words = " ".join(step["command"] + step["args"]).replace("$(params.options[*])", " ".join(options))
    return words, {one["name"]: one["value"] for one in step["env"]}


def preview() -> Step:
    """What GitLab runs for a merge request."""
    pipeline = example("gitlab-ci.yml")
    return "\n".join(pipeline["preview"]["script"]), pipeline["recover"]["variables"]


def look() -> Step:
    """What Tekton runs before a rebuild."""
    options = next(one["value"] for one in tasks()["look"]["params"] if one["name"] == "options")
    return tekton(*(HOSTS[0] if option == "$(params.cluster)" else option for option in options))


def tasks() -> dict[str, dict[str, Any]]:
    """The tasks of Tekton's pipeline by name."""
    return {task["name"]: task for task in example("tekton-pipeline.yml")["spec"]["tasks"]}


def rebuilds() -> dict[str, str]:
    """The command of a rebuild, by pipeline, with the cluster as a variable of the shell."""
    (step,) = tasks()["rebuild"]["taskSpec"]["steps"]
    return {
        "github": of_github("Rebuild"),
        "gitlab": "\n".join(example("gitlab-ci.yml")["rebuild"]["script"]),
        "tekton": " ".join(step["command"] + step["args"]).replace("$(params.cluster)", '"$CLUSTER"'),
    }


def carry_out(step: Step, project: pathlib.Path, installed: Place) -> int:
    """Runs the command of a step in the project; its exit code."""
    command, variables = step
    environment = {
        **os.environ,
        **installed.environment,
        **variables,
        "PATH": f"{TOOLS}:{BIN}:{os.environ['PATH']}",
        "K8S_AUTH_KUBECONFIG": str(project.parent / "kubeconfig"),
    }
    done = subprocess.run(["bash", "-ec", command], cwd=project, env=environment, capture_output=True, text=True)
    print(done.stdout + done.stderr)
    return done.returncode


def recover(step: Step, project: pathlib.Path, installed: Place) -> tuple[int, JUnitXml]:
    """The exit code of a recovery, and the JUnit file that it left."""
    code = carry_out(step, project, installed)
    assert (project / "reports" / "recover.json").is_file()
    (written,) = (project / "reports").glob("*.xml")
    return code, JUnitXml.fromfile(str(written))


def failed(junit: JUnitXml) -> dict[str, str]:
    """By host, the reason for which its test failed; empty where it passed."""
    cases = [case for suite in junit for case in suite]
    return {
        case.name.partition("]")[0].lstrip("["): " ".join(f"{one.message} {one.text}" for one in case.result)
        for case in cases
    }


# The tests of a recovery are one story, in this order.


def test_a_session_that_needs_a_decision_is_a_failed_test(
    shop: Kubectl, project: pathlib.Path, installed: Place
) -> None:
    give(project, recover_replicas_limit=1)
    code, junit = recover(gitlab(), project, installed)
    reasons = failed(junit)
    assert (code, reasons[HOSTS[1]]) == (2, "")
    assert f"{NAMESPACE}/web: needs a decision" in reasons[HOSTS[0]]
    assert shop.get("deployment", "web")["spec"]["replicas"] == 0


@pytest.mark.parametrize(("of", "hosts"), [(preview, HOSTS), (look, HOSTS[:1])], ids=["gitlab", "tekton"])
def test_a_look_changes_nothing(
    of: Callable[[], Step], hosts: tuple[str, ...], shop: Kubectl, project: pathlib.Path, installed: Place
) -> None:
    code, junit = recover(of(), project, installed)
    assert (code, failed(junit)) == (0, dict.fromkeys(hosts, ""))
    assert shop.get("deployment", "web")["spec"]["replicas"] == 0


@pytest.mark.parametrize("of", [github, gitlab, tekton], ids=lambda of: of.__name__)
def test_the_step_runs_and_each_cluster_is_a_test(
    of: Callable[[], Step], shop: Kubectl, project: pathlib.Path, installed: Place
) -> None:
    code, junit = recover(of(), project, installed)
    assert (code, failed(junit)) == (0, dict.fromkeys(HOSTS, ""))
    assert shop.get("deployment", "web")["spec"]["replicas"] == 2


def test_a_cluster_that_is_not_there_is_a_failed_test(project: pathlib.Path, installed: Place) -> None:
    inventory = project / "clusters" / "hosts.yml"
    inventory.write_text(inventory.read_text() + "    dev-gone:\n      telepresence_context: dev-gone\n")
    code, junit = recover(gitlab(), project, installed)
    reasons = failed(junit)
    assert (code, [reasons[host] for host in HOSTS]) == (2, ["", ""])
    assert "dev-gone" in reasons["dev-gone"]


def test_the_step_rebuilds_one_cluster(
    shop: Kubectl, project: pathlib.Path, installed: Place, request: pytest.FixtureRequest
) -> None:
    manager = TrafficManager(Kubectl(shop.context, MANAGER, shop.kubeconfig), ())
    request.addfinalizer(manager.remove)
    give(project, **manager.variables())
    assert carry_out((rebuilds()["gitlab"], {"CLUSTER": HOSTS[0]}), project, installed) == 0
    manager.kubectl.run("rollout", "status", "deployment/traffic-manager", "--timeout=5s")
    elsewhere = Kubectl(clusters()[1][1], MANAGER, shop.kubeconfig)
    assert elsewhere.get("namespaces", f"--field-selector=metadata.name={MANAGER}")["items"] == []


def test_github_takes_the_kubeconfig_for_itself_alone(tmp_path: pathlib.Path) -> None:
    file = tmp_path / "kubeconfig"
    environment = {**os.environ, "CONTENT": "a: %s\n", "K8S_AUTH_KUBECONFIG": str(file)}
    subprocess.run(["bash", "-ec", of_github("Take the kubeconfig")], env=environment, check=True)
    assert (file.read_text(), file.stat().st_mode & 0o777) == ("a: %s\n", 0o600)


@pytest.mark.parametrize("pipeline", ["github", "tekton"])
def test_the_others_rebuild_by_the_same_command(pipeline: str) -> None:
    words = {name: command.replace("--inventory", "-i").split() for name, command in rebuilds().items()}
    assert words[pipeline] == words["gitlab"]


@pytest.fixture(scope="module")
def definitions() -> pathlib.Path:
    """The directory of Tekton's CustomResourceDefinitions, in the Go module of the project."""
    pinned_in, say = HERE / "go" / "tekton", Say()
    go = find_go(required_go((pinned_in / "go.mod").read_text()), say)
    run(
        [go, "mod", "download", TEKTON],
        "fetch Tekton's definitions",
        LOG / "tekton.log",
        cwd=pinned_in,
        env=GO_SETTINGS,
    )
    listing = [str(go), "list", "-m", "-f", "{{.Dir}}", TEKTON]
    environment = {**os.environ, **GO_SETTINGS}
    found = subprocess.run(listing, cwd=pinned_in, env=environment, check=True, capture_output=True, text=True)
    return pathlib.Path(found.stdout.strip()) / "config" / "300-crds"


def strict(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with every field refused that it does not name, as the API server does where it is asked to be strict."""
    named = {key: strict(value) if isinstance(value, dict) else value for key, value in schema.items()}
    closed = "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields")
    return {**named, "additionalProperties": False} if closed and schema.get("type") == "object" else named


def refusal(kind: str, given: dict[str, Any], definitions: pathlib.Path, place: pathlib.Path) -> str:
    """What the definition of a kind says against an object of Tekton's version v1."""
    definition = yaml.safe_load((definitions / f"300-{kind}.yaml").read_text())
    (version,) = [one for one in definition["spec"]["versions"] if one["name"] == "v1"]
    schema = version["schema"]["openAPIV3Schema"]
    # The API server knows the metadata of every object by itself.
    schema["properties"] |= {"apiVersion": {}, "kind": {}, "metadata": {}}
    (place / "schema.json").write_text(json.dumps(strict(schema)))
    (place / "object.json").write_text(json.dumps(given))
    command = [str(TOOLS / "check-jsonschema"), "--schemafile", "schema.json", "object.json"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["task", "pipeline"])
def test_the_schema_of_tekton_holds(kind: str, definitions: pathlib.Path, tmp_path: pathlib.Path) -> None:
    assert not refusal(kind, example(f"tekton-{kind}.yml"), definitions, tmp_path)


@pytest.mark.parametrize(
    ("wrong", "words"), [({"workDir": "elsewhere"}, "'workDir' was unexpected"), ({"image": 1}, "steps[0].image")]
)
def test_the_schema_of_tekton_finds_a_mistake(
    wrong: dict[str, Any], words: str, definitions: pathlib.Path, tmp_path: pathlib.Path
) -> None:
    task = example("tekton-task.yml")
    task["spec"]["steps"][0] |= wrong
    assert words in refusal("task", task, definitions, tmp_path)
