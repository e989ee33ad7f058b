"""A world on the fake API server: its objects, and proxies that answer by what has really become of their clients."""

from __future__ import annotations

from dataclasses import dataclass, field

from modules.fake_time import FakeTime
from wire.kinds import KINDS
from wire.server import ApiServer
from wire.store import Obj, Store, timestamp

from . import objects
from .world import LIVING, Client, Event, Fresh, InPlace, Swap, Twin, Version, Workload, World

YOUNG = 40.0
"""Seconds that a session is old whose client is still starting."""
START_OVER = 400.0
"""Seconds after which nobody takes a client for starting any more."""
CONNECTS = 210.0
"""Seconds after which a client that has not connected gives up."""


@dataclass(frozen=True)
class Moment:
    """When something became so: by the number of requests and steps before it, and by the clock."""

    tick: int
    time: float


@dataclass
class Site:
    """A workload and what really happened to it. *declarations*: every count that its owner has applied.
    *history*: when it was set to which count.
    """

    place: int
    namespace: str
    name: str
    declared: int | None
    least: int | None
    earlier: int | None
    twin: Twin
    zero_since: Moment
    ignored_since: Moment | None = None
    deliberate_at: float | None = None
    declarations: set[int | None] = field(default_factory=set)
    history: list[tuple[int, int]] = field(default_factory=list)


@dataclass
class Party:
    """A session and what really became of its client. *alive*: from when to when it answered; *site* is None where nothing was swapped."""

    label: str
    namespace: str
    proxy: tuple[str, str]
    pod: str
    client: Client
    created: float
    born: Moment
    site: Site | None = None
    found: int = 0
    event: Event = Event.EXPIRED
    knows_uid: bool = False
    settled: bool = False
    service: str = ""
    exact: bool = True
    in_place: bool = False
    listens: bool = True
    alive: list[tuple[float, float]] = field(default_factory=list)


