"""The role scheduled_recovery: a cluster that puts its own orphans right, in pods that keep to the Pod Security Standard `restricted`."""

from __future__ import annotations

import json
import pathlib
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import Place, Ran, written
from tests.lab.scenes import Scene, clear, play, set_up
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl
from tests.rights import read

NAMESPACE, SHOP, NAME = "scheduled", "scheduled-shop", "scheduled-recovery"
ACCOUNT = f"--as=system:serviceaccount:{NAMESPACE}:{NAME}"
WANTED: dict[str, Any] = {
    "scheduled_recovery_namespace": NAMESPACE,
    "scheduled_recovery_image": "lab.local/recovery:1",
    "scheduled_recovery_schedule": "0 5 29 2 *",
}
EVERYWHERE = {**WANTED, "scheduled_recovery_variables": {"recover_namespaces": [f"{SHOP}*"], "recover_baseline": True}}
RESOURCES = {"requests": {"cpu": "50m", "memory": "200Mi"}, "limits": {"memory": "600Mi"}}
IN_ONE = {
    **WANTED,
    "scheduled_recovery_namespaces": [SHOP],
    "scheduled_recovery_resources": RESOURCES,
    "scheduled_recovery_pull_secrets": ["registry", "mirror"],
    "scheduled_recovery_deadline": 300,
}
KINDS = "cronjobs,jobs,pods,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings"


@pytest.fixture(scope="module")
def kubectl() -> Iterator[Kubectl]:
    """The first cluster, with two orphans in a namespace of their own; the namespace of the CronJob is not there yet."""
    kubeconfig, contexts = clusters()
    here, shop = (Kubectl(contexts[0], name, kubeconfig) for name in (NAMESPACE, SHOP))
    remove(here)
    scenes = [Scene(name, 2, (("pod", "gone"),)) for name in ("web", "cart")]
    set_up([shop], scenes)
    play([(shop, scene) for scene in scenes])
    yield here
    clear(shop)
    remove(here)


def remove(kubectl: Kubectl) -> None:
    """Removes what a broken-off test left outside of the shop."""
    kubectl.run("delete", "namespace", NAMESPACE, "--ignore-not-found")
    ours = f"devclusters.telepresence/scheduled-in={NAMESPACE}"
    kubectl.run("delete", "clusterroles,clusterrolebindings", f"--selector={ours}")


