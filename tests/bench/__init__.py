"""What runs of this collection cost, measured on this machine beside what people use instead of it. Never a timed test.

==================  ======================================================================
:mod:`.figures`     the figures, each a function that measures and yields lines
:mod:`.bench`       what a figure is given: repeats, room for files, commands to measure
:mod:`.measure`     one command: its time, the CPU and the memory it took
:mod:`.orphans`     orphaned sessions on a cluster of the lab, again and again
:mod:`.client`      bare requests to it, and execs
:mod:`.floor`       what a recovery cannot do without, by these
`others`            other ways to recover, as people write them
:mod:`.cluster`     the CPU time of a cluster of the lab
:mod:`.burst`       both sides of many execs
:mod:`.clusters`    clusters of an API server and kwok, which stands in for the kubelet
:mod:`.crowd`       the pods and orphaned sessions in them
:mod:`.stale`       what the proxies among those say
:mod:`.slow`        slow and dead ways to them
:mod:`.lines`       the lines of the output, their medians and targets
:mod:`.machine`     what it was measured on
:mod:`.report`      the lines as JSON and as a page
==================  ======================================================================
"""

import tests.faults  # noqa: F401 - makes the plugins and the scripted server importable
