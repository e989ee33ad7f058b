#!/usr/bin/python
# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: telepresence_traffic_manager_info
short_description: Show the traffic-managers of Telepresence 2, their agents and intercepts, and what they left
version_added: 1.0.0
author:
  - devclusters.telepresence contributors (@devclusters)
description:
  - Finds the traffic-managers of a cluster by their labels in all namespaces, their webhooks, the agents that they put into pods, what they
    note in the cluster, and the intercepts of all clients.
  - Says which of that is left over, why, and whether it can be removed without anybody losing anything. Nothing is removed.
  - Intercepts are in the memory of a manager, which is asked for them over gRPC through a port-forward. Where it does not answer,
    intercepts are unknown, and nothing is concluded from them.
  - Developed and tested with a real traffic-manager 2.20.2. What differs in other versions was read in their source, and is tested on
    objects that were constructed from it.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - devclusters.telepresence.attributes
  - devclusters.telepresence.attributes.info
options:
  namespaces:
    description:
      - The namespaces to look at, as globs such as V(team-*). All of them if empty.
      - Managers and their webhooks are looked for in all namespaces nevertheless, because a manager may serve others than its own. So the
        account needs its rights in all namespaces.
    type: list
    elements: str
    default: []
  exclude_namespaces:
    description: Globs of namespaces to leave out. They win over O(namespaces).
    type: list
    elements: str
    default: []
  intercepts:
    description: Whether managers are asked for intercepts, and for the certificate of their webhook. Without it both are unknown.
    type: bool
    default: true
  deadline:
    description: Seconds after which a question to a manager is given up. At least V(1).
    type: int
    default: 10
requirements:
  - kubernetes >= 24.2.0
  - grpcio >= 1.60 (optional; without it intercepts are unknown)
notes:
  - The account needs C(list) on namespaces, pods, services, configmaps, deployments, replicasets, and statefulsets. It may do without
    C(list) on mutatingwebhookconfigurations, endpointslices, events, jobs, secrets (whose metadata are read, never their contents), clusterroles,
    and clusterrolebindings, and without C(get) on pods/portforward (C(create) as well since Kubernetes 1.35). What then is not
    known is said in RV(unknown).
seealso:
  - module: devclusters.telepresence.telepresence_orphans
  - module: devclusters.telepresence.telepresence_cluster_info
"""

EXAMPLES = r"""
- name: Look at Telepresence 2 in a cluster
  devclusters.telepresence.telepresence_traffic_manager_info:
    context: staging
  register: telepresence

- name: Show who intercepts what
  ansible.builtin.debug:
    msg: "{{ item.client }} intercepts {{ item.namespace }}/{{ item.agent }} ({{ item.disposition }})"
  loop: "{{ telepresence.intercepts }}"

- name: Stop where something is left over that hurts
  ansible.builtin.assert:
    that: telepresence.leftovers | selectattr('severity', 'eq', 'critical') | length == 0
    fail_msg: "{{ telepresence.leftovers | map(attribute='remedy') | join(' ') }}"

- name: Look at the namespaces of one team, without asking any manager
  devclusters.telepresence.telepresence_traffic_manager_info:
    context: staging
    namespaces: ["shop-*"]
    intercepts: false
