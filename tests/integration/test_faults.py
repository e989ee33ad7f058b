"""A dozen faults between the modules and a real cluster, with real sessions: what `make faults` tries with scripted ones.

Each fault has a namespace of its own with an orphan in it; all look at one living session as well. They are played at the
same time, before the first test.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from kubernetes import config

from tests.faults.faults import REFUSALS, Fault, Hang, Killed, Reset, Stream, Truncated
from tests.faults.invariants import said, well
from tests.faults.proxy import FOREVER, FaultProxy, Rule
from tests.faults.run import Run
from tests.lab.client import Client
from tests.lab.scenes import Scene, broken_claims, clear, play, set_up
from tests.lab.target import clusters
from tests.lab.telepresence1.kubectl import Kubectl
from tests.lab.telepresence1.session import Session

POD = Scene("cart", 2, (("pod", "gone"),), ("stale",), ("restored",), after=2)
DEPLOYMENT = Scene("orders", 2, (("deployment", "gone"),), ("stale",), ("restored",), after=2)
LIVING = Scene("users", 1, (("pod", "alive"),), ("alive",), ("none",))
BOUND = 240.0
"""Seconds for a run, with the module's real pauses and time limits."""
STALE = 45.0
"""Seconds after which a session that was just left has been without its client for two polls."""


@dataclass(frozen=True)
class Trial:
    """One fault, and what must come of the run that meets it: whether that is well, and what it must say if not."""

    scene: Scene
    faults: Mapping[str, Fault]
    well: bool
    says: str = ""
    times: int = 1


TRIALS = {
    "scale-reset-after": Trial(POD, {"update deployments/scale cart": Reset(True)}, True),
    "scale-503-always": Trial(
        POD, {"update deployments/scale cart": REFUSALS["503"]}, False, "scale Deployment", FOREVER
    ),
    "scale-hangs": Trial(DEPLOYMENT, {"update deployments/scale orders": Hang(False)}, True),
    "scale-409": Trial(DEPLOYMENT, {"update deployments/scale orders": REFUSALS["409"]}, True),
    "killed-before-scale": Trial(POD, {"update deployments/scale cart": Killed(False)}, False),
    "killed-after-scale": Trial(POD, {"update deployments/scale cart": Killed(True)}, False),
    "killed-before-delete": Trial(DEPLOYMENT, {"delete deployments orders": Killed(False)}, False),
    "killed-after-delete": Trial(DEPLOYMENT, {"delete deployments orders": Killed(True)}, False),
    "delete-reset-after": Trial(POD, {"delete pods cart": Reset(True)}, True),
    "list-truncated": Trial(POD, {"list pods sessions": Truncated(True)}, True),
    "exec-cut": Trial(POD, {"get pods/exec cart": Stream(2)}, False, "exec into pod"),
    "log-403": Trial(POD, {"get pods/log cart": REFUSALS["403"]}, False, "read the log of pod"),
    "nobody-can-ask-the-living": Trial(
        POD,
        {"HEAD pods/proxy users": REFUSALS["503"], "get pods/exec users": REFUSALS["500"]},
        False,
        "exec into pod",
        FOREVER,
    ),
}


@dataclass
class Seen:
    """What was seen of a trial: the result of the run (None: it was killed), and the original and its proxy after it.

    *after*: the results of the two runs without faults, *wrong*: what was not as it must be, in the trial and after each of them.
    """

    result: dict[str, Any] | None = None
    replicas: int = -1
    proxy: bool = False
    wrong: list[str] = field(default_factory=list)
    after: list[dict[str, Any] | None] = field(default_factory=list)


@pytest.fixture(scope="module")
def cluster() -> tuple[Path, str]:
    """The kubeconfig and the context of the first cluster."""
    kubeconfig, contexts = clusters()
    return kubeconfig, contexts[0]


def client_of(kubeconfig: Path, context: str) -> Client:
    """The way to the API server of a context, as its user."""
    found = config.new_client_from_config(str(kubeconfig), context).configuration
    trust = ssl.create_default_context(cafile=found.ssl_ca_cert)
    if found.cert_file:
        trust.load_cert_chain(found.cert_file, found.key_file)
    headers = {setting["key"]: setting["value"] for setting in found.auth_settings().values()}
    url = urlsplit(found.host)
    return Client(str(url.hostname), url.port or 443, trust, headers)


@pytest.fixture(scope="module")
def living(cluster: tuple[Path, str]) -> Iterator[Kubectl]:
    """The namespace of the living session."""
    kubectl = Kubectl(cluster[1], "faults-living", cluster[0])
    yield kubectl
    clear(kubectl)


