"""The others: what clients, owners and the cluster do while a run is under way, one step between two of its requests."""

from __future__ import annotations

from collections.abc import Callable

from wire.store import Obj

from . import objects
from .stage import START_OVER, Party, Site, Stage
from .world import Actor, Client, Event, Swap, Version


class Actors:
    """Takes the steps of actors on one stage."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._joined: dict[int, Party] = {}

    def step(self, actor: Actor, number: int) -> None:
        """The step of that number, from 0; nothing where the world no longer has what it needs."""
        stage = self.stage
        stage.tick += 1
        steps: dict[str, Callable[[Actor, int], None]] = {
            "cleans up": self._cleans_up,
            "swaps": self._swaps,
            "is evicted": self._is_evicted,
            "vanishes": self._vanishes,
            "dies": self._dies,
            "is joined": self._is_joined,
            "scales": self._scales,
            "applies": self._applies,
            "opts out": self._opts_out,
            "opts out the namespace": self._opts_out_the_namespace,
            "touches": self._touches,
            "lets time pass": lambda actor, number: stage.clock.sleep(actor.much),
        }
        steps[actor.what](actor, number)

    def settle(self) -> None:
        """Between two runs: as long as it takes until nobody can take a dead client for one that starts."""
        stage = self.stage
        while ages := [age for age in map(self._age_of_dead, stage.present()) if age < START_OVER]:
            stage.clock.sleep(START_OVER - min(ages))
        for party in stage.present():
            if party.client is Client.STARTING and not stage.living(party):
                party.client = Client.EARLY

    def _age_of_dead(self, party: Party) -> float:
        return START_OVER if self.stage.living(party) else self.stage.clock.time() - party.created

    def _session(self, actor: Actor) -> Party | None:
        """Whom a step is about: one of the sessions whose proxy stands."""
        present = self.stage.present()
        return present[actor.whom % len(present)] if present else None

    def _site(self, actor: Actor) -> Site | None:
        sites = [site for site in self.stage.sites if self.stage.original(site)]
        return sites[actor.whom % len(sites)] if sites else None

    # Clients ----------------------------------------------------------------------------------------------------------

    def _cleans_up(self, actor: Actor, number: int) -> None:
        """A client ends, or wakes and finds its tunnel broken: it scales back to what it found, then deletes its proxy."""
        party = self._joined.setdefault(id(actor), self._session(actor)) if number == 0 else self._joined.get(id(actor))  # type: ignore[arg-type]
        if party is None or party.in_place:
            return
        if number == 0 and party.client in (Client.ALIVE, Client.STARTING, Client.SUSPENDED, Client.CLIENTLESS):
            self._loses_client(party, Client.GONE)
        if number == 1 and party.site is not None:
            self._scale(party.site, party.found)
        if number == 2 and self.stage.proxy(party):
            kind, name = party.proxy
            self.stage.store.remove(kind, name, party.namespace)

    def _swaps(self, actor: Actor, number: int) -> None:
        """A developer swaps: makes a proxy, scales to 0, and may be killed right then."""
        stage = self.stage
        if number == 0:
            site = self._site(actor)
            if site is None:
                return
            client, version = (Client.STARTING, Client.ALIVE)[actor.much % 2], list(Version)[actor.much % len(Version)]
            swap = Swap(client, version, stage.replicas(site) or 0, Event.NOW)
            self._joined[id(actor)] = stage.join(site, swap, stage.clock.time())
        party = self._joined.get(id(actor))
        if party is None or party.site is None:
            return
        if number == 1:
            if stage.replicas(party.site):
                stage.note_scale(party)
            self._scale(party.site, 0)
        if number == 2:
            self._loses_client(party, Client.GONE)

    def _is_evicted(self, actor: Actor, number: int) -> None:
        party = self._session(actor)
        if party and party.client is not Client.TERMINATING and self.stage.store.get("Pod", party.pod, party.namespace):
            self._loses_client(party, Client.ENDED)
            self.stage.store.edit("Pod", party.pod, party.namespace, _fail)

    def _vanishes(self, actor: Actor, number: int) -> None:
        """A bare Pod goes with its node."""
        party = self._session(actor)
        if party and party.proxy[0] == "Pod":
            self._loses_client(party, Client.ENDED)
            self.stage.store.edit(
                "Pod", party.pod, party.namespace, lambda pod: pod["metadata"].pop("finalizers", None)
            )
            if self.stage.proxy(party):
                self.stage.store.remove("Pod", party.pod, party.namespace)

    def _dies(self, actor: Actor, number: int) -> None:
        party = self._session(actor)
        if party and party.client in (Client.ALIVE, Client.SUSPENDED, Client.CLIENTLESS):
            self._loses_client(party, Client.GONE)

    def _is_joined(self, actor: Actor, number: int) -> None:
        """Somebody connects to a proxy whose client is gone, with ``--deployment``, and stays for a while."""
        if number == 1:
            self.stage.clock.sleep(actor.much)
            return
        party = self._session(actor)
        if party and party.client in (Client.GONE, Client.EARLY, Client.HALF_OPEN):
            party.client = Client.ALIVE
            party.alive.append((self.stage.clock.time(), float("inf")))

    def _loses_client(self, party: Party, now: Client) -> None:
        at = self.stage.clock.time()
        party.client = now
        party.alive = [(begins, min(ends, at)) for begins, ends in party.alive]

    # Owners -----------------------------------------------------------------------------------------------------------

    def _scales(self, actor: Actor, number: int) -> None:
        site = self._site(actor)
        if site is not None:
            self._scale(site, actor.much or 1)

    def _scale(self, site: Site, replicas: int) -> None:
        """``kubectl scale``: a 0 has no owner in managedFields, any other count has."""
        if self.stage.original(site) is None:
            return
        managed = [objects.owned_replicas("kubectl", self.stage.clock.time())] if replicas else []
        self._set(site, replicas, managed)

    def _applies(self, actor: Actor, number: int) -> None:
        """``kubectl apply`` of a manifest with a count, 0 included."""
        site = self._site(actor)
        if site is None:
            return
        at = self.stage.clock.time()
        site.declared = actor.much
        site.declarations.add(actor.much)
        self.stage.store.edit("Deployment", site.name, site.namespace, lambda web: objects.declares(web, actor.much))
        self._set(site, actor.much, [objects.owned_replicas("kubectl-client-side-apply", at)])
        site.deliberate_at = None if actor.much else at

    def _set(self, site: Site, replicas: int, managed: list[Obj]) -> None:
        before = self.stage.replicas(site)
        if before == replicas and not managed:
            return  # a Scale that changes nothing leaves the object as it is
        if before and not replicas:
            site.zero_since = self.stage.now
        site.deliberate_at = None
        site.history.append((self.stage.tick, replicas))

        def change(web: Obj) -> None:
            web["spec"]["replicas"] = replicas
            web["metadata"]["managedFields"] = managed

        self.stage.store.edit("Deployment", site.name, site.namespace, change)

    def _opts_out(self, actor: Actor, number: int) -> None:
        site = self._site(actor)
        if site is not None and site.ignored_since is None:
            site.ignored_since = self.stage.now
            self._annotate("Deployment", site.name, site.namespace, objects.IGNORE)

    def _opts_out_the_namespace(self, actor: Actor, number: int) -> None:
        namespace = "ab"[actor.whom % 2]
        if namespace not in self.stage.ignored:
            self.stage.ignored[namespace] = self.stage.now
            self._annotate("Namespace", namespace, "", objects.IGNORE)

    def _touches(self, actor: Actor, number: int) -> None:
        """Anything else changes about a workload: its resourceVersion is another."""
        site = self._site(actor)
        if site is not None:
            self._annotate("Deployment", site.name, site.namespace, {"touched": str(self.stage.tick)})

    def _annotate(self, kind: str, name: str, namespace: str, annotations: dict[str, str]) -> None:
        def change(obj: Obj) -> None:
            obj["metadata"].setdefault("annotations", {}).update(annotations)

        self.stage.store.edit(kind, name, namespace, change)


def _fail(pod: Obj) -> None:
    pod["status"] = {"phase": "Failed", "reason": "Evicted"}
