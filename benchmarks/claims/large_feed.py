"""A large feed: how much it adds to the server's memory, plain and compressed."""

from typing import Final

from benchmarks import databases, servers
from benchmarks.bench import Bench
from benchmarks.client import gzipped
from benchmarks.loads import AUTHORIZED, Load, send, table
from benchmarks.results import Claim, Result
from benchmarks.synthetic import LargeFeed

TITLE: Final = "A large feed"
MOST_MIB: Final = 100


def measure(bench: Bench) -> Result:
    """Load a large feed, and then, into a server that has just started, the same compressed."""
    feed = LargeFeed(bench.sizes.large_bytes)
    with databases.sqlite(bench) as kept:
        url = kept.copy("large")
        with servers.slugline(bench, url) as server:
            plain = send(bench, kept, server, feed, {"created": feed.records})
        with servers.slugline(bench, url) as server:
            headers = {**AUTHORIZED, "Content-Encoding": "gzip"}
            summary = {"unchanged": feed.records}
            packed = send(bench, kept, server, gzipped(feed), summary, headers)
    loads: dict[str, list[Load]] = {"plain": [plain], "the same again, gzip": [packed]}
    most = max(plain.added_mib, packed.added_mib)
    size = bench.sizes.large_bytes // 10**6
    sentence = f"A feed of {size:,} MB adds at most {MOST_MIB} MiB to the server's memory"
    claim = Claim(sentence, f"{most:.0f} MiB", holds=most <= MOST_MIB)
    return Result(TITLE, [claim], [table(loads, "plain")])
