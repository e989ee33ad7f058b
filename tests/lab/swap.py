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

from .paths import KUBECONFIG
from .say import LabError
from .telepresence1 import client, manifests
from .telepresence1.kubectl import Kubectl
from .telepresence1.session import Session, planted

# By mode, the client versions that work so; the first is the one used where none is asked for.
MODES = {"deployment": ("0.105", "0.109", "0.87"), "pod": ("0.109",), "new": ("0.105", "0.109")}


def plant(
    kubectl: Kubectl,
    name: str,
    mode: str,
    state: str = "alive",
    *,
    client_version: str | None = None,
    checkpoint: bool = True,
) -> Session:
    """Start a session on the Deployment ``name`` (or ``name:container``) and bring its client into ``state``.

    ``mode`` is one of `MODES`: the Deployment is swapped for a proxy Deployment or Pod, or ``new``: a workload ``name``
    is created that replaces nothing. ``state`` is one of `client.STATES`; but for ``starting``, the client was really
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
    else:
        name, proxy, container = _swap(kubectl, name, mode, session_id, client_version)
    session = Session(kubectl, session_id, name, mode, proxy, container, "starting", polled=polled)
    session.save()
    try:
        _bring_into(session, state, checkpoint and polled)
    except BaseException:
        session.stop_client()
        raise
    return session


def _swap(kubectl: Kubectl, wanted: str, mode: str, session_id: str, client_version: str) -> tuple[str, str, str]:
    """Create the proxy of a Deployment, then scale that to 0: the order of the clients.

    Returns the names of the Deployment, of its proxy and of the proxy's container.
    """
    name, _, container = wanted.partition(":")
    original = kubectl.get("deployment", name)
    container = container or original["spec"]["template"]["spec"]["containers"][0]["name"]
    try:
        if mode == "deployment":
            proxy = manifests.swapped_deployment(original, session_id, container, client_version)
            kubectl.run("apply", "--filename=-", stdin=proxy)
        else:
            kubectl.run("create", "--filename=-", stdin=manifests.swapped_pod(original, session_id, container))
    except LookupError as error:
        raise LabError(f"Cannot swap Deployment {kubectl.namespace}/{name} of {kubectl.context}: {error}.") from None
    kubectl.run("scale", "deployment", name, "--replicas=0")
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
    session.start_client()
    if checkpoint:
        session.wait_for_checkpoint()
    session.change_client(state)


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("tests.lab.swap", description=__doc__.splitlines()[0])
    parser.add_argument("--context", help="the cluster, by its context in the kubeconfig")
    parser.add_argument("-n", "--namespace")
    parser.add_argument("--kubeconfig", type=pathlib.Path, default=KUBECONFIG)
    parser.add_argument("--mode", choices=MODES)
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
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="a Deployment, or one of its containers: NAME:CONTAINER"
    )
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
