"""telepresence_leftovers over the wire: on recorded clusters whose manager was removed, with all that can come in between."""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.modules import telepresence_leftovers
from traffic_manager.builders import NOW, recorded
from traffic_manager.test_undo import BEFORE, EDITED, service

from tests.rights import Grant, grants, read
from wire import forward, script, status
from wire.play import run_module
from wire.request import Access, Request
from wire.server import TOKEN, ApiServer
from wire.store import Obj

from .fake_manager import FakeManager, FakeWebhook
from .fake_time import FakeTime, lent_to_the_product

Result = dict[str, Any]
KINDS = (
    *("Namespace", "Pod", "Deployment", "StatefulSet", "ReplicaSet", "ConfigMap", "Service", "EndpointSlice", "Job"),
    *("Secret", "MutatingWebhookConfiguration"),
)
KEYS = {"cluster", "leftovers", "removed", "skipped_leftovers", "failed_leftovers", "unknown", "changed"}
SHOP = "manager-shop"
WEBHOOK = "MutatingWebhookConfiguration agent-injector-webhook-manager-system"
CONFIG = f"ConfigMap {SHOP}/telepresence-agents"
CLAIM = f"ConfigMap {SHOP}/traffic-manager-claim"
IGNORE = {"devclusters.telepresence/ignore": "true"}


class Later(FakeTime):
    """A clock of half an hour after the recordings."""

    def __init__(self) -> None:
        super().__init__()
        self._now = NOW + 1800


class Left:
    """A cluster with leftovers, whose controllers put a pod without an agent in the place of each that is evicted."""

    def __init__(self, server: ApiServer, kubeconfig: str) -> None:
        self.server, self.store, self.kubeconfig = server, server.store, kubeconfig
        self.new_pod: Callable[[Obj], Obj | None] = clean
        server.evicted = self._replace

    def load(self, name: str) -> Left:
        """Puts the objects of a recording into the cluster."""
        self.store.load(*recorded(name, *KINDS))
        return self

    def run(self, check: bool = False, **options: Any) -> Result:
        """Runs the module; whatever it is about, what must hold in every run is checked."""
        before = len(self.server.requests)
        options = {"kubeconfig": self.kubeconfig, "deadline": 5, "wait_timeout": 30, "wait_sleep": 5, **options}
        result = run_module(telepresence_leftovers.main, options, check=check, diff=True)
        writes = [request for request in self.server.requests[before:] if request.is_write]
        assert not (check and writes)
        assert all(map(precise, writes)), writes
        assert set(result) >= KEYS and TOKEN not in json.dumps(result)
        assert bool(result.get("failed")) == bool(result["failed_leftovers"] or "error" in result)
        assert result["changed"] == (result["diff"]["before"] != result["diff"]["after"])
        listed = [*result["removed"], *result["skipped_leftovers"], *result["failed_leftovers"]]
        assert all(one["message"] for one in listed)
        return result

    def pods(self) -> list[Obj]:
        """The pods of the shop."""
        return [pod for pod in self.store.all("Pod") if pod["metadata"]["namespace"] == SHOP]

    def annotate(self, kind: str, name: str, namespace: str = SHOP) -> None:
        """Has an object ask to be left alone."""
        self.store.edit(kind, name, namespace, lambda one: one["metadata"].setdefault("annotations", {}).update(IGNORE))

    def writes(self) -> list[str]:
        """The writes that were answered with success, in order."""
        return [f"{one.method} {one.path}" for one in self.server.writes if one.status and one.status < 300]

    def _replace(self, pod: Obj) -> None:
        new = self.new_pod(pod)
        if new:
            self.store.load(new)


def precise(request: Request) -> bool:
    """Whether a write names exactly the object that was read."""
    if request.access.subresource == "eviction":
        return bool(request.body["deleteOptions"]["preconditions"]["uid"])
    named = request.body["preconditions"] if request.method == "DELETE" else request.body["metadata"]
    return bool(named["uid"] and named["resourceVersion"])


