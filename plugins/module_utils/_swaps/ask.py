# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Puts the questions to the pods of one session: pod proxy first, then exec and log."""

from __future__ import annotations

import typing as t

from .._cluster.api import Api
from .._cluster.errors import ClusterError
from .._cluster.execute import execute
from .._cluster.kinds import (
    DEPLOYMENT,
    DEPLOYMENT_CONFIG,
    POD,
    REPLICATION_CONTROLLER,
    Object,
    dig,
    uid,
    whole,
)
from .._cluster.reach import Reached, reach
from . import address, log, question
from .liveness import Judgement, Reading, Rules, best, judge
from .sessions import SELECTOR, Session, created

KEEPERS = {kind.name: kind for kind in (DEPLOYMENT, DEPLOYMENT_CONFIG, REPLICATION_CONTROLLER)}
"""The workloads that are proxies, or hold one."""
LONGEST_ANSWER = 4.0
"""Seconds to wait for a client through the pod proxy; one that lives takes milliseconds."""


def look(
    api: Api, session: Session, probe: str, deadline: float, rules: Rules, before: t.Mapping[str, Reading]
) -> tuple[Judgement, list[Reading]]:
    """The verdict on a session, and the readings of its pods, first the one that it stands on (none where there is no pod).

    ``before``: earlier readings of its pods, by name. Never raises for a pod that cannot be asked: that is ``unknown``.
    """
    if session.terminating:
        return Judgement("terminating", "The proxy is being deleted.", firm=False), []
    if not session.pods:
        return _without_pod(session, api.now() - session.created, rules), []
    readings = [_read(api, session, pod, probe, deadline, pod["metadata"]["name"] in before) for pod in session.pods]
    judgement, reading = best((judge(reading, rules, before.get(reading.pod)), reading) for reading in readings)
    if judgement.verdict == "terminating" and _stands(api, session):
        # The proxy stands; only its pod goes, perhaps to another node, and nobody has asked the client.
        judgement = Judgement("unknown", "The proxy's only pod is being deleted.", firm=False)
    return judgement, sorted(readings, key=lambda one: one is not reading)


def _stands(api: Api, session: Session) -> bool:
    """Whether the workload that keeps the proxy's pods is not being deleted at this moment; False where nothing keeps them.

    It was listed before its pods were asked: somebody may have deleted it in between, which is the end of its pods as well.
    """
    keepers = {proxy["kind"]: uid(proxy) for proxy in session.proxies if proxy["kind"] != POD.name}
    try:
        return any(
            uid(one) == keeper and not _goes(one)
            for kind, keeper in keepers.items()
            for one in api.list(KEEPERS[kind], session.namespace, SELECTOR, metadata_only=True)
        )
    except ClusterError:
        return True


def _without_pod(session: Session, age: float, rules: Rules) -> Judgement:
    # A DeploymentConfig that was changed in place also counts the pods of its other rollouts.
    if any(whole(dig(proxy, "status", "replicas")) for proxy in session.rollouts or session.proxies):
        return Judgement("unknown", "The proxy's pods do not carry the session's label.", firm=False)
    what = "proxy has no pod" if session.proxies else "session has no proxy, only a Service"
    if age < rules.start_window:
        return Judgement("starting", f"The {what} yet.")
    return Judgement("ended", f"The {what}.")


def _read(api: Api, session: Session, pod: Object, probe: str, deadline: float, again: bool) -> Reading:
    """One look at a pod. ``again``: it is not the first, so that the pod as it was listed is no longer news."""
    name = str(pod["metadata"]["name"])
    present = _present(api, session, pod) if again else pod
    state, instance = container_state(present or pod, session.container)
    known: dict[str, t.Any] = {
        "pod": name,
        "age": api.now() - created(pod),
        "state": state,
        "instance": instance,
        "polled": session.polled,
        "terminating": _goes(present),
    }
    if state != "running" or known["terminating"]:
        return Reading(**known)
    where = (session.namespace, name, str(session.container))
    reached = None if probe == "exec" else _through_proxy(api, "HEAD", session.namespace, name, deadline)
    if reached and address.is_client("HEAD", reached):
        return Reading(**known, alive_by_proxy=True)
    try:
        if probe == "pod_proxy":
            return _without_exec(api, present or pod, where, reached, deadline, known)
        answer = _answer(api, *where, deadline)
        written = _log(api, *where, deadline)
    except ClusterError as error:
        return _look_again(api, session, pod, known, error)
    return Reading(**known, answer=answer, log=written)


