"""The lines of the bench: a name, the median of what was measured, and the target where there is one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .measure import Sample, median

MEGABYTE = 1e6


@dataclass(frozen=True)
class Target:
    """What a value is to be: ``at_least`` (or else at most) ``value``."""

    value: float
    at_least: bool = False

    def met(self, value: float) -> bool:
        """Whether a value is as it is to be."""
        return value >= self.value if self.at_least else value <= self.value

    def __str__(self) -> str:
        return f"at {'least' if self.at_least else 'most'} {self.value:g}"


@dataclass(frozen=True)
class Line:
    """One value, the median of ``values``. Without a ``unit`` it is a ratio of two others of the same run."""

    name: str
    value: float
    unit: str = ""
    values: tuple[float, ...] = ()
    target: Target | None = None

    def __str__(self) -> str:
        return (
            f"{self.name}: {number(self.value)} {self.unit}"
            if self.unit
            else f"{self.name} ratio: {number(self.value)}"
        )


def number(value: float) -> str:
    """A value with about three digits, and none that was not measured."""
    size = abs(value)
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"


def lines(name: str, samples: Sequence[Sample], memory: Target | None = None) -> Iterator[Line]:
    """The three lines of a command that was measured several times: by the clock, CPU, and peak memory of its largest process."""
    of_all = median(samples)
    yield Line(name, of_all.seconds, "s", tuple(one.seconds for one in samples))
    yield Line(f"{name}-cpu", of_all.cpu_seconds, "CPU-s", tuple(one.cpu_seconds for one in samples))
    peaks = tuple(one.peak_bytes / MEGABYTE for one in samples)
    yield Line(f"{name}-memory", of_all.peak_bytes / MEGABYTE, "MB", peaks, memory)


def ratio(name: str, more: Sequence[Sample], less: Sequence[Sample], target: Target | None = None) -> Line:
    """How many times as long as ``less`` ``more`` took, by their medians."""
    return Line(name, median(more).seconds / median(less).seconds, target=target)


def each_more(name: str, samples: Mapping[int, Sequence[Sample]]) -> Iterator[Line]:
    """What each cluster more costs, by the clock and CPU, from runs over the fewest and the most of them; ``samples`` by their number."""
    few, many = min(samples), max(samples)
    first, last = median(samples[few]), median(samples[many])
    yield Line(f"{name}-each-more", (last.seconds - first.seconds) / (many - few), "s")
    yield Line(f"{name}-each-more-cpu", (last.cpu_seconds - first.cpu_seconds) / (many - few), "CPU-s")