@pytest.fixture(scope="module")
def planted(cluster: tuple[Path, str], living: Kubectl) -> Iterator[tuple[dict[str, Kubectl], dict[str, Session]]]:
    """By trial its namespace and its session, which has been an orphan for a while; under `living` the living one."""
    kubectls = {name: Kubectl(cluster[1], f"faults-{name}", cluster[0]) for name in TRIALS}
    try:
        for scene in (POD, DEPLOYMENT):
            set_up([kubectls[name] for name, trial in TRIALS.items() if trial.scene is scene], (scene,))
        set_up([living], (LIVING,))
        found = play([(living, LIVING), *((kubectls[name], trial.scene) for name, trial in TRIALS.items())])
        sessions = {namespace.removeprefix("faults-"): one[0] for (_context, namespace, _name), one in found.items()}
        time.sleep(STALE)
        yield kubectls, sessions
    finally:
        for kubectl in kubectls.values():
            clear(kubectl)


@pytest.fixture(scope="module")
def seen(
    cluster: tuple[Path, str],
    living: Kubectl,
    planted: tuple[dict[str, Kubectl], dict[str, Session]],
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[str, Seen]:
    """What was seen of each trial."""
    kubectls, sessions = planted
    directory = tmp_path_factory.mktemp("faults")
    # Once for all: the client library gives a thread the name of a file that another one has yet to fill with the key.
    client = client_of(*cluster)

    def trial(name: str) -> Seen:
        proxy = FaultProxy(client)
        options = {
            "kubeconfig": proxy.kubeconfig(directory / name),
            "namespaces": [f"faults-{name}", living.namespace],
            "wait": True,
            "wait_sleep": 1,
        }
        return tried(proxy, options, TRIALS[name], kubectls[name], sessions[name])

    with ThreadPoolExecutor(len(TRIALS)) as pool:
        return dict(zip(TRIALS, pool.map(trial, TRIALS)))


def tried(proxy: FaultProxy, options: Mapping[str, Any], trial: Trial, kubectl: Kubectl, session: Session) -> Seen:
    """The run that meets the faults of a trial, and two that meet none."""
    seen = Seen()
    rules = [Rule(call, fault, trial.times) for call, fault in trial.faults.items()]
    with proxy.armed(rules):
        run = Run(options)
        proxy.killed = run.kill
        seen.result = run.end(BOUND)
    seen.wrong = [f"no call met the fault at {rule.call}" for rule in rules if not rule.met] + proxy.errors
    seen.replicas = kubectl.get("deployment", trial.scene.name)["spec"].get("replicas", 0)
    kind = "pods" if session.mode == "pod" else "deployments"
    proxies = kubectl.get(kind, f"--selector=telepresence={session.session_id}")["items"]
    seen.proxy = any(not item["metadata"].get("deletionTimestamp") for item in proxies)
    for _ in range(2):
        with proxy.armed([]):
            seen.after.append(Run(options).end(BOUND))
        seen.wrong += broken_claims(kubectl, trial.scene, [session])
    return seen


@pytest.mark.parametrize("name", TRIALS)
def test_a_run_with_a_fault_ends_as_it_must(seen: dict[str, Seen], name: str) -> None:
    trial, result = TRIALS[name], seen[name].result
    assert (result is None) == any(isinstance(fault, Killed) for fault in trial.faults.values())
    if result is not None:
        assert well(result) == trial.well, said(result)
        assert trial.says in said(result) and (trial.well or "https://127.0.0.1:" in said(result))
        assert "Traceback" not in str(result)


@pytest.mark.parametrize("name", TRIALS)
def test_no_count_is_wrong_and_no_evidence_is_lost(seen: dict[str, Seen], name: str) -> None:
    assert seen[name].replicas in (0, 2)
    assert seen[name].proxy or seen[name].replicas == 2


@pytest.mark.parametrize("name", TRIALS)
def test_the_next_run_puts_it_right_and_the_one_after_changes_nothing(seen: dict[str, Seen], name: str) -> None:
    assert seen[name].wrong == [], said(seen[name].result or {"sessions": []})
    first, second = seen[name].after
    assert first is not None and well(first), said(first or {"sessions": []})
    assert second is not None and well(second) and not second["changed"]


def test_the_living_session_was_not_touched(
    seen: dict[str, Seen], living: Kubectl, planted: tuple[dict[str, Kubectl], dict[str, Session]]
) -> None:
    assert broken_claims(living, LIVING, [planted[1]["living"]]) == []
