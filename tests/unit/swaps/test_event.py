"""The Event on a workload that was put back: its name, its size, and what it says."""

from __future__ import annotations

import re

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.counts import Evidence
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.event import event, restored_for
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.plan import Scale

from .builders import NOW, SID, at, case, one_session, pod

DNS_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
"""Names of objects (kubernetes 1.34, apimachinery/pkg/util/validation, dns1123SubdomainFmt)."""


def scale(name: str = "web", uid: str = "u1") -> Scale:
    """An original that was put back from 0 to 3."""
    meta = {"name": name, "namespace": "shop", "uid": uid, "resourceVersion": "7", "labels": {"app": name}}
    return Scale({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {}}, 0, 3)


def test_it_is_on_the_original_and_says_who_speaks() -> None:
    written = event(scale(), SID, "Scaled.", NOW)
    assert written["involvedObject"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "namespace": "shop",
        "name": "web",
        "uid": "u1",
    }
    assert (written["type"], written["reason"], written["message"]) == ("Normal", "TelepresenceRestored", "Scaled.")
    assert written["source"] == {"component": "devclusters.telepresence"}
    assert at(written["firstTimestamp"]) == at(written["lastTimestamp"]) == NOW
    assert written["metadata"]["namespace"] == "shop"


def test_one_reason_has_one_name() -> None:
    names = [
        event(one, subject, "", now)["metadata"]["name"]
        for one, subject, now in (
            (scale(), SID, NOW),
            (scale(), SID, NOW + 500),
            (scale(), "f" * 32, NOW),
            (scale(uid="u2"), SID, NOW),
        )
    ]
    assert names[0] == names[1] and len(set(names)) == 3


@pytest.mark.parametrize("name", ["w", "web", "a" * 253, "a" * 235 + "-b" + "c" * 16, "a" * 235 + "." + "c" * 17])
def test_the_name_is_one_that_a_cluster_takes(name: str) -> None:
    made = event(scale(name), SID, "", NOW)["metadata"]["name"]
    assert len(made) <= 253 and DNS_SUBDOMAIN.fullmatch(made), made
    assert made.startswith(name[:200])


@pytest.mark.parametrize("message", ["x" * 1024, "x" * 1025, "é" * 512, "é" * 513, "€" * 5000])
def test_a_long_message_is_cut(message: str) -> None:
    cut = event(scale(), SID, message, NOW)["message"]
    assert len(cut.encode()) <= 1024
    assert (
        cut == message if len(message.encode()) <= 1024 else cut.endswith("…") and cut[:-1] == message[: len(cut) - 1]
    )


def test_what_it_says_of_a_session() -> None:
    wrong = Evidence("last_applied", "declared", 2, None, "Deployment shop/web")
    right = Evidence("scaling_event", "swap", 3, None, "Event shop/web.1")
    said = restored_for(case(one_session(pod()), "stale", None, right, wrong), scale())
    assert said == (
        f"Scaled from 0 back to 3 for Telepresence session {SID} (stale), proxy Pod shop/web-{SID}. "
        "Evidence of class swap: scaling_event of Event shop/web.1 says 3."
    )
    assert restored_for(case(one_session(pod()), "stale", None, wrong), scale()).endswith(
        "The evidence is no longer at hand."
    )
