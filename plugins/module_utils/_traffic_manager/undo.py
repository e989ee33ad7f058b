# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""How what a client up to 2.5 changed in a workload or a Service is undone, by the client's own record of it. Pure.

Fields and meaning of the record: pkg/client/connector/userd_trafficmgr/install_actions.go of 2.4.11. Something is undone only where all of
it still is as the record says; the order does not matter then, and the init container is looked for by its name.
"""

from __future__ import annotations

import copy
import json
import typing as t
from dataclasses import dataclass

from .._cluster.kinds import Object, annotations_of, dig
from .agents import ACTIONS, CONTAINER

INIT_CONTAINER = "tel-agent-init"
VOLUME = "traffic-annotations"
AGENT_PORT = 9900
TEMPLATE = ("spec", "template", "spec")
NOTES = frozenset(("version", "ReferencedService", "referenced_service_port", "referenced_service_port_name"))
"""What the record holds beside actions."""

Operation = dict[str, t.Any]
"""One of a JSON patch (RFC 6902)."""


@dataclass(frozen=True)
class Change:
    """One thing that is put back: what it is, before and after, and the operations that do it."""

    what: str
    before: str
    after: str
    operations: tuple[Operation, ...]


@dataclass(frozen=True)
class Undoing:
    """What undoes all that can be undone of an object, and the sentences that say what cannot."""

    changes: tuple[Change, ...]
    drift: tuple[str, ...]

    @property
    def patch(self) -> list[Operation]:
        """The JSON patch of all changes."""
        return [operation for change in self.changes for operation in change.operations]


class _DiffersError(Exception):
    """Something is not as the record says; its text says what."""


def service_of(workload: Object) -> str | None:
    """The Service that the record of a workload names."""
    name = dig(_record(workload), "ReferencedService")
    return name if isinstance(name, str) else None


def undo(obj: Object) -> Undoing:
    """How a workload or a Service gets back what it was, as far as it still is as its record says."""
    rules = SERVICE_RULES if obj["kind"] == "Service" else WORKLOAD_RULES
    record = _record(obj)
    changes: list[Change] = []
    drift = [] if {*record} & {*rules} else ["Its record does not say what was changed."]
    drift += [f"Its record has {key}, which is not known." for key in sorted({*record} - NOTES - {*rules})]
    for key, rule in rules.items():
        if record.get(key):
            try:
                changes += rule(obj, record[key])
            except _DiffersError as error:
                drift.append(f"Of {key}, {error}.")
    path = f"/metadata/annotations/{ACTIONS.replace('/', '~1')}"
    changes.append(Change("annotation of the client", "present", "absent", ({"op": "remove", "path": path},)))
    return Undoing(tuple(sorted(changes, key=_last_first)), tuple(drift))


def applied(obj: Object, patch: t.Iterable[Operation]) -> Object:
    """The object with the patch that was made for it applied; the tests in that are for others, who may apply it to something newer."""
    new = copy.deepcopy(obj)
    for operation in patch:
        *parents, last = [part.replace("~1", "/") for part in operation["path"][1:].split("/")]
        place: t.Any = new
        for key in parents:
            place = place[int(key) if isinstance(place, list) else key]
        key_: t.Any = int(last) if isinstance(place, list) else last
        if operation["op"] == "remove":
            del place[key_]
        elif operation["op"] == "replace":
            place[key_] = operation["value"]
    return new


def _record(obj: Object) -> dict[str, t.Any]:
    try:
        found = json.loads(annotations_of(obj).get(ACTIONS, ""))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _last_first(change: Change) -> tuple[str, list[int]]:
    """A later place of a list goes before an earlier one, and what is in an element before the element, so that no path moves."""
    numbers = [-int(part) for part in change.operations[-1]["path"].split("/") if part.isdecimal()]
    return ("a" if change.operations[-1]["op"] == "replace" else "b", numbers)


def _port(obj: Object, action: t.Any) -> t.Iterator[Change]:
    """A targetPort that was made a name."""
    symbol, number = dig(action, "SymbolicName"), dig(action, "TargetPort")
    for index, port in enumerate(dig(obj, "spec", "ports") or []):
        if port.get("targetPort") == symbol and (port.get("name") or "") == (dig(action, "PortName") or ""):
            path = f"/spec/ports/{index}/targetPort"
            test = {"op": "test", "path": path, "value": symbol}
            yield Change(
                f"targetPort of port {port.get('name') or index}",
                str(symbol),
                str(number),
                (test, {"op": "replace", "path": path, "value": number}),
            )
            return
    raise _DiffersError(f"no port has targetPort {symbol} any more")


def _hidden(obj: Object, action: t.Any) -> t.Iterator[Change]:
    """A port of the application that got another name, also in its probes."""
    index, container = _named(obj, "containers", dig(action, "container_name"))
    hidden, name = dig(action, "hidden_name"), dig(action, "port_name")
    path = f"/spec/template/spec/containers/{index}"
    ports = [port.get("name") for port in container.get("ports") or []]
    if hidden not in ports or name in ports:
        raise _DiffersError(f"container {container['name']} has no port {hidden} any more, or has {name} again")
    places = [f"{path}/ports/{ports.index(hidden)}/name"]
    for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
        for how in ("httpGet", "tcpSocket"):
            if dig(container, probe, how, "port") == hidden:
                places.append(f"{path}/{probe}/{how}/port")
    for place in places:
        yield Change(
            f"port {place[len(path) + 1 :]} of container {container['name']}",
            str(hidden),
            str(name),
            ({"op": "test", "path": place, "value": hidden}, {"op": "replace", "path": place, "value": name}),
        )


def _agent(obj: Object, action: t.Any) -> t.Iterator[Change]:
    """The agent, and the volume that it alone mounts."""
    index, container = _named(obj, "containers", CONTAINER)
    port = (container.get("ports") or [{}])[0]
    if (container.get("image"), port.get("name") or "", port.get("containerPort")) != (
        dig(action, "image_name"),
        dig(action, "container_port_name") or "",
        AGENT_PORT,
    ):
        raise _DiffersError("the container has another image or port than was recorded")
    yield _removal("containers", index, CONTAINER)
    volumes = [volume.get("name") for volume in dig(obj, *TEMPLATE, "volumes") or []]
    if VOLUME in volumes:
        users = [
            one["name"]
            for one in [*_list(obj, "containers"), *_list(obj, "initContainers")]
            if one["name"] != CONTAINER and VOLUME in [mount.get("name") for mount in one.get("volumeMounts") or []]
        ]
        if users:
            raise _DiffersError(f"container {users[0]} mounts volume {VOLUME} as well")
        yield _removal("volumes", volumes.index(VOLUME), VOLUME)


def _init(obj: Object, action: t.Any) -> t.Iterator[Change]:
    index, container = _named(obj, "initContainers", INIT_CONTAINER)
    image = dig(action, "image_name")
    if image and container.get("image") != image:
        raise _DiffersError("the init container has another image than was recorded")
    yield _removal("initContainers", index, INIT_CONTAINER)


def _environment(obj: Object, action: t.Any) -> t.Iterator[Change]:
    place, container = _named(obj, "containers", dig(action, "container_name"))
    present = {one.get("name"): (index, one) for index, one in enumerate(container.get("env") or [])}
    for name, value in sorted((dig(action, "Env") or {}).items()):
        index, one = present.get(name, (0, {}))
        if one.get("value") != value:
            raise _DiffersError(f"container {container['name']} has another {name} than was recorded, or none")
        path = f"/spec/template/spec/containers/{place}/env/{index}"
        test = {"op": "test", "path": f"{path}/name", "value": name}
        yield Change(
            f"{name} of container {container['name']}", "present", "absent", (test, {"op": "remove", "path": path})
        )


def _removal(part: str, index: int, name: str) -> Change:
    path = f"/spec/template/spec/{part}/{index}"
    test = {"op": "test", "path": f"{path}/name", "value": name}
    return Change(f"{part} {name}", "present", "absent", (test, {"op": "remove", "path": path}))


def _list(obj: Object, part: str) -> list[Object]:
    found: list[Object] = dig(obj, *TEMPLATE, part) or []
    return found


def _named(obj: Object, part: str, name: t.Any) -> tuple[int, Object]:
    found = [(index, one) for index, one in enumerate(_list(obj, part)) if one.get("name") == name]
    if not found:
        raise _DiffersError(f"there is no {name} among its {part} any more")
    return found[0]


Rule = t.Callable[[Object, t.Any], t.Iterator[Change]]
SERVICE_RULES: t.Mapping[str, Rule] = {"make_port_symbolic": _port, "add_symbolic_port": _port}
WORKLOAD_RULES: t.Mapping[str, Rule] = {
    "hide_container_port": _hidden,
    "add_traffic_agent": _agent,
    "add_init_container": _init,
    "add_tp_env": _environment,
}
