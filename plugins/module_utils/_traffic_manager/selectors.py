# Copyright: devclusters.telepresence contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Private to the collection: no promise of compatibility.

"""Label selectors of namespaces, as webhooks and managers hold them."""

from __future__ import annotations

import typing as t

from .._cluster.kinds import Object, dig, labels_of

NAME = "kubernetes.io/metadata.name"


def matches(selector: t.Any, namespace: Object) -> bool | None:
    """Whether a selector selects a namespace; None where it cannot be understood, or where there is none."""
    if not isinstance(selector, dict):
        return None
    labels = {NAME: namespace["metadata"]["name"], **labels_of(namespace)}
    found: list[bool | None] = [labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items()]
    found += [_holds(expression, labels) for expression in selector.get("matchExpressions") or []]
    if False in found:
        return False
    return None if None in found else True


def only_these(selector: t.Any) -> list[str] | None:
    """The namespaces that a selector names one by one, sorted; None where it goes by anything else.

    The chart calls such a selector static, and makes its manager a namespaced one (2.27.4, templates/_helpers.tpl).
    """
    labels, expressions = dig(selector, "matchLabels") or {}, dig(selector, "matchExpressions") or []
    if not expressions and list(labels) == [NAME]:
        return [str(labels[NAME])]
    if not labels and len(expressions) == 1 and dig(expressions[0], "key") == NAME:
        values = expressions[0].get("values")
        if expressions[0].get("operator") == "In" and isinstance(values, list):
            return sorted(map(str, values))
    return None


def _holds(expression: t.Any, labels: t.Mapping[str, str]) -> bool | None:
    value = labels.get(str(dig(expression, "key")))
    values = dig(expression, "values") or []
    answers = {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }
    return answers.get(str(dig(expression, "operator")))