def clean(pod: Obj) -> Obj:
    """The pod that takes the place of one, ready, with the application alone."""
    new = copy.deepcopy(pod)
    new["metadata"] = {
        key: value for key, value in new["metadata"].items() if key not in ("uid", "resourceVersion", "annotations")
    }
    new["metadata"]["name"] += "-n"
    spec = new["spec"]
    spec["containers"] = [{"name": "app", "image": "lab.local/app:1"}]
    spec["volumes"] = []
    new["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    return new


def again(pod: Obj) -> Obj:
    """The pod that takes the place of one, with an agent again."""
    new = clean(pod)
    new["spec"] = pod["spec"]
    return new


def unready(pod: Obj) -> Obj:
    """The pod that takes the place of one, without its image."""
    new = clean(pod)
    waiting = {"name": "app", "state": {"waiting": {"reason": "ImagePullBackOff"}}}
    new["status"] = {"phase": "Pending", "conditions": [], "containerStatuses": [waiting]}
    return new


@pytest.fixture
def clock() -> Iterator[FakeTime]:
    """The time of the cluster and of the product."""
    later = Later()
    with contextlib.ExitStack() as stack:
        for patch in lent_to_the_product(later):
            stack.enter_context(patch)
        yield later


@pytest.fixture
def left(server: ApiServer, kubeconfig: str) -> Left:
    """A cluster whose manager's namespace was deleted by hand."""
    return Left(server, kubeconfig).load("removed")


def classes(records: list[Result]) -> list[tuple[str, ...]]:
    return [(one["class"], *one["objects"]) for one in records]


ALL = [
    ("dead_webhook", WEBHOOK),
    ("replaced_container", CONFIG, f"Deployment {SHOP}/plain"),
    ("agent_without_manager", f"Deployment {SHOP}/web"),
    ("orphan_agents_config", CONFIG),
    ("orphan_claim", CLAIM),
]


def test_all_that_a_removed_namespace_leaves(left: Left) -> None:
    result = left.run()
    assert classes(result["removed"]) == ALL
    assert (result["skipped_leftovers"], result["unknown"], result["changed"]) == ([], [], True)
    assert all(len(pod["spec"]["containers"]) == 1 for pod in left.pods()) and len(left.pods()) == 2
    assert left.store.all("MutatingWebhookConfiguration") == []
    assert [one["metadata"]["name"] for one in left.store.all("ConfigMap") if "tele" in one["metadata"]["name"]] == []


def test_the_webhook_goes_first_and_what_agents_mount_after_them(left: Left) -> None:
    left.run()
    kinds = [line.split("/")[-1 if "eviction" in line else -2] for line in left.writes()]
    assert kinds == [
        *("mutatingwebhookconfigurations", "configmaps", "eviction", "eviction", "configmaps", "configmaps"),
    ]


def test_a_second_run_changes_nothing(left: Left) -> None:
    left.run()
    before = len(left.writes())
    result = left.run()
    assert (result["changed"], result["leftovers"], result["removed"]) == (False, [], [])
    assert len(left.writes()) == before


def test_check_mode_foresees_what_the_run_does(left: Left) -> None:
    planned = left.run(check=True)
    done = left.run()
    assert classes(planned["removed"]) == classes(done["removed"]) == ALL
    assert (planned["diff"], planned["changed"]) == (done["diff"], True)
    assert planned["removed"][0]["message"] == f"Would be done: delete {WEBHOOK}."
    assert done["removed"][0]["message"] == f"Done: delete {WEBHOOK}."
    assert [name.split()[0] for name in done["diff"]["before"]] == [
        *("MutatingWebhookConfiguration", "ConfigMap", "Pod", "Pod", "ConfigMap", "ConfigMap"),
    ]


def test_only_the_classes_that_are_asked_for(left: Left) -> None:
    result = left.run(classes=["dead_webhook"])
    assert classes(result["removed"]) == ALL[:1]
    assert {one["message"] for one in result["skipped_leftovers"]} >= {"Option classes does not have orphan_claim."}
    assert left.writes() == [
        "DELETE /apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/"
        "agent-injector-webhook-manager-system"
    ]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"namespaces": [SHOP]}, ALL[1:]),
        ({"exclude_namespaces": [SHOP]}, ALL[:1]),
        ({"namespaces": ["other*"]}, []),
    ],
)
def test_only_in_the_namespaces_that_are_asked_for(left: Left, options: Result, found: list[Any]) -> None:
    """A webhook belongs to the namespace of its manager."""
    assert classes(left.run(**options)["removed"]) == found


