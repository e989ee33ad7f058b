"""What is left over, of which class, and what may be removed without asking."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.agents import ACTIONS
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.leftovers import find
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.seen import Leftover
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.state import (
    AgentsConfig,
    Claim,
    Denied,
    Entry,
    HookJob,
    Release,
)

from .builders import NOW, agent, intercept, manager, namespace, seen, webhook, workload

Changes = dict[str, t.Any]
NO_MANAGER: Changes = {"managers": []}
NOT_KNOWN: Changes = {"managers": [manager("2.27.4", selector="?")]}
"""A manager whose namespaces are not known: it may serve any."""
ELSEWHERE: Changes = {"managers": [manager(selector={"matchLabels": {"team": "b"}})]}
LATER: Changes = {"managers": [manager("2.27.4", selector={})]}
SILENT: Changes = {"unsure": {"tel"}}


def classes(**changed: t.Any) -> list[tuple[str, bool]]:
    """Class and safety of each leftover of a constructed cluster, in order."""
    return [(one.name, one.safe) for one in find(seen(**changed))]


def only(**changed: t.Any) -> Leftover:
    """The one leftover of a constructed cluster."""
    (leftover,) = find(seen(**changed))
    return leftover


def test_nothing_is_left_of_a_cluster_in_which_all_is_well() -> None:
    well: Changes = {
        "webhooks": [webhook()],
        "agents": [agent()],
        "intercepts": [intercept()],
        "configs": [AgentsConfig("shop", (Entry("web", "Deployment", False, ()),))],
        "claims": [Claim("shop", "tel")],
        "releases": [Release("tel", "traffic-manager", "deployed", 1, NOW)],
        "workloads": {("shop", "Deployment", "web")},
        "roles": [role("traffic-manager-tel")],
        "ends": {"tel": NOW + 1},
    }
    assert classes(**well) == []


# Agents ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "cluster", "left"),
    [
        (agent(), {}, [("dormant_agent", False)]),
        (agent(), SILENT, []),
        (agent(), {"intercepts": [intercept()]}, []),
        (agent(), {"intercepts": [intercept(disposition="REMOVED")]}, [("dormant_agent", False)]),
        (agent(), {"intercepts": [intercept("other")]}, [("dormant_agent", False)]),
        (agent(annotated=True), {}, []),
        (agent(manual=True), {}, []),
        (agent(), NO_MANAGER, [("agent_without_manager", True)]),
        (agent(annotated=True), NO_MANAGER, [("agent_without_manager", True)]),
        (agent(), ELSEWHERE, [("agent_without_manager", True)]),
        (agent(), NOT_KNOWN, []),
        (agent(namespace="not-read"), NO_MANAGER, [("agent_without_manager", True)]),
        (agent(namespace="not-read"), {}, []),
        (agent(manual=True), NO_MANAGER, [("agent_without_manager", False)]),
        (agent(pods=()), NO_MANAGER, [("agent_without_manager", False)]),
        (agent(kind="Pod"), NO_MANAGER, [("agent_without_manager", False)]),
        (agent(kind="Job"), NO_MANAGER, [("agent_without_manager", False)]),
        (agent(kind="Rollout"), NO_MANAGER, [("agent_without_manager", True)]),
        (agent(kind="StatefulSet"), NO_MANAGER, [("agent_without_manager", True)]),
        (agent(), LATER, [("agent_of_older_manager", True)]),
        (agent(manual=True), LATER, [("agent_of_older_manager", False)]),
        (agent(band="2.22-2.29"), LATER, [("dormant_agent", False)]),
        (agent(band="2.4-2.5"), NO_MANAGER, []),
    ],
)
def test_agents(one: t.Any, cluster: Changes, left: list[tuple[str, bool]]) -> None:
    assert classes(agents=[one], **cluster) == left


def test_an_agent_in_a_template_is_taken_out_of_it() -> None:
    assert only(agents=[agent(manual=True)], **NO_MANAGER).remedy == "Take it out of the template where that is kept."


# Replaced containers --------------------------------------------------------------------------------------------------

REPLACED = agent(replaced=("app",), annotated=True)
KEY = AgentsConfig("shop", (Entry("web", "Deployment", False, ("app",)),))
THERE: Changes = {"workloads": {("shop", "Deployment", "web")}}


@pytest.mark.parametrize(
    ("cluster", "left"),
    [
        ({"agents": [REPLACED]}, [("replaced_container", True)]),
        ({"agents": [REPLACED], **SILENT}, []),
        ({"agents": [REPLACED], "intercepts": [intercept(replace=True)]}, []),
        ({"agents": [REPLACED], "intercepts": [intercept("other", replace=True)]}, [("replaced_container", True)]),
        ({"agents": [REPLACED], **NOT_KNOWN}, []),
        ({"agents": [agent(replaced=("app",), annotated=True, kind="Pod")]}, [("replaced_container", False)]),
        ({"agents": [agent(replaced=("app",), manual=True)]}, [("replaced_container", False)]),
        ({"configs": [KEY]}, [("replaced_container", True)]),
        ({"configs": [KEY], **SILENT}, []),
        ({"configs": [KEY], "intercepts": [intercept()]}, []),
        (
            {"configs": [AgentsConfig("shop", (Entry("web", "Deployment", True, ("app",)),))]},
            [("replaced_container", False)],
        ),
    ],
)
def test_replaced_containers(cluster: Changes, left: list[tuple[str, bool]]) -> None:
    """They are left only where it is certain that nobody intercepts, and nothing is graver."""
    assert classes(**{**THERE, **cluster}) == left


def test_a_replaced_container_is_one_leftover_with_all_that_keeps_it() -> None:
    leftover = only(agents=[REPLACED], configs=[KEY], **THERE)
    assert (leftover.severity, leftover.objects) == (
        "critical",
        ("ConfigMap shop/telepresence-agents", "Deployment shop/web"),
    )
    assert leftover.evidence == (
        "Of 1 pods the agent replaces container app.",
        "Its key web has container app replaced in every new pod.",
        "Nobody intercepts it, so that nothing answers in its place.",
    )


def test_without_a_manager_a_replaced_container_is_told_before_its_agent() -> None:
    assert classes(agents=[REPLACED], **NO_MANAGER) == [("replaced_container", True), ("agent_without_manager", True)]


# Webhooks -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "left"),
    [
        ({}, None),
        ({"works": None}, None),
        ({"works": False, "absent": True}, ("dead_webhook", "major", True)),
        ({"works": False, "absent": True, "failure_policy": "Fail"}, ("dead_webhook", "critical", True)),
        ({"works": False}, ("unreachable_webhook", "major", False)),
        ({"works": False, "failure_policy": "Fail"}, ("unreachable_webhook", "critical", False)),
    ],
)
def test_webhooks(changed: Changes, left: tuple[str, str, bool] | None) -> None:
    """Only one whose Service cannot come back by itself may be deleted."""
    found = [(one.name, one.severity, one.safe) for one in find(seen(webhooks=[webhook(**changed)]))]
    assert found == ([left] if left else [])


@pytest.mark.parametrize(("ends", "left"), [(NOW - 1, True), (NOW, True), (NOW + 1, False)])
def test_a_certificate_that_ended(ends: float, left: bool) -> None:
    assert classes(ends={"tel": ends}) == ([("expired_certificate", False)] if left else [])


# Notes ----------------------------------------------------------------------------------------------------------------

CONFIG = AgentsConfig("shop", (Entry("web", "Deployment", False, ()),))


@pytest.mark.parametrize(
    ("config", "cluster", "left"),
    [
        (CONFIG, NO_MANAGER, [("orphan_agents_config", True)]),
        (
            CONFIG,
            {**NO_MANAGER, "mounting": {"shop": frozenset({"Pod shop/web-1"})}},
            [("orphan_agents_config", False)],
        ),
        (
            CONFIG,
            {**NO_MANAGER, "mounting": {"other": frozenset({"Pod other/web-1"})}},
            [("orphan_agents_config", True)],
        ),
        (CONFIG, NOT_KNOWN, []),
        (CONFIG, LATER, [("orphan_agents_config", True)]),
        (CONFIG, {}, [("orphan_agents_key", True)]),
        (CONFIG, {"workloads": {("other", "Deployment", "web")}}, [("orphan_agents_key", True)]),
        (CONFIG, THERE, []),
        (AgentsConfig("shop", (Entry("web", "Deployment", True, ()),)), {}, [("orphan_agents_key", False)]),
        (AgentsConfig("shop", (Entry("web", "Rollout", False, ()),)), {}, []),
        (AgentsConfig("shop", (Entry("web", None, False, ()),)), {}, []),
        (AgentsConfig("tel", ()), {}, []),
    ],
)
def test_configurations_of_agents(config: AgentsConfig, cluster: Changes, left: list[tuple[str, bool]]) -> None:
    assert classes(configs=[config], **cluster) == left


@pytest.mark.parametrize(
    ("claim", "cluster", "left"),
    [
        (Claim("shop", "tel"), {}, []),
        (Claim("shop", "tel"), NO_MANAGER, [("orphan_claim", True)]),
        (Claim("shop", "tel"), ELSEWHERE, [("orphan_claim", True)]),
        (Claim("shop", "tel"), NOT_KNOWN, []),
        (Claim("shop", "other"), {}, [("orphan_claim", True)]),
        (Claim("shop", None), {}, [("orphan_claim", False)]),
    ],
)
def test_claims(claim: Claim, cluster: Changes, left: list[tuple[str, bool]]) -> None:
    assert classes(claims=[claim], **cluster) == left


@pytest.mark.parametrize(("finished", "safe"), [("Complete", True), ("Failed", True), (None, False)])
def test_jobs_of_hooks(finished: str | None, safe: bool) -> None:
    assert classes(jobs=[HookJob("tel", "uninstall-agents", finished)]) == [("hook_job", safe)]


def release(status: str, namespace: str = "gone", changed: float | None = NOW - 3601) -> Release:
    return Release(namespace, "traffic-manager", status, 3, changed)


@pytest.mark.parametrize(
    ("one", "left"),
    [
        (release("deployed", "tel"), []),
        (release("superseded"), []),
        (release("uninstalled"), []),
        (release("deployed"), [("release_without_manager", False)]),
        (release("uninstalling"), [("stuck_release", True)]),
        (release("failed"), [("stuck_release", True)]),
        (release("pending-install"), [("stuck_release", True)]),
        (release("uninstalling", changed=NOW - 3600), [("stuck_release", False)]),
        (release("uninstalling", changed=None), [("stuck_release", False)]),
        (release("failed", "tel"), [("stuck_release", False)]),
        (release("pending-upgrade", "tel"), [("stuck_release", False)]),
    ],
)
def test_releases(one: Release, left: list[tuple[str, bool]]) -> None:
    """Helm may be at work on a release that is less than an hour in its state, and on any whose manager is there."""
    assert classes(releases=[one]) == left


def role(name: str, kind: str = "ClusterRole") -> dict[str, t.Any]:
    return {"kind": kind, "metadata": {"name": name}}


@pytest.mark.parametrize(
    ("name", "releases", "left"),
    [
        ("traffic-manager-tel", [], []),
        ("traffic-manager-cluster-wide-tel", [], []),
        ("traffic-manager-gone", [], [("orphan_role", True)]),
        ("traffic-manager-cluster-wide-gone", [], [("orphan_role", True)]),
        ("traffic-manager-gone", None, [("orphan_role", False)]),
        ("telepresence-oss-gone", [], []),
    ],
)
def test_roles(name: str, releases: list[Release] | None, left: list[tuple[str, bool]]) -> None:
    assert classes(roles=[role(name)], releases=releases) == left


def test_a_role_of_a_release_that_holds_nothing_else_is_not_safe_to_delete() -> None:
    found = classes(roles=[role("traffic-manager-gone")], releases=[release("deployed")])
    assert found == [("orphan_role", False), ("release_without_manager", False)]


@pytest.mark.parametrize(("namespace_", "left"), [("gone", [("node_agent_job", False)]), ("tel", [])])
def test_jobs_of_node_agents(namespace_: str, left: list[tuple[str, bool]]) -> None:
    assert classes(node_agents=[HookJob(namespace_, "a", None)]) == left


def replica_set(wanted: int | None, there: int | None) -> Changes:
    """A cluster in which a ReplicaSet was denied pods."""
    one = workload("web-5d", kind="ReplicaSet")
    one["spec"]["replicas"], one["status"] = wanted, {"replicas": there}
    denied = [Denied("shop", "ReplicaSet shop/web-5d", "denied the request: true")]
    return {"denied": denied, "objects": {"ReplicaSet shop/web-5d": one}}


@pytest.mark.parametrize(("wanted", "there"), [(2, 2), (0, None), (None, None), (1, 2)])
def test_pods_that_came_after_a_denial(wanted: int | None, there: int | None) -> None:
    assert classes(**replica_set(wanted, there)) == []
    assert classes(denied=replica_set(2, 0)["denied"]) == []


def test_denied_pods_are_critical() -> None:
    leftover = only(**replica_set(2, 1))
    assert (leftover.name, leftover.severity, leftover.safe) == ("denied_pod", "critical", False)
    assert leftover.evidence[0].endswith("denied the request: true")


@pytest.mark.parametrize(
    ("kind", "replicas", "owner", "left"),
    [
        ("ReplicaSet", 0, None, ["replica_count"]),
        ("ReplicaSet", 1, None, []),
        ("ReplicaSet", 0, "Deployment", []),
        ("Deployment", 0, None, []),
    ],
)
def test_a_replica_set_that_a_manager_left_at_0(kind: str, replicas: int, owner: str | None, left: list[str]) -> None:
    one = workload(kind=kind)
    one["spec"]["replicas"] = replicas
    if owner:
        one["metadata"]["ownerReferences"] = [{"kind": owner, "name": "web", "controller": True}]
    config = AgentsConfig("shop", (Entry("web", kind, False, ()),))
    found = find(seen(configs=[config], workloads={("shop", kind, "web")}, objects={f"{kind} shop/web": one}))
    assert [leftover.name for leftover in found] == left


# What clients left ----------------------------------------------------------------------------------------------------


def test_what_an_old_client_edited_is_shown_with_its_own_record() -> None:
    leftover = only(edited=[workload(notes={ACTIONS: '{"version":"2"}'})])
    assert (leftover.name, leftover.safe, leftover.objects) == ("edited_object", False, ("Deployment shop/web",))
    assert leftover.evidence[0].endswith('{"version":"2"}')
    assert leftover.evidence[1:] == ("Deployment shop/web: Its record does not say what was changed.",)


@pytest.mark.parametrize(
    ("changed", "evidence"),
    [
        ({}, None),
        ({"pod_ip": ""}, None),
        ({"pod_ip": "10.0.0.9"}, "No pod has the address 10.0.0.9 that it was made for."),
        ({"pod_ip": "10.0.0.9", "disposition": "REMOVED"}, None),
        (
            {"disposition": "AGENT_ERROR", "message": "the client is inactive"},
            "The agent reports: the client is inactive.",
        ),
        ({"disposition": "WAITING"}, None),
    ],
)
def test_intercepts(changed: Changes, evidence: str | None) -> None:
    """None of them may be ended without asking: whether a client lives cannot be seen."""
    found = find(seen(intercepts=[intercept(**changed)]))
    assert [(one.name, one.safe, one.evidence[1:]) for one in found] == (
        [("broken_intercept", False, (evidence,))] if evidence else []
    )


def test_the_gravest_come_first() -> None:
    found = find(
        seen(
            agents=[agent("idle"), agent("web", replaced=("app",), namespace="tel")],
            webhooks=[webhook(works=False, absent=True)],
            claims=[Claim("shop", "gone")],
            namespaces={name: namespace(name) for name in ("tel", "shop")},
        )
    )
    assert [one.severity for one in found] == ["critical", "major", "minor", "info"]


def test_the_record_of_a_leftover() -> None:
    assert only(claims=[Claim("shop", "gone")]).record() == {
        "class": "orphan_claim",
        "severity": "minor",
        "namespace": "shop",
        "objects": ["ConfigMap shop/traffic-manager-claim"],
        "evidence": ["It gives the namespace to the manager in namespace gone, which does not exist."],
        "remedy": "Delete ConfigMap shop/traffic-manager-claim: no other manager can be installed for the namespace while it is there.",
        "safe": True,
    }
