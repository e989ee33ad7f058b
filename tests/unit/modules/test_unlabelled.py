"""What somebody keeps for clients to connect to with --deployment: listed if asked for, and never touched."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from wire.store import timestamp

from .cluster import Cluster, only

IMAGE = "datawire/telepresence-k8s:0.109"


def keep(cluster: Cluster, name: str = "shared-proxy", namespace: str = "default", **meta: Any) -> None:
    """A Deployment with a proxy's image and no session's label, an hour old."""
    labels = {"app": name}
    cluster.store.load(
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {
                "name": name,
                "namespace": namespace,
                "creationTimestamp": timestamp(cluster.clock.time() - 3600),
                "labels": labels,
                **meta,
            },
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "p", "image": IMAGE}]}},
            },
        }
    )


@pytest.mark.parametrize("namespaces", [[], ["default"]])
def test_without_the_option_nothing_more_is_asked(cluster: Cluster, namespaces: list[str]) -> None:
    def requests(**options: Any) -> Counter[str]:
        cluster.run(namespaces=namespaces, **options)
        return Counter(f"{request} {request.param('labelSelector')}" for request in cluster.seen())

    keep(cluster)
    without = requests()
    (added,) = (requests(unlabelled=True) - without).elements()
    assert added.split("?")[0].endswith("/deployments ")
    assert requests() == requests(unlabelled=False) == without
    assert cluster.writes == []


@pytest.mark.parametrize("module", ["orphans", "restore"])
@pytest.mark.parametrize("terminating", [False, True])
def test_it_is_listed_and_left_alone(cluster: Cluster, module: str, terminating: bool) -> None:
    keep(cluster, **({"deletionTimestamp": timestamp(cluster.clock.time())} if terminating else {}))
    result = cluster.run(module, unlabelled=True, verdicts=["stale", "ended", "clientless", "suspended"])
    record = only(result)
    assert (record["session_id"], record["mode"], record["client_version"]) == (None, "existing", "0.109")
    assert (record["proxy"]["kind"], record["proxy"]["name"]) == ("Deployment", "shared-proxy")
    assert (record["verdict"], record["outcome"], record["plan"], record["original"]) == ("unknown", "none", [], None)
    assert record["message"].startswith("Left alone: it has no session's label")
    assert (result["orphans"], result["changed"]) == ([], False)
    assert result["summary"]["needs_attention"] is False
    assert (cluster.execs, cluster.seen(subresource="proxy"), cluster.writes) == ([], [], [])


def test_it_is_listed_beside_sessions_that_are_restored(cluster: Cluster) -> None:
    keep(cluster)
    keep(cluster, "another")
    keep(cluster, namespace="kube-system")
    cluster.stage()
    result = cluster.run(unlabelled=True, exclude_namespaces=["kube-*"])
    assert sorted((one["mode"], one["outcome"]) for one in result["sessions"]) == [
        ("existing", "none"),
        ("existing", "none"),
        ("swap_pod", "restored"),
    ]
    assert all("shared" not in write and "another" not in write for write in cluster.writes)


def test_namespaces_that_are_all_excluded_are_not_looked_at(cluster: Cluster) -> None:
    keep(cluster)
    result = cluster.run(unlabelled=True, namespaces=["default"], exclude_namespaces=["default"])
    assert (result["sessions"], cluster.seen("list", "deployments"), cluster.writes) == ([], [], [])


def test_a_session_that_lost_its_label_is_not_taken_for_one(cluster: Cluster) -> None:
    """Whatever it was, nothing proves whose it is: it is shown, and stays."""
    pod = cluster.stage("0.105-swap-web-from-2")
    name = "web-a5e5aba7e66c4360b52dabfe010e5d68"
    cluster.store.remove("Pod", pod, "default")

    def strip(obj: dict[str, Any]) -> None:
        for meta in (obj["metadata"], obj["spec"]["template"]["metadata"]):
            meta["labels"].pop("telepresence")

    cluster.store.edit("Deployment", name, "default", strip)
    record = only(cluster.run(unlabelled=True))
    assert (record["mode"], record["outcome"]) == ("existing", "none")
    assert cluster.writes == []
