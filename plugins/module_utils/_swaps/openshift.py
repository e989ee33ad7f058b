# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""What OpenShift's DeploymentConfigs leave of themselves: each of their rollouts is a ReplicationController with annotations.

Names and meaning of the annotations: openshift/api, apps/v1/consts.go; openshift/library-go, pkg/apps/appsutil/util.go.
"""

from __future__ import annotations

import typing as t

from .._cluster.kinds import DEPLOYMENT_CONFIG, Object, annotations_of, controller, dig, uid
from .sessions import session_of

PHASE = "openshift.io/deployment.phase"
COMPLETE, GOING_ON = "Complete", ("New", "Pending", "Running")
"""Values of it; a rollout that is in none of these failed."""
REPLICAS = "openshift.io/deployment.replicas"
"""How many replicas a rollout had when it was complete; later scaling leaves it as it is."""


def rollout(config: Object, controllers: t.Iterable[Object], version: int) -> Object | None:
    """The ReplicationController of the DeploymentConfig's rollout of that number, None where it is gone."""
    name = f"{config['metadata']['name']}-{version}"
    return next(
        (
            one
            for one in controllers
            if one["metadata"]["name"] == name and (controller(one) or {}).get("uid") == uid(config)
        ),
        None,
    )


def latest_rollout(workload: Object, controllers: t.Iterable[Object]) -> Object | None:
    """The ReplicationController that runs the pods of a DeploymentConfig, None where a newer rollout failed, goes on, or is a client's."""
    version = dig(workload, "status", "latestVersion")
    if workload["kind"] != DEPLOYMENT_CONFIG.name or not isinstance(version, int):
        return None
    latest = rollout(workload, controllers, version)
    return latest if latest and annotations_of(latest).get(PHASE) == COMPLETE and not session_of(latest) else None
