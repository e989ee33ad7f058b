"""The demo: plants every state of a session on both clusters of the lab, recovers, and shows what became of each; then Telepresence 2.

Run by ``make demo``. Exit code 1 if anything is not as the demo claims.
"""

from __future__ import annotations

import json
import sys
import time

from .paths import ROOT
from .playbooks import show
from .say import LabError, Say
from .scenes import SCENES, STARTING, Scene, broken_claims, play, set_up
from .telepresence1.kubectl import Kubectl
from .telepresence1.session import Session
from .telepresence2 import demo as telepresence2

CONTEXTS = ("alpha", "beta")
NAMESPACE = "shop"
RECOVER = "recover.yml"
MEANWHILE = (
    75.0  # seconds for the orphans to be what they are overnight: polled twice without an answer, tunnels dropped
)


def main() -> int:
    """Plays the demo; returns the exit code."""
    say = Say()
    try:
        return _demo(say)
    except LabError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1


def _demo(say: Say) -> int:
    clusters = [Kubectl(context, NAMESPACE) for context in CONTEXTS]
    scenes = (*SCENES, STARTING)
    say(f"creating {len(scenes) - 1} workloads in namespace {NAMESPACE} on {' and '.join(CONTEXTS)}")
    set_up(clusters, scenes)
    say(
        "developers swap them with Telepresence, and leave in every way there is (their proxies log a sign of life first)"
    )
    sessions = play([(kubectl, scene) for kubectl in clusters for scene in SCENES])
    say(f"{MEANWHILE:.0f} s pass, in which laptops sleep")
    time.sleep(MEANWHILE)
    sessions.update(play([(kubectl, STARTING) for kubectl in clusters]))

    show(say, "what a recovery would do", RECOVER, "--check", "-e", "recover_report_dir=reports/check")
    show(say, "the recovery", RECOVER)
    show(say, "a second run, which finds nothing left to do", RECOVER, "-e", "recover_report_dir=reports/second-run")
    wrong = _show(clusters, scenes, sessions) + _changed_by_second_run()
    wrong += _resume_suspended(clusters, sessions)
    print(f"\nThe report: {ROOT / 'reports' / 'recover.html'}\n")
    wrong += telepresence2.play(say, CONTEXTS[0])
    for sentence in wrong:
        print(f"NOT AS CLAIMED: {sentence}")
    print(
        "The lab stays up: `make lab-status` shows it, `make lab-down` ends it and removes what it left on this machine."
    )
    return 1 if wrong else 0


def _show(
    clusters: list[Kubectl], scenes: tuple[Scene, ...], sessions: dict[tuple[str, str, str], list[Session]]
) -> list[str]:
    """Prints what became of each workload, and returns what is not as claimed."""
    wrong = []
    print(f"\n{'CLUSTER':<9}{'WORKLOAD':<10}{'SESSIONS':<26}{'BEFORE THE SWAP':<17}{'NOW':<9}AS CLAIMED")
    for kubectl in clusters:
        for scene in scenes:
            mine = sessions[(kubectl.context, kubectl.namespace, scene.name)]
            broken = broken_claims(kubectl, scene, mine)
            wrong += [f"{kubectl.context}: {sentence}" for sentence in broken]
            clients = ", ".join(state for _, state in scene.swaps) or "-"
            before = "-" if scene.after is None else scene.scaled or scene.replicas
            now = "removed" if scene.after is None else str(scene.after)
            print(f"{kubectl.context:<9}{scene.name:<10}{clients:<26}{before:<17}{now:<9}{'NO' if broken else 'yes'}")
    return wrong


def _changed_by_second_run() -> list[str]:
    report = json.loads((ROOT / "reports" / "second-run" / "recover.json").read_text())
    return [
        f"{host}: the second run changed something" for host, result in report["clusters"].items() if result["changed"]
    ]


def _resume_suspended(clusters: list[Kubectl], sessions: dict[tuple[str, str, str], list[Session]]) -> list[str]:
    wrong = []
    for kubectl in clusters:
        for session in sessions[(kubectl.context, kubectl.namespace, "stock")]:
            session.resume_client()
            if not session.client_answers():
                wrong.append(f"{kubectl.context}: the suspended client of stock does not answer after it was continued")
    print("The suspended clients were continued and answer again." if not wrong else "")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
