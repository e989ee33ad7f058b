"""Counts that outlast what the cluster tells: noted while all is well, and believed when the events have gone."""

from __future__ import annotations

import json
import pathlib
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.integration.conftest import Place, Ran
from tests.lab.paths import BIN
from tests.lab.scenes import APP_IMAGE, Scene, clear, play, set_up
from tests.lab.swap import plant
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl
from tests.lab.telepresence1.session import Session

NAMESPACE, OF_HELM = "baseline-notes", "baseline-helm"
NAME = "telepresence-baseline"
HEALTHY = {"web": 3, "api": 2, "cart": 2, "mail": 2, "stock": 2}
"""By workload, the replicas that each has; all were applied with 1, so that nobody declares them."""
CHART = {
    "Chart.yaml": "apiVersion: v2\nname: shop\nversion: 0.1.0\n",
    "values.yaml": "replicas: 2\npassword: canary\n",
    "templates/deployment.yaml": f"""
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{{{ .Release.Name }}}}-web
  labels: {{app.kubernetes.io/managed-by: {{{{ .Release.Service }}}}}}
spec:
  replicas: {{{{ .Values.replicas }}}}
  selector: {{matchLabels: {{app: shop}}}}
  template:
    metadata: {{labels: {{app: shop}}}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{{name: app, image: {APP_IMAGE}, imagePullPolicy: IfNotPresent}}]
""",
}


@pytest.fixture(scope="module")
def kubectl() -> Iterator[Kubectl]:
    """A namespace with healthy workloads, of which ``api`` is in use by a living client."""
    kubeconfig, contexts = clusters()
    kubectl = Kubectl(contexts[0], NAMESPACE, kubeconfig)
    set_up(
        [kubectl],
        [Scene(name, 1, scaled=count) for name, count in HEALTHY.items() if name != "stock"] + [Scene("stock", 2)],
    )
    kubectl.run("autoscale", "deployment", "stock", "--min=2", "--max=4", "--cpu-percent=80")
    yield kubectl
    clear(kubectl)


@pytest.fixture(scope="module")
def living(kubectl: Kubectl) -> Session:
    """The session of a developer who works on ``api``."""
    return plant(kubectl, "api", "pod", "alive")


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """An inventory of the first cluster alone."""
    kubeconfig, contexts = clusters()
    path = tmp_path_factory.mktemp("baseline") / "hosts.json"
    host = {"telepresence_context": contexts[0], "telepresence_kubeconfig": str(kubeconfig)}
    path.write_text(json.dumps({"all": {"hosts": {"only": host}}}))
    return path


def note(place: Place, hosts: pathlib.Path, *options: str, **variables: Any) -> Ran:
    """Runs the playbook on the namespace."""
    return place.play("baseline", hosts, *options, baseline_namespaces=[NAMESPACE], **variables)


def noted(kubectl: Kubectl) -> tuple[dict[str, int], dict[str, int], str]:
    """The counts of workloads and of sessions, and the version of the ConfigMap."""
    found = kubectl.get("configmap", NAME)
    read = [
        {key: one["replicas"] for key, one in json.loads(found["data"][part]).items()}
        for part in ("workloads", "sessions")
    ]
    return read[0], read[1], found["metadata"]["resourceVersion"]


def replicas(kubectl: Kubectl, name: str) -> int:
    """The replicas that a workload wants."""
    return int(kubectl.get("deployment", name)["spec"].get("replicas", 0))


def recover(place: Place, hosts: pathlib.Path, name: str, **variables: Any) -> dict[str, Any]:
    """Recovers one workload; the result of the module."""
    ran = place.play("recover", hosts, recover_workload=name, **variables)
    result: dict[str, Any] = ran.report["only"]
    return result


# The tests of this module are one story, in this order.


def test_what_is_well_is_noted(checkout: Place, hosts: pathlib.Path, kubectl: Kubectl, living: Session) -> None:
    checked = note(checkout, hosts, "--check", "--diff")
    assert checked.code == 0 and "Deployment/web: 3" in checked.output
    assert kubectl.get("configmaps", f"--field-selector=metadata.name={NAME}")["items"] == []
    assert note(checkout, hosts).code == 0
    workloads, sessions, version = noted(kubectl)
    assert workloads == {f"Deployment/{name}": count for name, count in HEALTHY.items() if name != "api"}
    assert sessions == {living.session_id: 2}
    stock = json.loads(kubectl.get("configmap", NAME)["data"]["workloads"])["Deployment/stock"]
    assert (stock["source"], stock["autoscaler"]["min"], stock["autoscaler"]["max"]) == ("autoscaler", 2, 4)

    again = note(checkout, hosts)
    assert "changed=0" in again.output.partition("only ")[2]
    assert noted(kubectl)[2] == version


