# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""The values of a traffic-manager's chart, in the spelling of its version."""

from __future__ import annotations

import typing as t

from . import selectors, versions

Values = dict[str, t.Any]

FIRST = (2, 20)
"""The first version whose chart is published where this collection looks for it (CHANGELOG.yml of telepresence, 2.20.0)."""
ONE_SELECTOR = (2, 22)
"""From here on one selector says which namespaces a manager serves (values.schema.yaml of 2.27.4). Before, a manager was told names
for its own rights, names for those of its clients, and a selector for its webhook alone (values.yaml of 2.20.2)."""
TTL_OF_GRPC = (2, 23)
"""From here on the time to live of a client's session is a setting of gRPC (CHANGELOG.yml of telepresence, 2.23.1)."""
SPARED = {"key": selectors.NAME, "operator": "NotIn", "values": ["kube-system", "kube-node-lease"]}
"""What no webhook is asked about, unless somebody says so (values.yaml of 2.20.2, templates/_helpers.tpl of 2.27.4)."""


def served(version: str, namespace: str, namespaces: t.Sequence[str], selector: t.Any) -> t.Any:
    """The label selector of the namespaces that a manager in ``namespace`` will serve. Raises ValueError where that cannot be had."""
    numbers = _numbers(version)
    if namespaces and selector:
        raise ValueError("Namespaces are given by name and by a selector: one of the two is needed.")
    if namespaces:
        names = {*namespaces} if numbers >= ONE_SELECTOR else {namespace, *namespaces}
        return {"matchExpressions": [{"key": selectors.NAME, "operator": "In", "values": sorted(names)}]}
    return selector if selector and numbers >= ONE_SELECTOR else {}


def values(version: str, namespace: str, wanted: t.Mapping[str, t.Any]) -> Values:
    """The values for what is wanted of a manager in ``namespace``, without those that nobody set.

    ``wanted``: ``registry tag namespaces selector injector certificate_method client_subjects connection_ttl agent_arrival hook_image
    resources``, each of which may be missing, and ``values``, which go over all others. Raises ValueError.
    """
    selector = served(version, namespace, wanted.get("namespaces") or (), wanted.get("selector"))
    names = selectors.only_these(selector) if wanted.get("namespaces") else None
    image = {key: wanted.get(key) for key in ("registry", "tag")}
    ttl = "grpc" if _numbers(version) >= TTL_OF_GRPC else "client"
    subjects = wanted.get("client_subjects")
    found: Values = {
        "image": image,
        "agent": {"image": image},
        "agentInjector": {
            "enabled": wanted.get("injector"),
            "certificate": {"method": wanted.get("certificate_method")},
        },
        "clientRbac": {"create": True, "subjects": subjects} if subjects else {},
        ttl: {"connectionTTL": wanted.get("connection_ttl")},
        "timeouts": {"agentArrival": wanted.get("agent_arrival")},
        "hooks": {"curl": wanted.get("hook_image")},
        "resources": wanted.get("resources"),
    }
    if _numbers(version) >= ONE_SELECTOR:
        of_namespaces: Values = {"namespaces": names, "namespaceSelector": wanted.get("selector")}
    elif names:
        of_namespaces = {"managerRbac": {"namespaced": True, "namespaces": names}}
        if subjects:
            of_namespaces["clientRbac"] = {"namespaced": True, "namespaces": names}
    else:
        of_namespaces = {"agentInjector": {"webhook": {"namespaceSelector": _sparing(wanted.get("selector"))}}}
    return merged(_set(merged(found, of_namespaces)), wanted.get("values") or {})


def merged(values: t.Mapping[str, t.Any], over: t.Mapping[str, t.Any]) -> Values:
    """Both as Helm merges them: dictionaries key by key, all else by what is in ``over``."""
    found = {**values}
    for key, value in over.items():
        mine = found.get(key)
        found[key] = merged(mine, value) if isinstance(mine, dict) and isinstance(value, dict) else value
    return found


def _numbers(version: str) -> tuple[int, int]:
    numbers = versions.parse(version)
    if numbers is None or numbers[0] != FIRST[0] or numbers < FIRST:
        raise ValueError(f"A traffic-manager {version} cannot be installed: the chart is known from 2.20 on.")
    return numbers


def _sparing(selector: t.Any) -> t.Any:
    """The same selector, but for the namespaces that are spared; None where there is none."""
    if not selector:
        return None
    return {**selector, "matchExpressions": [*(selector.get("matchExpressions") or []), SPARED]}


def _set(values: t.Mapping[str, t.Any]) -> Values:
    """Without what nobody set: None, and dictionaries of nothing but that."""
    found: Values = {}
    for key, value in values.items():
        kept = _set(value) if isinstance(value, dict) else value
        if kept is not None and kept != {}:
            found[key] = kept
    return found