def _without_exec(
    api: Api,
    pod: Object,
    where: tuple[str, str, str],
    reached: Reached | None,
    deadline: float,
    known: dict[str, t.Any],
) -> Reading:
    """One look at a pod in which nothing may be run: whether its own address refuses, and what its log says of that.

    ``reached`` is the answer to HEAD. Raises ClusterError where the address does not refuse.
    """
    namespace, name, container = where
    between = address.shared_with(pod, container)
    if between:
        raise ClusterError(f"Without exec, {between} may be what speaks for the proxy on port 9055.", reason="Shared")
    if reached and reached.status == 503:
        # HEAD has no body. A client that lives would show this request to its developer, so it is not put first.
        reached = _through_proxy(api, "GET", namespace, name, deadline)
    if reached and address.is_client("GET", reached):
        return Reading(**known, alive_by_proxy=True)
    if reached is None or not address.refuses(pod, reached):
        said = f"HTTP {reached.status}" if reached else "nothing in time"
        raise ClusterError(
            f"Through the pod proxy it said {said}, which is neither a client's answer nor a refusal by the pod's own address.",
            status=reached.status if reached else None,
            reason="NoAnswer",
        )
    return Reading(**known, refused_at=api.now(), log=_log(api, *where, deadline))


def _look_again(api: Api, session: Session, pod: Object, known: dict[str, t.Any], error: ClusterError) -> Reading:
    """The reading after a question failed: the pod may have gone, or its container ended, since it was listed.

    A process in a container that ends is killed, and then it was not its answer that was none.
    """
    if error.status in (404, 500) or error.reason == "NoAnswer":
        present = _present(api, session, pod)
        if present is None or _goes(present):
            return Reading(**{**known, "terminating": True})
        state, instance = container_state(present, session.container)
        if state != "running":
            return Reading(**{**known, "state": state, "instance": instance})
    return Reading(**known, problem=str(error))


def _present(api: Api, session: Session, pod: Object) -> Object | None:
    """The pod as it is now, None where it has gone or another has its name; as it was where it cannot be read."""
    namespace, name = session.namespace, str(pod["metadata"]["name"])
    try:
        present: Object = api.get(POD.path(namespace, name), f"read pod {namespace}/{name}").body
    except ClusterError as error:
        return None if error.status == 404 else pod
    return present if uid(present) == uid(pod) else None


def _goes(obj: Object | None) -> bool:
    """Whether an object has gone, or is being deleted."""
    return obj is None or bool(obj["metadata"].get("deletionTimestamp"))


def container_state(pod: Object, container: str | None) -> tuple[str, str]:
    """(state, instance) of a pod's proxy container: see Reading. The instance is empty until it first ran."""
    status = pod.get("status") or {}
    if status.get("phase") in ("Failed", "Succeeded"):
        return "over", ""
    if container is None:
        return "missing", ""
    statuses = status.get("containerStatuses") or []
    of_proxy: Object = next((one for one in statuses if one.get("name") == container), {})
    state = of_proxy.get("state") or {}
    instance = str(of_proxy.get("containerID") or "")
    # Of a pod in phase Unknown, whose node was lost, nothing is known but what it says itself.
    if "running" in state or status.get("phase") == "Unknown":
        return "running", instance
    if "terminated" in state and (pod.get("spec") or {}).get("restartPolicy") == "Never":
        return "over", instance
    return "waiting", instance


def _through_proxy(api: Api, method: str, namespace: str, pod: str, deadline: float) -> Reached | None:
    """What port 9055 said through the API server, None where no answer came in time."""
    try:
        return reach(api, method, namespace, pod, question.ALIVE_PORT, min(deadline, LONGEST_ANSWER))
    except ClusterError:
        return None


def _answer(api: Api, namespace: str, pod: str, container: str, deadline: float) -> question.Answer:
    finished = execute(api, namespace, pod, container, question.command(deadline), deadline)
    answer = question.parse(finished.stdout) if finished.exit_code == 0 else None
    if answer is None:
        raise ClusterError(
            f"Failed to ask pod {namespace}/{pod} on {api.server}: the probe ended with {finished.exit_code} and gave no answer.",
            reason="NoAnswer",
        )
    return answer


def _log(api: Api, namespace: str, pod: str, container: str, deadline: float) -> log.Log:
    """The log of the container's present instance (the API server leaves earlier instances out unless asked)."""
    query = [("container", container), ("timestamps", "true"), ("tailLines", log.TAIL), ("limitBytes", log.MOST)]
    return log.parse(
        api.text(POD.path(namespace, pod, "log"), f"read the log of pod {namespace}/{pod}", query, deadline)
    )