# Left alone -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name", "namespace", "asks"),
    [
        ("ConfigMap", "traffic-manager-claim", SHOP, CLAIM),
        ("MutatingWebhookConfiguration", "agent-injector-webhook-manager-system", "", WEBHOOK),
        ("Deployment", "web", SHOP, f"Deployment {SHOP}/web"),
        ("Namespace", SHOP, "", f"Namespace {SHOP}"),
    ],
)
def test_what_asks_to_be_left_alone(left: Left, kind: str, name: str, namespace: str, asks: str) -> None:
    left.annotate(kind, name, namespace)
    result = left.run()
    messages = [one["message"] for one in result["skipped_leftovers"]]
    assert f"Annotation devclusters.telepresence/ignore of {asks} asks to leave it alone." in messages
    assert not any(asks in "".join(one["objects"]) for one in result["removed"])
    if kind == "Namespace":
        assert not any(SHOP in line for line in left.writes())


def test_a_pod_that_asks_to_be_left_alone_keeps_its_workload_and_what_it_mounts(left: Left) -> None:
    pod = next(one for one in left.pods() if one["metadata"]["name"].startswith("web"))
    left.annotate("Pod", pod["metadata"]["name"])
    result = left.run()
    assert ("agent_without_manager", f"Deployment {SHOP}/web") in classes(result["skipped_leftovers"])
    (config,) = [one for one in result["skipped_leftovers"] if one["class"] == "orphan_agents_config"]
    assert f"Pod {SHOP}/{pod['metadata']['name']} mounts it. It needs a decision." in config["message"]


def test_nothing_is_concluded_from_a_manager_that_does_not_answer(left: Left, tmp_path: Path) -> None:
    """The replaced container is left over only if nobody intercepts, which nobody knows."""
    left.store.load(*recorded("restarted", *KINDS))
    result = left.run()
    assert (result["changed"], result["leftovers"], left.writes()) == (False, [], [])
    assert "The intercepts of the manager in namespace manager-system are not known" in " ".join(result["unknown"])


def test_with_a_manager_that_holds_no_intercept_the_replaced_container_is_put_right(left: Left, tmp_path: Path) -> None:
    left.store.load(*recorded("restarted", *KINDS))
    manager, webhook = FakeManager(), FakeWebhook(tmp_path)
    try:
        for pod in recorded("restarted", "Pod"):
            if pod["metadata"]["namespace"] == "manager-system":
                left.server.forward("manager-system", pod["metadata"]["name"], 8081, forward.Leads(manager.port))
                left.server.forward("manager-system", pod["metadata"]["name"], 443, forward.Leads(webhook.port))
        result = left.run()
    finally:
        manager.stop()
        webhook.stop()
    assert classes(result["removed"]) == [ALL[1]]
    assert [line.split("/")[-1] for line in left.writes()][:1] == ["telepresence-agents"]
    assert left.writes()[1].endswith("/eviction") and len(left.writes()) == 2


