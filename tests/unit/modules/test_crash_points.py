"""Where a client can die in a swap and in its clean-up, step by step: what is found then, and the end that one run reaches.

A swap creates the proxy and then scales the original down; the clean-up scales it up and then deletes the proxy (telepresence 0.109,
telepresence/proxy/operation.py; 0.105 alike). Nothing else is written to the cluster.
"""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from .cluster import DEPLOYMENT_2, NEW, POD_3, Cluster

YOUNGER = "f" * 32
PROXIES = {
    POD_3: ("Pod", "web-9bdd4ff98a184820b2d4027b00a9af39", 3),
    DEPLOYMENT_2: ("Deployment", "web-a5e5aba7e66c4360b52dabfe010e5d68", 2),
}
"""Kind and name of the recorded proxy, and what the original had."""


@dataclass(frozen=True)
class Point:
    """A point of death: ``present`` replicas of the original (of N), how many proxies, and the writes that put it right.

    ``writes`` in words: ``scale``, ``delete`` the first session's proxy, ``delete younger``. ``after``: replicas in the end.
    """

    present: str
    proxies: int
    writes: tuple[str, ...]
    after: str


POINTS = {
    "before the proxy is created": Point("N", 0, (), "N"),
    "before the original is scaled down": Point("N", 1, ("delete",), "N"),
    "while the original is swapped": Point("0", 1, ("scale", "delete"), "N"),
    "before the proxy is deleted": Point("N", 1, ("delete",), "N"),
    "after somebody scaled the original by hand": Point("7", 1, ("delete",), "7"),
    # No proxy, no evidence that there was one: only a record of earlier runs could know.
    "after the proxy alone is deleted": Point("0", 0, (), "0"),
    "after a second session swapped the swapped": Point("0", 2, ("scale", "delete younger", "delete"), "N"),
    "after the first session of two put it back": Point("N", 2, ("delete younger", "delete"), "N"),
    "after the second session of two left 0 and no trace": Point("0", 0, (), "0"),
}


def reach(cluster: Cluster, case: str, point: Point) -> int:
    """Brings the cluster to that point; what the original had."""
    kind, name, before = PROXIES[case]
    pod = cluster.stage(case, "gone")
    present = {"N": before, "0": 0}.get(point.present) or int(point.present.replace("N", str(before)))
    cluster.store.edit("Deployment", "web", "default", lambda obj: obj["spec"].update(replicas=present))
    if point.proxies == 0:
        for each in {("Pod", pod): None, (kind, name): None}:
            cluster.store.remove(*each, "default")
    if point.proxies == 2:
        cluster.client(cluster.proxy(YOUNGER, created=100), "gone")
    return before


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS.keys())
@pytest.mark.parametrize("case", PROXIES)
def test_one_run_reaches_the_end(cluster: Cluster, case: str, point: Point) -> None:
    before = reach(cluster, case, point)
    kind, name, _count = PROXIES[case]
    words = {
        "scale": f"PUT deployments/web/scale {before}",
        "delete": f"DELETE {kind.lower()}s/{name}",
        "delete younger": f"DELETE pods/web-{YOUNGER}",
    }
    checked = cluster.run(check=True)
    assert (checked["changed"], len(checked["sessions"])) == (bool(point.writes), point.proxies)
    result = cluster.run()
    assert cluster.writes == [words[write] for write in point.writes]
    assert [one["outcome"] for one in result["sessions"]] == ["restored"] * point.proxies
    assert cluster.replicas() == (before if point.after == "N" else int(point.after))
    assert result["summary"]["needs_attention"] is False
    again = cluster.run()
    assert (again["changed"], cluster.writes) == (False, [])


@pytest.mark.parametrize(
    ("left", "writes"),
    [
        (("Deployment", "Pod", "Service"), ["DELETE deployments/mydev", "DELETE services/mydev"]),
        (("Deployment", "Pod"), ["DELETE deployments/mydev"]),
        (("Service",), ["DELETE services/mydev"]),
        ((), []),
    ],
    ids=["all", "no-service", "service-alone", "nothing"],
)
def test_what_a_new_deployment_left(cluster: Cluster, left: tuple[str, ...], writes: list[str]) -> None:
    pod = cluster.stage(NEW, "gone")
    for kind, name in (("Pod", pod), ("Deployment", "mydev"), ("Service", "mydev")):
        if kind not in left:
            cluster.store.remove(kind, name, "default")
    result = cluster.run()
    assert cluster.writes == writes
    assert result["changed"] is bool(writes)
    assert cluster.run()["sessions"] == []
    assert cluster.writes == []


# A proxy without its original, and with two of them ------------------------------------------------------------------------


@pytest.mark.parametrize("case", PROXIES)
def test_an_original_that_is_gone_is_not_guessed(cluster: Cluster, case: str) -> None:
    cluster.stage(case, "gone")
    cluster.store.remove("Deployment", "web", "default")
    result = cluster.run()
    (record,) = result["sessions"]
    assert (record["verdict"], record["outcome"], record["original"]) == ("stale", "needs_decision", None)
    assert result["summary"]["needs_attention"] is True
    assert cluster.writes == []


@pytest.mark.parametrize("case", PROXIES)
def test_one_of_the_same_name_that_came_since_is_not_the_one_with_the_uid(cluster: Cluster, case: str) -> None:
    """A proxy Deployment knows the uid of what it replaced; a Pod only its name, and then nothing says the count."""
    cluster.stage(case, "gone")
    cluster.store.remove("Deployment", "web", "default")
    cluster.web()
    (record,) = cluster.run()["sessions"]
    assert record["outcome"] == "needs_decision"
    assert (record["original"] is None) == (case == DEPLOYMENT_2)
    assert cluster.writes == []


def test_of_two_originals_that_fit_none_is_touched(cluster: Cluster) -> None:
    """Their names begin alike, and the proxy keeps no more of them; nothing else tells them apart."""
    kind, name, _count = PROXIES[POD_3]
    pod = cluster.stage(POD_3, "gone")
    proxy = cluster.store.get(kind, pod, "default")
    assert proxy
    cluster.store.remove(kind, pod, "default")
    sid = name.partition("-")[2]
    for one in ("payment-service-v1", "payment-service-v2"):
        cluster.web(one)
    proxy["metadata"]["name"] = f"payment-service-v-{sid}"[-50:]
    cluster.store.load(proxy)
    cluster.client(proxy["metadata"]["name"], "gone")
    (record,) = cluster.run(replicas={"default/payment-service-v1": 2})["sessions"]
    assert record["outcome"] == "needs_decision"
    assert all(f"Deployment default/payment-service-v{number}" in record["message"] for number in (1, 2))
    assert cluster.writes == []
