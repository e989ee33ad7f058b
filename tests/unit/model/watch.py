"""What must hold at every write of a run, whatever the others do meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wire.request import Request

from .stage import Moment, Party, Site, Stage
from .voices import speak
from .world import Choice, Client

_HOLDS = 10.0
"""Seconds for which a run may act on what it has seen, and must not ask a proxy again."""
_KINDS = {"deployments": "Deployment", "pods": "Pod", "services": "Service"}
_NEVER = Moment(-1, float("-inf"))


class BrokenRule(BaseException):
    """A run did what no run may. No Exception: the product goes on after any of these."""


class Watch:
    """Looks at every request of one run. ``done``: its writes that the server carried out, with the count of a scale."""

    def __init__(self, stage: Stage, choice: Choice, check: bool) -> None:
        self.stage, self.choice, self.check = stage, choice, check
        self.done: list[tuple[str, str, str, int | None]] = []
        self._restorable = {
            client for client in (Client.SUSPENDED, Client.CLIENTLESS) if client.name.lower() in choice.verdicts
        }
        self._seen: dict[tuple[str, str], Moment] = {}
        self._asked: dict[str, tuple[float, bool]] = {}
        self._questions: dict[tuple[str, str, str], float] = {}
        self._put: dict[int, Moment] = {}
        self._looked: dict[int, Moment] = {}
        self._other = 0
        self._began = stage.tick

    def __call__(self, request: Request, act: Callable[[], Any]) -> Any:
        """Carries the request out between a look before and a look after it."""
        try:
            return self._watched(request, act)
        except AssertionError as error:
            raise BrokenRule(str(error)) from error

    def _watched(self, request: Request, act: Callable[[], Any]) -> Any:
        access = request.access
        self.stage.tick += 1
        if access.subresource in ("exec", "log", "proxy"):
            self._question(request)
        if not request.is_write:
            self._look(request)
            return act()
        assert not self.check, f"a write in check mode: {request}"
        if access.subresource == "scale":
            return self._scale(request, act)
        if access.resource == "events":
            return self._event(request, act)
        assert request.method == "DELETE", f"what is this write? {request}"
        return self._delete(request, act)

    def _look(self, request: Request) -> None:
        access = request.access
        if access.resource == "namespaces" and access.name:
            self._seen["namespaces", access.name] = self.stage.now
        elif access.verb == "list":
            # Only sessions carry the label; a list without it is one of originals.
            resource = (
                "originals"
                if access.resource == "deployments" and not request.param("labelSelector")
                else access.resource
            )
            for namespace in [access.namespace] if access.namespace else ["a", "b"]:
                self._seen[resource, namespace] = self.stage.now
        elif access.subresource:
            self._other = self.stage.tick

    # Questions --------------------------------------------------------------------------------------------------------

    def _question(self, request: Request) -> None:
        access = request.access
        pod = access.name.split(":")[1] if ":" in access.name else access.name
        party = speak(self.stage, access.namespace, pod)
        assert party is not None, f"somebody else's pod was asked: {request}"
        now = self.stage.clock.time()
        if access.subresource != "log":
            self._asked[party.label] = (now, self._living(party))
            key = (access.subresource, access.namespace, pod)
            assert now - self._questions.get(key, float("-inf")) >= _HOLDS, f"{pod} was asked twice within 10 s"
            self._questions[key] = now

    def was_at(self, namespace: str, name: str, replicas: int) -> bool:
        """Whether a workload has been at so many replicas since this run began."""
        site = self._site(namespace, name)
        return site is not None and any(tick >= self._began and count == replicas for tick, count in site.history)

    def _site(self, namespace: str, name: str) -> Site | None:
        return next((one for one in self.stage.sites if (one.namespace, one.name) == (namespace, name)), None)

    def _living(self, party: Party) -> bool:
        return self.stage.living(party) and party.client not in self._restorable

    # Scaling ----------------------------------------------------------------------------------------------------------

    def _scale(self, request: Request, act: Callable[[], Any]) -> Any:
        access = request.access
        site = self._site(access.namespace, access.name)
        assert site is not None and access.resource == "deployments", f"that was never swapped: {request}"
        original = self.stage.original(site)
        before = self.stage.replicas(site)
        after = request.body["spec"]["replicas"]
        answer = act()
        if after == 0:
            self._takes_back(site, before)
            return answer
        assert original is not None and before in (0, after), f"{site.name} was at {before} and is scaled to {after}"
        assert after in self._counts(site), f"{site.name} is scaled to {after}, which nobody ever said"
        self._not_ignored(site.namespace, site)
        for party in self.stage.present(site):
            assert not self._condemned_alive(party), f"{site.name} is scaled, but its session {party.label} lives"
        for resource in ("deployments", "pods"):
            listed = self._seen.get((resource, site.namespace), _NEVER)
            assert listed.tick > self._other, f"the sessions were not listed once more before {request}"
        self._other = self.stage.tick
        self.done.append(("Deployment", site.namespace, site.name, after))
        site.history.append((self.stage.tick, after))
        self._put[site.place] = self.stage.now
        self._looked[site.place] = self._seen["pods", site.namespace]
        return answer

    def _takes_back(self, site: Site, before: int | None) -> None:
        """A run may undo its own scale, where a session turns out to stand in for the original after all."""
        mine = [one for one in self.done if one[:3] == ("Deployment", site.namespace, site.name) and one[3]]
        assert mine and before == mine[-1][3], f"{site.name} is scaled from {before} to 0"
        assert any(self._living(party) for party in self.stage.present(site)), f"{site.name} is stopped for nobody"
        self.done = [one for one in self.done if one not in mine]
        site.zero_since, site.deliberate_at = self.stage.now, None
        site.history.append((self.stage.tick, 0))

    def _event(self, request: Request, act: Callable[[], Any]) -> Any:
        """A note on a workload that was scaled up in this run; by whom, a run that lost an answer cannot know."""
        about = request.body["involvedObject"]
        site = self._site(about["namespace"], about["name"])
        assert request.method == "POST" and about["kind"] == "Deployment" and site is not None, f"a note on {about}"
        scaled = [count for tick, count in site.history if tick >= self._began and count]
        assert scaled, f"a note on {about['name']}, which nobody has scaled"
        return act()

    def _counts(self, site: Site) -> set[int]:
        told = dict(self.choice.told).get(site.place)
        if told is not None:
            return {told}
        counts = {party.found for party in self.stage.parties if party.site is site}
        if self.choice.trust in ("declared", "historic"):
            counts |= {value for value in (*site.declarations, site.least) if value is not None}
        if self.choice.trust == "historic":
            counts |= {site.earlier or 0}
        return {count for count in counts if 0 < count <= self.choice.replicas_limit}

    # Deleting ---------------------------------------------------------------------------------------------------------

    def _delete(self, request: Request, act: Callable[[], Any]) -> Any:
        access = request.access
        kind, where = _KINDS[access.resource], (access.namespace, access.name)
        before = self.stage.store.get(kind, access.name, access.namespace)
        answer = act()
        assert before is not None
        party = self.stage.party((before["metadata"].get("labels") or {}).get("telepresence", ""))
        assert party is not None, f"{request}: it is no session's"
        if kind == "Service":
            assert where == (party.namespace, party.service) and party.exact, f"{request}: not only the session's"
        else:
            assert (kind, access.name) == party.proxy and not party.in_place, f"{request}: not the client's own"
        assert not self._condemned_alive(party), f"{request}: its client lives"
        self._not_ignored(party.namespace, party.site)
        if party.site is not None:
            self._keeps_evidence(request, party.site)
        self._other = self.stage.tick
        self.done.append((kind, *where, None))
        return answer

    def _keeps_evidence(self, request: Request, site: Site) -> None:
        """The last that knows a count stays while the original is at 0, unless that is meant, or came after the last look."""
        if self.stage.present(site) or self.stage.replicas(site) != 0 or site.deliberate_at is not None:
            return
        if dict(self.choice.told).get(site.place) == 0:
            return
        looked = max(
            self._seen.get(("originals", site.namespace), _NEVER),
            self._put.get(site.place, _NEVER),
            key=lambda one: one.tick,
        )
        new = site.zero_since.tick > looked.tick and self.stage.clock.time() - looked.time <= _HOLDS
        assert new, f"{request}: it was the last to know the count of {site.name}, which is at 0"

    # ------------------------------------------------------------------------------------------------------------------

    def _condemned_alive(self, party: Party) -> bool:
        """Whether a session lives, and the run could know: it was there at the last look, and not just found gone then.

        That look is the one before the first write: what follows it is not put off for another question.
        """
        seen = self._seen.get((_plural(party), party.namespace), _NEVER)
        if not self._living(party) or party.born.tick > seen.tick:
            return False
        asked, alive = self._asked.get(party.label, (float("-inf"), True))
        first = self._looked.get(party.site.place, seen) if party.site else seen
        return alive or first.time - asked > _HOLDS

    def _not_ignored(self, namespace: str, site: Site | None) -> None:
        """What opted out before the run is left alone, and what does so meanwhile 10 s later at most."""
        for since in (self.stage.ignored.get(namespace), site.ignored_since if site else None):
            if since is not None:
                ago = self.stage.clock.time() - since.time
                assert since.tick > self._began and ago <= _HOLDS, f"something in {namespace} opted out {ago:.0f} s ago"


def _plural(party: Party) -> str:
    return {"Deployment": "deployments", "Pod": "pods"}[party.proxy[0]]
