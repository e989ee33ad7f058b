"""kubernetes.core's client, which the product uses, works against the fake server, in a module's real ``main()``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.basic import AnsibleModule
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.client import K8SClient, get_api_client
from ansible_collections.kubernetes.core.plugins.module_utils.k8s.exceptions import CoreException
from kubernetes.dynamic.exceptions import ConflictError, DynamicApiError, NotFoundError

from wire import status
from wire.play import run_module
from wire.script import FOREVER, Reset, on
from wire.server import ApiServer
from wire.states import CASES

PROXY = "web-9bdd4ff98a184820b2d4027b00a9af39"


@pytest.fixture
def client(server: ApiServer, kubeconfig: str) -> K8SClient:
    server.store.load_file(CASES / "0.109-swap-web-pod-from-3.yaml")
    return get_api_client(kubeconfig=kubeconfig)


def _pods(client: K8SClient) -> Any:
    return client.resource("Pod", "v1")


def test_get_list_and_selectors(client: K8SClient) -> None:
    pods = _pods(client)
    assert pods.get(name=PROXY, namespace="default").metadata.uid
    assert [pod.metadata.name for pod in pods.get(label_selector="telepresence,app in (web, api)").items] == [PROXY]
    assert pods.get(label_selector="telepresence=manager").items == []
    events = client.resource("Event", "v1").get(
        field_selector="involvedObject.kind=Deployment,reason=ScalingReplicaSet"
    )
    assert len(events.items) == 4
    with pytest.raises(NotFoundError):
        pods.get(name="nobody", namespace="default")


def test_unsupported_field_selector_is_refused(client: K8SClient) -> None:
    with pytest.raises(DynamicApiError, match=r"spec.replicas.* is not a known field selector"):
        client.resource("Deployment", "apps/v1").get(field_selector="spec.replicas=0")


def test_patch_compares_the_version(server: ApiServer, client: K8SClient) -> None:
    deployments = client.resource("Deployment", "apps/v1")
    read = deployments.get(name="web", namespace="default")
    patch = {"metadata": {"resourceVersion": read.metadata.resourceVersion, "annotations": {"a": "b"}}}
    patched = deployments.patch(patch, name="web", namespace="default", content_type="application/merge-patch+json")
    assert patched.metadata.annotations.a == "b"
    assert int(patched.metadata.resourceVersion) > int(read.metadata.resourceVersion)
    with pytest.raises(ConflictError, match="the object has been modified"):
        deployments.patch(patch, name="web", namespace="default", content_type="application/merge-patch+json")
    assert [request.status for request in server.writes] == [200, 409]


def test_delete_compares_the_uid(server: ApiServer, client: K8SClient) -> None:
    pods = _pods(client)
    with pytest.raises(ConflictError, match=r"the UID in the precondition \(other\) does not match"):
        pods.delete(name=PROXY, namespace="default", body={"preconditions": {"uid": "other"}})
    uid = pods.get(name=PROXY, namespace="default").metadata.uid
    pods.delete(name=PROXY, namespace="default", body={"preconditions": {"uid": uid}})
    assert server.store.get("Pod", PROXY, "default") is None


def test_scale_through_the_subresource(server: ApiServer, client: K8SClient) -> None:
    scale = client.resource("Deployment", "apps/v1").subresources["scale"]
    read = scale.get(name="web", namespace="default").to_dict()
    assert read["spec"] == {}
    read["spec"]["replicas"] = 3
    assert scale.replace(read, name="web", namespace="default").spec.replicas == 3
    web = server.store.get("Deployment", "web", "default")
    assert web and web["spec"]["replicas"] == web["status"]["readyReplicas"] == 3
    with pytest.raises(ConflictError):
        scale.replace(read, name="web", namespace="default")


def test_create(server: ApiServer, client: K8SClient) -> None:
    maps = client.resource("ConfigMap", "v1")
    body = {"metadata": {"name": "record"}, "data": {"web": "3"}}
    maps.create(body, namespace="default")
    stored = server.store.get("ConfigMap", "record", "default")
    assert stored and stored["data"] == {"web": "3"}
    with pytest.raises(ConflictError, match="already exists"):
        maps.create(body, namespace="default")
    with pytest.raises(NotFoundError, match=r"nowhere.* not found"):
        maps.create(body, namespace="nowhere")


def _main(act: Callable[[AnsibleModule], dict[str, Any]]) -> Callable[[], None]:
    def main() -> None:
        module = AnsibleModule({"kubeconfig": {"type": "path"}}, supports_check_mode=True)
        module.exit_json(**act(module))

    return main


def _names(module: AnsibleModule) -> dict[str, Any]:
    client = get_api_client(kubeconfig=module.params["kubeconfig"])
    module.warn("a warning of this run")
    items = _pods(client).get(namespace="default").items
    return {"changed": False, "names": [item.metadata.name for item in items], "check": module.check_mode}


def test_a_module_runs(server: ApiServer, kubeconfig: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # As after another test has imported code of Ansible's controller, which ansible-core tells apart from 2.19 on.
    internal = sys.modules.get("ansible.module_utils._internal")
    if hasattr(internal, "is_controller"):
        monkeypatch.setattr(internal, "is_controller", True)
    server.store.load_file(CASES / "0.109-swap-web-pod-from-3.yaml")
    for check in (False, True):
        result = run_module(_main(_names), {"kubeconfig": kubeconfig}, check=check)
        assert (result["names"], result["check"], result["changed"]) == ([PROXY], check, False)
        # Once per run: what an earlier run warned of is forgotten.
        assert result["warnings"] == ["a warning of this run"]
    assert server.writes == []


def test_a_module_fails(kubeconfig: str) -> None:
    def main() -> None:
        AnsibleModule({"kubeconfig": {}}).fail_json(msg="It failed.", summary={"sessions": 0})

    result = run_module(main, {"kubeconfig": kubeconfig})
    assert (result["failed"], result["msg"], result["summary"]) == (True, "It failed.", {"sessions": 0})


def test_a_module_that_crashes_or_says_nothing_is_noticed(kubeconfig: str) -> None:
    with pytest.raises(ZeroDivisionError):
        run_module(_main(lambda module: {"changed": 1 // 0}), {"kubeconfig": kubeconfig})
    with pytest.raises(AssertionError, match="no single JSON object"):
        run_module(lambda: None, {})


def test_runs_do_not_see_each_other(server: ApiServer, kubeconfig: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's environment names no cluster, and the discovery is asked for anew by each run."""
    monkeypatch.setenv("K8S_AUTH_HOST", "https://192.0.2.1")
    monkeypatch.setenv("K8S_AUTH_API_KEY", "x")
    for _run in range(2):
        run_module(_main(_names), {"kubeconfig": kubeconfig})
    assert [request.path for request in server.requests].count("/version") == 2


