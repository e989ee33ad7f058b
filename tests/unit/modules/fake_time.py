"""The clocks of the fake cluster: one that it shares with the product, still but for the product's pauses, and the real one."""

from __future__ import annotations

import sys
import threading
import time
from types import ModuleType
from unittest import mock

PRODUCT = "ansible_collections.devclusters.telepresence.plugins.module_utils."
# Whole seconds, so that no time is lost in the API's times, which have no fractions.
START = 1795428000.0
# `clock` and `certificates` only read and write times; the others measure real waits on sockets.
_REAL_TIME = tuple(
    PRODUCT + name
    for name in (
        "_cluster.clock",
        "_cluster.execute",
        "_cluster.port_forward",
        "_cluster.reach",
        "_traffic_manager.certificates",
    )
)


class FakeTime:
    """Stands in for the module ``time``: seconds that pass only when somebody sleeps. Safe to use from several threads."""

    def __init__(self) -> None:
        self._now = START
        self._lock = threading.Lock()

    def time(self) -> float:
        """Seconds since the epoch."""
        return self._now

    monotonic = time

    def sleep(self, seconds: float) -> None:
        """Lets *seconds* pass at once."""
        with self._lock:
            self._now += seconds


class RealTime:
    """The clock of a cluster that processes of their own work on."""

    time = staticmethod(time.time)


def users_of_time() -> list[ModuleType]:
    """The product's modules that wait or measure by the module ``time``, but for those which need the real one."""
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith(PRODUCT)]
    return [module for module in modules if vars(module).get("time") is time and module.__name__ not in _REAL_TIME]


def lent_to_the_product(clock: FakeTime) -> list[mock._patch[FakeTime]]:
    """The patches that give the product *clock* for its own."""
    return [mock.patch.object(module, "time", clock) for module in users_of_time()]
