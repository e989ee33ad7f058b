"""The options: what is refused, with which sentence, and what the patterns mean."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps import options as module
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.liveness import Rules
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.options import DEFAULTS, LEAST, Options


def options(**given: t.Any) -> Options:
    """The defaults with changes."""
    return Options.of({**DEFAULTS, **given})


def test_defaults() -> None:
    default = options()
    assert default.rules == Rules(360.0, 30.0, frozenset({"stale", "ended"}))
    assert default.policy.restorable == {"stale", "ended"}
    assert (default.policy.trust, default.policy.replicas_limit) == ("declared", 50)
    assert (default.probe, default.deadline) == ("auto", 10.0)
    assert (default.concurrency, default.node_concurrency) == (16, 8)
    assert (default.select, default.replicas, default.listed) == (None, {}, None)


def test_given_values_arrive_where_they_are_used() -> None:
    given = options(
        start_window=210,
        interval=45,
        deadline=6,
        concurrency=1,
        node_concurrency=2,
        verdicts=["clientless"],
        trust="historic",
        replicas_limit=9,
    )
    assert given.rules == Rules(210.0, 45.0, frozenset({"clientless"}))
    assert given.policy.restorable == {"clientless"}
    assert (given.policy.trust, given.policy.replicas_limit) == ("historic", 9)
    assert (given.deadline, given.concurrency, given.node_concurrency) == (6.0, 1, 2)


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("start_window", 210),
        ("interval", 30),
        ("deadline", 6),
        ("concurrency", 1),
        ("node_concurrency", 1),
        ("replicas_limit", 1),
    ],
)
def test_least_values(name: str, least: int) -> None:
    assert LEAST[name] == least
    options(**{name: least})
    with pytest.raises(ValueError, match=f"^Option {name} is {least - 1}, but at least {least} is needed.$"):
        options(**{name: least - 1})


BAD: dict[str, tuple[dict[str, t.Any], str]] = {
    "no slash": ({"replicas": {"web": 3}}, "web: 3"),
    "two slashes": ({"replicas": {"a/b/c": 3}}, "a/b/c: 3"),
    "no name": ({"replicas": {"shop/": 3}}, "shop/: 3"),
    "no namespace": ({"replicas": {"/web": 3}}, "/web: 3"),
    "negative": ({"replicas": {"shop/web": -1}}, "shop/web: -1"),
    "fraction": ({"replicas": {"shop/web": 1.5}}, "shop/web: 1.5"),
    "true": ({"replicas": {"shop/web": True}}, "shop/web: True"),
    "words": ({"replicas": {"shop/web": "three"}}, "shop/web: three"),
    "empty": ({"replicas": {"shop/web": ""}}, "whole number"),
    "null": ({"replicas": {"shop/web": None}}, "shop/web: None"),
    "pattern": ({"image_pattern": "telepresence-(k8s"}, "Option image_pattern is no regular expression"),
    "select": ({"select": "verdict =="}, "Option select is no JMESPath expression"),
    "select cut off": ({"select": "a["}, "Option select is no JMESPath expression"),
    "select blank": ({"select": " "}, "Option select is no JMESPath expression"),
    "select unknown function": ({"select": "nonsense(@)"}, "Option select"),
}


@pytest.mark.parametrize(("given", "said"), BAD.values(), ids=BAD.keys())
def test_bad_input(given: dict[str, t.Any], said: str) -> None:
    """One sentence that names the option and what was wrong with it."""
    with pytest.raises(ValueError, match=r"^Option ") as caught:
        options(**given).selects({"verdict": "stale"})
    sentence = str(caught.value)
    assert said in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence and not sentence.endswith((":.", ".."))


@pytest.mark.parametrize(("count", "expected"), [(3, 3), ("3", 3), (0, 0), ("0", 0)])
def test_counts(count: t.Any, expected: int) -> None:
    assert options(replicas={"shop/web": count}).replicas == {"shop/web": expected}


@pytest.mark.parametrize(
    ("namespaces", "excluded", "wanted", "unwanted"),
    [
        ([], [], ["shop", "kube-system"], []),
        (["shop"], [], ["shop"], ["shop2", "Shop", "sho"]),
        (["team-*"], [], ["team-a", "team-"], ["team", "a-team-b"]),
        (["team-?"], [], ["team-a"], ["team-ab"]),
        (["team-[ab]"], [], ["team-a"], ["team-c"]),
        ([], ["kube-*"], ["shop"], ["kube-system"]),
        (["team-*"], ["team-b"], ["team-a"], ["team-b", "shop"]),
        (["shop", "pay"], ["pay"], ["shop"], ["pay"]),
        (["*"], ["*"], [], ["shop"]),
    ],
)
def test_wants(namespaces: list[str], excluded: list[str], wanted: list[str], unwanted: list[str]) -> None:
    given = options(namespaces=namespaces, exclude_namespaces=excluded)
    assert [name for name in wanted + unwanted if given.wants(name)] == wanted


@pytest.mark.parametrize(
    ("namespaces", "excluded", "expected"),
    [
        ([], [], None),
        (["team-*"], [], None),
        (["shop", "team-*"], [], None),
        (["shop", "team-?"], [], None),
        (["shop", "team-[ab]"], [], None),
        (["shop", "pay"], [], ["shop", "pay"]),
        (["shop", "pay"], ["p*"], ["shop"]),
        ([], ["pay"], None),
    ],
)
def test_only_literal_namespaces_are_listed_one_by_one(
    namespaces: list[str], excluded: list[str], expected: list[str] | None
) -> None:
    assert options(namespaces=namespaces, exclude_namespaces=excluded).listed == expected


RECORD = {"verdict": "stale", "namespace": "shop", "original": {"name": "web", "replicas": 0}, "replicas": None}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (None, True),
        ("", True),
        ("verdict == 'stale'", True),
        ("verdict == 'ended'", False),
        ("original.name == 'web' && namespace == 'shop'", True),
        ("starts_with(namespace, 'sh')", True),
        ("replicas", False),
        ("missing", False),
        ("original.replicas == `0`", True),
    ],
)
def test_select(expression: str | None, expected: bool) -> None:
    assert options(select=expression).selects(RECORD) is expected


def test_select_without_jmespath(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "jmespath", None)
    assert options().selects(RECORD)
    with pytest.raises(ValueError, match="jmespath, which is missing"):
        options(select="verdict == 'stale'")
