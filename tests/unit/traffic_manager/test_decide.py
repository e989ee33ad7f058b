"""What is done next about a leftover, and what a cluster looks like after that. Pure, so that each rule is a row."""

from __future__ import annotations

import dataclasses
import typing as t
from datetime import datetime, timezone

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object, ref
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager import rights
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.actions import Action
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.decide import (
    REMOVABLE,
    REPORTED,
    decide,
)
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.imagine import after
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.leftovers import find
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.seen import Seen
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.state import (
    AgentsConfig,
    Claim,
    Denied,
    Entry,
    HookJob,
    Release,
)

from .builders import NOW, agent, intercept, manager, namespace, seen, webhook, workload

LONG_AGO = "2026-11-01T00:00:00Z"
IGNORE = {"devclusters.telepresence/ignore": "true"}
ARGO = {"argocd.argoproj.io/tracking-id": "tel:v1/x"}
DEAD = webhook(works=False, absent=True)
BLOCKING = webhook(works=False, absent=True, failure_policy="Fail", selector={"matchLabels": {"a": "b"}})
KEY = AgentsConfig("shop", (Entry("web", "Deployment", False, ("app",)),))
CONFIG = AgentsConfig("shop", (Entry("web", "Deployment", False, ()),))


def thing(kind: str, name: str, namespace_: str | None = "shop", notes: t.Any = None, **rest: t.Any) -> Object:
    meta = {"name": name, "namespace": namespace_, "creationTimestamp": LONG_AGO, "annotations": notes or {}}
    return {"kind": kind, "metadata": {key: value for key, value in meta.items() if value is not None}, **rest}


def secret(number: int, name: str = "traffic-manager") -> Object:
    one = thing("Secret", f"sh.helm.release.v1.{name}.v{number}", "gone")
    one["metadata"]["labels"] = {"owner": "helm", "name": name, "version": str(number)}
    return one


HOOKS = {"webhooks": [{"name": DEAD.name}]}
OBJECTS = [
    thing("MutatingWebhookConfiguration", "agent-injector-webhook-tel", None, **HOOKS),
    thing("Pod", "web-1"),
    thing("Pod", "web-2"),
    thing("ConfigMap", "telepresence-agents"),
    thing("ConfigMap", "traffic-manager-claim"),
    thing("Job", "uninstall-agents", "tel"),
    thing("ClusterRole", "traffic-manager-gone", None),
    workload(),
    *(secret(3), secret(11), secret(1, "other")),
]


def cluster(*objects: Object, **changed: t.Any) -> Seen:
    """A cluster without a manager; ``objects`` take the place of those of their names."""
    known = {ref(one): one for one in [*OBJECTS, *objects]}
    return seen(**{"managers": [], "objects": known, **changed})


def run(start: Seen, *classes: str) -> list[str]:
    """All that would be done, in order, until nothing is left that something can be done about; reasons in brackets."""
    said, now = [], start
    for name in (*REMOVABLE, *REPORTED):
        for leftover in find(start):
            decision: Action | str = ""
            while leftover.name == name and (found := [one for one in find(now) if one.same(leftover)]):
                decision = decide(found[0], now, classes or REMOVABLE)
                if isinstance(decision, str):
                    said.append(f"({decision})")
                    break
                said.append(str(decision))
                now = after(now, decision)
    return said


@pytest.mark.parametrize(
    ("changed", "done"),
    [
        ({"webhooks": [DEAD]}, ["delete MutatingWebhookConfiguration agent-injector-webhook-tel"]),
        ({"agents": [agent(pods=("web-1", "web-2"))]}, ["evict Pod shop/web-1", "evict Pod shop/web-2"]),
        (
            {"agents": [agent(), agent(image="x", pods=("web-2",))]},
            ["evict Pod shop/web-1", "evict Pod shop/web-2"],
        ),
        (
            {"agents": [agent()], "managers": [manager("2.27.4", selector={})]},
            ["evict Pod shop/web-1"],
        ),
        (
            {"agents": [agent(replaced=("app",))], "configs": [KEY]},
            [
                "delete key web of ConfigMap shop/telepresence-agents",
                "evict Pod shop/web-1",
                "delete ConfigMap shop/telepresence-agents",
            ],
        ),
        (
            {"agents": [agent(replaced=("app",))], "configs": [KEY], "managers": [manager()]},
            ["delete key web of ConfigMap shop/telepresence-agents", "evict Pod shop/web-1"],
        ),
        (
            {"agents": [agent()], "configs": [CONFIG], "mounting": {"shop": frozenset({"Pod shop/web-1"})}},
            ["evict Pod shop/web-1", "delete ConfigMap shop/telepresence-agents"],
        ),
        (
            {"configs": [CONFIG], "managers": [manager()]},
            ["delete key web of ConfigMap shop/telepresence-agents"],
        ),
        ({"claims": [Claim("shop", "tel")]}, ["delete ConfigMap shop/traffic-manager-claim"]),
        ({"jobs": [HookJob("tel", "uninstall-agents", "Failed")]}, ["delete Job tel/uninstall-agents"]),
        (
            {"releases": [Release("gone", "traffic-manager", "uninstalling", 11, NOW - 3601)]},
            [f"delete Secret gone/sh.helm.release.v1.traffic-manager.v{number}" for number in (3, 11)],
        ),
        ({"roles": [OBJECTS[6]]}, ["delete ClusterRole traffic-manager-gone"]),
    ],
)
def test_what_is_done_about_each_class(changed: dict[str, t.Any], done: list[str]) -> None:
    assert run(cluster(**changed)) == done


