# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Which cluster do the given credentials reach, and as whom: no guessing, no silent anonymous fallback."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import threading
import typing as t
from dataclasses import asdict, dataclass

from ansible_collections.kubernetes.core.plugins.module_utils.args_common import AUTH_ARG_SPEC

from . import secrets
from .api import READ_TIMEOUT, Api, patiently, plainly
from .errors import ClusterError, refusal, status_of
from .exec_plugin import Complaint, exec_plugin
from .foreign import clean
from .kinds import NAMESPACE, SUBJECT_REVIEW, dig

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

try:
    import kubernetes
    import urllib3
    from ansible_collections.kubernetes.core.plugins.module_utils.k8s.client import get_api_client
    from kubernetes.client.exceptions import ApiException
    from kubernetes.config.kube_config import KubeConfigLoader
    from kubernetes.dynamic.exceptions import DynamicApiError

    MISSING = ""

    class _KubeConfigLoader(KubeConfigLoader):  # type: ignore[misc]
        """The client's own, which also heeds ``proxy-url``: older ones would go past the proxy (kubernetes 24.2.0, config/kube_config.py)."""

        def _set_config(self, client_configuration: t.Any) -> None:
            super()._set_config(client_configuration)
            if "proxy-url" in self._cluster:
                client_configuration.proxy = self._cluster["proxy-url"]

except ImportError as error:
    MISSING = str(error.name)


LONGEST_CONNECT = 45.0
"""Seconds; a credential plugin that asks a cloud takes a few of them."""

CONNECTIONS = 64
"""How many are kept open for further requests: those that the threads of a run need at once by default are half as many."""

ANONYMOUS = "system:anonymous"
"""Who a request without credentials comes from (kubernetes 1.34, staging/src/k8s.io/apiserver/pkg/authentication/user/user.go)."""


@dataclass(frozen=True)
class Identity:
    """One cluster as the results name it.

    ``identity`` is the uid of namespace kube-system; where that may not be read, the SHA-256 of the CA's certificate file
    (``identity_source`` says which); None where neither is to be had.
    """

    server: str
    identity: str | None
    identity_source: str | None
    version: str | None
    user: str | None

    def lacks(self, rights: t.Iterable[str]) -> str:
        """One sentence on the rights that its account does not have."""
        return f"The account {self.user or 'of these credentials'} lacks rights on {self.server}: it may not {'; not '.join(rights)}."

    def as_dict(self) -> dict[str, str | None]:
        """The identity as it stands in a module's result."""
        return {name: None if value is None else clean(value) for name, value in asdict(self).items()}


def connect(module: AnsibleModule) -> Api:
    """An Api for the auth options of a module (kubernetes.core's own, K8S_AUTH_* included). Raises ClusterError."""
    if MISSING:
        raise ClusterError(
            f"The Python library {MISSING} is missing from {sys.executable}: install kubernetes and jmespath there, "
            "or point ansible_python_interpreter at a Python that has them."
        )
    auth = {name: module.params.get(name) for name in AUTH_ARG_SPEC}
    _mask(module, auth)
    refuse_ambiguous(auth, os.environ)
    refuse_content(auth, os.environ)
    kubernetes.config.kube_config.KubeConfigLoader = _KubeConfigLoader
    # Repetitions are decided in Api alone.
    urllib3.util.retry.Retry.DEFAULT = urllib3.util.retry.Retry(0)
    # kubernetes.core keeps its discovery cache in the temporary directory under a name anybody can foretell.
    tempfile.tempdir = module.tmpdir
    complaint = Complaint()
    # The kubeconfig's own path would be masked in the output: Ansible takes the option for a secret.
    where = (
        auth.get("host") or os.environ.get("K8S_AUTH_HOST") or f"context {auth.get('context') or '(the current one)'}"
    )
    try:
        client = _client(auth, where, complaint)
    finally:
        # Where a kubeconfig file was read, what it says is here, even if the cluster then refused it.
        module.no_log_values.update(secrets.of_client(kubernetes.client.Configuration.get_default_copy()))
    refuse_anonymous(client.configuration, auth, where, complaint.said())
    # The client keeps five for each core of this machine (kubernetes 37.0.2, client/configuration.py), and opens one anew for each request beyond.
    pools = client.client.rest_client.pool_manager
    pools.connection_pool_kw["maxsize"] = CONNECTIONS
    pools.clear()
    return Api(client, lambda: _not_renewed(auth, complaint))


