"""The replicas that a Helm release declares: read from the newest revision in use, and nothing else of it."""

from __future__ import annotations

import base64
import gzip
import json
import typing as t

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps import helm
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.helm import declared, selector

from .builders import deployment

NOTES = {"meta.helm.sh/release-name": "shop", "meta.helm.sh/release-namespace": "shop"}
WEB = deployment(labels={"app.kubernetes.io/managed-by": "Helm"}, annotations=NOTES)
DOCUMENT = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 4\n"
OTHER = DOCUMENT.replace("name: web", "name: web-api").replace("4", "9")


def packed(manifest: t.Any) -> str:
    """A release as Helm stores it."""
    release = {"name": "shop", "manifest": manifest, "config": {"password": "canary"}}
    return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode(), mtime=0))).decode()


def secret(release: t.Any, version: str = "1", name: str = "shop", namespace: str = "shop") -> Object:
    """The Secret of one revision."""
    return {
        "kind": "Secret",
        "type": "helm.sh/release.v1",
        "metadata": {
            "name": f"sh.helm.release.v1.{name}.v{version}",
            "namespace": namespace,
            "labels": {"owner": "helm", "name": name, "version": version, "status": "deployed"},
            "creationTimestamp": "2026-11-21T02:00:00Z",
        },
        "data": {"release": release},
    }


def counts(*secrets: Object, original: Object = WEB) -> list[int]:
    """What the secrets say of web."""
    return [one.value for one in declared(original, secrets)]


def test_the_evidence() -> None:
    (found,) = declared(WEB, [secret(packed(f"---\n# Source: a\n{OTHER}---\n# Source: b\n{DOCUMENT}"))])
    assert found.as_dict() == {
        "source": "helm_release",
        "class": "declared",
        "value": 4,
        "time": "2026-11-21T02:00:00Z",
        "object": "Secret shop/sh.helm.release.v1.shop.v1",
    }


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (DOCUMENT, [4]),
        (DOCUMENT.replace("name: web", "name: web\n  namespace: shop"), [4]),
        (DOCUMENT.replace("name: web", "name: web\n  namespace: pay"), []),
        (DOCUMENT.replace("kind: Deployment", "kind: StatefulSet"), []),
        (DOCUMENT.replace("apps/v1", "apps/v2"), []),
        (DOCUMENT.replace("  replicas: 4\n", "  selector: {}\n"), []),
        (DOCUMENT.replace("4", "0"), [0]),
        *((DOCUMENT.replace("4", wrong), []) for wrong in ("-1", "4.0", "'4'", "true", "{{ 4 }}", "[4]", "null")),
        (f"{DOCUMENT}---\n{DOCUMENT}", []),
        (f"{OTHER}---\n: {{ not: [yaml, web\n---\n{DOCUMENT}", [4]),
        (f"{'[' * 5000}web\n---\n{DOCUMENT}", [4]),
        ("- web\n", []),
        ("web", []),
        ("", []),
        (3, []),
        ([DOCUMENT], []),
        (None, []),
    ],
)
def test_the_manifest(manifest: t.Any, expected: list[int]) -> None:
    assert counts(secret(packed(manifest))) == expected


def twice(data: bytes) -> str:
    """In base64 twice."""
    return base64.b64encode(base64.b64encode(data)).decode()


@pytest.mark.parametrize(
    "release",
    [
        None,
        3,
        "",
        "not base64",
        base64.b64encode(b"not base64").decode(),
        twice(b"not compressed"),
        twice(gzip.compress(b"not JSON", mtime=0)),
        twice(gzip.compress(b"[]", mtime=0)),
        twice(gzip.compress(b"[" * 100_000, mtime=0)),
        twice(gzip.compress(b'{"manifest": "x"}', mtime=0)[:-9]),
        "\u00e9",
    ],
)
def test_what_is_no_release_says_nothing(release: t.Any) -> None:
    assert counts(secret(release)) == []
    assert counts({**secret(release), "data": None}) == []


def test_a_release_that_unpacks_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helm, "LARGEST", 1000)
    assert counts(secret(packed(DOCUMENT))) == [4]
    assert counts(secret(packed(DOCUMENT + "#" * 2000))) == []


def test_the_newest_revision_counts() -> None:
    older, newer = packed(DOCUMENT), packed(DOCUMENT.replace("4", "5"))
    assert counts(secret(older, "9"), secret(newer, "10"), secret(older, "x"), secret(older, "9" * 5000)) == [5]


def test_only_the_workloads_own_release_counts() -> None:
    good = packed(DOCUMENT)
    assert counts(secret(good, name="pay")) == counts(secret(good, namespace="pay")) == []
    assert counts(secret(good), original=deployment()) == []
    assert counts(secret(good), original=deployment(annotations=NOTES)) == []


@pytest.mark.parametrize(
    ("release", "expected"),
    [
        ("shop", "owner=helm,status=deployed,name=shop"),
        ("a.b-c1", "owner=helm,status=deployed,name=a.b-c1"),
        ("", None),
        ("shop,owner!=helm", None),
        ("Shop", None),
        ("shop\n", None),
        ("x" * 54, None),
    ],
)
def test_a_name_that_cannot_be_one_is_not_asked_for(release: str, expected: str | None) -> None:
    assert selector(release) == expected
