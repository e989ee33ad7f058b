"""The values of a traffic-manager's chart, by version, and what is shown of what a chart renders."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager import chart, manifest

from .builders import names

OLD, NEW = "2.20.2", "2.27.4"
SELECTOR = {"matchLabels": {"team": "shop"}}
SUBJECTS = [{"kind": "Group", "name": "developers", "apiGroup": "rbac.authorization.k8s.io"}]
SPARED = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", "kube-node-lease"]}
SPELT: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = [
    ({}, {}, {}),
    (
        {"namespaces": ["shop", "tel"]},
        {"managerRbac": {"namespaced": True, "namespaces": ["shop", "tel"]}},
        {"namespaces": ["shop", "tel"]},
    ),
    (
        # Until 2.21 the manager's own has to be among them.
        {"namespaces": ["shop"]},
        {"managerRbac": {"namespaced": True, "namespaces": ["shop", "tel"]}},
        {"namespaces": ["shop"]},
    ),
    (
        {"selector": SELECTOR},
        {"agentInjector": {"webhook": {"namespaceSelector": {**SELECTOR, "matchExpressions": [SPARED]}}}},
        {"namespaceSelector": SELECTOR},
    ),
    (
        {"client_subjects": SUBJECTS},
        {"clientRbac": {"create": True, "subjects": SUBJECTS}},
        {"clientRbac": {"create": True, "subjects": SUBJECTS}},
    ),
    (
        {"client_subjects": SUBJECTS, "namespaces": ["shop"]},
        {
            "clientRbac": {
                "create": True,
                "subjects": SUBJECTS,
                "namespaced": True,
                "namespaces": ["shop", "tel"],
            },
            "managerRbac": {"namespaced": True, "namespaces": ["shop", "tel"]},
        },
        {"clientRbac": {"create": True, "subjects": SUBJECTS}, "namespaces": ["shop"]},
    ),
    (
        {"connection_ttl": "2h", "agent_arrival": "60s"},
        {"client": {"connectionTTL": "2h"}, "timeouts": {"agentArrival": "60s"}},
        {"grpc": {"connectionTTL": "2h"}, "timeouts": {"agentArrival": "60s"}},
    ),
    *(
        (wanted, spelt, spelt)
        for wanted, spelt in (
            (
                {"registry": "r.local", "tag": "1"},
                {
                    "image": {"registry": "r.local", "tag": "1"},
                    "agent": {"image": {"registry": "r.local", "tag": "1"}},
                },
            ),
            (
                {"injector": False, "certificate_method": "supplied"},
                {"agentInjector": {"enabled": False, "certificate": {"method": "supplied"}}},
            ),
            (
                {"hook_image": {"image": "curl"}, "resources": {"limits": {"cpu": 1}}},
                {"hooks": {"curl": {"image": "curl"}}, "resources": {"limits": {"cpu": 1}}},
            ),
            (
                {"registry": "r.local", "values": {"image": {"registry": "other.local"}, "logLevel": "debug"}},
                {
                    "image": {"registry": "other.local"},
                    "agent": {"image": {"registry": "r.local"}},
                    "logLevel": "debug",
                },
            ),
            (
                {"values": {"agentInjector": {"certificate": {"regenerate": True}}, "tolerations": [], "affinity": {}}},
                {"agentInjector": {"certificate": {"regenerate": True}}, "tolerations": [], "affinity": {}},
            ),
        )
    ),
]
"""What is wanted, and how 2.20.2 and 2.27.4 spell it."""


@pytest.mark.parametrize(("wanted", "old", "new"), SPELT)
def test_each_version_has_its_spelling(wanted: dict[str, Any], old: dict[str, Any], new: dict[str, Any]) -> None:
    assert (chart.values(OLD, "tel", wanted), chart.values(NEW, "tel", wanted)) == (old, new)


@pytest.mark.parametrize(
    ("version", "key"),
    [("2.20.0", "client"), ("2.22.6", "client"), ("2.23.0", "grpc"), ("v2.31.2", "grpc")],
)
def test_the_time_to_live_moved_with_2_23(version: str, key: str) -> None:
    assert list(chart.values(version, "tel", {"connection_ttl": "2h"})) == [key]


@pytest.mark.parametrize(
    ("version", "namespaces", "selector", "served"),
    [
        (OLD, [], None, {}),
        (NEW, [], None, {}),
        (OLD, ["shop"], None, names("shop", "tel")),
        (NEW, ["shop"], None, names("shop")),
        # Until 2.21 it serves the whole cluster all the same.
        (OLD, [], SELECTOR, {}),
        (NEW, [], SELECTOR, SELECTOR),
    ],
)
def test_which_namespaces_it_will_serve(version: str, namespaces: list[str], selector: Any, served: Any) -> None:
    assert chart.served(version, "tel", namespaces, selector) == served


@pytest.mark.parametrize("version", ["2.19.6", "1.14.0", "3.0.0", "latest", ""])
def test_other_versions_are_refused(version: str) -> None:
    with pytest.raises(ValueError, match=r"known from 2\.20 on"):
        chart.values(version, "tel", {})


def test_namespaces_are_given_in_one_way() -> None:
    with pytest.raises(ValueError, match="one of the two"):
        chart.values(NEW, "tel", {"namespaces": ["shop"], "selector": SELECTOR})


def rendered(**changed: Any) -> str:
    """Constructed: some of what the chart renders, with a certificate that is another each time."""
    certificate = changed.pop("certificate", "one")
    labels = {"helm.sh/chart": f"telepresence-oss-{OLD}"}
    objects: list[dict[str, Any]] = [
        {
            "kind": "Secret",
            "metadata": {"name": "tls", "namespace": "tel", "labels": labels},
            "data": {"tls.key": certificate},
        },
        {
            "kind": "MutatingWebhookConfiguration",
            "metadata": {"name": "injector"},
            "webhooks": [{"name": "a", "clientConfig": {"caBundle": certificate}, **changed}],
        },
        {"kind": "Job", "metadata": {"name": "hook", "annotations": {"helm.sh/hook": "pre-delete"}}},
    ]
    return yaml.safe_dump_all([*objects, None])


def test_hooks_are_no_objects_of_the_release() -> None:
    found = manifest.objects(rendered())
    assert [one["kind"] for one in found] == ["Secret", "MutatingWebhookConfiguration"]
    assert manifest.charts(found) == {"telepresence-oss-2.20.2"}
    assert manifest.objects(None) == []


def test_what_is_no_yaml_is_not_shown() -> None:
    with pytest.raises(ValueError, match=r"^What Helm rendered cannot be read: it is no YAML\.$"):
        manifest.objects("key: canary\n - : {")


def test_no_certificate_is_shown_or_compared() -> None:
    before, after = (manifest.objects(rendered(certificate=one)) for one in ("canary", "other"))
    assert manifest.difference(before, after) == []
    shown = "\n".join(manifest.difference([], before))
    assert "canary" not in shown and "+  tls.key: (not shown)" in shown


def test_a_change_is_shown_with_its_object() -> None:
    before, after = manifest.objects(rendered(timeoutSeconds=5)), manifest.objects(rendered(timeoutSeconds=9))
    lines = manifest.difference(before, after)
    assert lines[0] == "--- MutatingWebhookConfiguration injector"
    assert [one for one in lines[3:] if one[0] in "+-"] == ["-  timeoutSeconds: 5", "+  timeoutSeconds: 9"]


class Tagged(dict[str, Any]):
    """As Ansible hands dictionaries to filters."""


def test_what_comes_through_ansible_is_written_like_all_else() -> None:
    assert manifest.difference(manifest.objects([Tagged(kind="Service", spec=Tagged(port=1))]), []) != []
