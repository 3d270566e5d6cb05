"""Hot reads while a feed is loaded: how much slower the slowest responses are."""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Event
from typing import Final

from benchmarks import databases, servers
from benchmarks.articles import article
from benchmarks.bench import Bench, BenchmarkError
from benchmarks.client import Request
from benchmarks.compare import SLUGLINE, running
from benchmarks.databases import Databases, count_rows
from benchmarks.loads import Feed, Load, run_by_hand, send
from benchmarks.results import Claim, Ratio, Result, Table
from benchmarks.servers import Server
from benchmarks.wrk import Sample, drive

TITLE: Final = "Hot reads while a feed is loaded"
MOST_TIMES: Final = 5
UPLOAD_SECONDS: Final = 60
CHUNK_BYTES: Final = 64 << 10


def measure(bench: Bench) -> Result:
    """Request one article while nothing else goes on, and then while a feed is written."""
    one, rest = Feed.part(bench.feed, 0, 1), Feed.part(bench.feed, 1, bench.sizes.records)
    request = Request(article(one.records[0]).path, {"Accept": "text/html"})
    quiet: list[Sample] = []
    busy: list[Sample] = []
    with databases.sqlite(bench) as kept:
        run_by_hand(bench, kept.copy("one"), one)
        for _ in range(bench.sizes.load_rounds):
            os.sync()
            url = kept.copy("read", "one")
            with ThreadPoolExecutor() as pool, servers.slugline(bench, url) as server:
                running(SLUGLINE, server, request, lambda _: None)  # warms it up
                read = partial(
                    drive, server, request, bench.sizes.reader_seconds, bench.client_core
                )
                quiet.append(read())
                loading = _upload(pool, bench, kept, server, rest)
                before = count_rows(url, ["articles"])
                busy.append(read())
                if loading.done() or count_rows(url, ["articles"]) == before:
                    raise BenchmarkError("the feed was not being written while there were readers")
                # The server stops here, and the load with it.
    return _result(quiet, busy)


def _upload(
    pool: ThreadPoolExecutor, bench: Bench, kept: Databases, server: Server, feed: Feed
) -> Future[Load]:
    """Start a load, and return when its feed has been sent and is being written."""
    sent = Event()

    def body() -> Iterator[bytes]:
        with feed.path.open("rb") as lines:
            yield from iter(partial(lines.read, CHUNK_BYTES), b"")
        sent.set()

    loading = pool.submit(send, bench, kept, server, body(), {"created": len(feed.records)})
    sent.wait(UPLOAD_SECONDS)
    return loading


def _result(quiet: list[Sample], busy: list[Sample]) -> Result:
    ratios = {
        name: Ratio.of([getattr(s, name) for s in busy], [getattr(s, name) for s in quiet])
        for name in ("rate", "p50", "p99")
    }
    p99 = ratios["p99"]
    sentence = f"Hot reads while a feed is loaded: p99 under {MOST_TIMES} times the quiet one"
    rows = [["no load", "1", "1", "1"], ["while a feed is loaded", *map(str, ratios.values())]]
    table = Table(["readers", "throughput", "p50 latency", "p99 latency"], rows)
    return Result(TITLE, [Claim(sentence, str(p99), holds=p99.median < MOST_TIMES)], [table])
