"""The container images of the lab, written as docker-archive tars without a registry or a container engine.

- ``lab.local/pause:1``: keeps a pod's namespaces open
- ``lab.local/app:1``: an ordinary workload, busybox's web server on port 8080; also what stands in the place of a replaced container
- ``lab.local/telepresence-k8s:0.105`` and ``:0.109``: a stand-in for the proxy of a Telepresence 1 session
- ``lab.local/tel2:2.20.2``: the traffic-manager and the traffic-agent of Telepresence 2, the real ones
- ``lab.local/curl:1``: curl and a shell, for the job that the traffic-manager's chart runs before it is uninstalled
- ``lab.local/recovery:1``: an execution environment with this collection (`recovery`)
"""

from __future__ import annotations

from .build import build

__all__ = ["build"]
