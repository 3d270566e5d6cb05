"""What is claimed of loading, and whether it holds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from benchmarks.cases import AFTERNOON, SLUGLINE
from benchmarks.growing import Pages
from benchmarks.load_cases import BUSY, FEW, MANY, QUIET
from benchmarks.loading import (
    BY_HAND,
    GROWTH_POSTGRESQL,
    GROWTH_SQLITE,
    LARGE,
    POSTGRESQL,
    READERS,
    SQLITE,
    Loads,
)
from benchmarks.ratios import Claim, Ratio, ratio

BEST_TIMES: Final = 3
BEST_SQLITE: Final = 0.6
BEST_POSTGRESQL: Final = 0.5
MOST_GROWTH: Final = 1.5
MOST_MEBIBYTES: Final = 100
MOST_DELAY: Final = 5
MOST_OF_A_PAGE: Final = 1.3
MOST_MILLISECONDS: Final = 50


@dataclass(frozen=True, slots=True)
class _Found:
    """A figure, how it is told, the same by processor time, and whether it is good enough."""

    value: float
    told: str
    otherwise: str
    holds: bool


@dataclass(frozen=True, slots=True)
class _Promise:
    sentence: str
    cases: tuple[str, ...]
    found: Callable[[Loads], _Found]


def load_claims(loads: Sequence[Loads]) -> list[Claim]:
    """Hold what was measured against what is claimed."""
    return [_judged(promise, loads) for promise in PROMISES]


def _judged(promise: _Promise, loads: Sequence[Loads]) -> Claim:
    cases = [one for one in loads if one.name in promise.cases]
    if failed := [one.name for one in cases if one.failure]:
        measured = f"no: {', '.join(failed)} could not be measured"
        return Claim(promise.sentence, measured, "", holds=False)
    if not cases:
        return Claim(promise.sentence, "not part of this run", "", holds=None)
    found = {one.name: promise.found(one) for one in cases}
    # The worst is one that does not hold, if there is one; all figures but ratios grow worse.
    worst = min(found, key=lambda name: (found[name].holds, -found[name].value))
    text = found[worst].told + (f", {worst}, the worst of {len(found)}" if len(found) > 1 else "")
    return Claim(promise.sentence, text, found[worst].otherwise, found[worst].holds)


def _at_least(theirs: str, least: float) -> Callable[[Loads], _Found]:
    def found(loads: Loads) -> _Found:
        ours, others = loads.runs[SLUGLINE], loads.runs[theirs]
        rates = ratio([run.rate for run in ours], [run.rate for run in others])
        thrift = ratio([run.thrift for run in ours], [run.thrift for run in others])
        return _Found(
            rates.median, str(rates), f"{thrift} by processor time", rates.median >= least
        )

    return found


def growth(loads: Loads) -> Ratio:
    """Return by what factor a record takes more processor time where there are many articles."""
    few, many = loads.runs[FEW], loads.runs[MANY]
    return ratio([run.thrift for run in few], [run.thrift for run in many])


def delay(loads: Loads) -> Ratio:
    """Return by what factor the slowest answers are slower while a feed is loaded."""
    busy, quiet = loads.reads[BUSY], loads.reads[QUIET]
    return ratio([read.p99 for read in busy], [read.p99 for read in quiet])


def _grows(loads: Loads) -> _Found:
    found = growth(loads)
    return _Found(found.median, f"{found}, by processor time", "", found.median <= MOST_GROWTH)


def _adds(loads: Loads) -> _Found:
    most = max(run.added for runs in loads.runs.values() for run in runs)
    return _Found(most, f"{most:.0f} MiB at most", "", most <= MOST_MEBIBYTES)


def _delays(loads: Loads) -> _Found:
    found = delay(loads)
    return _Found(found.median, str(found), "", found.median < MOST_DELAY)


def dearer(pages: Pages) -> float:
    """Return by what factor an answer takes longer where there are many articles."""
    return median(pages.many) / median(pages.few)


def _costs(loads: Loads) -> _Found:
    factors = {name: dearer(pages) for name, pages in loads.pages.items()}
    worst = max(factors, key=lambda name: factors[name])
    told = f"{factors[worst]:.2f}, {worst}"
    return _Found(factors[worst], told, "", factors[worst] <= MOST_OF_A_PAGE)


def _takes(loads: Loads) -> _Found:
    taken = {name: median(pages.many) for name, pages in loads.pages.items()}
    worst = max(taken, key=lambda name: taken[name])
    told = f"{taken[worst]:.0f} ms, {worst}"
    return _Found(taken[worst], told, "", taken[worst] <= MOST_MILLISECONDS)


PROMISES: Final = (
    _Promise(f"Loading into SQLite: at least {BEST_TIMES} times the afternoon version",
             (SQLITE,), _at_least(AFTERNOON, BEST_TIMES)),
    _Promise(f"… at least {BEST_SQLITE} of `executemany` written by hand",
             (SQLITE,), _at_least(BY_HAND, BEST_SQLITE)),
    _Promise(f"Loading into PostgreSQL: at least {BEST_POSTGRESQL} of COPY written by hand",
             (POSTGRESQL,), _at_least(BY_HAND, BEST_POSTGRESQL)),
    _Promise("A record among many articles costs at most"
             f" {MOST_GROWTH} times one among few",
             (GROWTH_SQLITE, GROWTH_POSTGRESQL), _grows),
    _Promise(f"A large feed adds at most {MOST_MEBIBYTES} MiB to the server's memory",
             (LARGE,), _adds),
    _Promise(f"Hot reads while a feed is loaded: p99 under {MOST_DELAY} times the quiet one",
             (READERS,), _delays),
    _Promise(f"A listing of many articles costs at most {MOST_OF_A_PAGE} times one of few",
             (GROWTH_SQLITE, GROWTH_POSTGRESQL), _costs),
    _Promise(f"… and takes at most {MOST_MILLISECONDS} ms",
             (GROWTH_SQLITE, GROWTH_POSTGRESQL), _takes),
)  # fmt: skip