def test_notes_outlast_the_events(checkout: Place, hosts: pathlib.Path, kubectl: Kubectl, living: Session) -> None:
    play([(kubectl, Scene("web", 3, (("pod", "gone"),)))])
    living.change_client("gone")
    kubectl.run("delete", "events", "--all")
    assert note(checkout, hosts).code == 0
    assert noted(kubectl)[0]["Deployment/web"] == 3
    time.sleep(45)
    for name, source, count in (("web", "baseline", 3), ("api", "session_record", 2)):
        result = recover(checkout, hosts, f"{NAMESPACE}/{name}", recover_trust="recorded")
        (session,) = result["sessions"]
        assert (session["outcome"], session["evidence"][0]["source"]) == ("restored", source)
        assert replicas(kubectl, name) == count


def test_what_is_lost_is_shown_and_put_back_where_that_is_asked_for(
    checkout: Place, hosts: pathlib.Path, kubectl: Kubectl
) -> None:
    for name in ("cart", "stock"):
        kubectl.run("scale", "deployment", name, "--replicas=0")
    kubectl.run("patch", "deployment", "mail", "--patch", '{"spec": {"replicas": 0}}')
    for playbook in ("orphans", "recover"):
        ran = checkout.play(playbook, hosts, recover_namespaces=[NAMESPACE])
        assert (ran.code, [one["original"]["name"] for one in ran.report["only"]["lost"]]) == (0, ["cart"])
        assert f"{NAMESPACE}/cart: lost, left alone" in ran.output
    assert replicas(kubectl, "cart") == 0

    ran = checkout.play(
        "recover", hosts, recover_namespaces=[NAMESPACE], recover_restore_lost=True, recover_baseline=True
    )
    (lost,) = ran.report["only"]["lost"]
    assert (ran.code, lost["outcome"], lost["replicas"], replicas(kubectl, "cart")) == (0, "restored", 2, 2)
    assert (replicas(kubectl, "stock"), replicas(kubectl, "mail")) == (0, 0)
    workloads, sessions, _version = noted(kubectl)
    assert (workloads["Deployment/mail"], workloads["Deployment/stock"]) == (0, 2)
    # The sessions went with the tests before.
    assert sessions == {}
    ran = checkout.play("recover", hosts, recover_namespaces=[NAMESPACE], recover_restore_lost=True)
    assert (ran.code, ran.report["only"]["lost"], ran.report["only"]["changed"]) == (0, [], False)


def test_a_helm_release_declares_a_count(
    checkout: Place, hosts: pathlib.Path, tmp_path: pathlib.Path, request: pytest.FixtureRequest
) -> None:
    kubeconfig, contexts = clusters()
    kubectl = Kubectl(contexts[0], OF_HELM, kubeconfig)
    request.addfinalizer(lambda: clear(kubectl))
    set_up([kubectl], [Scene("other", 1)])
    for name, text in CHART.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    helm = [str(BIN / "helm"), "--kubeconfig", str(kubeconfig), "--kube-context", contexts[0], "--namespace", OF_HELM]
    subprocess.run([*helm, "install", "shop", str(tmp_path), "--wait"], check=True)
    play([(kubectl, Scene("shop-web", 2, (("pod", "gone"),)))])
    kubectl.run("delete", "events", "--all")
    time.sleep(45)

    (session,) = recover(checkout, hosts, f"{OF_HELM}/shop-web")["sessions"]
    assert (session["outcome"], session["managed_by"]) == ("needs_decision", [f"Helm release {OF_HELM}/shop"])
    result = recover(checkout, hosts, f"{OF_HELM}/shop-web", recover_helm_releases=True)
    (session,) = result["sessions"]
    assert (session["outcome"], session["evidence"][0]["source"]) == ("restored", "helm_release")
    assert replicas(kubectl, "shop-web") == 2
    assert "canary" not in json.dumps(result)
