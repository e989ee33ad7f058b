"""A fake Kubernetes API server for unit tests, spoken to over the wire.

The modules of this collection run with their real ``main()`` against it: real TLS, real HTTP, real websockets. What is
fake is what stands behind the wire: a dictionary of objects instead of etcd, and scripted pods instead of kubelets.
Nothing schedules, rolls out or collects garbage by itself, except what :mod:`.store` names.

=================  ====================================================================
:mod:`.server`     the server: routing, authorisation, the record of requests
:mod:`.transport`  TLS, HTTP, the upgrade to a websocket
:mod:`.tls`        the certificates
:mod:`.request`    a request, and the attributes an authoriser sees
:mod:`.store`      objects, resourceVersions, preconditions, paging, deletion
:mod:`.kinds`      which resources exist, and the discovery documents
:mod:`.selectors`  label and field selectors
:mod:`.status`     the error answers
:mod:`.evict`       evictions and PodDisruptionBudgets
:mod:`.exec`       exec into scripted pods, over :mod:`.websocket`
:mod:`.forward`    ports of pods, forwarded to servers of the test
:mod:`.pods`       a pod's log and what its port answers through the API server
:mod:`.script`     faults for single requests
:mod:`.states`     the recorded states of a proxy's client, applied to a pod
:mod:`.play`       run a module's ``main()`` and read its result
=================  ====================================================================
"""
