"""What stands in the way of a traffic-manager, whether it works, and what an installation would do."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager import standing
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.install import (
    RESTART,
    Install,
    Plan,
    plan,
)

from .builders import NOW, names, namespace

Info = dict[str, Any]
CLUSTER = [namespace("tel"), namespace("shop", team="shop"), namespace("other"), namespace("kube-system")]
OURS = names("shop", "tel")
ENDS = "2026-12-24T14:13:20Z"
"""30 days after the cluster is looked at."""


def manager(**changed: Any) -> Info:
    """Constructed: a manager that works, as the module shows it."""
    values = {
        "namespace": "tel",
        "version": "2.20.2",
        "answers_as": "v2.20.2",
        "replicas": 1,
        "ready": 1,
        "selector": OURS,
        "release": "traffic-manager",
        "certificate_ends": ENDS,
        "intercepts": 0,
    }
    return {**values, **changed}


def webhook(**changed: Any) -> Info:
    return {
        "namespace": "tel",
        "name": "agent-injector-tel",
        "works": True,
        "reason": "It does.",
        "authority_ends": ENDS,
        **changed,
    }


def info(**changed: Any) -> Info:
    """Constructed: the result of telepresence_traffic_manager_info for a manager in namespace tel."""
    empty: Info = {key: [] for key in ("agents", "state_objects", "intercepts", "leftovers", "unknown")}
    return {**empty, "managers": [manager()], "webhooks": [webhook()], **changed}


def intercept(**changed: Any) -> Info:
    return {
        "manager": "tel",
        "client": "dev@laptop",
        "namespace": "shop",
        "agent": "web",
        "disposition": "ACTIVE",
        **changed,
    }


def agent(intercepted: bool | None, **changed: Any) -> Info:
    return {"manager": "tel", "namespace": "shop", "name": "web", "intercepted": intercepted, **changed}


def claim(*holds: str) -> Info:
    return {"kind": "ConfigMap", "namespace": "shop", "name": "traffic-manager-claim", "holds": [*holds]}


def conflicts(selector: Any = OURS, **found: Any) -> list[str]:
    return standing.conflicts(info(**found), "tel", "traffic-manager", selector, CLUSTER)


@pytest.mark.parametrize(
    ("selector", "theirs", "beginning"),
    [
        (OURS, names("other"), None),
        (OURS, names("other", "shop"), "The traffic-manager in namespace them serves namespace shop already."),
        (OURS, {}, "The traffic-manager in namespace them serves shop, tel already."),
        (
            OURS,
            {"matchLabels": {"team": "shop"}},
            "The traffic-manager in namespace them serves namespace shop already.",
        ),
        (OURS, None, "The traffic-manager in namespace them may serve shop, tel already: which"),
        ({}, names("other"), "The traffic-manager in namespace them serves namespace other already."),
        ({"matchLabels": {"team": "shop"}}, names("other"), None),
        # Neither exists yet.
        (names("new"), names("new"), "The traffic-manager in namespace them serves namespace new already."),
    ],
)
def test_no_second_manager_for_a_namespace(selector: Any, theirs: Any, beginning: str | None) -> None:
    them = manager(namespace="them", selector=theirs)
    found = conflicts(selector, managers=[manager(), them])
    assert [one.startswith(beginning or "") for one in found] == [True] * (beginning is not None)


@pytest.mark.parametrize(
    ("release", "sentence"),
    [
        ("traffic-manager", None),
        ("tm", "The traffic-manager that stands in namespace tel belongs to Helm release tm, not to traffic-manager."),
        (None, "The traffic-manager that stands in namespace tel belongs to no Helm release, not to traffic-manager."),
    ],
)
def test_no_manager_of_another_release(release: str | None, sentence: str | None) -> None:
    assert conflicts(managers=[manager(release=release)]) == ([sentence] if sentence else [])


@pytest.mark.parametrize(("holds", "owner"), [(("tel",), None), (("gone",), "gone"), ((), "nobody"), (("them",), None)])
def test_a_claim_of_a_manager_that_is_gone_is_in_the_way(holds: tuple[str, ...], owner: str | None) -> None:
    them = manager(namespace="them", selector=names("other"))
    found = conflicts(managers=[manager(), them], state_objects=[claim(*holds)])
    assert [f"in namespace {owner}, where there is none" in one for one in found] == [True] * (owner is not None)


def test_a_claim_of_a_namespace_that_is_not_served_is_nobody_s_business() -> None:
    assert conflicts(names("other", "tel"), managers=[], state_objects=[claim("gone")]) == []


@pytest.mark.parametrize(
    ("found", "living"),
    [
        ({}, []),
        ({"intercepts": [intercept()]}, ["dev@laptop intercepts shop/web (ACTIVE)."]),
        ({"intercepts": [intercept(disposition="AGENT_ERROR")]}, ["dev@laptop intercepts shop/web (AGENT_ERROR)."]),
        ({"intercepts": [intercept(disposition="REMOVED"), intercept(disposition="NO_CLIENT")]}, []),
        ({"intercepts": [intercept(manager="them")]}, []),
        (
            {"managers": [manager(intercepts=None)], "unknown": ["No answer."]},
            ["Which intercepts the traffic-manager holds is not known.", "No answer."],
        ),
        ({"managers": [manager(), manager(namespace="them", intercepts=None)]}, []),
        ({"agents": [agent(False)]}, []),
        (
            {"agents": [agent(None)], "unknown": ["Too early."]},
            ["Whether somebody intercepts shop/web is not known.", "Too early."],
        ),
        ({"agents": [agent(None, manager="them")]}, []),
        # Nothing holds an intercept any more.
        ({"agents": [agent(None)], "managers": []}, []),
    ],
)
def test_who_would_lose_an_intercept(found: Info, living: list[str]) -> None:
    assert standing.living(info(**found), "tel") == living


EXPIRED = {"class": "expired_certificate", "namespace": "tel", "evidence": ["It ended.", "Long ago."]}


@pytest.mark.parametrize(
    ("found", "faults"),
    [
        ({}, []),
        ({"managers": []}, ["No traffic-manager stands in namespace tel."]),
        ({"managers": [manager(ready=0)]}, ["Of 1 pods of the traffic-manager, 0 are ready."]),
        ({"managers": [manager(replicas=2)]}, ["Of 2 pods of the traffic-manager, 1 are ready."]),
        ({"managers": [manager(replicas=0, ready=0)]}, ["Of 0 pods of the traffic-manager, 0 are ready."]),
        ({"managers": [manager(answers_as=None)]}, ["The traffic-manager is of 2.20.2, and does not answer."]),
        ({"managers": [manager(answers_as="v2.19.0")]}, ["The traffic-manager is of 2.20.2, and answers as v2.19.0."]),
        (
            {"managers": [manager(certificate_ends=None)], "unknown": ["No right."]},
            ["The webhook of the traffic-manager shows no certificate.", "No right."],
        ),
        ({"leftovers": [EXPIRED]}, ["It ended. Long ago."]),
        ({"leftovers": [{**EXPIRED, "namespace": "them"}]}, []),
        ({"webhooks": []}, ["The traffic-manager has no webhook, so that no agent is injected."]),
        ({"webhooks": [webhook(works=False)]}, ["Webhook agent-injector-tel does not work. It does."]),
        ({"webhooks": [webhook(works=None)]}, ["Webhook agent-injector-tel does not work. It does."]),
        ({"webhooks": [webhook(), webhook(namespace="them", works=False)]}, []),
        ({"unknown": ["What is of no interest here."]}, []),
    ],
)
def test_whether_it_works(found: Info, faults: list[str]) -> None:
    assert standing.faults(info(**found), "tel", True) == faults


def test_without_an_injector_there_is_no_webhook_to_work() -> None:
    assert standing.faults(info(webhooks=[], managers=[manager(certificate_ends=None)]), "tel", False) == []


@pytest.mark.parametrize(("days", "count"), [(29, 0), (31, 2)])
def test_certificates_that_end_soon_are_warned_of(days: int, count: int) -> None:
    assert len(standing.ending(info(), "tel", days, NOW)) == count
    assert standing.ending(info(), "them", days, NOW) == []


# What an installation would do.

VALUES = {"managerRbac": {"namespaced": True, "namespaces": ["shop", "tel"]}}
INSTALL = Install("tel", "traffic-manager", "2.20.2", {"namespaces": ["shop"]})


def rendered(image: str = "tel2:2.20.2", version: str = "2.20.2", note: str = "") -> list[Any]:
    """Constructed: a manager as the chart renders it, and a Service."""
    labels = {"helm.sh/chart": f"telepresence-oss-{version}"}
    template = {"spec": {"containers": [{"name": "traffic-manager", "image": image}]}}
    meta = {"name": "traffic-manager", "namespace": "tel", "labels": labels}
    return [
        {"kind": "Deployment", "metadata": meta, "spec": {"template": template}},
        {"kind": "Service", "metadata": {**meta, "annotations": {"note": note}}},
    ]


def release(**changed: Any) -> Info:
    """Constructed: what helm_info says of the release."""
    values = {
        "name": "traffic-manager",
        "namespace": "tel",
        "status": "deployed",
        "updated": "today",
        "values": VALUES,
        "chart": "telepresence-oss-2.20.2",
        "manifest": rendered(),
    }
    return {**values, **changed}


def planned(found: Any, objects: list[Any] | None = None, force: bool = False, end: bool = False, **seen: Any) -> Plan:
    text = yaml.safe_dump_all(rendered() if objects is None else objects)
    return plan(INSTALL, info(**seen), found, text, CLUSTER, force, end)


def test_what_is_as_it_should_be_stays() -> None:
    assert planned(release()) == Plan([], False, False, [])


def test_it_is_installed_where_it_is_not_there() -> None:
    for found in (None, release(status="uninstalled")):
        done = planned(found, managers=[], webhooks=[])
        assert (done.problems, done.change, done.repair) == ([], True, False)
        assert "+++ Deployment tel/traffic-manager" in done.difference


@pytest.mark.parametrize(
    ("found", "repair"),
    [
        (release(values={}), False),
        (release(chart="telepresence-oss-2.19.0"), False),
        (release(status="failed"), True),
    ],
)
def test_it_is_changed_where_it_differs(found: Info, repair: bool) -> None:
    done = planned(found, force=True)
    assert (done.problems, done.change, done.repair) == ([], True, repair)


@pytest.mark.parametrize("gone", [{"managers": []}, {"webhooks": []}, {"webhooks": [webhook(namespace="them")]}])
def test_it_is_put_back_where_something_is_missing(gone: Info) -> None:
    done = planned(release(), **gone)
    assert (done.problems, done.change, done.repair) == ([], True, True)


def test_without_an_injector_no_webhook_is_missing() -> None:
    install = Install(
        "tel", "traffic-manager", "2.20.2", {"namespaces": ["shop"], "values": {"agentInjector": {"enabled": False}}}
    )
    found = release(values=install.values)
    text = yaml.safe_dump_all(rendered())
    assert plan(install, info(webhooks=[]), found, text, CLUSTER, False, False).change is False


@pytest.mark.parametrize("status", ["failed", "pending-install", "pending-upgrade", "pending-rollback", "uninstalling"])
def test_a_broken_release_is_not_touched_unless_that_is_forced(status: str) -> None:
    (problem,) = planned(release(status=status)).problems
    assert (
        problem.startswith(f"Helm release tel/traffic-manager is {status} since today:")
        and "traffic_manager_force: true" in problem
    )
    assert planned(release(status=status), force=True).problems == []


@pytest.mark.parametrize(
    ("found", "objects", "cuts"),
    [
        (release(values={}), rendered("tel2:2.20.3"), True),
        # The pods stay as they are.
        (release(values={}), rendered(note="new"), False),
        # What a broken run did is not known.
        (release(status="pending-upgrade"), rendered(), True),
        (release(), rendered("tel2:2.20.3"), False),
        (None, rendered(), False),
    ],
)
def test_no_living_intercept_ends_by_a_restart(found: Any, objects: list[Any], cuts: bool) -> None:
    alive: Info = {"intercepts": [intercept()]}
    expected = ["dev@laptop intercepts shop/web (ACTIVE).", RESTART] if cuts else []
    assert planned(found, objects, force=True, **alive).problems == expected
    assert planned(found, objects, force=True, end=True, **alive).problems == []


def test_a_chart_of_another_version_is_not_what_was_meant() -> None:
    (problem,) = planned(None, rendered(version="2.19.0"), managers=[]).problems
    assert problem.startswith("The chart is telepresence-oss-2.19.0, and traffic_manager_version is 2.20.2")


def test_another_manager_is_a_problem() -> None:
    them = manager(namespace="them", selector={})
    assert len(planned(None, managers=[them]).problems) == 1