@pytest.mark.parametrize(
    ("objects", "changed", "reason"),
    [
        ([], {"webhooks": [webhook(works=False)]}, "A manager may be about to answer again. Let the manager run"),
        ([], {"ends": {"tel": NOW}, "managers": [manager()]}, "Only an upgrade of the release"),
        ([], {"agents": [agent()], "managers": [manager()]}, "That is as Telepresence means it."),
        ([], {"agents": [agent(manual=True)]}, "somebody put it there for good."),
        ([], {"agents": [agent(kind="Job")]}, "It is not sure that something makes new pods for a Job."),
        (
            [],
            {"agents": [agent()], "managers": [manager("2.27.4", selector={})], "intercepts": [intercept()]},
            "Somebody intercepts it.",
        ),
        (
            [],
            {"agents": [agent()], "managers": [manager("2.27.4", selector={})], "unsure": {"tel"}},
            "Nobody knows whether somebody intercepts it.",
        ),
        (
            [],
            {"configs": [CONFIG], "mounting": {"shop": frozenset({"Deployment shop/web"})}},
            "Deployment shop/web mounts it. It needs a decision.",
        ),
        ([], {"jobs": [HookJob("tel", "uninstall-agents", None)]}, "It is not finished"),
        ([], {"node_agents": [HookJob("tel", "a", None)]}, "Whether somebody is attached by it cannot be told"),
        (
            [thing("ReplicaSet", "web", spec={"replicas": 1})],
            {"denied": [Denied("shop", "ReplicaSet shop/web", "no")]},
            "Which value is meant is for the owner",
        ),
        ([], {"claims": [Claim("shop", None)]}, "It does not say which manager"),
        (
            [thing("MutatingWebhookConfiguration", "agent-injector-webhook-tel", None, webhooks=[{"name": "a"}])],
            {"webhooks": [DEAD]},
            "holds webhook a as well, which is not dead.",
        ),
        ([workload(notes=IGNORE)], {"agents": [agent()]}, "of Deployment shop/web asks to leave it alone."),
        ([thing("Pod", "web-1", notes=IGNORE)], {"agents": [agent()]}, "of Pod shop/web-1 asks to leave it alone."),
        (
            [thing("ConfigMap", "traffic-manager-claim", notes=ARGO)],
            {"claims": [Claim("shop", "tel")]},
            "Argo CD application tel keeps ConfigMap shop/traffic-manager-claim: remove it there.",
        ),
    ],
)
def test_what_is_left_alone_and_why(objects: list[Object], changed: dict[str, t.Any], reason: str) -> None:
    (said,) = run(cluster(*objects, **changed))
    assert reason in said and said.startswith("(")


@pytest.mark.parametrize("namespaces", [["shop"], ["gone"]])
def test_a_namespace_that_asks_to_be_left_alone(namespaces: list[str]) -> None:
    """Also where the object has none itself."""
    notes = {name: namespace(name) for name in ("shop", "gone")}
    for name in namespaces:
        notes[name]["metadata"]["annotations"] = IGNORE
    left = run(cluster(namespaces=notes, roles=[OBJECTS[6]], claims=[Claim("shop", "tel")]))
    assert [one.startswith("(Annotation") for one in left] == ["shop" in namespaces, "gone" in namespaces]


def test_no_pod_goes_that_a_webhook_keeps_from_coming_back() -> None:
    """One of another selector is no hindrance, nor is one that is deleted before."""
    start = cluster(webhooks=[dataclasses.replace(BLOCKING, selector={})], agents=[agent()])
    assert "would keep new pods from being created" in run(start, "agent_without_manager")[-1]
    assert run(start)[-1] == "evict Pod shop/web-1"
    assert run(cluster(webhooks=[BLOCKING], agents=[agent()]), "agent_without_manager")[-1] == "evict Pod shop/web-1"


@pytest.mark.parametrize(("created", "early"), [(NOW - 29, True), (NOW - 30, False), (None, True)])
def test_what_was_made_just_now_may_wait_for_its_manager(created: float | None, early: bool) -> None:
    claim = thing("ConfigMap", "traffic-manager-claim")
    del claim["metadata"]["creationTimestamp"]
    if created:
        text = datetime.fromtimestamp(created, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        claim["metadata"]["creationTimestamp"] = text
    (said,) = run(cluster(claim, claims=[Claim("shop", "tel")]))
    assert ("less than 30 s ago" in said) == early


def test_every_class_is_removed_or_reported() -> None:
    """And whatever is removed has its rights named."""
    assert not {*REMOVABLE} & {*REPORTED} and set(rights.TO_REMOVE) == set(REMOVABLE)
    assert run(cluster(claims=[Claim("shop", "tel")]), "hook_job") == ["(Option classes does not have orphan_claim.)"]
