# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations


class ModuleDocFragment:
    """The options that decide which sessions are looked at, how they are judged, and which counts are believed."""

    SCOPE = r"""
options:
  namespaces:
    description:
      - The namespaces to look at, as globs such as V(team-*).
      - If all of them are plain names, they are read one by one, so that rights in these namespaces suffice.
      - All namespaces if empty.
    type: list
    elements: str
    default: []
  exclude_namespaces:
    description: Globs of namespaces to leave alone. They win over O(namespaces).
    type: list
    elements: str
    default: []
  workload_kinds:
    description:
      - The kinds of workload that a client may have replaced.
      - V(DeploymentConfig) is OpenShift's, and is looked for only where the cluster has it.
      - V(StatefulSet) has to be asked for. Telepresence itself replaced none, but changed versions of it did.
    type: list
    elements: str
    choices:
      - Deployment
      - DeploymentConfig
      - StatefulSet
    default:
      - Deployment
      - DeploymentConfig
"""

    PROBE = r"""
options:
  probe:
    description:
      - How a proxy is asked whether its client is there.
      - V(auto) asks through the API server's proxy for pods first, and only proxies that do not answer there by a command in the pod.
      - V(exec) only runs the command in the pod. It reads the state of the proxy and writes nothing.
      - V(pod_proxy) never runs a command in a pod, for clusters whose policy forbids that. It proves that a client is alive. That one is gone
        is believed only if the address of the pod itself refuses the connection twice, and the log of the proxy agrees that its client has
        not answered since. Beside another container in the pod, such as the sidecar of a mesh, a refusal proves nothing, because that
        container may have refused. Everything else is C(unknown).
    type: str
    choices:
      - auto
      - exec
      - pod_proxy
    default: auto
  helm_releases:
    description:
      - Whether to read the Secrets of Helm releases, for the number of replicas that the release of a workload declares. That needs the right to
        list Secrets, in every namespace that is looked at.
      - Nothing of a Secret but that number appears anywhere.
    type: bool
    default: false
"""

    DOCUMENTATION = r"""
options:
  select:
    description:
      - A JMESPath expression over a session, as in RV(devclusters.telepresence.telepresence_orphans#module:sessions).
      - Only sessions, and lost workloads, for which it is true are listed and acted on. Sessions that share their original with a selected one are still
        judged, so that nobody is cut off.
    type: str
  start_window:
    description: Seconds in which a session may start. Without a sign of life, no session is judged before. At least V(210).
    type: int
    default: 360
  interval:
    description: Seconds between the two refusals that condemn a session whose log does not tell. At least V(30).
    type: int
    default: 30
  deadline:
    description: Seconds after which a question to a proxy is given up. A question that was given up is no answer. At least V(6).
    type: int
    default: 10
  concurrency:
    description: How many questions are asked at once in the cluster.
    type: int
    default: 16
  node_concurrency:
    description:
      - How many sessions are asked at once whose pods are on the same node, because one kubelet answers for all of them. Never more than O(concurrency).
      - A question that waits for its turn takes none of its O(deadline).
    type: int
    default: 8
  trust:
    description:
      - The weakest class of evidence that may set the number of replicas. What is weaker needs a decision.
      - V(recorded) believes what you said with O(replicas), what the cluster noted at the moment of the swap, and what an earlier run recorded.
      - V(declared) also believes what the owner of the workload wrote down, such as its last-applied configuration.
      - V(historic) also believes older traces, such as the last ReplicaSet that was scaled down, or what a DeploymentConfig had at its last rollout.
    type: str
    choices:
      - recorded
      - declared
      - historic
    default: declared
  replicas:
    description:
      - Numbers of replicas that you know, as a dictionary of C(NAMESPACE/NAME) to number. They win over everything else.
      - They are used only for workloads that a session left at 0. A name that the cluster does not have, or that there is nothing to do for,
        is a warning.
    type: dict
    default: {}
  managers:
    description:
      - What to do with a workload that something else keeps in shape as well, as a dictionary. Its keys are V(helm), V(argo_cd), V(flux),
        V(autoscaler) for a HorizontalPodAutoscaler, and V(keda).
      - With V(restore) it is put back, which is the default for each of them. With V(report) it needs a decision, unless O(replicas) gives its
        number.
    type: dict
    default: {}
  replicas_limit:
    description: A number of replicas above this needs a decision.
    type: int
    default: 50
  verdicts:
    description:
      - The verdicts that make a session an orphan.
      - V(stale) is a proxy whose client is proven to be gone, V(ended) one whose own container ended.
      - V(clientless) is a tunnel that is open with nothing behind it, V(suspended) a client that does not answer although its tunnel is open,
        usually a laptop that sleeps.
    type: list
    elements: str
    choices:
      - stale
      - ended
      - clientless
      - suspended
    default:
      - stale
      - ended
  image_pattern:
    description: A regular expression that recognises the container of the proxy by its image.
    type: str
    default: "(^|/)telepresence-(k8s|k8s-priv|ocp)([:@]|$)"
  unlabelled:
    description:
      - Whether to list as well what runs with the image of a proxy and without the label of a session, in mode V(existing). Somebody keeps
        it for developers to connect to with C(--deployment).
      - It is found by O(image_pattern) among all Deployments, and is neither asked nor touched, whatever happens.
    type: bool
    default: false
  oc_binary:
    description:
      - OpenShift's client C(oc), by name or path, on the machine that the module runs on.
      - Used only for a DeploymentConfig that a client from 0.97 to 0.105 changed in place. That has to be rolled out once its definition is
        back, which C(oc) does and watches, driven by the Python library C(openshift-client). Where either is missing, such a session needs a
        decision and nothing of it is changed.
    type: path
    default: oc
  details:
    description:
      - A file for the full records, on the machine that the module runs on. It receives the lists of records that the result has otherwise, by the
        same keys, as JSON. The result has short records in its lists then, so that those of a large cluster stay small enough for whoever keeps results.
      - A short record has C(session_id), C(namespace), C(verdict), C(outcome), C(replicas), of C(original) the kind, namespace and name, and where there
        is no original the same of C(proxy). Those under RV(sessions) and RV(lost) also have their C(message), and a C(line), which is what the filter
        P(devclusters.telepresence.session_lines#filter) says of the full record.
      - The file is put in place whole, also in check mode and where the module fails, with its directory if need be. Only its owner may read it. What root
        makes is owned by the owner of the directory that it is made in.
      - If it cannot be written, that is a warning, and the result has the full records.
    type: path
notes:
  - A session is a Pod or a workload with the label C(telepresence), as Telepresence 1 makes them. Telepresence 2 is not touched.
  - The annotation C(devclusters.telepresence/ignore) with the value C(true) on a workload, a proxy, or a namespace keeps it from being touched.
requirements:
  - kubernetes >= 24.2.0
  - jmespath
  - openshift-client, and C(oc), for DeploymentConfigs that were changed in place
"""
