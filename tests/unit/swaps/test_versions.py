"""What each release of the client leaves behind, one row per band of releases that work alike.

Sources, all in telepresenceio/telepresence at the tags named: telepresence/deployment.py (0.85 to 0.90), telepresence/proxy/deployment.py
(0.91 to 0.105, and later with TELEPRESENCE_USE_DEPLOYMENT set), telepresence/proxy/operation.py and manifest.py (0.106 to 0.109).
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass

import pytest
from ansible_collections.devclusters.telepresence.plugins.module_utils._cluster.kinds import Object
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.originals import find
from ansible_collections.devclusters.telepresence.plugins.module_utils._swaps.sessions import recognise

from .builders import (
    SID,
    UUID,
    applied,
    changed,
    container,
    deployment,
    one_session,
    owner,
    pod,
    proxy_container,
    proxy_deployment,
    service,
)

NAME = "payment-service-v1"
OTHER = deployment("payment-service-v2", pod_labels={"app": "v2"}, selector={"matchLabels": {"app": "v2"}})
"""The same first 17 characters: a longer name than any proxy keeps."""
ORIGINAL = deployment(NAME)


@dataclass(frozen=True)
class Band:
    """Releases that work alike: how a swap's proxy is named and made, and what is known of the original.

    ``session``: a session id of their form; ``kept``: characters of the original's name in the proxy's; ``remembers``: whether the
    proxy carries the original's uid.
    """

    releases: tuple[str, ...]
    session: str
    kept: int
    kind: str
    polled: bool
    remembers: bool = False


BANDS = {
    "0.85-0.87": Band(("0.85", "0.86", "0.87"), UUID, 13, "Deployment", polled=False),
    "0.88-0.90": Band(("0.88", "0.89", "0.90"), UUID, 13, "Deployment", polled=True),
    "0.91-0.96": Band(tuple(f"0.{n}" for n in range(91, 97)), SID, 17, "Deployment", polled=True),
    "0.97": Band(("0.97",), SID, 17, "Deployment", polled=True),
    "0.98-0.102": Band(tuple(f"0.{n}" for n in range(98, 103)), SID, 17, "Deployment", polled=True, remembers=True),
    "0.103-0.105": Band(("0.103", "0.104", "0.105"), SID, 17, "Deployment", polled=True, remembers=True),
    "0.106-0.107": Band(("0.106", "0.107"), SID, 17, "Pod", polled=True),
    "0.108": Band(("0.108",), SID, 17, "Pod", polled=True),
    "0.109": Band(("0.109",), SID, 17, "Pod", polled=True),
    "use-deployment": Band(("0.106", "0.107", "0.108", "0.109"), SID, 17, "Deployment", polled=True, remembers=True),
}
IMAGES = [
    "datawire/telepresence-k8s:{}",
    "datawire/telepresence-k8s-priv:{}",
    "datawire/telepresence-ocp:{}",
    "registry.example.org:5000/mirror/telepresence-k8s:{}",
    "registry.example.org:5000/telepresence-ocp:{}@sha256:" + "a" * 64,
]


def swap(band: Band, image: str, sidecars: tuple[Object, ...] = ()) -> list[Object]:
    """What a swap of ``ORIGINAL`` leaves: the proxy, and the pod behind it where it is a Deployment."""
    name = f"{NAME[: band.kept]}-{band.session}"
    containers = [*sidecars, proxy_container("c", image)]
    if band.kind == "Pod":
        return [pod(name, band.session, containers=containers)]
    annotations = applied({"metadata": {"uid": "uid-" + NAME}}) if band.remembers else applied({"metadata": {}})
    return [
        proxy_deployment(name, band.session, containers=containers, annotations=annotations),
        pod(f"{name}-5dd-x", band.session, containers=containers, owners=[owner("ReplicaSet")]),
    ]


@pytest.mark.parametrize(
    ("band", "release"), [(name, release) for name, band in BANDS.items() for release in band.releases]
)
def test_a_swap(band: str, release: str) -> None:
    of = BANDS[band]
    for image, sidecars in itertools.product(IMAGES, ((), (container("mesh", "istio/proxyv2:0.1"),))):
        session = one_session(*swap(of, image.format(release), sidecars))
        assert session.mode == ("swap_pod" if of.kind == "Pod" else "swap_deployment")
        assert (session.session_id, session.container) == (of.session, "c")
        assert (session.client_version, session.polled) == (release, of.polled)
        assert session.deletable and session.swaps
        match = find(session, [OTHER, ORIGINAL])
        assert (match.original, match.matched_by) == (ORIGINAL, "uid" if of.remembers else "name")


@pytest.mark.parametrize(
    ("band", "foreign"),
    [("0.85-0.87", "0.91-0.96"), ("0.91-0.96", "0.85-0.87"), ("0.109", "0.85-0.87")],
)
def test_a_name_that_is_cut_as_other_releases_do_is_no_match(band: str, foreign: str) -> None:
    """A dashed id goes with 13 characters and 32 digits with 17; anything else was not made by a client."""
    of = Band(BANDS[band].releases, BANDS[band].session, BANDS[foreign].kept, BANDS[band].kind, polled=True)
    session = one_session(*swap(of, IMAGES[0].format(of.releases[0])))
    assert find(session, [ORIGINAL]).original is None


@pytest.mark.parametrize(
    ("tag", "version", "polled"),
    [
        (":0.87", "0.87", False),
        (":0.88", "0.88", True),
        (":0.9", "0.9", False),
        (":0.100", "0.100", True),
        (":0.87-23-gabcdef0", "0.87-23-gabcdef0", None),
        (":0.109-mirrored", "0.109-mirrored", None),
        (":v0.109", "v0.109", None),
        (":latest", "latest", None),
        (":1.0", "1.0", None),
        (":0.x", "0.x", None),
        (":0.²", "0.²", None),
        (":0.1000", "0.1000", None),
        ("", None, None),
        ("@sha256:" + "a" * 64, None, None),
    ],
)
def test_only_the_tag_of_a_release_tells_the_release(tag: str, version: str | None, polled: bool | None) -> None:
    session = one_session(pod(containers=[proxy_container("c", f"datawire/telepresence-k8s{tag}")]))
    assert (session.client_version, session.polled) == (version, polled)


def test_the_release_is_read_from_what_was_wanted() -> None:
    """What a node reports of an image may be another name of it, such as its digest or a tag that came first."""
    proxy = pod(containers=[proxy_container("c", "datawire/telepresence-k8s:0.86")])
    proxy["status"] = {"containerStatuses": [{"name": "c", "image": "datawire/telepresence-k8s:0.109"}]}
    session = one_session(proxy)
    assert (session.client_version, session.polled) == ("0.86", False)


# --new-deployment: given names, and the one that clients make up of time and process id.
NEW_NAMES = ("mydev", "telepresence-1605968344-2094817-4711")
NEW = {
    # (release, session id, kind, container (None: named as the proxy), restart policy)
    "0.85, kubectl run makes a Deployment": ("0.85", UUID, "Deployment", None, None),
    "0.104, kubectl run makes a Deployment": ("0.104", SID, "Deployment", None, None),
    "0.87, kubectl 1.18 run makes a Pod": ("0.87", UUID, "Pod", None, "Always"),
    "0.104, kubectl 1.18 run makes a Pod": ("0.104", SID, "Pod", None, "Always"),
    "0.105": ("0.105", SID, "Deployment", None, None),
    "0.106": ("0.106", SID, "Pod", "telepresence", "Never"),
    "0.109": ("0.109", SID, "Pod", "telepresence", "Never"),
}


@pytest.mark.parametrize("exposed", [False, True], ids=["", "exposed"])
@pytest.mark.parametrize("name", NEW_NAMES)
@pytest.mark.parametrize("row", NEW.values(), ids=NEW.keys())
def test_a_new_deployment(row: tuple[str, str, str, str | None, str | None], name: str, exposed: bool) -> None:
    release, sid, kind, container_name, restart = row
    containers = [proxy_container(container_name or name, IMAGES[0].format(release), swapped=False)]
    label = {"telepresence": sid}
    if kind == "Pod":
        made = pod(name, sid, containers=containers, labels={})
        made["spec"]["restartPolicy"] = restart
        objects = [made]
    else:
        selector = {"matchLabels": label}
        made = proxy_deployment(name, sid, containers=containers, pod_labels=label, selector=selector)
        objects = [made, pod(f"{name}-5dd-x", sid, containers=containers, owners=[owner("ReplicaSet")])]
    objects += [service(name, sid)] if exposed else []
    session = one_session(*objects)
    assert (session.mode, session.swaps, session.deletable) == ("new", False, True)
    assert (session.client_version, session.container) == (release, container_name or name)
    assert [proxy["kind"] for proxy in session.proxies] == [kind]
    assert len(session.services) == exposed


def test_up_to_0_84_the_original_itself_was_replaced() -> None:
    """It was deleted, and the proxy applied under its name: nothing of it is left to put back."""
    session = one_session(changed(proxy_deployment("web", UUID), name="web"))
    assert (session.mode, session.deletable) == ("swap_in_place", False)


def test_an_image_of_the_users_own_name() -> None:
    proxy = pod(containers=[proxy_container("c", "mirror.example.org/dev/tp-proxy:0.86")])
    (session,) = recognise([], [proxy], [], re.compile(r"/tp-proxy:"))
    assert (session.container, session.client_version, session.polled) == ("c", "0.86", False)