def _mask(module: AnsibleModule, auth: t.Mapping[str, t.Any]) -> None:
    """Has Ansible mask what is secret in the credentials, and nothing else.

    It takes each value in a kubeconfig given as a dictionary for a secret, and would mask "v1" and the names of contexts and
    namespaces wherever they are part of a word of the result; of a proxy's address it masks nothing.
    """
    kubeconfig = auth.get("kubeconfig")
    if isinstance(kubeconfig, dict):
        module.no_log_values.difference_update(secrets.texts(kubeconfig))
        module.params["kubeconfig"] = "(given as a dictionary)"
    elif isinstance(kubeconfig, str) and secrets.is_content(kubeconfig):
        # The result repeats the options, and this one is no secret to kubernetes.core (5.0.0, plugins/module_utils/args_common.py).
        module.params["kubeconfig"] = "(given as content)"
    module.no_log_values.update(secrets.of_options(auth, os.environ))


def _client(auth: t.Mapping[str, t.Any], where: str, complaint: Complaint) -> t.Any:
    try:
        return _in_time(lambda: _discovered(auth, where), LONGEST_CONNECT)
    except ClusterError:
        raise
    except Exception as error:
        # The library raises anything here, from ConfigException to urllib3's errors.
        of_kubeconfig = not auth.get("host") and not os.environ.get("K8S_AUTH_HOST")
        # A plugin that failed is the reason to tell, whatever came of the requests without credentials.
        if of_kubeconfig and (complaint.text or getattr(error, "status", None) in (401, 403)):
            refuse_anonymous(kubernetes.client.Configuration.get_default_copy(), auth, where, complaint.said())
        answer = status_of(getattr(error, "body", None))[0]
        if ANONYMOUS in answer:
            raise _taken_for_nobody(where) from error
        plugin = exec_plugin(auth) if of_kubeconfig and getattr(error, "status", None) == 401 else None
        if plugin:
            raise ClusterError(
                f"The cluster of {where} does not accept what the credential plugin {plugin.command} gave ({answer or plainly(error)}): "
                "check as whom the plugin logs in, and whether the cluster lets them in."
            ) from error
        raise ClusterError(
            f"Failed to connect to the cluster of {where}: {answer or plainly(error)}. "
            "Check the address, the credentials and the network."
        ) from error


def _discovered(auth: t.Mapping[str, t.Any], where: str) -> t.Any:
    """The client, which asks the cluster for its kinds as it is made; again where the cluster is too busy to say."""

    def once() -> t.Any:
        try:
            return get_api_client(**auth).client
        except (ApiException, DynamicApiError) as error:
            if error.status != 429:
                raise
            doing, cluster = "ask which kinds there are", f"the cluster of {where}"
            raise refusal(doing, cluster, error.status, error.body, error.headers or {}) from error

    return patiently(once, READ_TIMEOUT, lambda error: True)


def _not_renewed(auth: t.Mapping[str, t.Any], complaint: Complaint) -> str:
    """What to add where the cluster does not know a token any more: that its plugin failed to make another, if it did."""
    plugin = exec_plugin(auth) if complaint.text else None
    return (
        f" The credential plugin {plugin.command} gave no new one ({plugin.says(complaint.said())})." if plugin else ""
    )


def _in_time(ask: t.Callable[[], t.Any], seconds: float) -> t.Any:
    """What ``ask`` returns or raises. Raises TimeoutError after ``seconds``, and leaves its thread to end with the process.

    The client asks the cluster for its kinds as soon as it is made, and sets no time-out for that (kubernetes 37.0.2, client/rest.py).
    """
    answers: list[t.Any] = []
    errors: list[Exception] = []

    def run() -> None:
        try:
            answers.append(ask())
        except Exception as error:  # whatever it is, the caller gets it
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError("timed out")
    return answers[0]