"""

RETURN = r"""
cluster:
  description: The cluster that was looked at, as in RV(devclusters.telepresence.telepresence_cluster_info#module:cluster).
  returned: success, and on failure as far as it is known
  type: dict
  sample:
    server: https://10.0.0.1:6443
    identity: 7f1c3f0e-0d4f-4a5c-9f0e-3f8b6a1d2c4b
    identity_source: kube-system
    version: v1.34.4
    user: admin
managers:
  description: All traffic-managers of the cluster, by namespace.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace that it stands in.
      type: str
      sample: ambassador
    kind:
      description: The kind of its workload, V(Deployment), or V(StatefulSet) in versions to come.
      type: str
      sample: Deployment
    name:
      description: The name of its workload.
      type: str
      sample: traffic-manager
    version:
      description: Its version by the label of its workload or the tag of its image, or null where neither tells.
      type: str
      sample: 2.20.2
    band:
      description: The versions that work as this one does. One of V(2.4-2.5), V(2.6-2.21), V(2.22-2.29), or V(2.30) for all that follow.
      type: str
      sample: 2.6-2.21
    replicas:
      description: How many pods it wants.
      type: int
      sample: 1
    ready:
      description: How many of them are ready.
      type: int
      sample: 1
    mode:
      description: V(namespaced) where it serves namespaces that are named one by one, V(cluster) otherwise, null where it is not known.
      type: str
      sample: namespaced
    namespaces:
      description: The namespaces that it serves, where they are named one by one.
      type: list
      elements: str
      sample: [ambassador, shop]
    selector:
      description: The label selector of the namespaces that it serves, empty for all, null where it is not known.
      type: dict
      sample:
        matchExpressions:
          - key: kubernetes.io/metadata.name
            operator: In
            values: [ambassador, shop]
    release:
      description: The Helm release that it belongs to.
      type: str
      sample: traffic-manager
    release_status:
      description: The state of this release, or null where it may not be read.
      type: str
      sample: deployed
    chart:
      description: The chart that it was installed with.
      type: str
      sample: telepresence-oss-2.20.2
    created_by:
      description: What installed it.
      type: str
      sample: Helm
    image:
      description: Its image.
      type: str
      sample: ghcr.io/telepresenceio/tel2:2.20.2
    answers_as:
      description: The version that it gives itself when it is asked, or null where it did not answer.
      type: str
      sample: v2.20.2
    certificate_ends:
      description: When the certificate ends that its webhook shows, or null where it did not show one.
      type: str
      sample: "2027-11-22T02:37:09Z"
    intercepts:
      description: How many intercepts it holds in all namespaces, or null where it did not answer.
      type: int
      sample: 2
    settled:
      description: Whether these are all, or null where it did not answer. For three minutes after its start it is V(false) of a manager from 2.21 on,
        because clients then come back to it one by one with their intercepts.
      type: bool
      sample: true
webhooks:
  description: The webhooks of managers, by name.
  returned: success
  type: list
  elements: dict
  contains:
    configuration:
      description: The MutatingWebhookConfiguration.
      type: str
      sample: agent-injector-webhook-ambassador
    name:
      description: The name of the webhook in it.
      type: str
      sample: agent-injector-ambassador.getambassador.io
    namespace:
      description: The namespace of the Service that it is called at, or null where it is called at a URL.
      type: str
      sample: ambassador
    service:
      description: That Service.
      type: str
      sample: agent-injector
    failure_policy:
      description: What becomes of a pod where the webhook cannot be reached. With V(Fail) it is not created.
      type: str
      sample: Ignore
    timeout:
      description: Seconds that the API server waits for it.
      type: int
      sample: 5
    selector:
      description: The label selector of the namespaces whose pods it is asked about.
      type: dict
      sample: {matchLabels: {team: shop}}
    works:
      description: Whether the API server can get an answer from it, or null where that is not known.
      type: bool
      sample: true
    reason:
      description: Why, in one sentence.
      type: str
      sample: Service ambassador/agent-injector has 1 ready endpoint.
    authority_ends:
      description: When the authority ends that the API server believes its certificate from.
      type: str
      sample: "2027-11-22T02:37:09Z"
agents:
  description: The agents by workload. Pods of one workload whose agents differ make several entries.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace of the workload.
      type: str
      sample: shop
    kind:
      description: The kind of the workload.
      type: str
      sample: Deployment
    name:
      description: The name of the workload.
      type: str
      sample: web
    image:
      description: The image of the agent.
      type: str
      sample: ghcr.io/telepresenceio/tel2:2.20.2
    band:
      description: The versions that made it, as in RV(managers[].band), by the form that it has in the pod.
      type: str
      sample: 2.6-2.21
    manual:
      description: Whether somebody put it into the template of the workload.
      type: bool
      sample: false
    annotated:
      description: Whether the template asks for an agent by an annotation.
      type: bool
      sample: false
    replaced:
      description: The containers of the application that do not run because an intercept replaces them.
      type: list
      elements: str
      sample: []
    pods:
      description: The pods that have it. Empty where only the template has.
      type: list
      elements: str
      sample: [web-7df5fb5579-d4nz7]
    manager:
      description: The namespace of the manager that serves this one, or null.
      type: str
      sample: ambassador
    managed:
      description: Whether a manager serves its namespace, or null where that is not known.
      type: bool
      sample: true
    intercepted:
      description: Whether somebody intercepts the workload, or null where that is not known.
      type: bool
      sample: false
state_objects:
  description: What Telepresence 2 notes in the cluster. ConfigMaps C(telepresence-agents) and C(traffic-manager-claim), jobs of the chart's
    hooks, and Helm releases.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: The kind of the object.
      type: str
      sample: ConfigMap
    namespace:
      description: The namespace of the object.
      type: str
      sample: shop
    name:
      description: The name of the object.
      type: str
      sample: telepresence-agents
    holds:
      description: What it says. The workloads with an agent, the namespace of the manager that claims this one, or the state of a job or a release.
      type: list
      elements: str
      sample: [web]
workloads:
  description: What can be intercepted, as C(telepresence list) shows it in each namespace that a manager serves.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The namespace of the workload.
      type: str
      sample: shop
    kind:
      description: The kind of the workload. One of V(Deployment), V(ReplicaSet), V(StatefulSet).
      type: str
      sample: Deployment
    name:
      description: The name of the workload.
      type: str
      sample: web
    state:
      description: V(intercepted), V(agent) where it is ready and has an agent, V(no_agent) where it is ready and has none, or V(unknown) where it
        has one and the manager did not answer.
      type: str
      sample: agent
intercepts:
  description: The intercepts that the managers hold, of all clients.
  returned: success
  type: list
  elements: dict
  contains:
    manager:
      description: The namespace of the manager.
      type: str
      sample: ambassador
    id:
      description: The id of the intercept, which begins with that of its client's session.
      type: str
      sample: 0c28e0e5-8c5b-4bd5-a8f3-4f2f8d2f1a75:web
    name:
      description: The name that the client gave it.
      type: str
      sample: web
    client:
      description: The user and the host of the client.
      type: str
      sample: dev@laptop
    session_id:
      description: The session of the client.
      type: str
      sample: 0c28e0e5-8c5b-4bd5-a8f3-4f2f8d2f1a75
    namespace:
      description: The namespace of the workload.
      type: str
      sample: shop
    agent:
      description: The name of the workload.
      type: str
      sample: web
    kind:
      description: The kind of the workload.
      type: str
      sample: Deployment
    replace:
      description: Whether the intercept replaces a container of the application.
      type: bool
      sample: false
    wiretap:
      description: Whether it only listens.
      type: bool
      sample: false
    disposition:
      description: What the manager says of it.
      type: str
      sample: ACTIVE
    message:
      description: Why, where something is wrong.
      type: str
      sample: ""
    pod:
      description: The pod whose agent serves it.
      type: str
      sample: web-7df5fb5579-d4nz7
    pod_ip:
      description: The address of this pod.
      type: str
      sample: 10.1.2.3
    changed:
      description: When the manager last changed it, or null where it does not say.
      type: str
      sample: "2026-11-22T02:37:09Z"
leftovers:
  description: What is left over, the gravest first.
  returned: success
  type: list
  elements: dict
  contains:
    class:
      description: What it is. One of V(replaced_container), V(dead_webhook), V(unreachable_webhook), V(expired_certificate),
        V(agent_without_manager), V(agent_of_older_manager), V(dormant_agent), V(orphan_agents_config), V(orphan_agents_key), V(orphan_claim),
        V(hook_job), V(stuck_release), V(release_without_manager), V(orphan_role), V(edited_object), V(broken_intercept), V(denied_pod),
        V(replica_count), or V(node_agent_job).
      type: str
      sample: dead_webhook
    severity:
      description: V(critical) where something does not work now, V(major) where it is slow or will not work, V(minor) where it is in the way of
        others, V(info) where all is as it is meant.
      type: str
      sample: major
    namespace:
      description: The namespace that it is in or belongs to, or null.
      type: str
      sample: ambassador
    objects:
      description: The objects that it consists of.
      type: list
      elements: str
      sample: [MutatingWebhookConfiguration agent-injector-webhook-ambassador]
    evidence:
      description: What was seen, in sentences.
      type: list
      elements: str
      sample: [There is no namespace ambassador.]
    remedy:
      description: What puts it right.
      type: str
      sample: Delete MutatingWebhookConfiguration agent-injector-webhook-ambassador.
    safe:
      description: Whether that can be done with nobody losing anything. What is not safe needs a decision.
      type: bool
      sample: true
    patch:
      description: Of V(edited_object), the JSON patch that puts it back as far as it still is as the client noted.
      returned: where there is one
      type: list
      elements: dict
      sample: []
unknown:
  description: What is not known, and why, one sentence each. Empty where everything could be read and every manager answered.
  returned: success
  type: list
  elements: str
  sample: ["The Helm releases of managers are not known: the account may not list secrets."]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager.report import report_managers
from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            **AUTH_ARG_SPEC,
            "namespaces": {"type": "list", "elements": "str", "default": []},
            "exclude_namespaces": {"type": "list", "elements": "str", "default": []},
            "intercepts": {"type": "bool", "default": True},
            "deadline": {"type": "int", "default": 10},
        },
        supports_check_mode=True,
    )
    report_managers(module)


if __name__ == "__main__":
    main()