def test_no_pod_is_evicted_that_a_webhook_would_keep_from_coming_back(left: Left) -> None:
    name = "agent-injector-webhook-manager-system"

    def fail(one: Obj) -> None:
        for entry in one["webhooks"]:
            entry["failurePolicy"] = "Fail"

    left.store.edit("MutatingWebhookConfiguration", name, "", fail)
    result = left.run(classes=["agent_without_manager", "orphan_claim"])
    assert classes(result["removed"]) == [("orphan_claim", CLAIM)]
    (message,) = {one["message"] for one in result["skipped_leftovers"] if one["class"] == "agent_without_manager"}
    assert message.endswith("does not answer, and would keep new pods from being created.")
    assert classes(left.run()["removed"]) == ALL[:-1]


def test_a_configuration_with_another_webhook_stays(left: Left) -> None:
    name = "agent-injector-webhook-manager-system"
    left.store.edit("MutatingWebhookConfiguration", name, "", lambda one: one["webhooks"].append({"name": "own.shop"}))
    result = left.run(classes=["dead_webhook"])
    assert result["skipped_leftovers"][0]["message"] == f"{WEBHOOK} holds webhook own.shop as well, which is not dead."


def test_what_is_just_being_installed_stays(left: Left, clock: FakeTime) -> None:
    left.store.edit(
        "ConfigMap",
        "traffic-manager-claim",
        SHOP,
        lambda one: one["metadata"].update(creationTimestamp="2026-11-24T14:43:00Z"),
    )
    result = left.run(classes=["orphan_claim"])
    assert "It was made less than 30 s ago" in result["skipped_leftovers"][-1]["message"]
    clock.sleep(30)
    assert classes(left.run(classes=["orphan_claim"])["removed"]) == ALL[-1:]


def test_what_argo_cd_keeps_stays(left: Left) -> None:
    left.store.edit(
        "ConfigMap",
        "traffic-manager-claim",
        SHOP,
        lambda one: one["metadata"].setdefault("annotations", {}).update({"argocd.argoproj.io/tracking-id": "tel:x"}),
    )
    result = left.run(classes=["orphan_claim"])
    assert result["skipped_leftovers"][-1]["message"] == f"Argo CD application tel keeps {CLAIM}: remove it there."


# Evictions ------------------------------------------------------------------------------------------------------------


def budget(allowed: int) -> Obj:
    return {
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web", "namespace": SHOP},
        "spec": {"selector": {"matchLabels": {"app": "web"}}},
        "status": {"disruptionsAllowed": allowed, "desiredHealthy": 1, "currentHealthy": 1},
    }


def test_a_budget_that_forbids_it_is_named_and_stops_nothing_else(left: Left) -> None:
    left.store.load(budget(0))
    result = left.run()
    (failed,) = result["failed_leftovers"]
    assert classes([failed]) == [("agent_without_manager", f"Deployment {SHOP}/web")]
    for part in (f"Failed to evict Pod {SHOP}/web-", "The disruption budget web needs 1 healthy pods and has 1"):
        assert part in failed["message"] and part in result["msg"]
    assert classes(result["removed"]) == [ALL[0], ALL[1], ALL[4]]
    assert classes(result["skipped_leftovers"]) == [ALL[3]]
    assert len(left.pods()) == 2


def test_a_budget_that_forbids_it_for_a_while_is_waited_for(left: Left, clock: FakeTime) -> None:
    left.store.load(budget(0))
    begun = clock.time()

    def free(request: Request) -> None:
        if clock.time() - begun > 12:
            left.store.edit("PodDisruptionBudget", "web", SHOP, lambda one: one["status"].update(disruptionsAllowed=1))

    left.server.script(script.on("create", "pods", "eviction"), free, times=script.FOREVER)
    assert classes(left.run()["removed"]) == ALL


