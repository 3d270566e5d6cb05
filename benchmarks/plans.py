"""How much is measured: everything, or some of it quickly."""

from dataclasses import dataclass
from typing import Final

from benchmarks.loading import LOADING, LoadEffort
from benchmarks.measuring import Effort

FOOTPRINT: Final = "footprint"
QUICK_CASES: Final = frozenset(
    {
        "hot-html", "hot-json", "twin-markdown", "gzip-html", "304-html", "cold-html",
        "listing-json", "listing-cold-json", FOOTPRINT, *LOADING,
    }
)  # fmt: skip

LOAD_EFFORT: Final = LoadEffort(
    rounds=3,
    records=50_000,
    afternoon_records=5_000,
    further=10_000,
    articles=1_000_000,
    large_bytes=10**9,
    readers_seconds=15,
    pages=41,
)
QUICK_LOAD_EFFORT: Final = LoadEffort(
    rounds=1,
    records=4_000,
    afternoon_records=500,
    further=1_000,
    articles=20_000,
    large_bytes=50 * 10**6,
    readers_seconds=10,
    pages=5,
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one call of the command is to do. An empty `only` means everything."""

    hot: Effort
    cold: Effort
    loads: LoadEffort
    articles: int
    quick: bool
    only: tuple[str, ...]

    def has(self, name: str) -> bool:
        """Say whether a case is part of it."""
        if self.only:
            return name.startswith(self.only)
        return not self.quick or name in QUICK_CASES

    @property
    def whole(self) -> bool:
        """Whether the report is about everything, and worth keeping."""
        return not self.quick and not self.only


def make_plan(*, quick: bool, only: tuple[str, ...]) -> Plan:
    """Return what the command line asked for."""
    if quick:
        return Plan(
            hot=Effort(turns=1, pairs=2, seconds=1),
            cold=Effort(turns=1, pairs=1, seconds=1),
            loads=QUICK_LOAD_EFFORT,
            articles=2_000,
            quick=True,
            only=only,
        )
    return Plan(
        hot=Effort(turns=3, pairs=9, seconds=1),
        cold=Effort(turns=3, pairs=7, seconds=2),
        loads=LOAD_EFFORT,
        articles=50_000,
        quick=False,
        only=only,
    )
