"""A StatefulSet that somebody's changed client swapped: it is looked for only where that is asked for."""

from __future__ import annotations

import pathlib
import time
from collections.abc import Iterator

import pytest

from tests.integration.conftest import Place
from tests.lab.scenes import clear, workload
from tests.lab.swap import plant
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl

NAMESPACE = "kinds-stateful"


@pytest.fixture(scope="module")
def kubectl() -> Iterator[Kubectl]:
    """The namespace, in which the client of StatefulSet db is gone."""
    kubeconfig, contexts = clusters()
    kubectl = Kubectl(contexts[0], NAMESPACE, kubeconfig)
    clear(kubectl)
    kubectl.run("delete", "namespace", NAMESPACE, "--ignore-not-found")
    kubectl.run("create", "namespace", NAMESPACE)
    kubectl.run("apply", "--filename=-", stdin={**workload("db", 2), "kind": "StatefulSet"})
    kubectl.run("rollout", "status", "statefulset/db", "--timeout=180s")
    plant(kubectl, "db", "pod", "gone", kind="statefulset")
    time.sleep(45)
    yield kubectl
    clear(kubectl)


# The tests of this module are one story, in this order.


def test_unasked_it_is_not_looked_for(checkout: Place, inventory: pathlib.Path, kubectl: Kubectl) -> None:
    ran = checkout.play("recover", inventory, "--limit", kubectl.context, recover_namespaces=[NAMESPACE])
    (record,) = ran.report[kubectl.context]["sessions"]
    assert (ran.code, record["outcome"], record["original"]) == (2, "needs_decision", None)
    assert kubectl.get("statefulset", "db")["spec"]["replicas"] == 0


def test_asked_for_it_is_put_back(checkout: Place, inventory: pathlib.Path, kubectl: Kubectl) -> None:
    ran = checkout.play(
        "recover",
        inventory,
        "--limit",
        kubectl.context,
        recover_namespaces=[NAMESPACE],
        recover_workload_kinds=["Deployment", "StatefulSet"],
    )
    (record,) = ran.report[kubectl.context]["sessions"]
    assert (ran.code, record["outcome"], record["original"]["kind"]) == (0, "restored", "StatefulSet")
    db = kubectl.get("statefulset", "db")
    assert (db["spec"]["replicas"], db["status"]["readyReplicas"]) == (2, 2)