def refuse_ambiguous(auth: t.Mapping[str, t.Any], environ: t.Mapping[str, str]) -> None:
    """Raises ClusterError where the environment would silently send a task to another cluster than it names.

    kubernetes.core (6.2.0, plugins/module_utils/k8s/client.py) lets K8S_AUTH_HOST and K8S_AUTH_API_KEY win over an
    explicit kubeconfig or context; AWX's bearer token credential sets exactly these two. K8S_AUTH_CONTEXT picks another
    cluster of a kubeconfig that is named without a context.
    """
    for option in ("kubeconfig", "context", "host", "api_key"):
        if auth.get(option) == "":
            raise ClusterError(
                f"Option {option} is empty, which would mean another cluster: give it a value, or leave it out."
            )
    named = [option for option in ("kubeconfig", "context") if auth.get(option)]
    stronger = [name for name in ("K8S_AUTH_HOST", "K8S_AUTH_API_KEY") if environ.get(name)]
    if not auth.get("context") and environ.get("K8S_AUTH_CONTEXT"):
        stronger.append("K8S_AUTH_CONTEXT")
    if named and stronger and not auth.get("host"):
        raise ClusterError(
            f"The credentials are ambiguous: {' and '.join(stronger)} in the environment would win over the "
            f"{' and '.join(named)} given for this cluster; unset {'them' if len(stronger) > 1 else 'it'}, "
            "or give host and api_key for each cluster instead."
        )


def refuse_content(auth: t.Mapping[str, t.Any], environ: t.Mapping[str, str]) -> None:
    """Raises ClusterError where a kubeconfig's content stands in place of its path: messages would show it, with the credentials in it."""
    for option, value in (
        ("Option kubeconfig", auth.get("kubeconfig")),
        ("K8S_AUTH_KUBECONFIG in the environment", environ.get("K8S_AUTH_KUBECONFIG")),
    ):
        if isinstance(value, str) and secrets.is_content(value):
            raise ClusterError(
                f"{option} holds the content of a kubeconfig where its path is expected: "
                "write it to a file and give the path, or give option kubeconfig a dictionary (from_yaml)."
            )


def refuse_anonymous(configuration: t.Any, auth: t.Mapping[str, t.Any], where: str, complaint: str = "") -> None:
    """Raises ClusterError where no credential at all was found, as after a credential plugin that failed with a ``complaint``.

    The Python client logs a failed exec plugin and goes on as system:anonymous (kubernetes 37.0.2, config/kube_config.py).
    """
    if configuration.auth_settings() or configuration.cert_file or configuration.username:
        return
    plugin = exec_plugin(auth)
    if not plugin:
        raise ClusterError(f"No credentials were found for {where}: they hold no token, no certificate and no user.")
    because = f" ({plugin.says(complaint)})." if complaint else "; run it by hand to see why."
    raise ClusterError(
        f"No credentials were found for {where}: the credential plugin {plugin.command} gave none{because}"
    )


def identify(api: Api) -> Identity:
    """The identity of the cluster behind ``api``. Raises ClusterError where it does not answer, or answers to nobody in particular."""
    user = _user(api)
    if user == ANONYMOUS:
        raise _taken_for_nobody(api.server)
    identity, source = _kube_system(api) or _fingerprint(api.client.configuration)
    return Identity(api.server, identity, source, _version(api), user)


def _taken_for_nobody(where: str) -> ClusterError:
    return ClusterError(
        f"The cluster of {where} takes these credentials for nobody ({ANONYMOUS}): log in again, or renew the token."
    )


def _kube_system(api: Api) -> tuple[str | None, str | None] | None:
    """The identity by the namespace that every cluster has, None where these credentials may not read it."""
    try:
        namespace = api.get(NAMESPACE.path(name="kube-system"), "read namespace kube-system").body
    except ClusterError as error:
        if error.status not in (403, 404):
            raise
        return None
    return str(namespace["metadata"]["uid"]), "kube-system"


def _user(api: Api) -> str | None:
    body = {"apiVersion": SUBJECT_REVIEW.api_version, "kind": SUBJECT_REVIEW.name}
    try:
        review = api.send("post", SUBJECT_REVIEW.path(), "ask who these credentials are", body).body
    except ClusterError as error:
        # Clusters before 1.28 have no SelfSubjectReview (Kubernetes 1.28 release notes).
        if error.status in (403, 404):
            return None
        raise
    name = ((review.get("status") or {}).get("userInfo") or {}).get("username")
    return None if name is None else str(name)


def _version(api: Api) -> str | None:
    # Where that answer was cut off, the client keeps it as text (kubernetes 37.0.2, client/api_client.py).
    git_version = dig(api.client.version, "kubernetes", "gitVersion")
    return None if git_version is None else str(git_version)


def _fingerprint(configuration: t.Any) -> tuple[str | None, str | None]:
    if not configuration.ssl_ca_cert:
        return None, None
    with open(configuration.ssl_ca_cert, "rb") as file:
        return "sha256:" + hashlib.sha256(file.read().strip()).hexdigest(), "ca"
