# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What Ctrl-C and a cancelled job do to a run: they end it at once, whatever its threads wait for."""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import threading
import typing as t

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What ends a run: Ctrl-C; what Ansible, AWX and Kubernetes send to be rid of one; and a terminal that is closed."""


def ended_at_once(act: t.Callable[[AnsibleModule], None]) -> t.Callable[[AnsibleModule], None]:
    """``act``, which does what a module does, with `ending` for as long as it takes."""

    @functools.wraps(act)
    def ended(module: AnsibleModule) -> None:
        with ending(module.tmpdir):
            act(module)

    return ended


@contextlib.contextmanager
def ending(directory: str) -> t.Iterator[None]:
    """While it lasts, each of `NUMBERS` removes ``directory`` and ends the process with exit code 128 + number, as shells count.

    ``directory`` is the module's temporary one, in which the client keeps what it wrote of the credentials. A write is one
    request, which the cluster carries out or does not, and it has been noted; so no thread is waited for. A signal that the
    process was started to ignore, as by nohup, stays ignored.

    A thread of its own does this. Python would run a handler in the main thread only, and not before that comes to execute
    Python again: not while it waits for a lock that it was about to take when the signal came.
    """
    told, tell = os.pipe()
    os.set_blocking(tell, False)
    watcher = threading.Thread(target=_watch, args=(told, directory), daemon=True)
    watcher.start()
    earlier = signal.set_wakeup_fd(tell)
    # Python tells the pipe of those signals only that have a handler.
    before = {
        number: signal.signal(number, lambda _number, _frame: None)
        for number in NUMBERS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(earlier)
        os.close(tell)
        watcher.join()
        os.close(told)


def _watch(told: int, directory: str) -> None:
    """Waits for one of the signals, or until the other end of the pipe is closed."""
    while numbers := os.read(told, 16):
        for number in NUMBERS:
            if number in numbers:
                shutil.rmtree(directory, ignore_errors=True)
                os._exit(128 + number)
