"""Webhooks, agents, and what Telepresence notes, as they are read from objects."""

from __future__ import annotations

import copy
import json
import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager import (
    agents,
    state,
    webhooks,
    workloads,
)

from .builders import NAMES, NOW, agent, config_map, intercept, manager, namespace, pod, recorded, seen, workload

OWNERS = ("Deployment", "StatefulSet", "ReplicaSet")
PREFIX = "telepresence.getambassador.io/"


def look(name: str, **changed: t.Any) -> webhooks.Webhook:
    """The recorded webhook; ``changed`` are the namespaces, behind and slices, or ``entry``: changes to its entry."""
    (configuration,) = recorded(name, "MutatingWebhookConfiguration")
    configuration["webhooks"][0].update(changed.pop("entry", {}))
    values = {
        "namespaces": recorded(name, "Namespace"),
        "behind": recorded(name, "Service"),
        "slices": recorded(name, "EndpointSlice"),
        "now": NOW,
        **changed,
    }
    (found,) = webhooks.recognise([configuration], **values)
    return found


def test_the_recorded_webhook_works() -> None:
    found = look("intercepted")
    assert (found.works, found.absent, found.reason) == (
        True,
        False,
        "Service manager-system/agent-injector has 1 ready endpoint.",
    )
    assert (found.configuration, found.name) == (
        "agent-injector-webhook-manager-system",
        "agent-injector-manager-system.getambassador.io",
    )
    assert (found.failure_policy, found.timeout, found.ends) == ("Ignore", 5, 1827065145.0)


def test_the_recorded_webhook_of_a_namespace_that_was_deleted_is_dead() -> None:
    found = look("removed")
    assert (found.works, found.absent, found.reason) == (False, True, "There is no namespace manager-system.")


def unready(slices: list[Object]) -> list[Object]:
    for one in slices:
        for endpoint in one["endpoints"]:
            endpoint["conditions"]["ready"] = False
    return slices


URL = {"clientConfig": {"url": "https://10.0.0.1:30443/traffic-agent"}}
OTHER_PORT = {"clientConfig": {"service": {"namespace": "manager-system", "name": "agent-injector", "port": 8443}}}


@pytest.mark.parametrize(
    ("changed", "works", "absent", "reason"),
    [
        ({"behind": []}, False, True, "There is no Service manager-system/agent-injector."),
        ({"slices": []}, False, False, "Service manager-system/agent-injector has no ready endpoint."),
        ({"slices": None}, None, False, "Whether its Service has ready endpoints may not be read."),
        ({"entry": OTHER_PORT}, False, False, "Service manager-system/agent-injector has no port 8443."),
        ({"entry": URL}, None, False, "It is called at https://10.0.0.1:30443/traffic-agent, which is not looked at."),
        ({"now": 1827065146.0}, False, False, "The authority of its certificate ended at 2027-11-24T14:05:45Z."),
        ({"now": 1827065144.0}, True, False, "Service manager-system/agent-injector has 1 ready endpoint."),
    ],
)
def test_whether_a_webhook_can_work(changed: dict[str, t.Any], works: bool | None, absent: bool, reason: str) -> None:
    found = look("intercepted", **changed)
    assert (found.works, found.absent, found.reason) == (works, absent, reason)


def test_an_endpoint_that_is_not_ready_is_none() -> None:
    assert look("intercepted", slices=unready(recorded("intercepted", "EndpointSlice"))).works is False


def test_an_endpoint_that_does_not_say_whether_it_is_ready_is_ready() -> None:
    slices = recorded("intercepted", "EndpointSlice")
    for one in slices:
        for endpoint in one["endpoints"]:
            del endpoint["conditions"]
    assert look("intercepted", slices=slices).works is True


def test_an_absent_service_is_told_rather_than_an_old_certificate() -> None:
    assert look("removed", now=1900000000.0).absent is True


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("agent-injector.getambassador.io", True),
        ("agent-injector-ambassador.getambassador.io", True),
        ("agent-injector-tel.telepresence.io", True),
        ("agent-injector-tel.example.org", False),
        ("sidecar-injector.istio.io", False),
        ("my-agent-injector.telepresence.io", False),
    ],
)
def test_a_webhook_is_known_by_its_name(name: str, ours: bool) -> None:
    (configuration,) = recorded("intercepted", "MutatingWebhookConfiguration")
    configuration["webhooks"][0]["name"] = name
    assert bool(webhooks.recognise([configuration], [], [], [], NOW)) is ours
    assert bool(webhooks.services([configuration])) is ours


def test_a_bundle_that_is_none_ends_at_no_known_time() -> None:
    entry = {"clientConfig": {"service": {"namespace": "manager-system", "name": "agent-injector"}, "caBundle": "?"}}
    assert (look("intercepted", entry=entry).ends, look("intercepted", entry=entry).works) == (None, True)


