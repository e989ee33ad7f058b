"""What a run has to make of a world that keeps still, by the rules of the documentation."""

from __future__ import annotations

from dataclasses import dataclass

from .stage import Party, Site, Stage
from .world import Choice, Client, Event, Twin

_VERDICTS = {
    Client.ALIVE: "alive",
    Client.STARTING: "starting",
    Client.SUSPENDED: "suspended",
    Client.CLIENTLESS: "clientless",
    Client.GONE: "stale",
    Client.EARLY: "stale",
    Client.MUTE: "stale",
    Client.HALF_OPEN: "stale",
    Client.ENDED: "ended",
    Client.NEVER_RAN: "ended",
    Client.NO_POD: "ended",
    Client.UNASKABLE: "unknown",
    Client.TERMINATING: "terminating",
}


@dataclass(frozen=True)
class Expected:
    """What becomes of one session. *replicas*: what its original is scaled to, None where it is not. *deletes*: its objects."""

    label: str
    verdict: str
    outcome: str
    replicas: int | None = None
    deletes: tuple[tuple[str, str, str], ...] = ()


def expect(stage: Stage, choice: Choice) -> list[Expected]:
    """What a run makes of every session that it looks at, oldest first."""
    seen = [one for one in _seen(stage) if not choice.namespaces or one.namespace in choice.namespaces]
    every = [_one(stage, choice, party) for party in seen]
    if choice.select is not None:
        every = [one for one in every if one.verdict == choice.select]
    due = [one for one in every if one.outcome == "restored"]
    beyond = [] if choice.max_restores is None else due[choice.max_restores :]
    return [Expected(one.label, one.verdict, "held") if one in beyond else one for one in every]


def _seen(stage: Stage) -> list[Party]:
    """Every session of which something is left, oldest first."""
    left = [one for one in stage.parties if stage.proxy(one) or (one.exact and _service(stage, one))]
    return sorted(left, key=lambda one: (one.created, one.namespace, one.label))


def _service(stage: Stage, party: Party) -> bool:
    return bool(party.service) and stage.store.get("Service", party.service, party.namespace) is not None


def _one(stage: Stage, choice: Choice, party: Party) -> Expected:
    """One session, whatever the options select."""
    if opted_out(stage, party):
        return Expected(party.label, "unknown", "none")
    verdict = verdict_on(stage, party)
    if not _over(stage, choice, party):
        return Expected(party.label, verdict, "none")
    if party.in_place:
        return Expected(party.label, verdict, "none" if verdict == "terminating" else "needs_decision")
    deletes = _deletes(stage, party)
    cleaned = Expected(party.label, verdict, "restored" if deletes else "none", None, deletes)
    site = party.site
    if site is None or stage.proxy(party) is None:
        return cleaned
    if stage.original(site) is None or _doubtful(party):
        return Expected(party.label, verdict, "needs_decision")
    together = stage.present(site)
    if any(opted_out(stage, one) or not _over(stage, choice, one) for one in together):
        return Expected(party.label, verdict, "held")
    told = dict(choice.told).get(site.place)
    deliberate = site.deliberate_at is not None and site.deliberate_at > together[0].created
    if stage.replicas(site) or told == 0 or (told is None and deliberate):
        return cleaned
    # A session of which it is not certain whom it swapped is a witness of nothing.
    certain = not _doubtful(together[0])
    count = told if told is not None else _count(site, together[0], choice) if certain else None
    if count is None:
        return Expected(party.label, verdict, "needs_decision")
    return Expected(party.label, verdict, "restored", count, deletes)


def verdict_on(stage: Stage, party: Party) -> str:
    """The verdict that the client's true state deserves."""
    if stage.proxy(party) is None:
        return "ended"
    if not party.listens and party.client in (Client.SUSPENDED, Client.CLIENTLESS, Client.HALF_OPEN):
        return "alive"  # an open tunnel is all that can be seen of such a client
    return _VERDICTS[party.client]


def opted_out(stage: Stage, party: Party) -> bool:
    """Whether somebody asked that the session be left alone."""
    return party.namespace in stage.ignored or bool(party.site and party.site.ignored_since)


def _over(stage: Stage, choice: Choice, party: Party) -> bool:
    return verdict_on(stage, party) in {*choice.verdicts, "terminating"}


def _deletes(stage: Stage, party: Party) -> tuple[tuple[str, str, str], ...]:
    found = []
    if stage.proxy(party) is not None and party.client is not Client.TERMINATING:
        found.append((party.proxy[0], party.namespace, party.proxy[1]))
    if party.exact and _service(stage, party):
        found.append(("Service", party.namespace, party.service))
    return tuple(found)


def _doubtful(party: Party) -> bool:
    """Whether two workloads may be the one that the session swapped."""
    return party.site is not None and party.site.twin is Twin.ALIKE and not party.knows_uid


def _count(site: Site, oldest: Party, choice: Choice) -> int | None:
    """The count that the evidence is good for, None where it is for none."""
    swapped = _at_the_swap(oldest)
    declared = {value for value in (site.declared, site.least) if value is not None}
    historic = {value for value in (site.earlier,) if value}
    for values, trusted in (
        (swapped, True),
        (declared, choice.trust in ("declared", "historic")),
        (historic, choice.trust == "historic"),
    ):
        if values:
            (count, *others) = values
            return count if trusted and not others and 0 < count <= choice.replicas_limit else None
    return None


def _at_the_swap(party: Party) -> set[int]:
    """What the cluster itself wrote down when the session scaled its original down."""
    by_event = party.event in (Event.LATE, Event.NOW)
    by_status = party.knows_uid and party.settled
    return {party.found} if party.found and (by_event or by_status) else set()
