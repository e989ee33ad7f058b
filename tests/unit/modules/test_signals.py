"""A run that is told to end while its main thread cannot run a handler, which is when a signal comes just before a wait."""

from __future__ import annotations

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

with ending({directory!r}):
    held = threading.Lock()
    held.acquire()
    # A signal that another thread gets wakes nobody who waits for a lock, as one that came too early for the wait.
    threading.Timer(0.5, lambda: signal.pthread_kill(threading.get_ident(), {number})).start()
    held.acquire()
"""


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_that_the_main_thread_does_not_notice_ends_the_run(tmp_path: Path, number: int) -> None:
    directory = tmp_path / "ansible"
    directory.mkdir()
    (directory / "key").write_text("")
    text = WAITS.format(path=sys.path, directory=str(directory), number=int(number))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "", "")
    assert not directory.exists()


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
