"""What a cluster may look like: values that are easy to read in a counterexample."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Client(enum.Enum):
    """What has really become of a session's client, and what its proxy shows of it."""

    ALIVE = "answers"
    STARTING = "has not connected yet"
    SUSPENDED = "stopped, its tunnel open"
    CLIENTLESS = "killed, its ssh lives on"
    GONE = "killed, minutes ago"
    EARLY = "killed before its first sign of life"
    MUTE = "killed, and the log says nothing of polls"
    HALF_OPEN = "killed, but traffic keeps another tunnel half open"
    ENDED = "the proxy's container has ended"
    NEVER_RAN = "the proxy's container never started"
    NO_POD = "the proxy Deployment has no pod"
    UNASKABLE = "nobody knows: the proxy cannot be asked"
    TERMINATING = "the proxy is being deleted"

    def __repr__(self) -> str:
        return self.name


LIVING = frozenset({Client.ALIVE, Client.STARTING, Client.SUSPENDED, Client.CLIENTLESS, Client.UNASKABLE})
"""Sessions that somebody may be working with, as far as anybody can know."""


class Version(enum.Enum):
    """Client versions that differ in what they leave behind."""

    V0_86 = "0.86"
    V0_90 = "0.90"
    V0_97 = "0.97"
    V0_105 = "0.105"
    V0_109 = "0.109"

    def __repr__(self) -> str:
        return self.name

    @property
    def makes_pods(self) -> bool:
        """Whether the proxy is a bare Pod; else it is a Deployment."""
        return self is Version.V0_109

    @property
    def keeps_status(self) -> bool:
        """Whether the proxy's last-applied configuration holds the original's uid and status."""
        return self is Version.V0_105

    @property
    def dashed(self) -> bool:
        """Whether session ids are dashed uuids, and names cut to 13 characters; else 32 hex digits and 17 characters."""
        return self in (Version.V0_86, Version.V0_90)

    @property
    def listens(self) -> bool:
        """Whether its client answers on port 9055; else its tunnel is the only sign of life."""
        return self is not Version.V0_86


class Event(enum.Enum):
    """What the cluster still has of the deployment controller's event about the swap."""

    EXPIRED = "nothing: events last an hour"
    OLD = "Scaled down replica set {rs} to 0"
    LATE = "Scaled down replica set {rs} to 0 from {found}"
    NOW = "Scaled down replica set {rs} from {found} to 0"
    ROLLOUT = "two ReplicaSets, each with a part of the count"

    def __repr__(self) -> str:
        return self.name


class Twin(enum.Enum):
    """Another workload of the namespace whose name begins with the same 17 characters."""

    NONE = "there is none"
    UNLIKE = "its pods have other labels"
    ALIKE = "its pods have the same labels"

    def __repr__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Swap:
    """One session on a workload. *found*: the replicas it found (0: somebody else had swapped it).

    *settled*: whether the original's status was so when it was copied. *sidecar*: a mesh container stands first.
    """

    client: Client
    version: Version = Version.V0_109
    found: int = 0
    event: Event = Event.NOW
    settled: bool = True
    sidecar: bool = False


@dataclass(frozen=True)
class Workload:
    """A Deployment and the sessions on it, oldest first.

    *now*: its replicas at this moment; *deliberate*: its owner applied a 0 after the swap. *declared* (last-applied),
    *least* (an autoscaler's minimum) and *earlier* (an earlier ReplicaSet's count) are None where there is no such thing.
    """

    swaps: tuple[Swap, ...]
    now: int = 0
    deliberate: bool = False
    declared: int | None = None
    least: int | None = None
    earlier: int | None = None
    twin: Twin = Twin.NONE
    ignored: bool = False
    namespace: str = "a"


@dataclass(frozen=True)
class Fresh:
    """A session of ``--new-deployment``: nothing was swapped. *exact*: its Service selects just this session."""

    client: Client
    version: Version = Version.V0_109
    exact: bool = True
    namespace: str = "a"


@dataclass(frozen=True)
class InPlace:
    """A session of a client up to 0.84: the proxy has the original's name, and the original is gone."""

    client: Client
    namespace: str = "a"


@dataclass(frozen=True)
class World:
    """A cluster. *ignored*: the namespaces that opted out."""

    workloads: tuple[Workload, ...] = ()
    fresh: tuple[Fresh, ...] = ()
    in_place: tuple[InPlace, ...] = ()
    ignored: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Choice:
    """The options of a run. *told*: counts by the workload's place in the world."""

    verdicts: frozenset[str] = frozenset({"stale", "ended"})
    trust: str = "declared"
    replicas_limit: int = 50
    told: tuple[tuple[int, int], ...] = ()
    max_restores: int | None = None
    namespaces: tuple[str, ...] = ()
    select: str | None = None
    probe: str = "auto"


@dataclass(frozen=True, order=True)
class Actor:
    """Somebody else. *at*: before which requests of the run he takes his steps, one after the other; *writes*: only those
    that write are counted, so that he is there at the very moment.

    *what* is a method of :class:`.actors.Actors`; *whom* counts workloads or sessions, beginning anew after the last;
    *much* is a count.
    """

    what: str
    at: tuple[int, ...]
    whom: int = 0
    much: int = 0
    writes: bool = False
