"""Forty orphans on one cluster: the product, other ways to be rid of them, and the floor below all."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Iterator

from tests.lab.paths import KUBECONFIG, ROOT
from tests.lab.telepresence1.kubectl import Kubectl

from ..bench import EMPTY_PLAY, Bench
from ..client import connect
from ..lines import Line, Target, lines, ratio
from ..measure import Sample
from ..orphans import Orphans

CONTEXT = "alpha"
SIZE = 40
OTHERS = ROOT / "tests" / "bench" / "others"
OURS, WAITING, SHELL, CORE, FLOOR = "ours", "wait", "shell", "kubernetes-core", "floor"
HOST = {"telepresence_context": CONTEXT, "telepresence_kubeconfig": str(KUBECONFIG)}

LEAST_OVER_SHELL = Target(4, at_least=True)
LEAST_OVER_CORE = Target(30, at_least=True)
MOST_OVER_FLOOR = Target(1.5)


def run(bench: Bench) -> Iterator[Line]:
    """Recovers forty orphans in every way, as often as asked, each way in a namespace of its own.

    All proxies are made first in a round, so that one way's is the time in which the others' become stale. kubernetes.core
    takes longest, and is first.
    """
    inventory = bench.inventory("one-cluster", {CONTEXT: HOST})

    def ours(wait: bool) -> Callable[[str], Sample]:
        return lambda namespace: bench.play(
            namespace, "recover.yml", inventory, recover_namespaces=[namespace], recover_wait=wait
        )

    ways: dict[str, Callable[[str], Sample]] = {
        CORE: lambda namespace: bench.play(
            namespace, OTHERS / "kubernetes_core.yml", inventory, in_namespace=namespace
        ),
        OURS: ours(wait=False),
        WAITING: ours(wait=True),
        SHELL: lambda namespace: bench.measure(
            namespace, ["sh", str(OTHERS / "loop.sh"), str(KUBECONFIG), CONTEXT, namespace]
        ),
        FLOOR: lambda namespace: bench.measure(
            namespace, [sys.executable, "-m", "tests.bench.floor", CONTEXT, namespace]
        ),
    }
    client = connect(KUBECONFIG, CONTEXT)
    stages = {way: Orphans(client, Kubectl(CONTEXT, f"bench-{way}"), SIZE, bench.say) for way in ways}
    samples: dict[str, list[Sample]] = defaultdict(list)
    empty: list[Sample] = []
    try:
        for stage in stages.values():
            stage.create()
        for number in range(1, bench.repeats + 1):
            for stage in stages.values():
                stage.swap()
            for way, recover in ways.items():
                stages[way].wait_until_stale()
                samples[way].append(recover(stages[way].kubectl.namespace))
                stages[way].expect_restored()
                bench.say(f"recover-40 {way}: {samples[way][-1].seconds:.2f} s ({number} of {bench.repeats})")
                stages[way].settle()
            empty.append(bench.play("empty-play", EMPTY_PLAY, inventory))
    finally:
        for stage in stages.values():
            stage.clear()
    yield from report(samples, empty)


def report(samples: dict[str, list[Sample]], empty: list[Sample]) -> Iterator[Line]:
    """The lines of what was measured, by way, and of the empty play beside it."""
    yield from lines("recover-40", samples[OURS])
    for way in (WAITING, SHELL, CORE, FLOOR):
        yield from lines(f"recover-40-{way}", samples[way])
    yield from lines("recover-40-empty-play", empty)
    yield ratio("recover-40 shell loop", samples[SHELL], samples[OURS], LEAST_OVER_SHELL)
    yield ratio("recover-40 kubernetes.core", samples[CORE], samples[OURS], LEAST_OVER_CORE)
    floor = [one + other for one, other in zip(samples[FLOOR], empty)]
    yield ratio("recover-40 over floor and empty play", samples[OURS], floor, MOST_OVER_FLOOR)