@pytest.mark.parametrize(
    ("new", "said"),
    [
        (unready, "in its place is not ready (container app: ImagePullBackOff) after 30 s."),
        (again, "came with the same in its place after 30 s."),
        (lambda pod: None, f"1 of 1 pods of Deployment {SHOP}/web are missing after 30 s."),
    ],
)
def test_a_pod_whose_place_is_not_taken_well(left: Left, new: Any, said: str) -> None:
    left.new_pod = lambda pod: (new if pod["metadata"]["name"].startswith("web") else clean)(pod)
    result = left.run()
    (failed,) = result["failed_leftovers"]
    assert said in failed["message"] and failed["class"] == "agent_without_manager"
    assert f"Done: evict Pod {SHOP}/web-" in failed["message"]
    assert result["changed"] and ("orphan_claim", CLAIM) in classes(result["removed"])


def test_a_pod_that_does_not_go_is_not_said_to_have_gone(left: Left) -> None:
    pod = next(one for one in left.pods() if one["metadata"]["name"].startswith("web"))
    name = pod["metadata"]["name"]
    left.store.edit("Pod", name, SHOP, lambda one: one["metadata"].update(finalizers=["shop/keep"]))
    (failed,) = left.run()["failed_leftovers"]
    assert f"Pod {SHOP}/{name} was evicted, but it is still there after 30 s." in failed["message"]


def test_pods_of_one_workload_whose_agents_differ_are_one_leftover(left: Left) -> None:
    pod = next(one for one in left.pods() if one["metadata"]["name"].startswith("web"))
    second = copy.deepcopy(pod)
    second["metadata"] |= {"name": f"{pod['metadata']['name']}-2", "uid": "second"}
    for container in second["spec"]["containers"]:
        container["image"] += "-later"
    left.store.load(second)
    left.store.edit("Deployment", "web", SHOP, lambda one: one["spec"].update(replicas=2))
    result = left.run()
    assert (classes(result["removed"]), result["skipped_leftovers"]) == (ALL, [])
    assert len([line for line in left.writes() if "/web-" in line]) == 2


def test_the_next_pod_goes_when_the_last_is_replaced(left: Left) -> None:
    pod = next(one for one in left.pods() if one["metadata"]["name"].startswith("web"))
    second = copy.deepcopy(pod)
    second["metadata"] |= {"name": f"{pod['metadata']['name']}-2", "uid": "second"}
    left.store.load(second)
    left.store.edit("Deployment", "web", SHOP, lambda one: one["spec"].update(replicas=2))
    left.new_pod = unready
    result = left.run(classes=["agent_without_manager"], exclude_namespaces=["manager-system"])
    assert len([line for line in left.writes() if "/web-" in line]) == 1
    assert "is not ready" in result["failed_leftovers"][-1]["message"]
    left.new_pod = clean
    left.store.load(clean(pod))
    result = left.run(classes=["agent_without_manager"])
    assert len([line for line in left.writes() if "/web-" in line]) == 2
    assert [one["spec"]["containers"][0]["name"] for one in left.pods() if "web" in one["metadata"]["name"]].count(
        "traffic-agent"
    ) == 0


def test_a_workload_that_shrinks_meanwhile_needs_no_new_pod(left: Left) -> None:
    def shrink(pod: Obj) -> Obj | None:
        if not pod["metadata"]["name"].startswith("web"):
            return clean(pod)
        left.store.edit("Deployment", "web", SHOP, lambda one: one["spec"].update(replicas=0))
        return None

    left.new_pod = shrink
    assert classes(left.run()["removed"]) == ALL


# Races and faults -----------------------------------------------------------------------------------------------------

DELETE_WEBHOOK = script.on("delete", "mutatingwebhookconfigurations")


def test_an_object_that_is_made_anew_between_look_and_write_is_looked_at_again(left: Left) -> None:
    def anew(request: Request) -> None:
        claim = left.store.get("ConfigMap", "traffic-manager-claim", SHOP)
        assert claim is not None
        claim["metadata"]["uid"] = "another"
        claim["data"]["owned-by"] = "kube-system"
        left.store.load(claim)

    left.server.script(script.on("delete", "configmaps", name="traffic-manager-claim"), anew)
    result = left.run(classes=["orphan_claim"])
    assert classes(result["removed"]) == ALL[-1:]
    assert [one.status for one in left.server.writes] == [409, 200]


