"""The lab: two real Kubernetes clusters, `alpha` and `beta`, on one machine without Docker.

Run `python -m tests.lab up|down|status` from the root of the repository, as root. Everything the lab writes lies under
`.lab/` (and in Go's own caches); everything it runs lives in one cgroup, one network namespace and one mount namespace
per cluster, so that the kernel itself knows what belongs to the lab, whoever started it.
"""
