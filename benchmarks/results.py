"""What a measurement results in: claims that hold or do not, and tables of figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Self


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median of the ratios of several rounds, the lowest and the highest."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, ours: Sequence[float], theirs: Sequence[float]) -> Self:
        """Divide round by round: the two runs of a round meet the machine in the same state."""
        each = [a / b for a, b in zip(ours, theirs, strict=True)]
        return cls(median(each), min(each), max(each))

    def __str__(self) -> str:
        return f"{_short(self.median)} ({_short(self.low)}–{_short(self.high)})"


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 1 else f"{value:.2g}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence about Slugline, the figure that was measured, and whether the sentence holds."""

    sentence: str
    measured: str
    holds: bool


def at_least(sentence: str, floor: float, ratios: Mapping[str, Ratio]) -> Claim:
    """Judge the lowest of several ratios by the least that is claimed."""
    name, lowest = min(ratios.items(), key=lambda item: item[1].median)
    return Claim(sentence, _figure(lowest, name, ratios), lowest.median >= floor)


def at_most(sentence: str, ceiling: float, ratios: Mapping[str, Ratio]) -> Claim:
    """Judge the highest of several ratios by the most that is claimed."""
    name, highest = max(ratios.items(), key=lambda item: item[1].median)
    return Claim(sentence, _figure(highest, name, ratios), highest.median <= ceiling)


def _figure(ratio: Ratio, name: str, ratios: Mapping[str, Ratio]) -> str:
    return f"{ratio}, {name}, the worst of {len(ratios)}" if len(ratios) > 1 else str(ratio)


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the report. All but the first two columns are figures."""

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Result:
    """The section of the report about one measurement. `failure` says why there are no figures."""

    title: str
    claims: Sequence[Claim] = ()
    tables: Sequence[Table] = field(default=())
    failure: str | None = None