def test_a_policy_that_is_not_written_is_the_api_server_s_default() -> None:
    (configuration,) = recorded("intercepted", "MutatingWebhookConfiguration")
    for key in ("failurePolicy", "timeoutSeconds"):
        del configuration["webhooks"][0][key]
    (found,) = webhooks.recognise([configuration], [], [], [], NOW)
    assert (found.failure_policy, found.timeout) == ("Fail", 10)


# Agents ---------------------------------------------------------------------------------------------------------------


def agents_of(name: str) -> dict[str, agents.Agent]:
    return {one.name: one for one in agents.recognise(recorded(name, "Pod"), recorded(name, *OWNERS))}


@pytest.mark.parametrize("name", NAMES)
def test_the_recorded_agents(name: str) -> None:
    found = agents_of(name)
    assert set(found) == {"plain", "web"}
    for one in found.values():
        assert (one.namespace, one.kind) == ("manager-shop", "Deployment")
        assert (one.image, one.band, one.manual) == ("lab.local/tel2:2.20.2", "2.6-2.21", False)
        assert len(one.pods) == 1 and one.pods[0].startswith(f"{one.name}-")
    # The template of web asks for it, that of plain does not, although the webhook wrote the same annotation into both pods.
    assert [found[one].annotated for one in ("plain", "web")] == [False, True]
    replaced = () if name == "intercepted" else ("plain",)
    assert [found[one].replaced for one in ("plain", "web")] == [replaced, ()]


C = "telepresence.io/agent-config"
CONFIG = json.dumps({"containers": [{"name": "app", "replace": 0}, {"name": "side", "replace": 2}]})
REPLACING = json.dumps({"containers": [{"name": "app", "replace": 1}]})


@pytest.mark.parametrize(
    ("notes", "replaced"),
    [
        ({C: CONFIG}, ()),
        ({C: REPLACING}, ("app",)),
        ({C: CONFIG, "telepresence.io/replaced-container.db": "{}"}, ("db",)),
        ({C: "{"}, ()),
        ({C: "[1]"}, ()),
        ({C: '{"containers": [3, {"replace": 1}]}'}, ("None",)),
    ],
)
def test_constructed_agents_from_2_22_on(notes: dict[str, str], replaced: tuple[str, ...]) -> None:
    (found,) = agents.recognise([pod(owner=("Deployment", "web"), notes=notes)], [workload()])
    assert (found.band, found.replaced, found.workload) == ("2.22-2.29", replaced, ("shop", "Deployment", "web"))


def test_an_agent_from_2_30_on_is_known_by_its_image() -> None:
    one = pod(notes={C: CONFIG})
    one["spec"]["containers"][1]["image"] = "lab.local/tel2:2.31.2"
    (found,) = agents.recognise([one], [])
    assert (found.band, found.workload) == ("2.30", ("shop", "Pod", "web-1"))


def test_a_workload_that_an_old_client_edited() -> None:
    """The agent is in its template, with or without pods."""
    edited = workload(agent=True, notes={agents.ACTIONS: "{}"})
    for pods in ([pod(owner=("Deployment", "web"))], []):
        (found,) = agents.recognise(pods, [edited])
        assert (found.band, found.manual, found.pods) == (
            "2.4-2.5",
            False,
            tuple(one["metadata"]["name"] for one in pods),
        )


def test_an_agent_that_somebody_put_into_the_template() -> None:
    by_hand = workload(agent=True)
    (found,) = agents.recognise([], [by_hand])
    assert (found.manual, found.band, found.pods) == (True, "2.4-2.5", ())
    (found,) = agents.recognise([pod(owner=("Deployment", "web"), notes={C: CONFIG})], [by_hand])
    assert (found.manual, found.band, found.pods) == (True, "2.22-2.29", ("web-1",))


@pytest.mark.parametrize("prefix", ["telepresence.io/", PREFIX])
@pytest.mark.parametrize(("value", "asks"), [("enabled", True), ("disabled", False), ("false", False)])
def test_what_asks_for_an_agent(prefix: str, value: str, asks: bool) -> None:
    asking = workload()
    asking["spec"]["template"]["metadata"]["annotations"] = {f"{prefix}inject-traffic-agent": value}
    (found,) = agents.recognise([pod(owner=("Deployment", "web"))], [asking])
    assert found.annotated is asks


