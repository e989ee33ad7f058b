"""What anybody may write into a cluster, and what a pod may answer: never more than a text in the result, and never a long one."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.foreign import LONGEST_TEXT
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.page import page
from ansible_collections.devclusters.telepresence.plugins.module_utils._results.text import (
    digest,
    session_lines,
    session_problem,
)

from wire import exec as exec_
from wire import server as wire_server
from wire import status
from wire.script import FOREVER, on
from wire.store import Obj

from .cluster import DEPLOYMENT_2, POD_3, Cluster, only

SHORT = "{{ lookup('pipe', 'id') }}{% raw %}\x1b[31m\x1b]0;title\x07\x9b1m<script>alert(1)</script>\r\n\x00\x7f\u202e\u2066&'\""
LONG = SHORT + "x" * 2**20
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
NESTED = "[" * 100_000
Result = dict[str, Any]


def texts(value: Any) -> Iterator[str]:
    """Every text in nested data, keys as well."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from (key, *texts(item))
    elif isinstance(value, list):
        for item in value:
            yield from texts(item)
    elif isinstance(value, str):
        yield value


def harmless(result: Result) -> Result:
    """The result, after a look for anything in it, and in what is shown of it, that steers, or goes on for ever."""
    said = {key: value for key, value in result.items() if key != "invocation"}
    shown = [session_lines(said), session_problem(said), digest(said)]
    shown.append(page({"generated": "2026-11-22T04:42:00Z", "check_mode": False, "clusters": {"it": said}}))
    for text in texts([said, shown]):
        assert not [character for character in text.replace("\\\n", "") if unicodedata.category(character)[0] == "C"]
        assert len(text) <= 2 * LONGEST_TEXT
    assert len(json.dumps(said)) < 40_000
    return result


def change(cluster: Cluster, kind: str, edit: Callable[[Obj], None]) -> None:
    """Edits every stored object of a kind in namespace default."""
    for obj in cluster.store.all(kind):
        if obj["metadata"]["namespace"] == "default":
            edit(obj)
            cluster.store.load(obj)


def annotate(obj: Obj, **annotations: str) -> None:
    obj["metadata"].setdefault("annotations", {}).update(annotations)


def proxy_container(pod: Obj) -> Obj:
    """The container of the proxy in a pod."""
    container: Obj = next(one for one in pod["spec"]["containers"] if "telepresence" in one["image"])
    return container


def managed(text: str) -> dict[str, str]:
    """The marks of whoever manages a workload."""
    return {
        "app.kubernetes.io/managed-by": "Helm",
        "meta.helm.sh/release-namespace": text,
        "meta.helm.sh/release-name": text,
        "argocd.argoproj.io/tracking-id": text,
        "kustomize.toolkit.fluxcd.io/name": text,
        "helm.toolkit.fluxcd.io/name": text,
    }


def tag(pod: Obj, text: str) -> None:
    proxy_container(pod)["image"] = f"registry.example/telepresence-k8s:{text}"


def environment(pod: Obj, text: str) -> None:
    proxy_container(pod)["env"] += [{"name": "HOSTILE", "value": text}]
    proxy_container(pod)["args"] = [text]


def events(event: Obj, text: str) -> None:
    event["message"] = text


PLANTED: dict[str, tuple[str, Callable[[Obj, str], None]]] = {
    "the proxy's image": ("Pod", tag),
    "the proxy's environment": ("Pod", environment),
    "the proxy's annotations": ("Pod", lambda pod, text: annotate(pod, hostile=text, **managed(text))),
    "the original's managers": ("Deployment", lambda web, text: annotate(web, **managed(text))),
    "the original's last-applied": ("Deployment", lambda web, text: annotate(web, **{LAST_APPLIED: text})),
    "nothing but brackets": ("Deployment", lambda web, text: annotate(web, **{LAST_APPLIED: NESTED})),
    "a count of 5000 digits": (
        "Deployment",
        lambda web, text: annotate(web, **{LAST_APPLIED: '{"spec": {"replicas": %s}}' % ("9" * 5000)}),
    ),
    "a count that is a text": (
        "Deployment",
        lambda web, text: annotate(web, **{LAST_APPLIED: json.dumps({"spec": {"replicas": text}})}),
    ),
    "telepolice's annotations": (
        "Pod",
        lambda pod, text: annotate(
            pod,
            **{"telepolice/original-deployment": "web", "telepolice/original-deployment-replicas": "9" * 5000},
        ),
    ),
    "ReplicaSets": (
        "ReplicaSet",
        lambda one, text: annotate(
            one,
            **{
                "deployment.kubernetes.io/revision": "9" * 5000,
                "deployment.kubernetes.io/desired-replicas": "٣" * 5000,
            },
        ),
    ),
    "events": ("Event", events),
    "events of a count": (
        "Event",
        lambda event, text: events(event, f"Scaled down replica set web-1 from {'9' * 900} to 0"),
    ),
}