def test_a_default_kubeconfig_is_the_tests_own(server: ApiServer, kubeconfig: str) -> None:
    assert run_module(_main(_names), {}, env={"KUBECONFIG": kubeconfig})["names"] == []
    with pytest.raises(CoreException, match="No configuration found"):
        run_module(_main(_names), {})


def test_denied_rights_show_in_requests_and_reviews(server: ApiServer, client: K8SClient) -> None:
    server.deny(resource="pods", namespace="default")
    reviews = client.resource("SelfSubjectAccessReview", "authorization.k8s.io/v1")
    expected = {"default": False, "other": True, "": False}
    for namespace, allowed in expected.items():
        attributes = {"verb": "list", "resource": "pods", "namespace": namespace}
        assert reviews.create({"spec": {"resourceAttributes": attributes}}).status.allowed is allowed
    with pytest.raises(DynamicApiError, match=r"cannot list resource .*pods.* at the cluster scope"):
        _pods(client).get()
    assert _pods(client).get(namespace="other").items == []
    assert server.writes == []


def test_who_is_asking(server: ApiServer, kubeconfig: str) -> None:
    client = get_api_client(kubeconfig=kubeconfig)
    review = client.resource("SelfSubjectReview", "authentication.k8s.io/v1").create({})
    assert review.status.userInfo.username == "system:serviceaccount:kube-system:recover"


def test_faults_wear_off(server: ApiServer, client: K8SClient) -> None:
    # The client repeats a GET by itself up to three times on 429 and 503 with Retry-After, and on a reset.
    pods = _pods(client)
    server.script(on("get", "pods", name=PROXY), status.internal_error("etcdserver: request timed out"))
    with pytest.raises(DynamicApiError, match="etcdserver: request timed out"):
        pods.get(name=PROXY, namespace="default")
    assert pods.get(name=PROXY, namespace="default").metadata.name == PROXY
    server.script(on("get", "pods", name=PROXY), status.too_many_requests(retry_after=0), Reset())
    assert pods.get(name=PROXY, namespace="default").metadata.name == PROXY
    answers = [request.status for request in server.requests if request.access.name == PROXY]
    assert answers == [500, 200, 429, None, 200]


def test_a_write_may_have_happened(server: ApiServer, client: K8SClient) -> None:
    server.script(on("delete", "pods"), Reset(acts=True))
    server.script(on("delete", "pods"), Reset(), times=FOREVER)
    with pytest.raises(Exception, match=r"reset by peer|Connection aborted"):
        _pods(client).delete(name=PROXY, namespace="default")
    assert server.store.get("Pod", PROXY, "default") is None
