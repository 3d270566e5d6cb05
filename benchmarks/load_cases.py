"""The cases of loading: who loads what into what, in turns, and what readers notice."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from threading import Event
from typing import TYPE_CHECKING, Final

import psycopg

from benchmarks import contenders, databases, feeds, machine
from benchmarks.cases import AFTERNOON, SLUGLINE
from benchmarks.contenders import Arena, Server
from benchmarks.databases import Databases, check_room, counts, load_by_hand
from benchmarks.exchange import Ask
from benchmarks.feeds import Feed, LargeFeed
from benchmarks.growing import measure_pages
from benchmarks.loading import (
    BY_HAND,
    GROWTH_POSTGRESQL,
    GROWTH_SQLITE,
    LARGE,
    POSTGRESQL,
    READERS,
    SQLITE,
    LoadEffort,
    Loads,
    Run,
    Sending,
    Yard,
    run_afternoon,
    run_by_hand,
    run_slugline,
    send,
    settle,
    warm,
)
from benchmarks.machine import processor_seconds
from benchmarks.measuring import FAILURES, WARMING, turns
from benchmarks.posting import NotLoadedError, gzipped
from benchmarks.wrk import FaultyRunError, Sample, drive

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

FEW: Final = "few articles"
MANY: Final = "many articles"
PLAIN: Final = "plain"
GZIP: Final = "the same again, gzip"
QUIET: Final = "no load"
BUSY: Final = "while a feed is loaded"

LOAD_FAILURES: Final = (*FAILURES, NotLoadedError, sqlite3.Error, psycopg.Error, OSError)
UPLOAD_SECONDS: Final = 60
CHUNK_BYTES: Final = 64 << 10

Measure = Callable[[Yard, Databases, str], Loads]


def measure_loading(
    arena: Arena,
    load_core: int,
    effort: LoadEffort,
    wanted: Sequence[str],
    say: Callable[[str], None],
) -> Iterator[Loads]:
    """Measure the cases that are `wanted`, and `say` which is begun."""
    if not wanted:
        return
    records = max(effort.records, effort.further * (effort.rounds + 1))
    say(f"making {records:,} records to load")
    feed = feeds.write(arena.folder / "loading.ndjson", records)
    yard = Yard(arena, load_core, effort, feed)
    opened: Mapping[str, Callable[[], AbstractContextManager[Databases]]] = {
        "SQLite": partial(databases.sqlite, arena.folder / "loading"),
        "PostgreSQL": partial(databases.postgresql, load_core),
    }
    for kind, cases in CASES.items():
        names = [name for name in cases if name in wanted]
        if not names:
            continue
        measured = 0
        try:
            with opened[kind]() as kept:
                for name in names:
                    say(name)
                    yield _tried(cases[name], yard, kept, name)
                    measured += 1
        except LOAD_FAILURES as error:
            yield from (Loads(name, failure=str(error)) for name in names[measured:])


def _tried(measure: Measure, yard: Yard, kept: Databases, name: str) -> Loads:
    try:
        settle()
        return measure(yard, kept, name)
    except LOAD_FAILURES as error:
        return Loads(name, failure=str(error))


def _against_others(yard: Yard, kept: Databases, name: str) -> Loads:
    """Load the same into an empty database, by each contender in its turn."""
    feed = yard.feed.part(0, yard.effort.records)
    few = yard.feed.part(0, yard.effort.afternoon_records)

    def turn(contender: str) -> Run:
        if contender == AFTERNOON:
            return run_afternoon(yard, few)
        kept.copy("loaded")
        run = run_slugline if contender == SLUGLINE else run_by_hand
        return run(yard, kept, "loaded", feed)

    others = (BY_HAND, AFTERNOON) if name == SQLITE else (BY_HAND,)
    runs: dict[str, list[Run]] = {contender: [] for contender in (SLUGLINE, *others)}
    for contender in turns(tuple(runs), yard.effort.rounds):
        runs[contender].append(turn(contender))
        settle()
    return Loads(name, runs)


def _growth(yard: Yard, kept: Databases, name: str) -> Loads:
    """Load the same into a database that holds few articles, and into one that holds many.

    Before that, look at their listings.
    """
    effort = yard.effort
    check_room(effort.articles)
    first = yard.feed.part(0, effort.further)
    kept.copy("few")
    load_by_hand(kept, "few", first.path, yard.arena.core)
    kept.copy("many", "few")
    kept.multiply("many", first.records, effort.articles)
    settle()
    with (
        contenders.slugline(yard.arena, kept.url("few")) as among_few,
        contenders.slugline(yard.arena, kept.url("many")) as among_many,
        machine.pinned(yard.load_core),
    ):
        pages = measure_pages(among_few, among_many, first.records, effort.pages)
    runs: dict[str, list[Run]] = {FEW: [], MANY: []}
    for which in turns((FEW, MANY), effort.rounds):
        further = yard.further(len(runs[which]))
        if which == FEW:
            kept.copy("grown", "few")
        grown = "grown" if which == FEW else "many"
        runs[which].append(run_slugline(yard, kept, grown, further))
        settle()
    return Loads(name, runs, pages=pages)


def _large(yard: Yard, kept: Databases, name: str) -> Loads:
    """Load a large feed, and then, into a server that has just started, the same again, packed."""
    large = LargeFeed(yard.effort.large_bytes)
    kept.copy("large")
    runs: dict[str, list[Run]] = {}
    with contenders.slugline(yard.arena, kept.url("large")) as server:
        runs[PLAIN] = [send(yard, kept, server, Sending(large, large.records))]
    with contenders.slugline(yard.arena, kept.url("large")) as server:
        fields = {"Content-Encoding": "gzip"}
        packed = Sending(gzipped(large), large.records, "unchanged", fields)
        runs[GZIP] = [send(yard, kept, server, packed)]
    return Loads(name, runs)


def _readers(yard: Yard, kept: Databases, name: str) -> Loads:
    """Ask for one article while nothing else goes on, and then while a feed is loaded."""
    first = yard.feed.part(0, 1)
    ask = Ask(f"/news/{first.last['slug']}", {"Accept": "text/html"})
    rest = yard.feed.part(1, yard.feed.records - 1)
    kept.copy("one")
    load_by_hand(kept, "one", first.path, yard.arena.core)
    reads: dict[str, list[Sample]] = {QUIET: [], BUSY: []}
    for _ in range(yard.effort.rounds):
        kept.copy("read", "one")
        with (
            ThreadPoolExecutor(1) as pool,
            contenders.slugline(yard.arena, kept.url("read")) as server,
        ):
            warm(server, ask, WARMING)
            reads[QUIET].append(_read(yard, server, ask))
            loading = _arrived(pool, yard, kept, server, rest)
            before = counts(kept, "read", ["articles"])
            reads[BUSY].append(_read(yard, server, ask))
            if counts(kept, "read", ["articles"]) == before:
                raise FaultyRunError("the load stood still while there were readers")
            if loading.done():
                loading.result()
                raise FaultyRunError("the feed was loaded before the readers were done")
            # Enough was seen: the server stops, and the load with it.
        settle()
    return Loads(name, reads=reads)


def _read(yard: Yard, server: Server, ask: Ask) -> Sample:
    before = processor_seconds(server.pid)
    sample = drive(server.port, ask, yard.effort.readers_seconds, yard.load_core)
    return replace(sample, cpu=processor_seconds(server.pid) - before)


def _arrived(
    pool: ThreadPoolExecutor, yard: Yard, kept: Databases, server: Server, feed: Feed
) -> Future[Run]:
    """Return a load whose feed has arrived, but for what is on its way, and is being written."""
    arrived = Event()

    def body() -> Iterator[bytes]:
        with feed.path.open("rb") as lines:
            yield from iter(partial(lines.read, CHUNK_BYTES), b"")
        arrived.set()

    loading = pool.submit(send, yard, kept, server, Sending(body(), feed.records))
    arrived.wait(UPLOAD_SECONDS)
    return loading


CASES: Final[Mapping[str, Mapping[str, Measure]]] = {
    "SQLite": {
        SQLITE: _against_others,
        LARGE: _large,
        READERS: _readers,
        GROWTH_SQLITE: _growth,
    },
    "PostgreSQL": {POSTGRESQL: _against_others, GROWTH_POSTGRESQL: _growth},
}
