"""Plants Telepresence 1 sessions in a lab cluster as real clients would, and leaves their clients in a chosen state.

Plant one, which prints a line of JSON about it::

    python -m tests.lab.swap --context alpha -n shop --mode pod --client gone web

Deal with the clients of those planted, all or only of a context, namespace and workload::

    python -m tests.lab.swap --stop | --resume | --answers [--context alpha] [-n shop] [web]
"""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
import uuid
from typing import Any

from . import openshift
from .paths import KUBECONFIG
from .say import LabError
from .telepresence1 import client, manifests
from .telepresence1.client import wait_for
from .telepresence1.kubectl import Kubectl
from .telepresence1.session import Session, planted

# By mode, the client versions that work so; the first is the one used where none is asked for.
MODES = {
    "deployment": ("0.105", "0.109", "0.87"),
    "pod": ("0.109",),
    "in-place": ("0.105",),
    "new": ("0.105", "0.109"),
}
CLIENTS = 3
"""Clients that are started for one session at most, for those that a busy machine ends before their proxy saw them."""


def plant(
    kubectl: Kubectl,
    name: str,
    mode: str,
    state: str = "alive",
    *,
    client_version: str | None = None,
    checkpoint: bool = True,
    kind: str = "deployment",
) -> Session:
    """Start a session on the workload ``name`` (or ``name:container``) and bring its client into ``state``.

    ``mode`` is one of `MODES`: the workload is swapped for a proxy Deployment or Pod, or ``in-place``: it is a
    DeploymentConfig and changed itself (which takes the stand-in of `openshift`), or ``new``: a workload ``name``
    is created that replaces nothing. ``kind`` is what kubectl calls a workload that is swapped for a Pod. ``state`` is one of `client.STATES`; but for ``starting``, the client was really
    alive before, and unless ``checkpoint`` is false the proxy has logged so once (which takes 30 s). Several sessions
    may be planted at once. Raises `LabError`; processes started until then are ended, objects created stay.
    """
    client_version = client_version or MODES[mode][0]
    if client_version not in MODES[mode]:
        raise LabError(f"No client {client_version} works in mode {mode}; it takes {' or '.join(MODES[mode])}.")
    polled = client_version != "0.87"
    session_id = uuid.uuid4().hex if polled else str(uuid.uuid4())
    if mode == "new":
        name, proxy, container = _create_new(kubectl, name, session_id, client_version)
    elif mode == "in-place":
        name, proxy, container = _change(kubectl, name, session_id)
    else:
        name, proxy, container = _swap(kubectl, kind, name, mode, session_id, client_version)
    session = Session(kubectl, session_id, name, mode, proxy, container, "starting", polled=polled)
    session.save()
    try:
        _bring_into(session, state, checkpoint and polled)
    except BaseException:
        session.stop_client()
        raise
    return session


def _read(kubectl: Kubectl, kind: str, wanted: str) -> tuple[dict[str, Any], str]:
    """Return the workload and the name of its container that is to be swapped."""
    name, _, container = wanted.partition(":")
    original = kubectl.get(kind, name)
    return original, container or original["spec"]["template"]["spec"]["containers"][0]["name"]


def _change(kubectl: Kubectl, wanted: str, session_id: str) -> tuple[str, str, str]:
    """Change a DeploymentConfig in the order of the clients; return the names as `_swap` does."""
    name = wanted.partition(":")[0]
    kubectl.run("patch", openshift.RESOURCE, name, "--type=merge", '--patch={"spec": {"triggers": []}}')
    original, container = _read(kubectl, openshift.RESOURCE, wanted)
    changed = manifests.changed_config(original, session_id, container)
    wait_for(
        lambda: _replaced(kubectl, changed), f"a moment in which DeploymentConfig {name} is not written by others", 10
    )
    openshift.roll_out(kubectl, name)
    return name, name, container


def _replaced(kubectl: Kubectl, changed: dict[str, Any]) -> bool:
    """Replace an object; return whether its version was still the one that kubectl had read for that just before."""
    try:
        kubectl.run("replace", "--filename=-", stdin=changed)
    except LabError as error:
        if "the object has been modified" in str(error):
            return False
        raise
    return True