@pytest.fixture(scope="module")
def hosts(kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """An inventory of this cluster."""
    place = tmp_path_factory.mktemp("scheduled")
    host = {"telepresence_context": kubectl.context, "telepresence_kubeconfig": str(kubectl.kubeconfig)}
    return written(place, {"only": host})


def bring_about(place: Place, hosts: pathlib.Path, wanted: dict[str, Any], *options: str) -> Ran:
    """Runs the playbook with these variables."""
    return place.play("scheduled_recovery", hosts, *options, **wanted)


def made(kubectl: Kubectl) -> dict[str, str]:
    """All that the role has made, wherever it is: name of the object and its version."""
    selector = f"--selector=devclusters.telepresence/scheduled-in={NAMESPACE}"
    found = kubectl.get(KINDS, "--all-namespaces", selector)["items"]
    return {
        f"{one['kind']} {one['metadata'].get('namespace', '')}/{one['metadata']['name']}": one["metadata"][
            "resourceVersion"
        ]
        for one in found
    }


def namespace(kubectl: Kubectl) -> list[dict[str, Any]]:
    """The namespace of the CronJob, if it is there."""
    found: list[dict[str, Any]] = kubectl.get("namespaces", f"--field-selector=metadata.name={NAMESPACE}")["items"]
    return found


def run_once(kubectl: Kubectl, job: str, end: str = "succeeded") -> str:
    """Runs a job made from the CronJob to its end, which has to be this one, and returns what it said."""
    kubectl.run("create", "job", job, f"--from=cronjob/{NAME}")
    for _attempt in range(150):
        status = kubectl.get("job", job)["status"]
        if "succeeded" in status or "failed" in status:
            break
        time.sleep(2)
    said = kubectl.run("logs", f"job/{job}")
    print(said)
    assert status.get(end) == 1
    return said


def replicas(kubectl: Kubectl, name: str) -> int:
    """How many replicas a workload of the shop wants."""
    shop = Kubectl(kubectl.context, SHOP, kubectl.kubeconfig)
    return int(shop.get("deployment", name)["spec"]["replicas"])


def may(kubectl: Kubectl, *what: str) -> str:
    """``yes`` or ``no``: whether the account of the runs may do this."""
    return subprocess.run(
        kubectl.command("auth", "can-i", *what, ACCOUNT), capture_output=True, text=True
    ).stdout.strip()


# The tests of this module are one story, in this order.


def test_check_mode_shows_it_and_writes_nothing(installed: Place, hosts: pathlib.Path, kubectl: Kubectl) -> None:
    ran = bring_about(installed, hosts, EVERYWHERE, "--check", "--diff")
    assert (ran.code, ran.changed) == (0, 3)
    for shown in (
        "kind: CronJob",
        "readOnlyRootFilesystem: true",
        "kind: ServiceAccount",
        "kind: ClusterRole",
        "deployments/scale",
    ):
        assert shown in ran.output.replace('"', "")
    assert (made(kubectl), namespace(kubectl)) == ({}, [])


def test_it_installs_an_account_with_the_rights_of_the_manifests(
    installed: Place, hosts: pathlib.Path, kubectl: Kubectl
) -> None:
    ran = bring_about(installed, hosts, EVERYWHERE)
    assert (ran.code, ran.changed) == (0, 2)
    assert namespace(kubectl)[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    for purpose in ("restore", "baseline"):
        role = kubectl.get("clusterrole", f"{NAMESPACE}:{NAME}:{purpose}")
        assert role["rules"] == read(purpose, "cluster")[0]["rules"]
    assert may(kubectl, "list", "pods", "--all-namespaces") == "yes"
    assert may(kubectl, "list", "secrets", f"--namespace={NAMESPACE}") == "no"


def test_a_second_run_changes_nothing(installed: Place, hosts: pathlib.Path, kubectl: Kubectl) -> None:
    before = made(kubectl)
    for options in ((), ("--check",)):
        ran = bring_about(installed, hosts, EVERYWHERE, *options)
        assert (ran.code, ran.changed) == (0, 0)
    assert made(kubectl) == before


def test_a_run_in_the_cluster_puts_orphans_right(kubectl: Kubectl, installed: Place, hosts: pathlib.Path) -> None:
    select = {**EVERYWHERE["scheduled_recovery_variables"], "recover_select": "original.name == 'web'"}
    changed = bring_about(installed, hosts, {**EVERYWHERE, "scheduled_recovery_variables": select})
    assert (changed.code, changed.changed) == (0, 1)
    said = run_once(kubectl, "everywhere")
    assert f"{SHOP}/web: restored to 2" in said
    assert (replicas(kubectl, "web"), replicas(kubectl, "cart")) == (2, 0)
    shop = Kubectl(kubectl.context, SHOP, kubectl.kubeconfig)
    assert json.loads(shop.get("configmap", "telepresence-baseline")["data"]["sessions"]) != {}


def test_a_run_that_needs_a_person_is_a_failed_job(kubectl: Kubectl, installed: Place, hosts: pathlib.Path) -> None:
    """It is not tried again: that would find the same."""
    narrow = {**EVERYWHERE["scheduled_recovery_variables"], "recover_max_restores": 0}
    assert bring_about(installed, hosts, {**EVERYWHERE, "scheduled_recovery_variables": narrow}).code == 0
    said = run_once(kubectl, "held", end="failed")
    assert f"{SHOP}/cart: held" in said
    assert replicas(kubectl, "cart") == 0
    assert len(kubectl.get("pods", "--selector=job-name=held")["items"]) == 1


def test_with_rights_in_one_namespace_it_has_none_elsewhere(
    installed: Place, hosts: pathlib.Path, kubectl: Kubectl
) -> None:
    checked = bring_about(installed, hosts, IN_ONE, "--check")
    assert [name for name in made(kubectl) if name.startswith("ClusterRole ")] != []
    ran = bring_about(installed, hosts, IN_ONE)
    assert (ran.code, ran.changed, checked.changed) == (0, 2, 2)
    assert [name for name in made(kubectl) if name.startswith("Cluster")] == []
    role = Kubectl(kubectl.context, SHOP, kubectl.kubeconfig).get("role", f"{NAMESPACE}:{NAME}:restore")
    assert role["rules"] == read("restore", "namespace")[0]["rules"]
    assert may(kubectl, "list", "pods", f"--namespace={SHOP}") == "yes"
    assert may(kubectl, "list", "pods", f"--namespace={NAMESPACE}") == "no"
    said = run_once(kubectl, "in-one")
    assert f"{SHOP}/cart: restored to 2" in said
    assert replicas(kubectl, "cart") == 2


def test_its_pods_are_what_was_asked_for(kubectl: Kubectl) -> None:
    assert kubectl.get("job", "in-one")["spec"]["activeDeadlineSeconds"] == 300
    (pod,) = kubectl.get("pods", "--selector=job-name=in-one")["items"]
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}, {"name": "mirror"}]
    assert [container["resources"] for container in pod["spec"]["containers"]] == [RESOURCES]