@pytest.mark.parametrize("what", PLANTED)
@pytest.mark.parametrize("text", [SHORT, LONG], ids=["short", "a megabyte"])
@pytest.mark.parametrize("case", [POD_3, DEPLOYMENT_2])
def test_what_is_planted_in_the_cluster_stays_a_text(cluster: Cluster, what: str, text: str, case: str) -> None:
    cluster.stage(case)
    kind, plant = PLANTED[what]
    change(cluster, kind, lambda obj: plant(obj, text))
    record = only(harmless(cluster.run(trust="historic")))
    assert record["outcome"] in ("restored", "needs_decision")
    # The best evidence is none of these, but where events were it.
    assert record["replicas"] in ((3, 2, None) if "events" in what else (3,) if case == POD_3 else (2,))


def ran(stdout: str) -> exec_.Ran:
    return exec_.Ran(stdout.encode("utf-8", "surrogatepass"), SHORT.encode())


def answer(**said: Any) -> str:
    """The probe's line, with some of it replaced."""
    line = {"telepresence_probe": 1, "clock": 0.0, "head": "refused", "text": "", "listening": False}
    return json.dumps({**line, "sshd": True, "tunnels": 0, **said})


EXEC: dict[str, exec_.Outcome] = {
    "a text": ran(SHORT),
    "a megabyte": ran(LONG),
    "brackets": ran("[" * 60_000),
    "an error": exec_.NotRun(LONG),
    "an exit code": exec_.Ran(SHORT.encode(), LONG.encode(), 3),
    "a hostile clock": ran(answer(clock=SHORT)),
    "a huge clock": ran(answer(clock=10**300)),
    "a hostile head": ran(answer(clock=1.7e9, head=SHORT, text=SHORT)),
    "half a character": ran(answer(clock=1.7e9, head="answered", text="HTTP/1.0 200 OK\ud800")),
    "too many tunnels": ran(answer(clock=1.7e9, tunnels=10**4000)),
    "no sentinel": ran(json.dumps({"telepresence_probe": SHORT})),
}


@pytest.mark.parametrize("what", EXEC)
def test_a_pod_that_lies_to_exec_proves_nothing(cluster: Cluster, what: str) -> None:
    pod = cluster.stage()
    cluster.server.exec("default", pod, EXEC[what])
    record = only(harmless(cluster.run()))
    assert record["verdict"] == "unknown"
    # What the pod said was cut by itself, and the sentence goes on behind it.
    assert record["reason"].endswith(".")
    assert cluster.writes == []


@pytest.mark.parametrize(
    "line",
    [SHORT, LONG, "[Poll#info] Checkpoint " + SHORT, "{{ x }} [Poll#info] Checkpoint"],
    ids=["short", "a megabyte", "behind a sign of life", "before a sign of life"],
)
def test_lines_of_a_log_are_not_believed_for_what_they_hold(cluster: Cluster, line: str) -> None:
    pod = cluster.stage()
    cluster.logs(pod, (1000.0, "[-] Loaded."), *((5.0, part) for part in line.split("\n")))
    record = only(harmless(cluster.run()))
    assert record["probes"]["log"]["last_alive"] is None
    assert record["outcome"] == "restored"


def test_no_more_than_a_megabyte_of_a_log_is_read(cluster: Cluster) -> None:
    pod = cluster.stage()
    cluster.logs(pod, *[(10.0, LONG)] * 20)
    harmless(cluster.run("orphans"))
    assert {request.param("limitBytes") for request in cluster.seen("get", "pods", "log")} == {str(2**20)}


FAULTS = {
    "403": lambda text: status.ApiError(403, text, text, {}),
    "409": lambda text: status.ApiError(409, text, text, {}),
    "422": lambda text: status.ApiError(422, text, text, {}),
    "500": lambda text: status.internal_error(text),
}


@pytest.mark.parametrize(
    ("verb", "resource", "subresource"),
    [
        ("list", "pods", ""),
        ("get", "pods", "log"),
        ("get", "pods", "exec"),
        ("update", "deployments", "scale"),
        ("delete", "pods", ""),
        ("create", "selfsubjectaccessreviews", ""),
    ],
)
@pytest.mark.parametrize("fault", FAULTS)
def test_error_messages_stay_texts(cluster: Cluster, verb: str, resource: str, subresource: str, fault: str) -> None:
    cluster.stage()
    cluster.server.script(on(verb, resource, subresource), FAULTS[fault](LONG), times=FOREVER)
    result = harmless(cluster.run())
    assert "{{ lookup('pipe', 'id') }}" in json.dumps(result)


def test_a_cluster_may_call_itself_anything(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(wire_server.VERSION, "gitVersion", LONG)
    monkeypatch.setattr(wire_server, "USER", LONG)
    cluster.stage()
    for module in ("info", "orphans", "restore"):
        result = cluster.run(module)
        said = {key: value for key, value in result.items() if key != "invocation"}
        assert len(json.dumps(said)) < 40_000 and "\\u001b" not in json.dumps(said)
        assert said["cluster"]["version"].startswith("{{ lookup")
