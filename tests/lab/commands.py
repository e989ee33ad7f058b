"""Commands of other programs, with their output in a log under `.lab/log/` and no failure swallowed."""

from __future__ import annotations

import os
import pathlib
import subprocess
from collections.abc import Mapping, Sequence

from .say import LabError, Say

HEARTBEAT = 20.0  # seconds between two signs of life of a long command


def run(
    argv: Sequence[str | os.PathLike[str]],
    what: str,
    log: pathlib.Path,
    *,
    cwd: pathlib.Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float = 600.0,
    say: Say | None = None,
) -> None:
    """Run `argv` to its end, its output appended to `log`; with `say`, a heartbeat line while it runs.

    `what` names the step in the error, `env` is added to the environment, `timeout` is in seconds.
    Raises LabError, naming `what`, the last line of output and the log, if the command fails, is missing or overdue.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a+b") as output:
        start = output.seek(0, os.SEEK_END)
        try:
            process = subprocess.Popen(
                argv,
                cwd=cwd,
                env={**os.environ, **(env or {})},
                stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        except OSError as error:
            raise LabError(f"{what} failed: cannot run {os.fspath(argv[0])}: {error.strerror}.") from error
        try:
            _await(process, what, stdin, timeout, say)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if process.returncode == 0:
            return
        output.seek(start)
        lines = output.read().decode(errors="replace").strip().splitlines()
    raise LabError(
        f"{what} failed (exit {process.returncode}): {lines[-1].strip() if lines else 'no output'} (log: {log})"
    )


def _await(process: subprocess.Popen[bytes], what: str, stdin: str | None, timeout: float, say: Say | None) -> None:
    """Wait for `process`, feeding it `stdin`; LabError after `timeout` seconds."""
    data = None if stdin is None else stdin.encode()
    waited = 0.0
    while waited < timeout:
        step = min(HEARTBEAT, timeout - waited)
        try:
            process.communicate(data, timeout=step)
            return
        except subprocess.TimeoutExpired:
            waited += step
            if say is not None:
                say(f"{what}: still at it after {waited:.0f} s")
    raise LabError(f"{what} failed: it did not end within {timeout:.0f} s.")
