"""Measures the figures named, or all, and prints one line per value: `NAME: VALUE UNIT`, or `NAME ratio: X`.

Progress goes to the standard error; the lines also to reports/bench.json and, with plots, to reports/bench.html. What the
commands said lies in reports/bench.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys

from tests.lab.client import Failed
from tests.lab.paths import ROOT
from tests.lab.say import LabError, Say

from . import machine, report
from .bench import Bench
from .figures import FIGURES
from .lines import Line

REPEATS = 5
REPORTS = ROOT / "reports"


def main() -> int:
    """Measures; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("name", nargs="*", metavar="NAME", help=f"{', '.join(FIGURES)}; all where none is named")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="medians are of so many (%(default)s)")
    wish = parser.parse_args()
    unknown = [name for name in wish.name if name not in FIGURES]
    if unknown or wish.repeats < 1:
        parser.error(f"there is no figure {unknown[0]}" if unknown else "--repeats takes a whole number from 1")
    say = Say(sys.stderr)
    # So that everything that was started is ended then too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    directory = REPORTS / "bench"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    try:
        _measure(wish.name or [*FIGURES], Bench(wish.repeats, directory, say))
    except (LabError, Failed, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("bench: interrupted; what it started has been ended.", file=sys.stderr)
        return 130
    return 0


def _measure(names: list[str], bench: Bench) -> None:
    described = machine.describe()
    titles = {name: figure.what for name, figure in FIGURES.items()}
    found: dict[str, list[Line]] = {}
    for name in names:
        bench.say(f"{name}: {FIGURES[name].what}")
        found[name] = []
        for line in FIGURES[name].run(bench):
            print(line, flush=True)
            found[name].append(line)
        # After each figure, so that a later one's failure takes nothing away.
        written = report.write(REPORTS, described, bench.repeats, titles, found)
        bench.say(f"{name}: written to {written[1]}")


if __name__ == "__main__":
    sys.exit(main())