def test_a_manager_that_comes_back_between_look_and_write_keeps_its_webhook(left: Left) -> None:
    """The deletion is refused because the manager renewed the webhook, and the next look finds its Service."""

    def back(request: Request) -> None:
        left.store.load(*recorded("restarted", *KINDS))
        left.store.edit(
            "MutatingWebhookConfiguration", "agent-injector-webhook-manager-system", "", lambda one: one.update(x=1)
        )

    left.server.script(DELETE_WEBHOOK, back)
    result = left.run(classes=["dead_webhook"])
    assert [one.status for one in left.server.writes] == [409]
    assert (result["removed"], result["changed"]) == ([], False)
    assert "Somebody else has put it right meanwhile." in [one["message"] for one in result["skipped_leftovers"]]


def test_a_manager_that_came_back_since_the_first_look_keeps_its_webhook(left: Left) -> None:
    """The webhook itself is as it was, so that no version protects it: the look before the write does."""

    def nothing(request: Request) -> None:
        pass

    def back(request: Request) -> None:
        kinds = [kind for kind in KINDS if kind != "MutatingWebhookConfiguration"]
        left.store.load(*recorded("restarted", *kinds))

    left.server.script(script.on("list", "namespaces"), nothing, back)
    result = left.run(classes=["dead_webhook"])
    assert (left.writes(), result["removed"]) == ([], [])
    assert ALL[0] in classes(result["skipped_leftovers"])


def test_what_changes_all_the_time_is_left_to_the_next_run(left: Left) -> None:
    def touch(request: Request) -> None:
        left.store.edit("ConfigMap", "traffic-manager-claim", SHOP, lambda one: one["data"].update(x=str(id(request))))

    left.server.script(script.on("delete", "configmaps", name="traffic-manager-claim"), touch, times=script.FOREVER)
    result = left.run(classes=["orphan_claim"])
    assert [one.status for one in left.server.writes] == [409, 409, 409]
    assert "modified" in result["failed_leftovers"][0]["message"] and result["changed"] is False


def test_a_pod_of_the_same_name_is_not_evicted_in_the_place_of_the_other(left: Left) -> None:
    pod = next(one for one in left.pods() if one["metadata"]["name"].startswith("web"))

    def anew(request: Request) -> None:
        new = clean(pod)
        new["metadata"]["name"] = pod["metadata"]["name"]
        left.store.load(new)

    left.server.script(script.on("create", "pods", "eviction", name=pod["metadata"]["name"]), anew)
    assert classes(left.run()["removed"]) == ALL
    assert pod["metadata"]["name"] in [one["metadata"]["name"] for one in left.pods()]


def test_what_a_finalizer_keeps_is_not_said_to_be_removed(left: Left) -> None:
    left.store.edit(
        "ConfigMap", "traffic-manager-claim", SHOP, lambda one: one["metadata"].update(finalizers=["shop/keep"])
    )
    result = left.run(classes=["orphan_claim"])
    assert result["removed"] == []
    assert result["failed_leftovers"][0]["message"] == (
        f"The cluster took the order to delete {CLAIM}, but that is still there. Done: delete {CLAIM}."
    )


FAULTS = [
    pytest.param(status.ApiError(403, "Forbidden", "no"), False, id="403"),
    pytest.param(status.too_many_requests(), True, id="429"),
    pytest.param(status.unavailable(), True, id="503"),
    pytest.param(script.Reset(), True, id="reset"),
    pytest.param(script.Reset(acts=True), True, id="reset-after-it-was-done"),
    pytest.param(script.Truncate(), True, id="cut-off"),
]
WRITES = [
    pytest.param(DELETE_WEBHOOK, "dead_webhook", id="webhook"),
    pytest.param(script.on("patch", "configmaps"), "replaced_container", id="key"),
    pytest.param(script.on("create", "pods", "eviction"), "replaced_container", id="eviction"),
    pytest.param(script.on("delete", "configmaps", name="telepresence-agents"), "orphan_agents_config", id="config"),
    pytest.param(script.on("delete", "configmaps", name="traffic-manager-claim"), "orphan_claim", id="claim"),
]


