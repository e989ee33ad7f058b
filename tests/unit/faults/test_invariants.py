"""The invariants of the fault suite find what they are for: every kind of damage is a sentence, and a recovery is none."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults import invariants
from tests.faults.invariants import Claim
from tests.faults.world import DEPLOYMENT, NEW, POD, Dump, Key, Scene, Swap, proxy_name, session_id

SERVER = "https://127.0.0.1:1"
CART = Scene("cart", 3, (Swap(POD, "gone"),), restored=True)
ORDERS = Scene("orders", 2, (Swap(DEPLOYMENT, "gone"),), restored=True)
MYDEV = Scene("mydev", 0, (Swap(NEW, "gone"),), restored=True)
USERS = Scene("users", 3, (Swap(POD, "alive"),))
PROXY: dict[str, Key] = {
    "cart": ("Pod", proxy_name(CART)),
    "orders": ("Deployment", proxy_name(ORDERS)),
    "mydev": ("Deployment", "mydev"),
    "users": ("Pod", proxy_name(USERS)),
}


def planted() -> Dump:
    """All objects of the four scenes."""
    keys = [*PROXY.values(), *(("Deployment", name) for name in ("cart", "orders", "users")), ("Service", "mydev")]
    return {
        key: {
            "metadata": {"uid": f"uid of {key}", "resourceVersion": "1"},
            "spec": {"replicas": 0},
        }
        for key in keys
    }


def claims(before: Dump) -> dict[str, Claim]:
    """What is claimed of the four scenes."""
    return {
        scene.name: Claim.of(scene, {key: obj for key, obj in before.items() if key[1].startswith(scene.name)})
        for scene in (CART, ORDERS, MYDEV, USERS)
    }


def scaled(now: Dump, name: str, count: int) -> None:
    """A Deployment is scaled."""
    now["Deployment", name]["spec"]["replicas"] = count
    touched(now, ("Deployment", name))


def touched(now: Dump, key: Key) -> None:
    """An object is written."""
    now[key]["metadata"]["resourceVersion"] = "2"


def recovered(now: Dump) -> None:
    """What a recovery leaves."""
    scaled(now, "cart", 3)
    scaled(now, "orders", 2)
    for name in ("cart", "orders", "mydev"):
        del now[PROXY[name]]
    del now["Service", "mydev"]


def half_done(now: Dump) -> None:
    """Any point at which a run may be killed."""
    scaled(now, "cart", 3)
    del now[PROXY["mydev"]]


@pytest.mark.parametrize("happens", [lambda now: None, recovered, half_done])
def test_a_recovery_violates_nothing_wherever_it_stops(happens: Callable[[Dump], None]) -> None:
    before = planted()
    now = copy.deepcopy(before)
    happens(now)
    assert list(invariants.of_cluster(claims(before), now)) == []


DAMAGE: dict[str, tuple[Callable[[Dump], Any], str]] = {
    "the last evidence": (lambda now: now.pop(PROXY["cart"]), "the proxy of cart is gone, and cart has 0 replicas"),
    "a guessed count": (lambda now: scaled(now, "cart", 1), "cart has 1 replicas, neither 0 nor 3"),
    "a count of another": (lambda now: scaled(now, "orders", 3), "orders has 3 replicas, neither 0 nor 2"),
    "a living session": (lambda now: now.pop(PROXY["users"]), f"Pod {PROXY['users'][1]} has gone"),
    "a living one's original": (lambda now: scaled(now, "users", 3), "Deployment users has been changed"),
    "a proxy changed": (lambda now: touched(now, PROXY["cart"]), f"Pod {PROXY['cart'][1]} has been changed"),
    "an original changed": (lambda now: touched(now, ("Deployment", "cart")), "Deployment cart has been changed"),
    "an original gone": (lambda now: now.pop(("Deployment", "orders")), "orders has None replicas"),
    "a Service too early": (
        lambda now: now.pop(("Service", "mydev")),
        "the Service of mydev is gone, its proxy is not",
    ),
    "something new": (lambda now: now.update({("ConfigMap", "x"): {"metadata": {}}}), "ConfigMap x has come"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_told(damage: str) -> None:
    before = planted()
    now = copy.deepcopy(before)
    happens, sentence = DAMAGE[damage]
    happens(now)
    assert any(told.startswith(sentence) for told in invariants.of_cluster(claims(before), now))


def test_an_event_may_come_about_an_original_that_was_restored_only() -> None:
    before = planted()
    for about, told in (("cart", []), ("users", ["Event note has come"])):
        event = {"metadata": {}, "involvedObject": {"kind": "Deployment", "name": about}}
        assert list(invariants.of_cluster(claims(before), {**before, ("Event", "note"): event})) == told


def result(**changed: Any) -> dict[str, Any]:
    """What a run says after it restored all there was."""
    record = {"session_id": session_id(CART), "outcome": "restored", "reason": "", "message": "Back."}
    said = {"changed": True, "sessions": [record], "summary": {"needs_attention": False}}
    return {**said, **changed}


LIES: dict[str, tuple[dict[str, Any], Callable[[Dump], Any], str]] = {
    "nothing is wrong": (result(), recovered, ""),
    "restored, but not": (result(), half_done, "cart is said to be restored"),
    "well, but not": (result(sessions=[]), half_done, "the run says that all is well, but "),
    "unchanged, but not": (result(changed=False), recovered, "the run says that it changed nothing, but "),
    "changed, but not": (result(), lambda now: None, "the run says that it changed something"),
    "a traceback": (result(x="Traceback"), recovered, "the result holds Traceback"),
    "a control character": (result(x="\x1b[2J"), recovered, "the result holds \\u001b"),
    "an object": (result(x="<a.B object at 0x7f>"), recovered, "the result holds object at 0x"),
    "no sentence": (result(failed=True, msg=f"no {SERVER}"), recovered, "the message is no sentence: "),
    "no server": (result(failed=True, msg="It failed."), recovered, "nothing that was said names the server "),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_told(lie: str) -> None:
    before = planted()
    now = copy.deepcopy(before)
    said, happens, sentence = LIES[lie]
    happens(now)
    told = list(invariants.of_result(claims(before), before, now, said, SERVER))
    assert any(one.startswith(sentence) for one in told) if sentence else told == []
