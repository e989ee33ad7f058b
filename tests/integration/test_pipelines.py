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

from tests.integration.conftest import TOOLS, Place
from tests.lab.build import GO_SETTINGS, find_go, required_go
from tests.lab.commands import run
from tests.lab.paths import HERE, LOG, ROOT
from tests.lab.say import Say
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl

NAMESPACE = "awx-pipelines"
EXAMPLES = ROOT / "docs" / "examples"
HOSTS = ("dev-eu-1", "dev-us-1")
"""The hosts of the example inventory, and their contexts."""
TEKTON = "github.com/tektoncd/pipeline"


@pytest.fixture(scope="module")
def namespace() -> Iterator[None]:
    """An empty namespace on both clusters; the examples' recoveries are held to it."""
    kubeconfig, contexts = clusters()
    kubectls = [Kubectl(context, NAMESPACE, kubeconfig) for context in contexts]
    for kubectl in kubectls:
        kubectl.run("create", "namespace", NAMESPACE)
    yield
    for kubectl in kubectls:
        kubectl.run("delete", "namespace", NAMESPACE, "--wait=false")


@pytest.fixture
def project(namespace: None, tmp_path: pathlib.Path) -> pathlib.Path:
    """The example project beside a kubeconfig that has its contexts."""
    config = yaml.safe_load(clusters()[0].read_text())
    by_name = {one["name"]: one["context"] for one in config["contexts"]}
    renamed = zip(HOSTS, clusters()[1])
    config["contexts"] = [{"name": host, "context": by_name[context]} for host, context in renamed]
    (tmp_path / "kubeconfig").touch(mode=0o600)
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    project = tmp_path / "project"
    shutil.copytree(EXAMPLES / "awx-project", project)
    (project / "clusters" / "group_vars").mkdir()
    (project / "clusters" / "group_vars" / "all.yml").write_text(f"recover_namespaces: [{NAMESPACE}]\n")
    return project


def example(name: str) -> dict[str, Any]:
    """An example as data."""
    read: dict[str, Any] = yaml.safe_load((EXAMPLES / "pipelines" / name).read_text())
    return read


Step = tuple[str, dict[str, str]]


def github() -> Step:
    """The command of a recovery and its variables, as GitHub would run it."""
    workflow = example("github-actions.yml")
    steps = {step.get("name"): step for step in workflow["jobs"]["telepresence"]["steps"]}
    return steps["Recover"]["run"], workflow["env"]


def gitlab() -> Step:
    """The same for GitLab."""
    pipeline = example("gitlab-ci.yml")
    return "\n".join(pipeline["recover"]["script"]), pipeline["recover"]["variables"]


def tekton() -> Step:
    """The same for Tekton, its array of options empty."""
    (step,) = example("tekton-task.yml")["spec"]["steps"]
    words = [word for word in step["command"] + step["args"] if word != "$(params.options[*])"]
    return " ".join(words), {one["name"]: one["value"] for one in step["env"]}


def recover(step: Step, project: pathlib.Path, installed: Place) -> tuple[int, JUnitXml]:
    """The exit code of a step, and the JUnit file that it left."""
    command, variables = step
    environment = {
        **os.environ,
        **installed.environment,
        **variables,
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
        "K8S_AUTH_KUBECONFIG": str(project.parent / "kubeconfig"),
    }
    done = subprocess.run(["bash", "-ec", command], cwd=project, env=environment, capture_output=True, text=True)
    print(done.stdout + done.stderr)
    assert (project / "reports" / "recover.json").is_file()
    (written,) = (project / "reports").glob("*.xml")
    return done.returncode, JUnitXml.fromfile(str(written))


def failed(junit: JUnitXml) -> dict[str, bool]:
    """Whether the test of each host failed."""
    cases = [case for suite in junit for case in suite]
    return {case.name.partition("]")[0].lstrip("["): not case.is_passed for case in cases}


@pytest.mark.parametrize("of", [github, gitlab, tekton], ids=lambda of: of.__name__)
def test_the_step_runs_and_each_cluster_is_a_test(
    of: Callable[[], Step], project: pathlib.Path, installed: Place
) -> None:
    code, junit = recover(of(), project, installed)
    assert (code, failed(junit)) == (0, dict.fromkeys(HOSTS, False))


def test_a_cluster_that_is_not_there_is_a_failed_test(project: pathlib.Path, installed: Place) -> None:
    inventory = project / "clusters" / "hosts.yml"
    inventory.write_text(inventory.read_text() + "    dev-gone:\n      telepresence_context: dev-gone\n")
    code, junit = recover(gitlab(), project, installed)
    assert (code, failed(junit)) == (2, {**dict.fromkeys(HOSTS, False), "dev-gone": True})


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