def test_pods_of_one_workload_whose_agents_differ_are_told_apart() -> None:
    pods = [pod(f"web-{number}", owner=("Deployment", "web"), notes={C: CONFIG}) for number in (3, 1, 2)]
    pods[0]["spec"]["containers"][1]["image"] = "lab.local/tel2:2.26.0"
    found = agents.recognise(pods, [workload()])
    assert sorted((one.image[-6:], one.pods) for one in found) == [
        ("2.26.0", ("web-3",)),
        ("2.27.4", ("web-1", "web-2")),
    ]


def test_pods_that_go_and_pods_without_an_agent_are_none() -> None:
    going, without = pod(), pod()
    going["metadata"]["deletionTimestamp"] = "2026-11-24T14:13:20Z"
    del without["spec"]["containers"][1]
    assert agents.recognise([going, without], []) == []


def test_an_agent_among_the_init_containers_is_one() -> None:
    native = pod()
    native["spec"]["initContainers"] = [native["spec"]["containers"].pop()]
    assert len(agents.recognise([native], [])) == 1


def test_a_pod_of_something_that_is_not_read_is_named_by_its_labels_or_its_owner() -> None:
    rollout = pod(owner=("ReplicaSet", "web-5d"))
    assert agents.recognise([rollout], [])[0].workload == ("shop", "ReplicaSet", "web-5d")
    replica_set = {**workload("web-5d", kind="ReplicaSet"), "metadata": copy.deepcopy(rollout["metadata"])}
    replica_set["metadata"].update(
        name="web-5d", ownerReferences=[{"kind": "Rollout", "name": "web", "controller": True}]
    )
    assert agents.recognise([rollout], [replica_set])[0].workload == ("shop", "Rollout", "web")
    rollout["metadata"]["labels"] = {"telepresence.io/workloadName": "shop", "telepresence.io/workloadKind": "Rollout"}
    assert agents.recognise([rollout], [])[0].workload == ("shop", "Rollout", "shop")


# Notes ----------------------------------------------------------------------------------------------------------------


def test_the_recorded_notes() -> None:
    configs = recorded("replaced", "ConfigMap")
    found = {one.namespace: one for one in state.agents_configs(configs)}
    assert found["manager-system"].entries == ()
    assert found["manager-shop"].entries == (
        state.Entry("plain", "Deployment", False, ("plain",)),
        state.Entry("web", "Deployment", False, ()),
    )
    claims = [(one.namespace, one.owner) for one in state.claims(configs)]
    assert claims == [("manager-shop", "manager-system"), ("manager-system", "manager-system")]


@pytest.mark.parametrize("text", ["{", "agent", "", "[]", "containers: 7"])
def test_a_broken_note_still_names_its_workload(text: str) -> None:
    (found,) = state.agents_configs([config_map("telepresence-agents", web=text)])
    assert found.entries == (state.Entry("web", None, False, ()),)


def test_the_recorded_release() -> None:
    secrets = recorded("intercepted", "Secret")
    (found,) = state.releases([one for one in secrets if one["type"] == "helm.sh/release.v1"], ())
    assert (found.namespace, found.name, found.status, found.revision) == (
        "manager-system",
        "traffic-manager",
        "deployed",
        1,
    )


def secret(name: str, version: str, status: str, **meta: t.Any) -> Object:
    labels = {"owner": "helm", "name": name, "version": version, "status": status}
    return {"kind": "Secret", "metadata": {"namespace": "tel", "name": f"{name}.v{version}", "labels": labels, **meta}}


def test_of_a_release_the_newest_revision_counts() -> None:
    secrets = [secret("traffic-manager", *one) for one in (("9", "superseded"), ("10", "failed"), ("2", "superseded"))]
    assert [(one.revision, one.status) for one in state.releases(secrets, ())] == [(10, "failed")]


def test_which_releases_are_a_traffic_manager_s() -> None:
    secrets = [secret(name, "1", "deployed") for name in ("traffic-manager-a", "shop", "tools", "traffic-managers")]
    assert [one.name for one in state.releases(secrets, {"tel/tools", "shop/shop"})] == ["tools", "traffic-manager-a"]


def test_when_a_release_was_changed_is_by_the_api_server_s_clock() -> None:
    one = secret(
        "traffic-manager",
        "1",
        "uninstalling",
        creationTimestamp="2026-11-24T14:05:45Z",
        managedFields=[{"time": "2026-11-24T14:05:46Z"}, {"time": "2026-11-24T14:13:20Z"}, {}],
    )
    one["metadata"]["labels"]["modifiedAt"] = "1"
    assert state.releases([one], ())[0].changed == NOW