def test_its_pods_keep_to_the_restricted_standard(kubectl: Kubectl) -> None:
    (pod,) = kubectl.get("pods", "--selector=job-name=in-one")["items"]
    (container,) = pod["spec"]["containers"]
    assert pod["spec"]["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert [volume for volume in pod["spec"]["volumes"] if "emptyDir" in volume] == [{"name": "tmp", "emptyDir": {}}]


def test_removal_in_check_mode_removes_nothing(installed: Place, hosts: pathlib.Path, kubectl: Kubectl) -> None:
    before = made(kubectl)
    ran = bring_about(installed, hosts, {**WANTED, "scheduled_recovery_state": "absent"}, "--check")
    assert (ran.code, ran.changed) == (0, 2)
    assert (made(kubectl), len(namespace(kubectl))) == (before, 1)


def test_removal_leaves_what_is_not_its_own(installed: Place, hosts: pathlib.Path, kubectl: Kubectl) -> None:
    kubectl.run("create", "configmap", "notes")
    ran = bring_about(installed, hosts, {**WANTED, "scheduled_recovery_state": "absent"})
    assert ran.code == 0
    assert f"Namespace {NAMESPACE} stays, since it holds ConfigMap {NAMESPACE}/notes." in ran.said
    assert (made(kubectl), len(namespace(kubectl))) == ({}, 1)


def test_removal_leaves_nothing(installed: Place, hosts: pathlib.Path, kubectl: Kubectl) -> None:
    kubectl.run("delete", "configmap", "notes")
    for changed in (1, 0):
        ran = bring_about(installed, hosts, {**WANTED, "scheduled_recovery_state": "absent"})
        assert (ran.code, ran.changed) == (0, changed)
        assert (made(kubectl), namespace(kubectl)) == ({}, [])


def test_a_namespace_of_somebody_else_stays(installed: Place, hosts: pathlib.Path, kubectl: Kubectl) -> None:
    kubectl.run("create", "namespace", NAMESPACE)
    for state in ("present", "absent"):
        assert bring_about(installed, hosts, {**WANTED, "scheduled_recovery_state": state}).code == 0
    assert (made(kubectl), len(namespace(kubectl))) == ({}, 1)
