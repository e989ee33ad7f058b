"""Runs a module's real ``main()`` in this process and reads the JSON it prints, as Ansible would."""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from unittest import mock

import kubernetes.client
from ansible.module_utils import basic
from ansible.module_utils.common import warnings
from ansible_collections.kubernetes.core.plugins.module_utils.k8s import client
from kubernetes.config import kube_config

try:
    from ansible.module_utils import _internal
    from ansible.module_utils.testing import patch_module_args
except ImportError:  # before ansible-core 2.19
    _internal = None

# What a developer's shell may hold and a module would obey.
_CLUSTER_VARIABLES = ("K8S_AUTH_", "KUBE", "KUBERNETES_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "OPENSHIFT_")


@contextlib.contextmanager
def fresh_process(env: Mapping[str, str]) -> Iterator[str]:
    """What a module finds in the new process Ansible gives it; yields the path of its temporary directory.

    No cluster in the environment but *env*, an empty home and temporary directory (kubernetes.core keeps its discovery
    cache there), no client kept from an earlier run, no default configuration, no warnings, and warnings go to the
    result instead of the controller's display.
    """
    kept = {key: value for key, value in os.environ.items() if not key.upper().startswith(_CLUSTER_VARIABLES)}
    with contextlib.ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory())
        for patch in (
            mock.patch.dict(os.environ, {**kept, "HOME": directory, "TMPDIR": directory, **env}, clear=True),
            mock.patch.object(tempfile, "tempdir", directory),
            mock.patch.dict(client._pool, clear=True),
            mock.patch.dict(kube_config._temp_files, clear=True),
            # The client reads it from the environment when it is imported.
            mock.patch.object(kube_config, "KUBE_CONFIG_DEFAULT_LOCATION", env.get("KUBECONFIG", "~/.kube/config")),
            mock.patch.object(kubernetes.client.Configuration, "_default", None),
            mock.patch.object(warnings, "_global_warnings", type(warnings._global_warnings)()),
            mock.patch.object(warnings, "_global_deprecations", type(warnings._global_deprecations)()),
        ):
            stack.enter_context(patch)
        if _internal is not None:
            stack.enter_context(mock.patch.object(_internal, "is_controller", False))
        yield directory


def run_module(
    main: Callable[[], object],
    args: Mapping[str, Any],
    check: bool = False,
    diff: bool = False,
    env: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The result a module gives for its options *args*: what it passed to ``exit_json`` or ``fail_json``, decoded from
    its output. ``warnings`` and ``deprecations`` are plain sentences, as Ansible shows them.

    *env* is added to an environment without any cluster. Fails with AssertionError if the module does not end as a
    module must: one JSON object on stdout, and an exit code that agrees with its ``failed``.
    """
    output = io.StringIO()
    code: object = None
    with fresh_process(env or {}) as directory:
        internal = {"_ansible_check_mode": check, "_ansible_diff": diff, "_ansible_tmpdir": directory}
        with _handed_over({**args, **internal}), contextlib.redirect_stdout(output):
            try:
                main()
            except SystemExit as exit_:
                code = exit_.code
    try:
        result: dict[str, Any] = json.loads(output.getvalue())
    except ValueError:
        raise AssertionError(f"the module printed no single JSON object: {output.getvalue()!r}") from None
    if code != (1 if result.get("failed") else 0):
        raise AssertionError(f"the module ended with {code!r} and failed={result.get('failed')!r}")
    for kind in ("warnings", "deprecations"):
        if kind in result:
            result[kind] = [_sentence(summary) for summary in result[kind]]
    return result


def _handed_over(args: Mapping[str, Any]) -> contextlib.AbstractContextManager[object]:
    """While it is open, a module finds *args* as its options."""
    if _internal is not None:
        found: contextlib.AbstractContextManager[object] = patch_module_args(args)
        return found
    return mock.patch.object(basic, "_ANSIBLE_ARGS", json.dumps({"ANSIBLE_MODULE_ARGS": args}).encode())


def _sentence(summary: Any) -> str:
    """The text of a warning or deprecation, in the form of any version of ansible-core."""
    if isinstance(summary, str):
        return summary
    text: str = summary["event"]["msg"] if "event" in summary else summary["msg"]
    return text
