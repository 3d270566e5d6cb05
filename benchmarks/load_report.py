"""The part of the report that is about loading."""

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Final

from benchmarks.load_cases import BUSY, FEW, QUIET
from benchmarks.load_claims import dearer, delay
from benchmarks.loading import BY_HAND, Loads, Run
from benchmarks.ratios import of_samples, ratio

METHOD: Final = """\
Loads stand against two other loaders. One is **{by_hand}** with the driver's own means
(`executemany` of `sqlite3`; COPY into temporary tables with `psycopg`): it writes the same rows
into the same schema in transactions as large, with the same pragmas, but it decodes a file and
checks nothing (`benchmarks/by_hand_sqlite.py`, `benchmarks/by_hand_postgresql.py`). The words of
the index, which are most of a row's work, it has from Slugline's own functions, or the rows would
be others. The other is the afternoon version with an index of words as SQLite's documentation makes
one; it is sent {afternoon:,} records only. Slugline is sent the feed over
HTTP, and its time ends with the answer. Afterwards the rows are counted, and the last article is
asked for and compared: a loader that did less fails its row. The loaders have the server's core;
the client that sends, `wrk`, and PostgreSQL with its settings as they come have the other one. "Per
CPU second" counts PostgreSQL's time, too.

Databases are made by Slugline's own migrations. {records:,} records go into an empty one, and
{further:,} into one that holds as many and into one of {existing:,}: copies of the first ones under
other slugs, their bodies cut to {body} characters. The large feed has {large:,} MB, and is made as
it is sent. The readers ask for one article, when a feed has arrived and is being written.

Listings of those same two databases are asked for over one connection each, one after the other,
{pages} times each question, by somebody for whom nothing is remembered. The times are medians, of
this machine, to the end of the answer."""


def loading(loads: Sequence[Loads]) -> Iterator[str]:
    """Yield the lines of the section."""
    yield "## Loading\n"
    if any(one.runs for one in loads):
        yield (
            "| load | loader, or what there is | throughput | per CPU second"
            " | PostgreSQL's share | MiB added |"
        )
        yield "|---|---|--:|--:|--:|--:|"
        for one in loads:
            yield from _rows(one)
        yield ""
    if any(one.reads for one in loads):
        yield "| readers | throughput | p50 latency | p99 latency | core |"
        yield "|---|--:|--:|--:|--:|"
        for one in loads:
            yield from _reads(one)
        yield ""
    if any(one.pages for one in loads):
        yield "| listing | question | among few, ms | among many, ms | ratio |"
        yield "|---|---|--:|--:|--:|"
        for one in loads:
            for name, pages in one.pages.items():
                times = (f"{median(each):.1f}" for each in (pages.few, pages.many))
                yield f"| {' | '.join((one.name, name, *times, f'{dearer(pages):.2f}'))} |"
        yield ""
    for one in loads:
        if one.failure:
            yield f"- **{one.name} FAILED**: {one.failure}"


def _rows(one: Loads) -> Iterator[str]:
    base = next((one.runs[name] for name in (BY_HAND, FEW) if name in one.runs), None)
    for name, runs in one.runs.items():
        if base is None or runs is base:
            ratios = ["1", "1"] if base else ["–", "–"]
        else:
            ratios = [
                str(ratio([value(run) for run in runs], [value(run) for run in base]))
                for value in (_rate, _thrift)
            ]
        spent = [run.database_cpu / (run.cpu + run.database_cpu) for run in runs if run.cpu]
        share = f"{median(spent):.0%}" if any(spent) else "–"
        added = [run.added for run in runs if run.added]
        most = f"{max(added):.0f}" if added else "–"
        yield f"| {' | '.join((one.name, name, *ratios, share, most))} |"


def _reads(one: Loads) -> Iterator[str]:
    if not one.reads:
        return
    quiet, busy = one.reads[QUIET], one.reads[BUSY]
    rate = of_samples(busy, quiet, lambda sample: sample.rate)
    p50 = of_samples(busy, quiet, lambda sample: sample.p50)
    cores = [f"{min(sample.busy for sample in samples):.0%}" for samples in (quiet, busy)]
    yield f"| {QUIET} | 1 | 1 | 1 | {cores[0]} |"
    yield f"| {BUSY} | {rate} | {p50} | {delay(one)} | {cores[1]} |"


def _rate(run: Run) -> float:
    return run.rate


def _thrift(run: Run) -> float:
    return run.thrift
