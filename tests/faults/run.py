"""One run of a module in a process of its own, which may be killed; its seconds are shorter than real ones."""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any
from unittest import mock

from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster import connect
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.api import Api
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.execute import Finished, execute
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps import ask
from ansible_collections.devclusters.telepresence.plugins.modules import telepresence_restore
from kubernetes.client import rest

from modules.fake_time import users_of_time
from wire.play import run_module

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__])


class QuickTime:
    """Stands in for the module ``time``: its seconds pass *speed* times as fast as real ones."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._began = time.monotonic()
        self._epoch = time.time()

    def time(self) -> float:
        """Seconds since the epoch."""
        return self._epoch + (time.monotonic() - self._began) * self._speed

    monotonic = time

    def sleep(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds / self._speed)


class Run:
    """A run of telepresence_restore with *options*, begun at once.

    *speed*: the module waits so many times less than it believes. Pauses, time limits and the age of verdicts shrink alike.
    """

    def __init__(self, options: Mapping[str, Any], speed: float = 1.0) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="faults-run-")
        self._result = Path(self._directory.name, "result.json")
        self._errors = Path(self._directory.name, "stderr")
        self._process: BaseProcess = _CONTEXT.Process(
            target=_play, args=(dict(options), speed, str(self._result), str(self._errors))
        )
        self._process.start()

    def kill(self) -> None:
        """Kills it, as ``kill -9`` does; its end is for :meth:`end` to await."""
        self._process.kill()

    def end(self, seconds: float) -> dict[str, Any] | None:
        """Waits for its end; its result, or None where it had to be killed. Raises AssertionError where it ends otherwise.

        TimeoutError: it has not ended within *seconds*, and was killed.
        """
        try:
            self._process.join(seconds)
            if self._process.is_alive():
                self.kill()
                self._process.join()
                raise TimeoutError(f"the run has not ended within {seconds:.0f} s")
            complaints = self._errors.read_text() if self._errors.exists() else ""
            if self._result.exists():
                assert not complaints, f"the module wrote to its standard error: {complaints}"
                result: dict[str, Any] = json.loads(self._result.read_text())
                return result
            assert self._process.exitcode == -9, f"the module broke: {complaints}"
            return None
        finally:
            self._directory.cleanup()


def _play(options: dict[str, Any], speed: float, result: str, errors: str) -> None:
    """In the process of the run."""
    descriptor = os.open(errors, os.O_WRONLY | os.O_CREAT)
    os.dup2(descriptor, 2)
    with contextlib.ExitStack() as stack:
        for patch in _quickly(speed):
            stack.enter_context(patch)
        found = run_module(telepresence_restore.main, options, diff=True)
    partial = Path(result).with_suffix(".part")
    partial.write_text(json.dumps(found))
    partial.rename(result)
    # Threads of the module that still wait for an answer must not keep it, as they would not under Ansible.
    os._exit(0)


def _quickly(speed: float) -> list[Any]:
    """The patches that make the module's seconds short: its clock, and the time limits that it gives to sockets."""
    request: Callable[..., Any] = rest.RESTClientObject.request

    def impatient(*args: Any, _request_timeout: Any = None, **options: Any) -> Any:
        wait = None if _request_timeout is None else tuple(part / speed for part in _request_timeout)
        return request(*args, _request_timeout=wait, **options)

    def brief(api: Api, namespace: str, pod: str, container: str, command: Sequence[str], deadline: float) -> Finished:
        return execute(api, namespace, pod, container, command, deadline / speed)

    clock = QuickTime(speed)
    return [
        *(mock.patch.object(module, "time", clock) for module in users_of_time()),
        mock.patch.object(rest.RESTClientObject, "request", impatient),
        mock.patch.object(ask, "execute", brief),
        mock.patch.object(connect, "LONGEST_CONNECT", connect.LONGEST_CONNECT / speed),
    ]
