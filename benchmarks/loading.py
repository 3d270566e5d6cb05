"""Loading, run by run: one feed into one database, by Slugline or by another loader."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO, Final

from benchmarks import contenders, machine
from benchmarks.contenders import Arena, Server
from benchmarks.databases import TABLES, Databases, SQLite, counts, load_by_hand
from benchmarks.exchange import Ask, fetch
from benchmarks.feeds import Feed
from benchmarks.growing import Pages
from benchmarks.posting import AUTHORIZED, load, post
from benchmarks.verifying import check_article, check_counts
from benchmarks.wrk import Sample

BY_HAND: Final = "written by hand"

SQLITE: Final = "loading-sqlite"
POSTGRESQL: Final = "loading-postgresql"
GROWTH_SQLITE: Final = "loading-growth-sqlite"
GROWTH_POSTGRESQL: Final = "loading-growth-postgresql"
LARGE: Final = "loading-large"
READERS: Final = "loading-readers"
LOADING: Final = (SQLITE, LARGE, READERS, GROWTH_SQLITE, POSTGRESQL, GROWTH_POSTGRESQL)
"""The cases in the order in which they are measured."""

_IN_BOTH: Final = TABLES[:5]  # the afternoon version keeps no changes and no receipts


@dataclass(frozen=True, slots=True)
class LoadEffort:
    """How much is loaded: records and bytes of feeds, articles that are there, seconds of readers.

    `further` records are loaded into a database that holds as many, and into one of `articles`; of
    both, each question about their listings is asked `pages` times.
    """

    rounds: int
    records: int
    afternoon_records: int
    further: int
    articles: int
    large_bytes: int
    readers_seconds: int
    pages: int


@dataclass(frozen=True, slots=True)
class Run:
    """One feed: its records, the seconds it took, and those of processors, to the hundredth.

    `database_cpu` are those of a database's own processes. `added` counts the MiB by which the
    server's memory at its highest grew.
    """

    records: int
    seconds: float
    cpu: float
    database_cpu: float = 0.0
    added: float = 0.0

    @property
    def rate(self) -> float:
        """Records in a second."""
        return self.records / self.seconds

    @property
    def thrift(self) -> float:
        """Records for a second of processor time, the database's included."""
        spent = self.cpu + self.database_cpu
        return self.records / spent if spent else 0.0


@dataclass(frozen=True, slots=True)
class Loads:
    """What came of a case: the runs of each contender by rounds, or why there are none.

    `reads` are those of readers, where the case is about them, and `pages` those of listings.
    """

    name: str
    runs: Mapping[str, Sequence[Run]] = field(default_factory=dict)
    reads: Mapping[str, Sequence[Sample]] = field(default_factory=dict)
    pages: Mapping[str, Pages] = field(default_factory=dict)
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Yard:
    """What the cases share: where the servers run and where all else does, and what is loaded."""

    arena: Arena
    load_core: int
    effort: LoadEffort
    feed: Feed

    def further(self, number: int) -> Feed:
        """Return what is loaded in a round on top of the first `further` records."""
        records = self.effort.further
        return self.feed.part(records * (number + 1), records)


def run_slugline(yard: Yard, kept: Databases, name: str, feed: Feed) -> Run:
    """Load `feed` through the admin endpoint into a database that has none of it.

    Raises one of LOAD_FAILURES.
    """
    before = counts(kept, name)
    with contenders.slugline(yard.arena, kept.url(name)) as server, feed.path.open("rb") as body:
        fields = {"Content-Length": str(feed.size)}
        run = send(yard, kept, server, Sending(body, feed.records, fields=fields))
        check_article(server.port, feed.last)
    after = counts(kept, name)
    grown = {table: after[table] - before[table] for table in TABLES}
    wanted = dict(feed.facts)
    if before["articles"]:  # which has most of the vocabulary
        del wanted["topics"], wanted["entities"]
    check_counts(grown, wanted)
    return run


def run_by_hand(yard: Yard, kept: Databases, name: str, feed: Feed) -> Run:
    """Load `feed` by the loader written by hand into an empty database.

    Raises one of LOAD_FAILURES.
    """
    worked = kept.processor_seconds()
    told = load_by_hand(kept, name, feed.path, yard.arena.core)
    worked = kept.processor_seconds() - worked
    check_counts(counts(kept, name), feed.facts)
    with contenders.slugline(yard.arena, kept.url(name)) as server:
        check_article(server.port, feed.last)
    return Run(told.records, told.seconds, told.cpu, worked)


def run_afternoon(yard: Yard, feed: Feed) -> Run:
    """Load `feed` into the afternoon version, which has nothing. Raises one of LOAD_FAILURES."""
    folder = yard.arena.folder / "afternoon"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    arena = replace(yard.arena, folder=folder)
    fields = {**AUTHORIZED, "Content-Length": str(feed.size)}
    with contenders.afternoon(arena) as server, feed.path.open("rb") as body:
        worked = machine.processor_seconds(server.pid)
        with machine.pinned(yard.load_core):
            answer = post(server, "/load", body, fields)
        worked = machine.processor_seconds(server.pid) - worked
        check_article(server.port, feed.last)
    found = counts(SQLite(folder), "afternoon", _IN_BOTH)
    check_counts(found, {table: feed.facts[table] for table in _IN_BOTH})
    return Run(feed.records, answer.seconds, worked)


@dataclass(frozen=True, slots=True)
class Sending:
    """A feed on its way: what is sent, what is to become of its records, and how it is sent."""

    body: BinaryIO | Iterable[bytes]
    records: int
    outcome: str = "created"
    fields: Mapping[str, str] = field(default_factory=dict)


def send(yard: Yard, kept: Databases, server: Server, sending: Sending) -> Run:
    """Load a feed into a running Slugline, from the core of the load. Raises NotLoadedError."""
    peak = machine.peak_mebibytes(server.pid)
    worked, database = machine.processor_seconds(server.pid), kept.processor_seconds()
    with machine.pinned(yard.load_core):
        wanted = {sending.outcome: sending.records}
        answer = load(server, sending.body, wanted, sending.fields)
    return Run(
        sending.records,
        answer.seconds,
        machine.processor_seconds(server.pid) - worked,
        kept.processor_seconds() - database,
        machine.peak_mebibytes(server.pid) - peak,
    )


def warm(server: Server, ask: Ask, times: int) -> None:
    """Ask for an article often enough to be remembered. Raises NoAnswerError."""
    for _ in range(times):
        fetch(server.port, ask)


def settle() -> None:
    """Have the system write down what it put off, which is no run's to pay for."""
    os.sync()
