"""Loading a feed into PostgreSQL, beside a loader written by hand with COPY."""

import os
from typing import Final

from benchmarks import databases
from benchmarks.bench import Bench
from benchmarks.compare import SLUGLINE, rotated
from benchmarks.loads import BY_HAND, Feed, Load, load_by_hand, load_with_slugline, table
from benchmarks.results import Ratio, Result, at_least

TITLE: Final = "Loading into PostgreSQL"
FLOOR: Final = 0.5


def measure(bench: Bench) -> Result:
    """Load the same records into an empty database, by each loader in turn."""
    feed = Feed.part(bench.feed, 0, bench.sizes.records)
    loaders = {SLUGLINE: load_with_slugline, BY_HAND: load_by_hand}
    loads: dict[str, list[Load]] = {name: [] for name in loaders}
    with databases.postgresql(bench) as kept:
        for name in rotated(list(loaders), bench.sizes.load_rounds):
            os.sync()  # so that no load pays for what another one wrote
            loads[name].append(loaders[name](bench, kept, kept.copy("loaded"), feed))
    ratio = Ratio.of(*([load.rate for load in loads[name]] for name in loaders))
    sentence = f"Loading into PostgreSQL: at least {FLOOR} of COPY written by hand"
    return Result(TITLE, [at_least(sentence, FLOOR, {SLUGLINE: ratio})], [table(loads, BY_HAND)])
