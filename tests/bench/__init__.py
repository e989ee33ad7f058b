"""What runs of this collection cost, measured on this machine beside what people use instead of it. Never a timed test.

==================  ======================================================================
:mod:`.figures`     the figures, each a function that measures and yields lines
:mod:`.bench`       what a figure is given: repeats, room for files, commands to measure
:mod:`.measure`     one command: its time, the CPU and the memory it took
:mod:`.clusters`    clusters of an API server and kwok, which stands in for the kubelet
:mod:`.crowd`       the pods and orphaned sessions in them
:mod:`.stale`       what the proxies among those say
:mod:`.slow`        slow and dead ways to them
:mod:`.lines`       the lines of the output, their medians and targets
:mod:`.machine`     what it was measured on
:mod:`.report`      the lines as JSON and as a page
==================  ======================================================================
"""
