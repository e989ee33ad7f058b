"""A model of clusters with swapped workloads, and the product run on hundreds of them.

====================  ====================================================================================
:mod:`.world`         what a cluster may look like, and who may do what meanwhile: plain values
:mod:`.strategies`    hypothesis strategies for these values
:mod:`.stage`         such a world on the fake API server, and the truth about it
:mod:`.objects`       the objects that clients and owners write
:mod:`.voices`        what proxies answer, by what has really become of their clients
:mod:`.actors`        what the others do, one step between two requests of a run
:mod:`.expected`      what a run has to make of a world that keeps still
:mod:`.watch`         what must hold at every write, whatever the others do
:mod:`.play`          the runs in one world, and whether their results agree with it
:mod:`.direct`        runs of the module, without a wire in between
====================  ====================================================================================

All but :mod:`.direct` is written from what clients do and from the rules of the product's documentation, and asks none
of the product's code for an opinion.
"""
