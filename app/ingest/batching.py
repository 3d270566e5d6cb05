"""Reading a feed in batches, each of which becomes one transaction.

Everything that needs no lock is done here: parsing, validation, digests, flags. The size of a batch
is bounded, so that neither memory nor the time the writers' lock is held grows with the feed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

from app.article.hygiene import HygieneFlag, flags
from app.article.record import Fault
from app.background_priority import lower_thread_priority, yielding
from app.feeds import Entry, FeedSource, Rejected, read_all
from app.ingest.candidate import Candidate

BATCH_RECORDS: Final = 400
"""A batch of this size holds the writers' lock for about a quarter of a second.

With a million articles each record changes 27 pages of a SQLite file; those of 400 records fit the
page cache (`app.database.engines`). Larger batches spill pages and read them again; smaller ones
give FTS5 more segments to merge.
"""

BATCH_BYTES: Final = 4 << 20
LINK_BYTES: Final = 128
"""What a topic or an entity adds to a record's size for this bound: it is a row of its own."""

REJECTED_AT_MOST: Final = 10_000
"""A feed with more rejected records is not what it was taken for; reading stops there."""


class PendingRecord(NamedTuple):
    """A valid record, where it starts in the feed, and what is odd about it."""

    file: str | None
    line: int
    new: Candidate
    flags: tuple[HygieneFlag, ...]


@dataclass(frozen=True, slots=True)
class Batch:
    """Records and rejections in the order of the feed.

    `position` is the number of items before this batch, `last` whether none follow. `bytes_read`
    is how much of the feed had been read when the batch was complete.
    """

    position: int
    items: tuple[PendingRecord | Rejected, ...]
    bytes_read: int
    last: bool

    @property
    def candidates(self) -> list[Candidate]:
        """The valid records of the batch."""
        return [item.new for item in self.items if isinstance(item, PendingRecord)]


def read_batches(sources: Sequence[FeedSource], *, strict: bool) -> Iterator[Batch]:
    """Read `sources` from their beginning and yield their records in batches.

    Raises MalformedFeedError if nothing in the feed can be read.
    """
    for source in sources:
        source.stream.seek(0)
    entries = read_all(sources, strict=strict)
    yield from split_into_batches(entries, lambda: sum(each.stream.tell() for each in sources))


def split_into_batches(
    entries: Iterable[Entry | Rejected], bytes_read: Callable[[], int] = lambda: 0
) -> Iterator[Batch]:
    """Split `entries` into batches: at least one, which may be empty.

    Holds one batch and the entry that follows it.
    """
    items: list[PendingRecord | Rejected] = []
    position = weight = 0
    for entry in yielding(_until_too_many_rejected(entries)):
        added = _weight(entry)
        if len(items) >= BATCH_RECORDS or (items and weight + added > BATCH_BYTES):
            yield Batch(position, tuple(items), bytes_read(), last=False)
            position += len(items)
            items, weight = [], 0
        items.append(entry if isinstance(entry, Rejected) else _prepare(entry))
        weight += added
    yield Batch(position, tuple(items), bytes_read(), last=True)


@contextmanager
def read_ahead(batches: Iterator[Batch]) -> Iterator[Iterator[Batch]]:
    """Yield an iterator over `batches` that reads the next batch while one is being written.

    Reading uses a thread of its own, which has ended when the block ends.
    """
    with ThreadPoolExecutor(1, "feed", lower_thread_priority) as reader:
        yield _submit_next(batches, reader)


def _submit_next(batches: Iterator[Batch], reader: ThreadPoolExecutor) -> Iterator[Batch]:
    coming = reader.submit(next, batches, None)
    while (batch := coming.result()) is not None:
        coming = reader.submit(next, batches, None)
        yield batch


def _until_too_many_rejected(entries: Iterable[Entry | Rejected]) -> Iterator[Entry | Rejected]:
    rejected = 0
    for entry in entries:
        if isinstance(entry, Rejected):
            rejected += 1
            if rejected > REJECTED_AT_MOST:
                reason = f"{REJECTED_AT_MOST} records were rejected; the rest was not read"
                yield Rejected(entry.line, None, (Fault("", reason),), file=entry.file)
                return
        yield entry


def _prepare(entry: Entry) -> PendingRecord:
    candidate = Candidate.from_record(entry.record)
    return PendingRecord(entry.file, entry.line, candidate, flags(entry.record))


def _weight(entry: Entry | Rejected) -> int:
    if isinstance(entry, Rejected):
        return 0
    links = len(entry.record.topics) + len(entry.record.entities)
    return entry.size + LINK_BYTES * links
