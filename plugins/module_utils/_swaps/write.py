# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The writes themselves: each names exactly the object that was read, so that a second try does no harm."""

from __future__ import annotations

from .._cluster import oc, remove
from .._cluster.api import Api
from .._cluster.errors import ClusterError
from .._cluster.kinds import DEPLOYMENT, DEPLOYMENT_CONFIG, POD, SERVICE, WORKLOADS, Object, ref
from .counts import replicas
from .in_place import Rollback
from .plan import Scale
from .sessions import session_of

DELETABLE = {kind.name: kind for kind in (DEPLOYMENT, POD, SERVICE)}


def scale(api: Api, action: Scale) -> None:
    """Sets the replicas by compare-and-set: the version that was read, at 0, is the precondition."""
    meta, kind = action.obj["metadata"], WORKLOADS[action.obj["kind"]]
    path, doing = kind.path(meta["namespace"], meta["name"]), f"scale {ref(action.obj)} to {action.after}"
    body: Object = {
        "metadata": {key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion")},
        "spec": {"replicas": action.after},
    }
    if kind is DEPLOYMENT_CONFIG:
        # Its scale does not compare (openshift-apiserver, pkg/apps/apiserver/registry/deployconfig/etcd/etcd.go).
        answer = api.send("patch", path, doing, body).body
    else:
        answer = api.send("put", f"{path}/scale", doing, {"apiVersion": "autoscaling/v1", "kind": "Scale", **body}).body
    if replicas(answer) != action.after:
        raise ClusterError(
            f"{ref(action.obj)} on {api.server} did not take {action.after} replicas.", status=409, reason="NotTaken"
        )


def roll_back(api: Api, action: Rollback, oc_binary: str) -> None:
    """Gives a DeploymentConfig its definition back, if it is still as it was read, and if OpenShift's client is able to roll it out."""
    oc.check(api, oc_binary, action.obj)
    meta = action.obj["metadata"]
    path = DEPLOYMENT_CONFIG.path(meta["namespace"], meta["name"])
    answer = api.send("put", path, f"give {ref(action.obj)} its definition back", action.body()).body
    if session_of(answer) or replicas(answer) != action.after:
        raise ClusterError(
            f"{ref(action.obj)} on {api.server} did not take its definition back.", status=409, reason="NotTaken"
        )


def delete(api: Api, obj: Object) -> None:
    """Deletes this very object; that it has gone already is what was wanted."""
    remove.delete(api, DELETABLE[obj["kind"]], obj)
