"""The playbook that sets AWX up, run with the real modules of awx.awx against a scripted controller: for the first time, in check mode, and again.

The tests of one controller stand in the order in which they run.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.parsing.dataloader import DataLoader
from jinja2.sandbox import ImmutableSandboxedEnvironment

from .controller import TOKEN, Controller, serving
from .survey import Refused, checked_survey

ROOT = Path(__file__).resolve().parents[3]
VARIABLES: dict[str, Any] = DataLoader().load_from_file(str(ROOT / "playbooks" / "awx" / "vars.yml"))
PLAYBOOK = "devclusters.telepresence.awx.configure"
NAME = "Recover Telepresence sessions"


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("home") / "kubeconfig"
    path.write_text("clusters: first\n")
    return path


@pytest.fixture(scope="module")
def controller(kubeconfig: Path) -> Iterator[Controller]:
    """A controller on which the playbook ran once, and no write on record since then."""
    with serving() as controller:
        assert changed(configure(controller, kubeconfig)) == 8
        controller.writes.clear()
        yield controller


def configure(
    controller: Controller, kubeconfig: Path, *options: str, warnings: tuple[str, ...] = (), **variables: Any
) -> str:
    """The output of a run, which has to succeed with these warnings and no other, and to print no secret."""
    extra = json.dumps({"awx_kubeconfig_file": str(kubeconfig), **variables})
    command = [str(Path(sys.executable).parent / "ansible-playbook"), PLAYBOOK, "-e", extra, *options]
    environment = {
        **os.environ,
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "ANSIBLE_NOCOLOR": "1",
        "CONTROLLER_HOST": controller.url,
        "CONTROLLER_OAUTH_TOKEN": TOKEN,
        "CONTROLLER_REQUEST_TIMEOUT": "120",
    }
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    output = done.stdout + done.stderr
    print(output)
    assert done.returncode == 0
    assert tuple(re.findall(r"\[WARNING\]: (.*)", output)) == warnings
    assert kubeconfig.read_text().strip() not in output
    return output


def changed(output: str) -> int:
    """How many tasks changed something, by the recap."""
    (count,) = re.findall(r"localhost .* changed=(\d+)", output)
    return int(count)


def test_everything_is_made_and_connected(controller: Controller) -> None:
    project = controller.named("projects", "Telepresence recovery")
    inventory = controller.named("inventories", "Telepresence clusters")
    credential = controller.named("credentials", "Telepresence clusters")
    template = controller.named("job_templates", NAME)
    notification = controller.named("notification_templates", "Telepresence needs a decision")
    assert credential["inputs"] == {"kubeconfig": "clusters: first"}
    assert (template["project"], template["inventory"]) == (project["id"], inventory["id"])
    assert controller.named("inventory_sources", "Telepresence clusters")["source_project"] == project["id"]
    assert controller.associated == {
        (template["id"], "credentials"): [credential["id"]],
        (template["id"], "notification_templates_error"): [notification["id"]],
    }
    assert controller.surveys[template["id"]] == VARIABLES["awx_job_template"]["survey_spec"]
    assert controller.named("schedules", NAME)["unified_job_template"] == template["id"]


@pytest.mark.parametrize("options", [("--check",), ()])
def test_a_second_run_changes_nothing(options: tuple[str, ...], controller: Controller, kubeconfig: Path) -> None:
    assert changed(configure(controller, kubeconfig, *options)) == 0
    assert controller.writes == []


def test_what_changed_is_changed_alone(controller: Controller, kubeconfig: Path) -> None:
    schedule = {**VARIABLES["awx_schedule"], "enabled": False}
    assert changed(configure(controller, kubeconfig, "--check", awx_schedule=schedule)) == 1
    assert controller.writes == []
    # AWX tells no secrets, so awx.awx cannot say whether one that was to be handed over is another.
    hidden = f"The field inputs of credential {controller.named('credentials', 'Telepresence clusters')['id']} has encrypted data and may inaccurately report task is changed."
    kubeconfig.write_text("clusters: second\n")
    renew = {"awx_schedule": schedule, "awx_update_secrets": True}
    assert changed(configure(controller, kubeconfig, warnings=(hidden,), **renew)) == 2
    assert [(method, path.split("/")[3]) for method, path, _ in controller.writes] == [
        ("PATCH", "credentials"),
        ("PATCH", "schedules"),
    ]
    assert controller.named("schedules", NAME)["enabled"] is False
    assert controller.named("credentials", "Telepresence clusters")["inputs"] == {"kubeconfig": "clusters: second"}


def test_the_job_runs_in_the_execution_environment_that_is_named(controller: Controller, kubeconfig: Path) -> None:
    template = {**VARIABLES["awx_job_template"], "execution_environment": "Telepresence"}
    schedule = controller.named("schedules", NAME)
    as_it_is = {**VARIABLES["awx_schedule"], "enabled": schedule["enabled"]}
    assert changed(configure(controller, kubeconfig, awx_job_template=template, awx_schedule=as_it_is)) == 1
    named = controller.named("execution_environments", "Telepresence")["id"]
    assert controller.named("job_templates", NAME)["execution_environment"] == named


def test_the_notification_is_json_with_what_is_to_be_decided() -> None:
    """Rendered with Jinja's sandbox, as AWX does it (JobNotificationMixin in awx/main/models/notifications.py)."""
    body = VARIABLES["awx_notification"]["messages"]["error"]["body"]
    artifacts = {"telepresence": {"dev-eu-1": {"needs_decision": ['shop/web: "2 or 3?"']}}}
    job = {"name": NAME, "artifacts": artifacts}
    rendered = ImmutableSandboxedEnvironment().from_string(body).render(job=job, url="https://awx.example.com/#/jobs/7")
    assert json.loads(rendered) == {
        "text": f"{NAME} needs somebody: https://awx.example.com/#/jobs/7",
        "clusters": artifacts,
    }


def test_check_mode_on_an_empty_controller_writes_nothing_and_says_what_it_cannot_show(kubeconfig: Path) -> None:
    with serving() as empty:
        output = configure(empty, kubeconfig, "--check")
        assert empty.writes == []
    assert changed(output) == 4
    assert "The rest refers to objects that do not exist yet" in output


def test_the_survey_asks_for_variables_of_the_role() -> None:
    options = DataLoader().load_from_file(str(ROOT / "roles/recover/meta/argument_specs.yml"))["argument_specs"][
        "main"
    ]["options"]
    for question in VARIABLES["awx_job_template"]["survey_spec"]["spec"]:
        option = options[question["variable"]]
        assert option.get("choices") == question.get("choices")
        assert (option["type"] == "int") == (question["type"] == "integer")


@pytest.mark.parametrize(
    "wrong",
    [
        {"required": None},
        {"type": "date"},
        {"default": 1},
        {"type": "integer", "default": "1"},
        {"type": "integer", "min": "1"},
        {"type": "multiplechoice", "choices": ["a"], "default": "b"},
    ],
    ids=str,
)
def test_a_wrong_question_is_refused(wrong: dict[str, Any]) -> None:
    right = {"type": "text", "question_name": "Q", "variable": "v", "required": True, "default": ""}
    survey = {"name": "", "description": "", "spec": [right]}
    assert checked_survey(survey) == survey
    with pytest.raises(Refused):
        checked_survey({**survey, "spec": [{**right, **wrong}]})
    with pytest.raises(Refused, match="duplicated"):
        checked_survey({**survey, "spec": [right, right]})
