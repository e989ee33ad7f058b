"""`python -m tests.lab build|up|down|status`, from the root of the repository and, but for build, as root.

build   builds the programs of the lab under .lab/, and starts nothing
up      builds and starts both clusters; on a healthy lab it changes nothing, a damaged one it repairs
down    ends both clusters and leaves only what was built, under .lab/
status  one line per part of each cluster; exit code 1 if one is not well
"""

from __future__ import annotations

import argparse
import sys

from . import lab
from .say import LabError, Say


def main() -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.lab", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("command", choices=("build", "up", "down", "status"))
    command = parser.parse_args().command
    say = Say()
    try:
        if command == "status":
            return 0 if lab.status(say) else 1
        {"build": lab.build_programs, "up": lab.up, "down": lab.down}[command](say)
    except (LabError, OSError) as error:
        print(f"lab {command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"lab {command}: interrupted; run it again to go on, or `make lab-down` to clear up.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