class Stage:
    """A cluster in motion. ``tick`` counts what happens in it."""

    def __init__(self, server: ApiServer, clock: FakeTime, world: World) -> None:
        self.server, self.clock = server, clock
        self.tick = 0
        self.store = server.store = Store(KINDS, clock.time)
        self.sites: list[Site] = []
        self.parties: list[Party] = []
        self.ignored: dict[str, Moment] = {}
        self.store.load(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "uid": "cluster"}}
        )
        for namespace in ("a", "b"):
            meta: Obj = {"name": namespace}
            if namespace in world.ignored:
                meta["annotations"] = objects.IGNORE
                self.ignored[namespace] = self.now
            self.store.load({"apiVersion": "v1", "kind": "Namespace", "metadata": meta}, *objects.strangers(namespace))
        for workload in world.workloads:
            self._workload(workload)
        for fresh in world.fresh:
            self._fresh(fresh)
        for in_place in world.in_place:
            self._in_place(in_place)

    @property
    def now(self) -> Moment:
        """The present moment."""
        return Moment(self.tick, self.clock.time())

    # Objects ----------------------------------------------------------------------------------------------------------

    def original(self, site: Site) -> Obj | None:
        """The workload as it stands."""
        return self.store.get("Deployment", site.name, site.namespace)

    def replicas(self, site: Site) -> int | None:
        """Its replicas, None where it is gone."""
        original = self.original(site)
        return None if original is None else int(original["spec"]["replicas"])

    def proxy(self, party: Party) -> Obj | None:
        """The proxy of a session as it stands, None where it is gone."""
        kind, name = party.proxy
        return self.store.get(kind, name, party.namespace)

    def present(self, site: Site | None = None) -> list[Party]:
        """The sessions that have a proxy; *site*: those on this workload, oldest first."""
        found = [one for one in self.parties if self.proxy(one) and (site is None or one.site is site)]
        return sorted(found, key=lambda one: (one.created, one.label))

    def living(self, party: Party) -> bool:
        """Whether somebody may be working with a session."""
        given_up = party.client is Client.STARTING and self.clock.time() - party.created > CONNECTS
        return party.client in LIVING and not given_up

    def party(self, label: str) -> Party | None:
        """The session of that id."""
        return next((one for one in self.parties if one.label == label), None)

    def join(self, site: Site, swap: Swap, created: float) -> Party:
        """A session with its proxy; its original is not scaled yet."""
        original = self.original(site)
        assert original is not None
        number = len(self.parties) + 1
        label = objects.session_id(number, swap.version)
        name = f"{site.name[: 13 if swap.version.dashed else 17]}-{label}"
        kind = "Pod" if swap.version.makes_pods else "Deployment"
        client = Client.NEVER_RAN if kind == "Pod" and swap.client is Client.NO_POD else swap.client
        party = Party(
            label, site.namespace, (kind, name), name if kind == "Pod" else f"{name}-1", client, created, self.now, site,
            swap.found, swap.event, swap.version.keeps_status, swap.settled,
        )  # fmt: skip
        labels = {**original["spec"]["template"]["metadata"]["labels"], objects.LABEL: label}
        if kind == "Deployment":
            self._load(
                party,
                objects.proxy_deployment(original, name, label, swap.version, swap.found, swap.settled, created),
            )
        self._run_pod(party, labels, swap.version, swapped=True, sidecar=swap.sidecar)
        return party

    def note_scale(self, party: Party) -> None:
        """The event about the scale of its original from what the session found."""
        assert party.site is not None
        original = self.original(party.site)
        if original is not None:
            self.store.load(*objects.scaling_events(original, party.event, party.found, party.created + 1))

    def _load(self, party: Party, proxy: Obj) -> None:
        self.store.load(objects.terminating(proxy, party.created) if party.client is Client.TERMINATING else proxy)

    def _run_pod(self, party: Party, labels: Obj, version: Version, swapped: bool, sidecar: bool = False) -> None:
        party.alive, party.listens = self._lived(party), version.listens
        self.parties.append(party)
        meta: Obj = {"name": party.pod, "namespace": party.namespace, "labels": labels}
        meta["creationTimestamp"] = timestamp(party.created)
        bare = party.proxy[0] == "Pod"
        if party.client is Client.NO_POD:
            return
        if not bare:
            proxy = self.proxy(party)
            assert proxy is not None
            meta["ownerReferences"] = [
                {
                    "apiVersion": "apps/v1",
                    "kind": "ReplicaSet",
                    "name": f"{party.proxy[1]}-1",
                    "uid": proxy["metadata"]["uid"],
                    "controller": True,
                }
            ]
        pod = objects.pod(meta, version.value, party.client, swapped, sidecar, bare)
        if bare:
            self._load(party, pod)
        else:
            self.store.load(pod)

    def _lived(self, party: Party) -> list[tuple[float, float]]:
        """When the client of a session answered, by what has become of it."""
        now, began = self.clock.time(), party.created + 5
        if party.client is Client.ALIVE:
            return [(began, float("inf"))]
        if party.client in (Client.STARTING, Client.EARLY, Client.MUTE, Client.NEVER_RAN, Client.NO_POD):
            return []
        return [(began, now - 300)]

    def _workload(self, workload: Workload) -> None:
        place = len(self.sites)
        name = f"{'abcdefgh'[place]}-backend-of-the-shop"
        now = self.clock.time()
        original = objects.workload(workload.namespace, name, name, workload.now, now - 100_000)
        if workload.declared is not None:
            objects.declares(original, workload.declared)
        if workload.ignored:
            original["metadata"]["annotations"].update(objects.IGNORE)
        site = Site(
            place, workload.namespace, name, workload.declared, workload.least, workload.earlier, workload.twin, self.now,
            self.now if workload.ignored else None,
        )  # fmt: skip
        if workload.deliberate:
            site.deliberate_at, site.declared = now - 60, 0
            original["metadata"]["managedFields"] = [objects.owned_replicas("kubectl-client-side-apply", now - 60)]
            objects.declares(original, 0)
        site.declarations = {workload.declared, site.declared}
        self.sites.append(site)
        self.store.load(original)
        if workload.twin is not Twin.NONE:
            app = name if workload.twin is Twin.ALIKE else "another"
            self.store.load(objects.workload(workload.namespace, f"{name}-2", app, 2, now - 100_000))
        if workload.least is not None:
            self.store.load(objects.autoscaler(original, workload.least))
        if workload.earlier is not None:
            self.store.load(objects.replica_set(original, f"{name}-1", 1, workload.earlier))
        for after, swap in enumerate(reversed(workload.swaps)):
            created = now - (YOUNG if swap.client is Client.STARTING else 1000 + 600 * after)
            self.note_scale(self.join(site, swap, created))

    def _fresh(self, fresh: Fresh) -> None:
        number = len(self.parties) + 1
        label, name = objects.session_id(number, fresh.version), f"mine-{number}"
        created = self.clock.time() - (YOUNG if fresh.client is Client.STARTING else 1000)
        kind = "Pod" if fresh.version.makes_pods else "Deployment"
        client = Client.NEVER_RAN if kind == "Pod" and fresh.client is Client.NO_POD else fresh.client
        party = Party(
            label, fresh.namespace, (kind, name), name if kind == "Pod" else f"{name}-1", client, created, self.now,
            service=name, exact=fresh.exact,
        )  # fmt: skip
        if kind == "Deployment":
            self._load(party, objects.labelled_deployment(fresh.namespace, name, label, fresh.version.value, created))
        self._run_pod(party, {objects.LABEL: label}, fresh.version, swapped=False)
        self.store.load(objects.service(fresh.namespace, name, label, fresh.exact, created))

    def _in_place(self, in_place: InPlace) -> None:
        number = len(self.parties) + 1
        label, name = objects.session_id(number, None), f"old-{number}"
        created = self.clock.time() - 1000
        client = in_place.client
        party = Party(
            label, in_place.namespace, ("Deployment", name), f"{name}-1", client, created, self.now, in_place=True
        )
        self._load(party, objects.labelled_deployment(in_place.namespace, name, label, "0.84", created, swapped=True))
        self._run_pod(party, {objects.LABEL: label}, Version.V0_90, swapped=True)
