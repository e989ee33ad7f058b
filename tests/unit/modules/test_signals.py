"""A run that is told to end while its main thread cannot run a handler, which is when a signal comes just before a wait."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._signals import NUMBERS, ending

WAITS = """
import signal, sys, threading
sys.path[:0] = {path!r}
from ansible_collections.devclusters.telepresence.plugins.module_utils._signals import ending

signal.signal({number}, signal.{before})
with ending({directory!r}):
    held = threading.Lock()
    held.acquire()
    # A signal that another thread gets wakes nobody who waits for a lock, as one that came too early for the wait.
    threading.Timer(0.5, lambda: signal.pthread_kill(threading.get_ident(), {number})).start()
    held.acquire(timeout={patience})
"""


def waits(
    directory: Path, number: int, before: str = "SIG_DFL", patience: float = 60
) -> subprocess.CompletedProcess[str]:
    """A process whose main thread waits until ``patience`` is over, in seconds, and that gets the signal meanwhile."""
    directory.mkdir()
    (directory / "key").write_text("")
    text = WAITS.format(path=sys.path, directory=str(directory), number=int(number), before=before, patience=patience)
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_that_the_main_thread_does_not_notice_ends_the_run(tmp_path: Path, number: int) -> None:
    done = waits(tmp_path / "ansible", number)
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "", "")
    assert not (tmp_path / "ansible").exists()


def test_what_the_process_was_started_to_ignore_stays_ignored(tmp_path: Path) -> None:
    done = waits(tmp_path / "ansible", signal.SIGHUP, before="SIG_IGN", patience=2)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "ansible").exists()


def test_every_module_that_asks_a_cluster_ends_at_once() -> None:
    """The functions behind them, each of which carries a module out."""
    modules = importlib.import_module("ansible_collections.devclusters.telepresence.plugins.modules")
    names = [one.name for one in pkgutil.iter_modules(modules.__path__)]
    found = {}
    for name in names:
        module = importlib.import_module(f"{modules.__name__}.{name}")
        acts = [act for act in vars(module).values() if inspect.isfunction(act)]
        found[name] = any(hasattr(act, "__wrapped__") for act in acts)
    assert [name for name, ends in found.items() if not ends] == ["telepresence_journal", "telepresence_report"]


def test_other_signals_end_nothing_and_after_the_run_all_is_as_before(tmp_path: Path) -> None:
    told: list[int] = []
    before = [signal.getsignal(number) for number in NUMBERS]
    kept = signal.signal(signal.SIGUSR1, lambda number, _frame: told.append(number))
    try:
        with ending(str(tmp_path)):
            signal.raise_signal(signal.SIGUSR1)
            assert [signal.getsignal(number) for number in NUMBERS] != before
    finally:
        signal.signal(signal.SIGUSR1, kept)
    assert told == [signal.SIGUSR1]
    assert [signal.getsignal(number) for number in NUMBERS] == before
    assert signal.set_wakeup_fd(-1) == -1
    assert tmp_path.exists()