@pytest.mark.parametrize(("fault", "passes"), FAULTS)
@pytest.mark.parametrize(("write", "name"), WRITES)
def test_every_write_failing_once(left: Left, write: Any, name: str, fault: Any, passes: bool) -> None:
    left.server.script(write, fault)
    result = left.run()
    failed = [one["class"] for one in result["failed_leftovers"]]
    if passes:
        assert failed == [] and classes(result["removed"]) == ALL
    else:
        assert failed == [name]
        rest = {one for one in ALL if one[0] != name}
        # What goes on mounting it keeps it.
        assert set(classes(result["removed"])) >= rest - {ALL[3]}
        left.run()
    assert left.run()["leftovers"] == []


@pytest.mark.parametrize(("write", "name"), WRITES)
def test_every_write_failing_for_good(left: Left, write: Any, name: str) -> None:
    left.server.script(write, status.unavailable(), times=script.FOREVER)
    result = left.run()
    failed = [one for one in result["failed_leftovers"] if one["class"] == name]
    assert "is not known" in failed[0]["message"] and f"{name} of" in result["msg"]


def test_a_write_whose_answer_got_lost_for_good_is_looked_for(left: Left) -> None:
    left.server.script(DELETE_WEBHOOK, script.Reset(acts=True))
    left.server.script(DELETE_WEBHOOK, status.unavailable(), times=3)
    result = left.run(classes=["dead_webhook"])
    assert (classes(result["removed"]), result["changed"]) == (ALL[:1], True)


def test_a_cluster_that_can_no_longer_be_read_ends_the_run_with_what_was_done(left: Left) -> None:
    left.server.script(script.on("patch", "configmaps"), lambda request: left.server.deny("list", "pods"))
    result = left.run()
    assert classes(result["removed"]) == ALL[:1] and result["changed"] and result["failed"]
    assert "may not list pods" in result["msg"]


# Edits of old clients -------------------------------------------------------------------------------------------------


@pytest.fixture
def edited(left: Left) -> Left:
    """A Deployment and its Service that a client of 2.5 changed, beside all else."""
    for one, version in ((EDITED, "apps/v1"), (service(), "v1")):
        left.store.load({**one, "apiVersion": version, "metadata": {**one["metadata"], "namespace": "old"}})
    return left


OLD = ("edited_object", "Deployment old/web")
PUT = script.on("update", namespace="old")


def test_what_an_old_client_changed_is_put_back_the_service_first(edited: Left) -> None:
    planned = edited.run(check=True, namespaces=["old"])
    done = edited.run(namespaces=["old"])
    assert classes(planned["removed"]) == classes(done["removed"]) == [OLD]
    assert planned["diff"] == done["diff"]
    assert edited.writes() == [
        "PUT /api/v1/namespaces/old/services/web",
        "PUT /apis/apps/v1/namespaces/old/deployments/web",
    ]
    found = edited.store.get("Deployment", "web", "old")
    assert found and found["spec"] == BEFORE["spec"]
    assert edited.run(namespaces=["old"])["leftovers"] == []


def test_what_a_deployment_hands_down_to_its_replica_sets_is_not_theirs(edited: Left) -> None:
    owner = {"kind": "Deployment", "name": "web", "uid": EDITED["metadata"]["uid"], "controller": True}
    meta = {**EDITED["metadata"], "name": "web-5d", "namespace": "old", "uid": "rs", "ownerReferences": [owner]}
    edited.store.load({**EDITED, "apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": meta})
    assert len(edited.run(check=True, namespaces=["old"])["leftovers"]) == 2