@pytest.mark.parametrize(
    ("conditions", "finished"),
    [
        ([], None),
        ([{"type": "Complete", "status": "True"}], "Complete"),
        ([{"type": "FailureTarget", "status": "True"}, {"type": "Failed", "status": "True"}], "Failed"),
        ([{"type": "Failed", "status": "False"}], None),
    ],
)
def test_a_job_of_the_chart_s_hook(conditions: list[Object], finished: str | None) -> None:
    job: Object = {
        "metadata": {
            "namespace": "tel",
            "name": "uninstall-agents",
            "labels": {"helm.sh/chart": "telepresence-oss-2.20.2"},
        },
        "status": {"conditions": conditions},
    }
    other = copy.deepcopy(job)
    other["metadata"]["labels"]["helm.sh/chart"] = "shop-1.0.0"
    assert [one.finished for one in state.hook_jobs([job, other])] == [finished]


@pytest.mark.parametrize(
    ("image", "args", "found"),
    [
        ("ghcr.io/telepresenceio/tel2:2.30.0", ["node-agent"], True),
        ("ghcr.io/telepresenceio/tel2:2.30.0", ["manager"], False),
        ("ghcr.io/shop/node:1", ["node-agent"], False),
    ],
)
def test_jobs_of_node_agents(image: str, args: list[str], found: bool) -> None:
    spec = {"template": {"spec": {"containers": [{"name": "a", "image": image, "args": args}]}}}
    job: Object = {"metadata": {"namespace": "tel", "name": "a-1"}, "spec": spec}
    assert [one.name for one in state.node_agents([job])] == ["a-1"] * found


DENIAL = (
    'Error creating: admission webhook "agent-injector-tel.getambassador.io" denied the request: invalid value "true"'
)


@pytest.mark.parametrize(
    ("events", "messages"),
    [
        ([(DENIAL, "FailedCreate", "2")], ['invalid value "true"']),
        ([(DENIAL, "FailedCreate", "2"), (DENIAL + "!", "FailedCreate", "1")], ['invalid value "true"']),
        ([(DENIAL, "Other", "1")], []),
        ([(DENIAL.replace("agent-injector-tel", "own"), "FailedCreate", "1")], []),
        ([('failed calling webhook "agent-injector-tel.getambassador.io": no', "FailedCreate", "1")], []),
    ],
)
def test_pods_that_a_webhook_denied(events: list[tuple[str, str, str]], messages: list[str]) -> None:
    """Of one workload the last is told."""
    found = state.denied(
        {
            "metadata": {"namespace": "shop"},
            "involvedObject": {"kind": "ReplicaSet", "name": "web-5d"},
            "message": message,
            "reason": reason,
            "lastTimestamp": time,
        }
        for message, reason, time in events
    )
    assert [(one.workload, one.message.partition("request: ")[2]) for one in found] == [
        ("ReplicaSet shop/web-5d", message) for message in messages
    ]


# What can be intercepted ----------------------------------------------------------------------------------------------


def test_what_can_be_intercepted() -> None:
    """Nothing that another of these kinds owns, no manager, and nothing where no manager serves."""
    owned = workload("web-5d", kind="ReplicaSet")
    owned["metadata"]["ownerReferences"] = [{"kind": "Deployment", "name": "web", "controller": True}]
    of_rollout = workload("cart-5d", kind="ReplicaSet")
    of_rollout["metadata"]["ownerReferences"] = [{"kind": "Rollout", "name": "cart", "controller": True}]
    all_ = [workload("web"), owned, of_rollout, workload("db", kind="StatefulSet"), workload("web", "elsewhere")]
    manager_ = recorded("intercepted", "Deployment")[-1]
    manager_["metadata"]["namespace"] = "shop"
    cluster = seen(
        namespaces={name: namespace(name) for name in ("tel", "shop", "elsewhere")},
        agents=[agent("db", kind="StatefulSet")],
        intercepts=[intercept("web")],
    )
    found = [(one.kind, one.name, one.state) for one in workloads.recognise([*all_, manager_], cluster)]
    assert found == [
        ("ReplicaSet", "cart-5d", "no_agent"),
        ("StatefulSet", "db", "agent"),
        ("Deployment", "web", "intercepted"),
    ]


@pytest.mark.parametrize(
    ("changed", "state_"),
    [
        ({}, "agent"),
        ({"unsure": {"tel"}}, "unknown"),
        ({"unsure": {"tel"}, "intercepts": [intercept()]}, "intercepted"),
        ({"intercepts": [intercept(disposition="REMOVED")]}, "agent"),
        ({"intercepts": [intercept(namespace="other")]}, "agent"),
        ({"unsure": {"tel"}, "agents": []}, "no_agent"),
        ({"managers": [manager(namespace="other", selector={})], "unsure": {"tel"}}, "agent"),
    ],
)
def test_the_state_of_a_workload(changed: dict[str, t.Any], state_: str) -> None:
    (found,) = workloads.recognise([workload()], seen(**{"agents": [agent()], **changed}))
    assert found.state == state_
