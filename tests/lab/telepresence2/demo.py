"""The half of the demo about Telepresence 2: a manager is installed, used, and removed brutally; what it left is found and removed.

It can be run alone: ``python -m tests.lab.telepresence2.demo``. Exit code 1 if anything is not as it claims.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from ..paths import LAB
from ..playbooks import STOPPED, show
from ..say import LabError, Say
from ..telepresence1.kubectl import Kubectl
from .client import Client
from .manager import TrafficManager
from .shop import agents, open_shop

NAMESPACE, SHOP = "ambassador", "boutique"
CLIENT = "dev@laptop"


def play(say: Say, context: str) -> list[str]:
    """Plays it on one cluster; what is not as claimed, in sentences. Raises LabError."""
    manager = TrafficManager(Kubectl(context, NAMESPACE), (SHOP,))
    shop = Kubectl(context, SHOP)
    variables = {**manager.variables(), "recover_namespaces": [SHOP], "baseline_namespaces": [SHOP]}
    path = LAB / "telepresence2.json"
    path.write_text(json.dumps(variables, indent=2))
    options = ["--limit", context, "-e", f"@{path.relative_to(LAB.parent)}"]

    say(f"Telepresence 2: creating two workloads in namespace {SHOP} on {context}")
    manager.remove()
    shop.run("create", "namespace", SHOP)
    open_shop(shop, "web", "api")
    show(say, "the traffic-manager is installed", "traffic_manager.yml", *options)
    clients = []
    try:
        for name in ("web", "api"):
            clients.append(Client(manager, SHOP, name, CLIENT))
            say(f"{CLIENT} intercepts {SHOP}/{name}, through an agent that the manager put into its pod")
        show(say, "nobody's work is ended by a rebuild", "rebuild.yml", *options, wanted=STOPPED)
    finally:
        for client in clients:
            client.kill()
    say("the laptop dies without a word; then somebody deletes the manager's namespace")
    manager.kubectl.run("delete", "namespace", NAMESPACE)
    before = _left(manager, shop)
    show(say, "what it left is found and removed", "rebuild.yml", *options, "--tags", "leftovers", "--diff")
    wrong = _compare(before, _left(manager, shop))
    wrong += [f"{SHOP}: {name} is not ready" for name in ("web", "api") if not _ready(shop, name)]
    manager.remove()
    return wrong


def _left(manager: TrafficManager, shop: Kubectl) -> dict[str, int]:
    """How many there are of what a manager leaves."""

    def named(kubectl: Kubectl, kind: str, name: str) -> int:
        return len(kubectl.get(kind, f"--field-selector=metadata.name={name}")["items"])

    webhook = f"agent-injector-webhook-{manager.kubectl.namespace}"
    counts: dict[str, Callable[[], int]] = {
        "webhooks that nothing stands behind": lambda: named(shop, "mutatingwebhookconfigurations", webhook),
        "pods with an agent of no manager": lambda: len(agents(shop)),
        "notes of agents (telepresence-agents)": lambda: named(shop, "configmaps", "telepresence-agents"),
        "claims of the namespace": lambda: named(shop, "configmaps", "traffic-manager-claim"),
    }
    return {what: count() for what, count in counts.items()}


def _compare(before: dict[str, int], after: dict[str, int]) -> list[str]:
    """Prints what was left and what is, and returns what is not as claimed."""
    wrong = []
    print(f"\n{'LEFT BY TELEPRESENCE 2':<40}{'BEFORE':<9}{'NOW':<6}AS CLAIMED")
    for what, count in before.items():
        right = count > 0 and after[what] == 0
        print(f"{what:<40}{count:<9}{after[what]:<6}{'yes' if right else 'NO'}")
        if not right:
            wrong.append(f"of {what} there were {count}, and are {after[what]}")
    print()
    return wrong


def _ready(kubectl: Kubectl, name: str) -> bool:
    return bool(kubectl.get("deployment", name)["status"].get("readyReplicas"))


if __name__ == "__main__":
    try:
        sentences = play(Say(), "alpha")
    except LabError as error:
        sentences = [str(error)]
    for sentence in sentences:
        print(f"NOT AS CLAIMED: {sentence}", file=sys.stderr)
    sys.exit(1 if sentences else 0)
