"""Load one feed into one database, by Slugline or by another loader, and check that it is there."""

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any, BinaryIO, Final

from benchmarks import servers
from benchmarks.bench import ROOT, Bench, BenchmarkError
from benchmarks.client import Request, fetch, post
from benchmarks.databases import TABLES, Databases, count_rows
from benchmarks.results import Ratio, Table
from benchmarks.servers import Server, cpu_seconds, memory_mib, pinned

BY_HAND: Final = "loader written by hand"
AUTHORIZED: Final = {
    "Authorization": f"Bearer {servers.TOKEN}",
    "Content-Type": "application/x-ndjson",
}
CHECKED_FIELDS: Final = (
    "slug", "title", "summary", "body_md", "canonical_source", "lang", "topics", "entities",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Load:
    """One load: its records, the seconds it took, and the processor seconds it cost.

    `added_mib` is by how much the peak of the server's memory grew.
    """

    records: int
    seconds: float
    cpu: float
    database_cpu: float = 0.0
    added_mib: float = 0.0

    @property
    def rate(self) -> float:
        """Records a second."""
        return self.records / self.seconds

    @property
    def per_cpu_second(self) -> float:
        """Records for a second of processor time, the database's included."""
        return self.records / (self.cpu + self.database_cpu)


@dataclass(frozen=True, slots=True)
class Feed:
    """An NDJSON file of new records."""

    path: Path

    @classmethod
    def part(cls, path: Path, first: int, records: int) -> "Feed":
        """Write a feed of some lines of another one."""
        part = path.with_name(f"{path.stem}-{first}-{records}.ndjson")
        with path.open("rb") as lines, part.open("wb") as out:
            out.writelines(islice(lines, first, first + records))
        return cls(part)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The decoded records."""
        with self.path.open("rb") as lines:
            return [json.loads(line) for line in lines]

    @property
    def headers(self) -> dict[str, str]:
        """The header fields it is sent with."""
        return {**AUTHORIZED, "Content-Length": str(self.path.stat().st_size)}

    def expected_rows(self) -> dict[str, int]:
        """Return how many rows of each table it makes in an empty database."""
        records = self.records
        topics = [topic for record in records for topic in record["topics"]]
        entities = [name for record in records for name in record["entities"]]
        numbers = (len(set(topics)), len(set(entities)), len(topics), len(entities))
        return dict(zip(TABLES, (len(records), *numbers, *[len(records)] * 2), strict=True))


def load_with_slugline(bench: Bench, databases: Databases, url: str, feed: Feed) -> Load:
    """Load new records through the admin endpoint. Raises BenchmarkError if any are missing."""
    before, expected, records = count_rows(url), feed.expected_rows(), feed.records
    with servers.slugline(bench, url) as server, feed.path.open("rb") as body:
        load = send(bench, databases, server, body, {"created": len(records)}, feed.headers)
        check_article(server.port, records[-1])
    after = count_rows(url)
    if before["articles"]:  # then most of the topics and entities are there, too
        del expected["topics"], expected["entities"]
    check_rows({table: after[table] - before[table] for table in expected}, expected)
    return load


def send(  # noqa: PLR0913, PLR0917 - what is sent, and what is expected of it
    bench: Bench,
    databases: Databases,
    server: Server,
    body: BinaryIO | Iterable[bytes],
    summary: Mapping[str, int],
    headers: Mapping[str, str] = AUTHORIZED,
) -> Load:
    """Send a feed to a running Slugline from the clients' core.

    Raises BenchmarkError unless the receipt has the expected `summary`.
    """
    peak, cpu = memory_mib(server.pid, "VmHWM"), cpu_seconds(server.pid)
    database_cpu = databases.cpu_seconds()
    with pinned(bench.client_core):
        receipt, seconds = post(server.port, "/admin/loads", body, headers)
    if (found := {name: n for name, n in receipt["summary"].items() if n}) != summary:
        raise BenchmarkError(f"Slugline reports {found} instead of {summary}")
    return Load(
        records=sum(summary.values()),
        seconds=seconds,
        cpu=cpu_seconds(server.pid) - cpu,
        database_cpu=databases.cpu_seconds() - database_cpu,
        added_mib=memory_mib(server.pid, "VmHWM") - peak,
    )


def load_by_hand(bench: Bench, databases: Databases, url: str, feed: Feed) -> Load:
    """Load new records into an empty database with the loader written by hand."""
    database_cpu = databases.cpu_seconds()
    load = run_by_hand(bench, url, feed)
    database_cpu = databases.cpu_seconds() - database_cpu
    check_rows(count_rows(url), feed.expected_rows())
    with servers.slugline(bench, url) as server:
        check_article(server.port, feed.records[-1])
    return Load(load["records"], load["seconds"], load["cpu"], database_cpu)


def run_by_hand(bench: Bench, url: str, feed: Feed) -> dict[str, Any]:
    """Run the loader written by hand and return what it reports."""
    kind = "sqlite" if url.startswith("sqlite") else "postgresql"
    module = f"benchmarks.contenders.by_hand_{kind}"
    command = [sys.executable, "-m", module, url.removeprefix("sqlite:///"), str(feed.path)]
    with pinned(bench.server_core):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"{module} failed: {done.stderr[-2_000:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def load_with_afternoon(bench: Bench, feed: Feed) -> Load:
    """Load records into the afternoon version, whose database is empty."""
    file = bench.folder / "afternoon-load.db"
    file.unlink(missing_ok=True)
    url, expected = f"sqlite:///{file}", feed.expected_rows()
    with servers.afternoon(bench, url) as server, feed.path.open("rb") as body:
        cpu = cpu_seconds(server.pid)
        with pinned(bench.client_core):
            _, seconds = post(server.port, "/load", body, feed.headers)
        cpu = cpu_seconds(server.pid) - cpu
        check_article(server.port, feed.records[-1])
    kept = TABLES[:5]  # it has no change feed and no receipts
    check_rows(count_rows(url, kept), {table: expected[table] for table in kept})
    return Load(expected["articles"], seconds, cpu)


def check_rows(found: Mapping[str, int], expected: Mapping[str, int]) -> None:
    """Raise BenchmarkError where a loader made fewer rows than it had to, or others."""
    if different := {t: n for t, n in found.items() if n != expected[t]}:
        raise BenchmarkError(f"rows loaded: {different} instead of {expected}")


def check_article(port: int, record: Mapping[str, Any]) -> None:
    """Raise BenchmarkError if a server does not have the article as it was loaded."""
    response = fetch(port, Request(f"/news/{record['slug']}.json"))
    if response.status != 200:
        raise BenchmarkError(f"a loaded article is answered {response.status}")
    article = json.loads(response.body)
    for name in CHECKED_FIELDS:
        if article[name] != record[name]:
            raise BenchmarkError(
                f"{name} is {article[name]!r:.300} instead of {record[name]!r:.300}"
            )
    for name in "published_at", "updated_at":
        # The afternoon version forgets the offset.
        found, wanted = (datetime.fromisoformat(r[name]) for r in (article, record))
        if found.replace(tzinfo=None) != wanted.replace(tzinfo=None):
            raise BenchmarkError(f"{name} is {found} instead of {wanted}")


def table(loads: Mapping[str, Sequence[Load]], base: str) -> Table:
    """Return the figures of loads, with rates as ratios to those of `base`."""
    columns = ["load", "records/s", "records/CPU s", "PostgreSQL's share", "MiB added"]
    return Table(columns, [[name, *_figures(each, loads[base])] for name, each in loads.items()])


def _figures(loads: Sequence[Load], base: Sequence[Load]) -> Iterator[str]:
    for value in "rate", "per_cpu_second":
        ours, theirs = ([getattr(load, value) for load in each] for each in (loads, base))
        yield "1" if loads is base else str(Ratio.of(ours, theirs))
    share = median(load.database_cpu / (load.cpu + load.database_cpu) for load in loads)
    yield f"{share:.0%}" if share else "–"
    added = max(load.added_mib for load in loads)
    yield f"{added:.0f}" if added else "–"
