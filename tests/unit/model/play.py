"""One world, the runs in it, and whether each result agrees with the world."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from modules.fake_time import FakeTime
from wire.request import Request
from wire.server import ApiServer
from wire.store import Obj

from . import direct
from .actors import Actors
from .expected import Expected, expect
from .stage import Stage
from .watch import BrokenRule, Watch
from .world import Actor, Choice, World

_TO_THE_END = 1 << 30
_KINDS = ("Namespace", "Deployment", "ReplicaSet", "Pod", "Service", "HorizontalPodAutoscaler")


class Rival:
    """A second recovery, which goes on by some requests whenever it is let."""

    def __init__(self, recover: Callable[[direct.Exchange], object]) -> None:
        self._recover = recover
        self._go, self._stops = threading.Semaphore(0), threading.Semaphore(0)
        self._left = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.over = self._given_up = False
        self.error: BaseException | None = None

    def goes_on(self, requests: int) -> None:
        """Lets it make so many requests, or end."""
        if self.over:
            return
        self._left = requests
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._go.release()
        self._stops.acquire()
        if self.error is not None:
            raise self.error

    def is_given_up(self) -> None:
        """Ends it where it stands, so that no thread of it waits for ever."""
        self._given_up = True
        if self._thread.ident is not None and not self.over:
            self._go.release()
            self._thread.join()

    def _run(self) -> None:
        try:
            self._recover(self._in_turn)
        except BaseException as error:  # told to who let it go on
            self.error = error
        self.over = True
        self._stops.release()

    def _in_turn(self, request: Request, act: Callable[[], Any]) -> Any:
        if not _is_review(request):
            if self._left == 0 and not self._given_up:
                self._stops.release()
                self._go.acquire()
            if self._given_up:
                raise BrokenRule("it was given up")
            self._left -= 1
        return act()


def _is_review(request: Request) -> bool:
    """Whether it only asks for rights: such requests come in no fixed order."""
    return request.access.resource in ("selfsubjectaccessreviews", "selfsubjectreviews")


class Play:
    """One world, and the runs in it."""

    def __init__(self, server: ApiServer, world: World, choice: Choice) -> None:
        self.clock = FakeTime()
        server.clock = self.clock.time
        self.server, self.choice = server, choice
        self.stage = Stage(server, self.clock, world)
        self.actors = Actors(self.stage)

    def run(self, check: bool = False, others: Sequence[Actor] = ()) -> direct.Result:
        """A run, checked at every write and in its result; *others* are at work between its requests."""
        # One line of time goes by requests, the other by writes.
        due = {
            writes: sorted(
                (at, actor, step) for actor in others if actor.writes is writes for step, at in enumerate(actor.at)
            )
            for writes in (False, True)
        }
        rival = Rival(lambda turn: self._restore(Watch(self.stage, self.choice, check=False), turn))
        made = {False: 0, True: 0}

        def between(request: Request, act: Callable[[], Any]) -> Any:
            if _is_review(request):
                return act()
            for writes in (False, True) if request.is_write else (False,):
                while due[writes] and due[writes][0][0] <= made[writes]:
                    at, actor, step = due[writes].pop(0)
                    if actor.what in ("lets time pass", "is joined") and request.access.subresource in ("exec", "log"):
                        due[writes].insert(0, (at + 1, actor, step))  # the parts of one question do not take so long
                        break
                    if actor.what == "recovers too":
                        rival.goes_on(1 + actor.much)
                    else:
                        self.actors.step(actor, step)
                made[writes] += 1
            return act()

        watch = Watch(self.stage, self.choice, check)
        try:
            result = self._restore(watch, between, check)
            if any(actor.what == "recovers too" for actor in others):
                rival.goes_on(_TO_THE_END)
        except BrokenRule as broken:
            raise AssertionError(str(broken)) from broken
        finally:
            rival.is_given_up()
        _agrees(result, watch, check)
        return result

    def _restore(self, watch: Watch, turn: direct.Exchange, check: bool = False) -> direct.Result:
        def exchange(request: Request, act: Callable[[], Any]) -> Any:
            return turn(request, lambda: watch(request, act))

        choice, sites = self.choice, self.stage.sites
        told = {
            f"{sites[place].namespace}/{sites[place].name}": count for place, count in choice.told if place < len(sites)
        }
        return direct.restore(
            direct.Client(self.server, self.clock, exchange),
            check,
            verdicts=sorted(choice.verdicts),
            trust=choice.trust,
            replicas_limit=choice.replicas_limit,
            replicas=told,
            max_restores=choice.max_restores,
            namespaces=list(choice.namespaces),
            select=f"verdict == '{choice.select}'" if choice.select else None,
            probe=choice.probe,
        )

    def objects(self) -> dict[tuple[str, str, str], Obj]:
        """Everything in the cluster."""
        store = self.stage.store
        return {
            (kind, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]): obj
            for kind in _KINDS
            for obj in store.all(kind)
        }

    def keeps_still(self, check: bool) -> direct.Result:
        """A run with nobody else about: it does exactly what it has to, and touches nothing else."""
        self.actors.settle()
        wanted, before = expect(self.stage, self.choice), self.objects()
        result = self.run(check)
        got = [_made_of(record, check) for record in result["sessions"]]
        assert got == wanted
        after = self.objects()
        todo = [] if check else [one for one in wanted if one.outcome == "restored"]
        gone = {key for one in todo for key in one.deletes}
        for key, obj in before.items():
            owner = {ref["uid"] for ref in obj["metadata"].get("ownerReferences", ())}
            if key in gone or owner & {before[one]["metadata"]["uid"] for one in gone}:
                assert key not in after, f"{key} should be gone"
                continue
            count = next(
                (one.replicas for one in todo if one.replicas and _original(self.stage, one.label) == key), None
            )
            if count is None:
                assert after.get(key) == obj, f"{key} should be as it was"
            else:
                assert after[key]["spec"] == {**obj["spec"], "replicas": count}, f"{key} should be at {count}"
        assert set(after) <= set(before)
        return result


def _original(stage: Stage, label: str) -> tuple[str, str, str]:
    party = stage.party(label)
    assert party is not None and party.site is not None
    return ("Deployment", party.site.namespace, party.site.name)


def _made_of(record: dict[str, Any], check: bool) -> Expected:
    """A session's record in the model's words."""
    done = record["outcome"] == ("restorable" if check else "restored")
    plan = [action["object"].replace("/", " ").split(" ") for action in record["plan"] if action["action"] == "delete"]
    scaled = [action["after"] for action in record["plan"] if action["action"] == "scale"]
    return Expected(
        record["session_id"],
        record["verdict"],
        "restored" if done else record["outcome"],
        scaled[0] if scaled and done else None,
        tuple((kind, namespace, name) for kind, namespace, name in plan) if done else (),
    )


def _agrees(result: direct.Result, watch: Watch, check: bool) -> None:
    """What a result says was done was done, by this run or another; and what this run did is told."""
    assert check or result["changed"] == any(action["done"] for one in result["sessions"] for action in one["plan"])
    told = set()
    for record in result["sessions"]:
        done = [action for action in record["plan"] if action["done"]]
        assert not (check and done)
        if record["outcome"] == "restored":
            assert done and all(action["done"] for action in record["plan"]), record
        elif record["outcome"] != "failed":
            assert not done, record
        for action in done:
            kind, namespace, name = action["object"].replace("/", " ").split(" ")
            told.add((kind, namespace, name, action.get("after")))
            if action["action"] == "scale":
                assert watch.was_at(namespace, name, action["after"]), f"{action} is said, but was never so"
            else:
                assert watch.stage.store.get(kind, name, namespace) is None, f"{action} is said, but it is there"
    # A scale that came to nothing, because a session came at that very moment, is told in words alone.
    words = " ".join(record["message"] for record in result["sessions"])
    untold = {one for one in watch.done if one not in told and f"/{one[2]} was scaled to {one[3]} at that" not in words}
    assert not untold, f"{untold} was done and is not told"