def _swap(
    kubectl: Kubectl, kind: str, wanted: str, mode: str, session_id: str, client_version: str
) -> tuple[str, str, str]:
    """Create the proxy of a workload, then scale that to 0: the order of the clients.

    Returns the names of the workload, of its proxy and of the proxy's container.
    """
    original, container = _read(kubectl, kind, wanted)
    name = original["metadata"]["name"]
    try:
        if mode == "deployment":
            proxy = manifests.swapped_deployment(original, session_id, container, client_version)
            kubectl.run("apply", "--filename=-", stdin=proxy)
        else:
            kubectl.run("create", "--filename=-", stdin=manifests.swapped_pod(original, session_id, container))
    except LookupError as error:
        raise LabError(f"Cannot swap {kind} {kubectl.namespace}/{name} of {kubectl.context}: {error}.") from None
    kubectl.run("scale", kind, name, "--replicas=0")
    return name, manifests.proxy_name(name, session_id), container


def _create_new(kubectl: Kubectl, name: str, session_id: str, client_version: str) -> tuple[str, str, str]:
    """Create what ``--new-deployment name --expose PORT`` creates; return the names as `_swap` does."""
    if client_version == "0.105":
        kubectl.run("create", "--filename=-", stdin=manifests.new_deployment(name, session_id))
        kubectl.run("expose", "deployment", name, f"--port={client.EXPOSED_PORT}")
        return name, name, name
    kubectl.run("create", "--filename=-", stdin=manifests.new_pod(name, session_id, client.EXPOSED_PORT))
    return name, name, manifests.NEW_POD_CONTAINER


def _bring_into(session: Session, state: str, checkpoint: bool) -> None:
    """Take a session with a new proxy through the life of its client, up to ``state``."""
    session.wait_for_pod()
    if state == "starting":
        return
    for left in reversed(range(CLIENTS)):
        try:
            session.start_client()
            if checkpoint:
                session.wait_for_checkpoint()
            break
        except LabError:
            if not left:
                raise
    session.change_client(state)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("tests.lab.swap", description=__doc__.splitlines()[0])
    parser.add_argument("--context", help="the cluster, by its context in the kubeconfig")
    parser.add_argument("-n", "--namespace")
    parser.add_argument("--kubeconfig", type=pathlib.Path, default=KUBECONFIG)
    parser.add_argument("--mode", choices=MODES)
    parser.add_argument("--kind", default="deployment", help="what kubectl calls the workload")
    parser.add_argument("--client", choices=client.STATES, default="alive", help="the state to leave the client in")
    parser.add_argument("--client-version", choices=sorted({v for versions in MODES.values() for v in versions}))
    parser.add_argument(
        "--checkpoint",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="wait until the proxy has once logged that its client is alive (about 30 s)",
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument("--stop", action="store_true", help="end the clients and forget the sessions")
    instead.add_argument("--resume", action="store_true", help="let suspended and sleeping clients go on")
    instead.add_argument("--answers", action="store_true", help="check that the clients planted alive still answer")
    parser.add_argument("name", nargs="?", metavar="NAME", help="a workload, or one of its containers: NAME:CONTAINER")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Do what the command line says; return the exit status: 0, 1 (failed, or a client did not answer) or 2 (usage)."""
    parser = _arguments()
    wish = parser.parse_args(argv)
    try:
        if not (wish.stop or wish.resume or wish.answers):
            if None in (wish.context, wish.namespace, wish.mode, wish.name):
                parser.error("planting a session takes --context, --namespace, --mode and NAME")
            session = plant(
                Kubectl(wish.context, wish.namespace, wish.kubeconfig),
                wish.name,
                wish.mode,
                wish.client,
                client_version=wish.client_version,
                checkpoint=wish.checkpoint,
                kind=wish.kind,
            )
            print(json.dumps(session.summary()))
            return 0
        return _manage(wish)
    except LabError as error:
        print(error, file=sys.stderr)
        return 1


def _manage(wish: argparse.Namespace) -> int:
    """Stop, resume or ask the sessions on record; return the exit status."""
    status = 0
    for session in planted(wish.context, wish.namespace, wish.name):
        line: dict[str, object] = dict(session.summary())
        if wish.stop:
            session.stop_client()
        elif wish.resume:
            session.resume_client()
        elif session.client == "alive":
            line["answers"] = session.client_answers()
            status = status if line["answers"] else 1
        print(json.dumps(line))
    return status


if __name__ == "__main__":
    sys.exit(main())
