"""Loading a feed into SQLite, beside the afternoon version and a loader written by hand."""

import os
from typing import Final

from benchmarks import databases
from benchmarks.bench import Bench
from benchmarks.compare import AFTERNOON, SLUGLINE, rotated
from benchmarks.loads import (
    BY_HAND,
    Feed,
    Load,
    load_by_hand,
    load_with_afternoon,
    load_with_slugline,
    table,
)
from benchmarks.results import Ratio, Result, at_least

TITLE: Final = "Loading into SQLite"
AFTERNOON_FLOOR: Final = 2.5
BY_HAND_FLOOR: Final = 0.6


def measure(bench: Bench) -> Result:
    """Load the same records into an empty database, by each loader in turn."""
    feed = Feed.part(bench.feed, 0, bench.sizes.records)
    short_feed = Feed.part(bench.feed, 0, bench.sizes.afternoon_records)
    loads: dict[str, list[Load]] = {SLUGLINE: [], BY_HAND: [], AFTERNOON: []}
    with databases.sqlite(bench) as kept:
        for name in rotated(list(loads), bench.sizes.load_rounds):
            os.sync()  # so that no load pays for what another one wrote
            if name == AFTERNOON:
                loads[name].append(load_with_afternoon(bench, short_feed))
            else:
                load = load_with_slugline if name == SLUGLINE else load_by_hand
                loads[name].append(load(bench, kept, kept.copy("loaded"), feed))
    rates = {name: [load.rate for load in each] for name, each in loads.items()}
    claims = [
        at_least(f"Loading into SQLite: at least {floor} times the {name}", floor,
                 {name: Ratio.of(rates[SLUGLINE], rates[name])})
        for name, floor in ((AFTERNOON, AFTERNOON_FLOOR), (BY_HAND, BY_HAND_FLOOR))
    ]  # fmt: skip
    return Result(TITLE, claims, [table(loads, BY_HAND)])
