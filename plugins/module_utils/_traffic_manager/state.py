# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What Telepresence 2 notes in a cluster: ConfigMaps of agents, claims of namespaces, jobs of the chart's hooks, and Helm's releases."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from .._cluster import clock
from .._cluster.foreign import clean
from .._cluster.kinds import Object, dig, labels_of
from .agents import replaced_by
from .managers import AGENTS, CLAIM

try:
    import yaml
except ImportError:  # kubernetes depends on it; connect() says so where both are missing
    yaml = None  # type: ignore[assignment]

_PROGRAM = re.compile(r"(^|/)tel2([:@]|$)")
_DENIAL = re.compile(r'admission webhook "agent-injector\S*" denied the request.*', re.DOTALL)
"""What an API server makes of a refusal (k8s.io/apiserver, pkg/admission/plugin/webhook/errors/statuserror.go)."""
HOOK_JOBS = ("uninstall-agents", "upgrade-legacy", "traffic-manager-migrate-statefulset")
"""Jobs that Helm starts and removes (templates/pre-delete-hook.yaml of 2.6.8 to 2.27.4, post-upgrade-hook.yaml of 2.6.8)."""


@dataclass(frozen=True)
class Entry:
    """What a ConfigMap of agents says of one workload. ``replaced``: containers of the application that are to be replaced."""

    workload: str
    kind: str | None
    manual: bool
    replaced: tuple[str, ...]


@dataclass(frozen=True)
class AgentsConfig:
    """One ConfigMap of agents."""

    namespace: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Claim:
    """A namespace that says which manager serves it: the one in namespace ``owner``."""

    namespace: str
    owner: str | None


@dataclass(frozen=True)
class HookJob:
    """A job of the chart that is there. ``finished``: ``Complete``, ``Failed``, or None where it still runs."""

    namespace: str
    name: str
    finished: str | None


@dataclass(frozen=True)
class Denied:
    """Pods that a webhook denied to a workload, although it may fail without harm: what it answered last."""

    namespace: str
    workload: str
    message: str


@dataclass(frozen=True)
class Release:
    """The newest revision of a Helm release. ``changed``: seconds since the epoch, by the API server's clock."""

    namespace: str
    name: str
    status: str
    revision: int
    changed: float | None


def agents_configs(configs: t.Iterable[Object]) -> list[AgentsConfig]:
    """The ConfigMaps of agents among all ConfigMaps."""
    return [
        AgentsConfig(
            namespace=one["metadata"]["namespace"],
            entries=tuple(_entry(key, value) for key, value in sorted((one.get("data") or {}).items())),
        )
        for one in configs
        if one["metadata"]["name"] == AGENTS
    ]


def claims(configs: t.Iterable[Object]) -> list[Claim]:
    """The claims among all ConfigMaps."""
    return [
        Claim(one["metadata"]["namespace"], dig(one, "data", "owned-by"))
        for one in configs
        if one["metadata"]["name"] == CLAIM
    ]


def hook_jobs(jobs: t.Iterable[Object]) -> list[HookJob]:
    """The jobs of the chart's hooks among all Jobs: by name, and by the chart that their label names."""
    return [
        HookJob(one["metadata"]["namespace"], one["metadata"]["name"], _finished(one))
        for one in jobs
        if one["metadata"]["name"] in HOOK_JOBS and labels_of(one).get("helm.sh/chart", "").startswith("telepresence")
    ]


def node_agents(jobs: t.Iterable[Object]) -> list[HookJob]:
    """The jobs of node agents, which managers from 2.30 on start and end.

    None was seen: their program is that of the manager, and the role for them is named so (templates of the chart from 2.30 on).
    """
    return [
        HookJob(one["metadata"]["namespace"], one["metadata"]["name"], _finished(one))
        for one in jobs
        for container in (dig(one, "spec", "template", "spec", "containers") or [])[:1]
        if _PROGRAM.search(str(container.get("image")))
        and "node-agent" in [*(container.get("args") or ()), container["name"]]
    ]


def denied(events: t.Iterable[Object]) -> list[Denied]:
    """The workloads to which a webhook denied pods, from the Events that tell of pods that could not be created."""
    found: dict[tuple[str, str], Denied] = {}
    for event in sorted(events, key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime") or "")):
        match = _DENIAL.search(str(event.get("message")))
        if match and event.get("reason") == "FailedCreate":
            namespace = event["metadata"]["namespace"]
            workload = f"{dig(event, 'involvedObject', 'kind')} {namespace}/{dig(event, 'involvedObject', 'name')}"
            found[(namespace, workload)] = Denied(namespace, workload, clean(match[0]))
    return [found[key] for key in sorted(found)]


def releases(secrets: t.Iterable[Object], names: t.Container[str]) -> list[Release]:
    """The newest revision of each release of a traffic-manager, from the metadata of Helm's Secrets.

    ``names`` are those of the releases that known managers belong to, as (namespace, name).
    """
    newest: dict[tuple[str, str], Release] = {}
    for secret in secrets:
        labels, namespace = labels_of(secret), secret["metadata"]["namespace"]
        key = (namespace, labels.get("name", ""))
        number = revision(secret)
        if not _is_ours(key, names) or (key in newest and newest[key].revision >= number):
            continue
        newest[key] = Release(*key, labels.get("status", "unknown"), number, _changed(secret))
    return [newest[key] for key in sorted(newest)]


def revision(secret: Object) -> int:
    """The revision of a release that one of Helm's Secrets is about; 0 where it does not say."""
    text = labels_of(secret).get("version", "")
    return int(text) if text.isdecimal() else 0


def _is_ours(key: tuple[str, str], names: t.Container[str]) -> bool:
    return key[1] == "traffic-manager" or key[1].startswith("traffic-manager-") or f"{key[0]}/{key[1]}" in names


def _changed(obj: Object) -> float | None:
    """When an object was last written: Helm's own labels carry the clock of whoever ran it."""
    times = [clock.parse(field.get("time")) for field in obj["metadata"].get("managedFields") or []]
    times.append(clock.parse(obj["metadata"].get("creationTimestamp")))
    return max((time for time in times if time is not None), default=None)


def _entry(key: str, text: t.Any) -> Entry:
    try:
        value = yaml.safe_load(str(text))
    except yaml.YAMLError:
        value = None
    return Entry(
        workload=key,
        kind=dig(value, "workloadKind"),
        manual=bool(dig(value, "manual")),
        replaced=replaced_by(value),
    )


def _finished(job: Object) -> str | None:
    done = [dig(one, "type") for one in dig(job, "status", "conditions") or [] if dig(one, "status") == "True"]
    return next((str(one) for one in done if one in ("Complete", "Failed")), None)
