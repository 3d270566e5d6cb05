"""Growth: loads into a large database, and listings of one, beside those of a small one."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from statistics import median
from typing import Any, Final
from urllib.parse import urlsplit

from benchmarks import databases, servers
from benchmarks.bench import Bench, BenchmarkError
from benchmarks.client import HOST
from benchmarks.compare import rotated
from benchmarks.databases import Databases, multiply
from benchmarks.loads import AUTHORIZED, Feed, Load, load_with_slugline, run_by_hand, table
from benchmarks.results import Claim, Ratio, Result, Table, at_most
from benchmarks.servers import Server, pinned

TITLE: Final = "Growth"
FEW: Final = "few articles"
MANY: Final = "many articles"
MOST_TIMES_LOADING: Final = 1.5
MOST_TIMES_LISTING: Final = 1.3
MOST_MILLISECONDS: Final = 50
KINDS: Final = {"SQLite": databases.sqlite, "PostgreSQL": databases.postgresql}
PER_PAGE: Final = 10

Milliseconds = dict[str, tuple[list[float], list[float]]]
"""The response times of each listing, among few articles and among many."""


def measure(bench: Bench) -> Result:
    """Measure both kinds of database."""
    growth: dict[str, Ratio] = {}
    tables: list[Table] = []
    listings: Milliseconds = {}
    for kind, start in KINDS.items():
        with start(bench) as kept:
            few, many = _fill(bench, kept)
            times = _measure_listings(bench, few, many)
            found = _measure_loads(bench, kept, many)
        listings |= {f"{kind}: {name}": each for name, each in times.items()}
        tables.append(
            table({f"{kind}: {name}": each for name, each in found.items()}, f"{kind}: {FEW}")
        )
        costs = ([load.per_cpu_second for load in found[name]] for name in (FEW, MANY))
        growth[kind] = Ratio.of(*costs)
    sentence = f"A record costs at most {MOST_TIMES_LOADING} times as much CPU among many articles"
    claims = [at_most(sentence, MOST_TIMES_LOADING, growth), *_listing_claims(listings)]
    return Result(TITLE, claims, [*tables, _listing_table(listings)])


def _fill(bench: Bench, kept: Databases) -> tuple[str, str]:
    """Fill a small and a large database, and return their URLs."""
    first = Feed.part(bench.feed, 0, bench.sizes.further)
    few = kept.copy("few")
    run_by_hand(bench, few, first)
    many = kept.copy("many", "few")
    multiply(many, bench.sizes.further, bench.sizes.existing)
    os.sync()
    return few, many


def _measure_loads(bench: Bench, kept: Databases, many: str) -> dict[str, list[Load]]:
    """Load the same records on top of few articles, and on top of many."""
    loads: dict[str, list[Load]] = {FEW: [], MANY: []}
    for name in rotated((FEW, MANY), bench.sizes.load_rounds):
        first = bench.sizes.further * (len(loads[name]) + 1)
        feed = Feed.part(bench.feed, first, bench.sizes.further)
        url = kept.copy("grown", "few") if name == FEW else many
        loads[name].append(load_with_slugline(bench, kept, url, feed))
        os.sync()
    return loads


class Reader:
    """Requests listings over one connection, with a token: such responses are never cached."""

    def __init__(self, server: Server) -> None:
        self._connection = HTTPConnection(HOST, server.port, timeout=60)

    def get(self, path: str) -> bytes:
        """Return the body of a response. Raises BenchmarkError unless it is 200."""
        self._connection.request("GET", path, headers=AUTHORIZED)
        response = self._connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise BenchmarkError(f"{path} is answered {response.status}: {body[:300]!r}")
        return body

    def page(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return the decoded listing. Raises BenchmarkError if it is empty."""
        page: Any = json.loads(self.get(path))
        if not page["items"]:
            raise BenchmarkError(f"{path} has no items")
        return page

    def milliseconds(self, path: str, expected: bytes) -> float:
        """Return how long the response takes. Raises BenchmarkError unless it is `expected`."""
        began = time.perf_counter()
        body = self.get(path)
        taken = time.perf_counter() - began
        if body != expected:
            raise BenchmarkError(f"the response to {path} has changed")
        return taken * 1_000

    def listings(self, articles: int) -> Iterator[tuple[str, str]]:
        """Yield names and paths of listings, in a database with at least `articles`."""
        first = path = f"/news.json?limit={PER_PAGE}"
        yield "first page", first
        number = articles // PER_PAGE - 1
        for _ in range(number - 1):
            following = urlsplit(self.page(path)["next"])
            path = f"{following.path}?{following.query}"
        yield f"page {number}", path
        for plural, singular in ("topics", "topic"), ("entities", "entity"):
            (most,) = self.page(f"/{plural}.json?sort=-articles&limit=1")["items"]
            path = f"/{plural}/{most['slug']}.json?limit={PER_PAGE}"
            yield f"commonest {singular}", path
            if plural == "topics":
                yield "facets of the topic", f"{path}&include=facets"
        yield "two words", f"{first}&q=energy+trade"


def _measure_listings(bench: Bench, few: str, many: str) -> Milliseconds:
    """Request each listing of both databases, alternately."""
    times: Milliseconds = {}
    with (
        servers.slugline(bench, few) as one,
        servers.slugline(bench, many) as other,
        pinned(bench.client_core),
    ):
        readers = (Reader(one), Reader(other))
        both = zip(*(reader.listings(bench.sizes.further) for reader in readers), strict=True)
        for (name, path), (_, other_path) in both:
            requests = [(r, p, r.get(p)) for r, p in zip(readers, (path, other_path), strict=True)]
            for reader, each, _ in requests:
                reader.page(each)  # so that no empty listing is timed
            times[name] = ([], [])
            for _ in range(bench.sizes.listing_requests):
                for (reader, each, expected), taken in zip(requests, times[name], strict=True):
                    taken.append(reader.milliseconds(each, expected))
    return times


def _listing_claims(listings: Mapping[str, tuple[list[float], list[float]]]) -> Iterator[Claim]:
    factors = {name: median(many) / median(few) for name, (few, many) in listings.items()}
    medians = {name: median(many) for name, (_, many) in listings.items()}
    dearest, slowest = max(factors, key=factors.__getitem__), max(medians, key=medians.__getitem__)
    yield Claim(
        f"A listing of many articles takes at most {MOST_TIMES_LISTING} times as long as of few",
        f"{factors[dearest]:.2f}, {dearest}",
        holds=factors[dearest] <= MOST_TIMES_LISTING,
    )
    yield Claim(
        f"A listing of many articles takes at most {MOST_MILLISECONDS} ms",
        f"{medians[slowest]:.0f} ms, {slowest}",
        holds=medians[slowest] <= MOST_MILLISECONDS,
    )


def _listing_table(listings: Milliseconds) -> Table:
    rows = [
        [name, f"{median(few):.1f}", f"{median(many):.1f}", f"{median(many) / median(few):.2f}"]
        for name, (few, many) in listings.items()
    ]
    return Table(["listing", "among few, ms", "among many, ms", "ratio"], rows)