def test_what_differs_is_shown_with_the_patch(edited: Left) -> None:
    def other(one: Obj) -> None:
        one["spec"]["template"]["spec"]["containers"][0]["image"] = "own"

    edited.store.edit("Deployment", "web", "old", other)
    result = edited.run(namespaces=["old"])
    assert classes(result["skipped_leftovers"]) == [OLD, ("edited_object", "Service old/web")]
    assert result["skipped_leftovers"][0]["patch"][-1]["op"] == "remove" and edited.writes() == []


@pytest.mark.parametrize(("fault", "passes"), FAULTS)
def test_an_edit_that_fails_once(edited: Left, fault: Any, passes: bool) -> None:
    edited.server.script(PUT, fault)
    result = edited.run(namespaces=["old"])
    assert [one["class"] for one in result["failed_leftovers"]] == ([] if passes else ["edited_object"])
    edited.run(namespaces=["old"])
    assert edited.run(namespaces=["old"])["leftovers"] == []


def test_an_edit_that_somebody_else_makes_meanwhile_is_kept(edited: Left) -> None:
    def scale(request: Request) -> None:
        edited.store.edit("Deployment", "web", "old", lambda one: one["spec"].update(replicas=7))

    edited.server.script(script.on("update", "deployments"), scale)
    assert classes(edited.run(namespaces=["old"])["removed"]) == [OLD]
    found = edited.store.get("Deployment", "web", "old")
    assert found and found["spec"]["replicas"] == 7
    assert [one.status for one in edited.server.writes] == [200, 409, 200]


# Options and rights ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("option", ["deadline", "wait_timeout", "wait_sleep"])
def test_a_number_that_makes_no_sense(left: Left, option: str) -> None:
    assert left.run(False, **{option: 0})["msg"] == f"Option {option} is 0, but at least 1 is needed."


GRANTED = grants(read("leftovers")[0])
NOT_ASKED_FOR = {
    "create pods/portforward": "needed from Kubernetes 1.35 on",
    "get pods/portforward": "without it intercepts are unknown",
    "list endpointslices (discovery.k8s.io)": "without it a webhook that does not answer is not known",
    "list events": "without it denied pods are not known",
    "get namespaces named kube-system": "without it the identity is the CA",
}


def allowing(rights: list[Grant]) -> Callable[[Access], bool]:
    """Decides as a cluster does in which an account has these rights."""

    def authorize(access: Access) -> bool:
        resource = f"{access.resource}/{access.subresource}" if access.subresource else access.resource
        return any(right.covers(access.verb, access.group, resource, access.name) for right in rights)

    return authorize


def test_the_manifest_of_the_docs_is_enough(left: Left) -> None:
    left.server.authorize = allowing(GRANTED)
    assert classes(left.run()["removed"]) == ALL
    assert [request for request in left.server.requests if request.status == 403] == []


@pytest.mark.parametrize("lacking", GRANTED, ids=str)
def test_a_right_that_lacks_is_named_before_anything_is_done(left: Left, lacking: Grant) -> None:
    left.server.authorize = allowing([one for one in GRANTED if one != lacking])
    result = left.run(check=True)
    if str(lacking) in NOT_ASKED_FOR:
        assert classes(result["removed"]) == ALL
    else:
        assert f"{lacking} in all namespaces" in result["msg"]


def test_rights_are_needed_for_the_classes_alone(left: Left) -> None:
    for resource in ("configmaps", "secrets", "jobs", "pods"):
        left.server.deny("delete", resource)
    left.server.deny("create", "pods", "eviction")
    left.server.deny("list", "secrets")
    assert classes(left.run(classes=["dead_webhook"])["removed"]) == ALL[:1]


def test_rights_to_write_are_needed_in_the_namespaces_alone(left: Left) -> None:
    left.server.deny("delete", "configmaps", namespace="other")
    assert "delete configmaps in all namespaces" in left.run(classes=["orphan_claim"])["msg"]
    assert classes(left.run(classes=["orphan_claim"], namespaces=[SHOP])["removed"]) == ALL[-1:]
