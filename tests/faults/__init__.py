"""Every call of a recovery, broken in every way a network or an API server can break it; run by `make faults`.

A fault proxy stands between the real modules and a real API server (:mod:`tests.lab.control_plane`, one for each worker).
What is not real: the kubelet and the controllers, which are scripted, and the pods behind them, which say what real
ones said (``tests/unit/fixtures/cases``). Each cell of the matrix is one fault in one run, and the two runs after it.

====================  ==================================================================
:mod:`.__main__`      the command: all cells on two cores, one line of progress per call
:mod:`.kubelet`       the scripted kubelet: exec, logs and port 9055 of the pods
:mod:`.world`         the sessions that are planted, taken apart and planted again
:mod:`.proxy`         the fault proxy, its :mod:`.connection`, :mod:`.faults` and the names of :mod:`.calls`
:mod:`.run`           one run of a module in a process of its own
:mod:`.cells`         which faults meet which calls
:mod:`.invariants`    what must hold after every run
:mod:`.stage`         one worker: all of this put together, to play cells
====================  ==================================================================
"""

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]

# As in tests/unit: this checkout as a collection next to the installed ones, and the parts of the scripted server.
for _directory in (_ROOT / "tests" / "unit", _ROOT / "collections"):
    if str(_directory) not in sys.path:
        sys.path.insert(0, str(_directory))
