"""Which managers there are, of which band, and which namespaces each of them serves."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml
from ansible_collections.devclusters.telepresence.plugins.module_utils._traffic_manager import (
    managers,
    selectors,
    versions,
)

from .builders import config_map, manager, manager_workload, names, namespace, recorded


@pytest.mark.parametrize(
    ("version", "band"),
    [
        ("2.4.11", "2.4-2.5"),
        ("2.5.8", "2.4-2.5"),
        ("2.6.0", "2.6-2.21"),
        ("v2.20.2", "2.6-2.21"),
        ("2.21.3", "2.6-2.21"),
        ("2.22.0", "2.22-2.29"),
        ("2.29.9-rc.1", "2.22-2.29"),
        ("2.30.0", "2.30"),
        ("2.31.2", "2.30"),
        ("0.109", None),
        ("3.0.0", None),
        ("latest", None),
        ("", None),
        (None, None),
    ],
)
def test_the_band_of_a_version(version: str | None, band: str | None) -> None:
    assert versions.band(version) == band


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("ghcr.io/telepresenceio/tel2:2.20.2", "2.20.2"),
        ("registry:5000/tel2", None),
        ("registry:5000/tel2:2.5.8@sha256:ab", "2.5.8"),
        (None, None),
    ],
)
def test_the_version_of_an_image(image: str | None, tag: str | None) -> None:
    assert versions.of_image(image) == tag


@pytest.mark.parametrize(
    ("selector", "answer"),
    [
        ({}, True),
        (None, None),
        ("everything", None),
        (names("shop", "tel"), True),
        (names("tel"), False),
        ({"matchLabels": {"team": "a"}}, True),
        ({"matchLabels": {"team": "b"}}, False),
        ({"matchLabels": {"kubernetes.io/metadata.name": "shop"}}, True),
        ({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "zone", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "zone", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "team", "operator": "Resembles", "values": ["a"]}]}, None),
        ({"matchLabels": {"team": "b"}, "matchExpressions": [{"key": "team", "operator": "Resembles"}]}, False),
        ({"matchExpressions": ["team"]}, None),
    ],
)
def test_whether_a_selector_selects_a_namespace(selector: t.Any, answer: bool | None) -> None:
    """Of namespace shop of team a."""
    assert selectors.matches(selector, namespace("shop", team="a")) is answer


@pytest.mark.parametrize(
    ("selector", "named"),
    [
        (names("shop", "a"), ["a", "shop"]),
        ({"matchLabels": {"kubernetes.io/metadata.name": "shop"}}, ["shop"]),
        ({"matchLabels": {"team": "a"}}, None),
        ({**names("shop"), "matchLabels": {"team": "a"}}, None),
        ({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["a"]}]}, None),
        ({}, None),
        (None, None),
    ],
)
def test_namespaces_that_are_named_one_by_one(selector: t.Any, named: list[str] | None) -> None:
    assert selectors.only_these(selector) == named


def test_the_recorded_manager() -> None:
    (found,) = managers.recognise(recorded("intercepted", "Deployment"), recorded("intercepted", "ConfigMap"))
    assert (found.namespace, found.kind, found.name) == ("manager-system", "Deployment", "traffic-manager")
    assert (found.version, found.band) == ("2.20.2", "2.6-2.21")
    assert (found.replicas, found.ready) == (1, 1)
    assert (found.mode, found.namespaces) == ("namespaced", ["manager-shop", "manager-system"])
    assert (found.release, found.chart, found.created_by) == ("traffic-manager", "telepresence-oss-2.20.2", "Helm")
    assert (found.image, found.api_port, found.https_port) == ("lab.local/tel2:2.20.2", 8081, 443)


def test_where_the_manager_is_gone_there_is_none() -> None:
    assert managers.recognise(recorded("removed", "Deployment"), recorded("removed", "ConfigMap")) == []


def test_the_manager_is_labelled_and_its_agents_are_not() -> None:
    labelled = filter(managers.labelled, recorded("intercepted", "Deployment", "Pod"))
    assert [one["kind"] for one in labelled] == ["Pod", "Deployment"]


STATIC, DYNAMIC = names("shop"), {"matchLabels": {"team": "a"}}


@pytest.mark.parametrize(
    ("version", "kind", "config", "mode", "selector"),
    [
        ("2.27.4", "Deployment", yaml.safe_dump(STATIC), "namespaced", STATIC),
        ("2.27.4", "Deployment", yaml.safe_dump(DYNAMIC), "cluster", DYNAMIC),
        ("2.27.4", "Deployment", "{}", "cluster", {}),
        ("2.27.4", "Deployment", None, None, None),
        ("2.27.4", "Deployment", "{", None, None),
        ("2.27.4", "Deployment", "everything", None, None),
        ("2.32.0", "StatefulSet", json.dumps(STATIC), "namespaced", STATIC),
        ("2.20.2", "Deployment", yaml.safe_dump(STATIC), "cluster", {}),
        ("nightly", "Deployment", yaml.safe_dump(STATIC), None, None),
    ],
)
def test_constructed_managers(version: str, kind: str, config: str | None, mode: str | None, selector: t.Any) -> None:
    """The selector is in the ConfigMap from 2.22 on, in the environment before, and not known for a version that is none."""
    configs = [] if config is None else [config_map("traffic-manager", namespace_selector_yaml=config)]
    (found,) = managers.recognise([manager_workload(version, kind)], configs)
    assert (found.kind, found.mode, found.selector) == (kind, mode, selector)


def test_the_configuration_of_another_manager_says_nothing() -> None:
    config = config_map("traffic-manager", "other", namespace_selector_yaml=yaml.safe_dump(STATIC))
    (found,) = managers.recognise([manager_workload()], [config])
    assert found.selector is None


@pytest.mark.parametrize(
    ("serves", "answer"),
    [
        ([names("shop")], ("a", True)),
        ([names("other")], (None, True)),
        ([], (None, True)),
        (["?"], (None, False)),
        (["?", names("shop")], ("b", True)),
        ([names("other"), "?"], (None, False)),
    ],
)
def test_who_serves_a_namespace_and_whether_that_is_certain(
    serves: list[t.Any], answer: tuple[str | None, bool]
) -> None:
    known = [manager(selector=one, namespace=name) for one, name in zip(serves, "ab")]
    found, certain = managers.serving(known, namespace("shop"))
    assert (found.namespace if found else None, certain) == answer


def test_who_serves_a_namespace_that_cannot_be_read_is_not_certain() -> None:
    assert managers.serving([manager()], None) == (None, False)
