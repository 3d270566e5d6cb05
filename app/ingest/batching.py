"""A feed cut into batches, each of which is one transaction: all that can be done before it, done.

What a batch may hold is bounded, so that neither memory nor the time for which the writers' lock is
held grows with the feed, whatever is in it.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

from app.article.hygiene import HygieneFlag, flags
from app.article.record import Fault
from app.background_priority import give_way, in_turns
from app.feeds import Entry, Rejected
from app.ingest.candidate import Candidate

BATCH_RECORDS: Final = 400
"""As many as hold the lock of writers for a quarter of a second.

Among a million articles each record changes 27 pages of SQLite's, so as many as these have room in
memory (`app.database.engines`): what has not is written while the batch is made, and all of that
read again at its end. With fewer, FTS5 has more to merge.
"""

BATCH_BYTES: Final = 4 << 20
LINK_BYTES: Final = 128
"""What a topic or an entity of a record weighs beside its name, for it is a row of its own."""

REJECTED_AT_MOST: Final = 10_000
"""A feed with so many records that are none is not what it was taken for."""


class PendingRecord(NamedTuple):
    """A record that may go in: where it starts in the feed, and what is odd about it."""

    file: str | None
    line: int
    new: Candidate
    flags: tuple[HygieneFlag, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Records and rejections in the order of the feed.

    `position` is how many came before, `last` whether none come after.
    """

    position: int
    items: tuple[PendingRecord | Rejected, ...]
    last: bool


def cut(entries: Iterable[Entry | Rejected]) -> Iterator[Batch]:
    """Cut `entries` into batches: one at least, which may be empty.

    No more is held than a batch and the entry behind it.
    """
    items: list[PendingRecord | Rejected] = []
    position = weight = 0
    for entry in in_turns(_patient(entries), 1):
        added = _weight(entry)
        if len(items) >= BATCH_RECORDS or (items and weight + added > BATCH_BYTES):
            yield Batch(position, tuple(items), last=False)
            position += len(items)
            items, weight = [], 0
        items.append(_prepared(entry))
        weight += added
    yield Batch(position, tuple(items), last=True)


@contextmanager
def ahead(batches: Iterator[Batch]) -> Iterator[Iterator[Batch]]:
    """Yield an iterator of `batches`, the next of which is made while one is worked on.

    Writing waits for the disk, and reading does not. At the end of the block nobody reads any more.
    """
    with ThreadPoolExecutor(1, "feed", give_way) as reading:
        yield _each(batches, reading)


def _each(batches: Iterator[Batch], reading: ThreadPoolExecutor) -> Iterator[Batch]:
    coming = reading.submit(next, batches, None)
    while (batch := coming.result()) is not None:
        coming = reading.submit(next, batches, None)
        yield batch


def _patient(entries: Iterable[Entry | Rejected]) -> Iterator[Entry | Rejected]:
    """Yield `entries` until too many of them were rejected."""
    rejected = 0
    for entry in entries:
        if isinstance(entry, Rejected):
            rejected += 1
            if rejected > REJECTED_AT_MOST:
                reason = f"{REJECTED_AT_MOST} records were rejected; nothing from here on was read"
                yield Rejected(entry.line, None, (Fault("", reason),), file=entry.file)
                return
        yield entry


def _prepared(entry: Entry | Rejected) -> PendingRecord | Rejected:
    if isinstance(entry, Rejected):
        return entry
    return PendingRecord(entry.file, entry.line, Candidate.of(entry.record), flags(entry.record))


def _weight(entry: Entry | Rejected) -> int:
    if isinstance(entry, Rejected):
        return 0
    links = len(entry.record.topics) + len(entry.record.entities)
    return entry.size + LINK_BYTES * links
