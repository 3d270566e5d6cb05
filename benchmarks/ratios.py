"""Ratios of two contenders' runs, taken round by round, and what is claimed of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from benchmarks.cases import AFTERNOON, CONSTANT, LIMIT, SLUGLINE, SLUGLINE_200
from benchmarks.measuring import Measured
from benchmarks.wrk import Sample


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median over the rounds, and the lowest and the highest of them."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{_shown(self.median)} ({_shown(self.low)}–{_shown(self.high)})"


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence about the worst of several ratios. `holds` is None where none was measured.

    It is judged by what `measured` begins with; `otherwise` says what else came of it: in turns
    for what was measured side by side, and by processor time for loads.
    """

    sentence: str
    measured: str
    otherwise: str
    holds: bool | None


@dataclass(frozen=True, slots=True)
class _Promise:
    sentence: str
    section: str
    ours: str
    theirs: str
    least: float


# Two runs of the same code side by side differ by some hundredths; 304 has to be within that of
# 200 to count as no slower.
SAME: Final = 0.97

PROMISES: Final = (
    _Promise("A hot article, in each representation: at least 0.85 of the bare limit",
             "hot", SLUGLINE, LIMIT, 0.85),
    _Promise("… at least 3 times the plain FastAPI handler", "hot", SLUGLINE, CONSTANT, 3),
    _Promise("… at least 40 times the afternoon version", "hot", SLUGLINE, AFTERNOON, 40),
    _Promise(f"304 no slower than 200 (at least {SAME} of it)",
             "unmodified", SLUGLINE, SLUGLINE_200, SAME),
    _Promise("A random article from cold memory: at least 3 times the afternoon version",
             "cold", SLUGLINE, AFTERNOON, 3),
    _Promise("A hot listing: at least 0.8 of the bare limit", "listing", SLUGLINE, LIMIT, 0.8),
    _Promise("A listing that was not asked for before: at least 5 times the afternoon version",
             "listing-cold", SLUGLINE, AFTERNOON, 5),
)  # fmt: skip


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Divide round by round: the two runs of one round met the machine in the same mood."""
    each = [a / b for a, b in zip(ours, theirs, strict=True)]
    return Ratio(median(each), min(each), max(each))


def of_samples(
    ours: Sequence[Sample], theirs: Sequence[Sample], value: Callable[[Sample], float]
) -> Ratio:
    """Return the ratio of one value of the samples."""
    return ratio([value(sample) for sample in ours], [value(sample) for sample in theirs])


def throughput(samples: Mapping[str, Sequence[Sample]], ours: str, theirs: str) -> Ratio:
    """Return by what factor `ours` answers more requests in the same time than `theirs`."""
    return of_samples(samples[ours], samples[theirs], lambda sample: sample.rate)


def side_by_side(one: Measured, ours: str, theirs: str) -> Ratio:
    """Return what `ours` answers for one answer of `theirs`, in the same processor time.

    Both were measured beside the limit, of which one part is one.
    """
    unity = [1.0] * max(len(each) for each in one.beside.values())
    return ratio(one.beside.get(ours, unity), one.beside.get(theirs, unity))


def claims(measured: Sequence[Measured]) -> list[Claim]:
    """Hold what was measured against what is claimed."""
    return [_judged(promise, measured) for promise in PROMISES]


def _judged(promise: _Promise, measured: Sequence[Measured]) -> Claim:
    cases = [one for one in measured if one.case.section == promise.section]
    if missing := [one for one in cases if not one.samples]:
        names = ", ".join(one.case.name for one in missing)
        return Claim(promise.sentence, f"no: {names} could not be measured", "", holds=False)
    if not cases:
        return Claim(promise.sentence, "not part of this run", "", holds=None)
    ratios = {one.case.name: side_by_side(one, promise.ours, promise.theirs) for one in cases}
    worst = min(cases, key=lambda one: ratios[one.case.name].median)
    found = ratios[worst.case.name]
    text = f"{found}, {worst.case.name}, the lowest of {len(cases)}"
    if promise.theirs in {CONSTANT, AFTERNOON}:
        text += f"; the limit itself {side_by_side(worst, LIMIT, promise.theirs)}"
    in_turns = throughput(worst.samples, promise.ours, promise.theirs)
    return Claim(promise.sentence, text, f"{in_turns} in turns", found.median >= promise.least)


def _shown(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}" if value >= 1 else f"{value:.2g}"
