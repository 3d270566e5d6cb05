"""Loading a feed: decide what becomes of each record (pure), do it, and write the receipt.

    feed bytes -> entries -> batches -> decisions -> rows, changes and results

Each batch is one transaction, which also brings the receipt up to date: killed at any moment, the
database is what the receipt says.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import BinaryIO, Final, Literal, NamedTuple

from app import feeds
from app.database import Database, Session
from app.feeds import Entry, Rejected
from app.hygiene import flags
from app.records import Record
from app.store import articles, changes, loads
from app.store.articles import Standing
from app.store.loads import Origin, Result
from app.texts import excerpt

BATCH_RECORDS: Final = 500
BATCH_CHARACTERS: Final = 4 << 20

Outcome = Literal["created", "updated", "unchanged", "skipped_stale", "conflict", "rejected"]
OUTCOMES: Final[tuple[Outcome, ...]] = (
    "created",
    "updated",
    "unchanged",
    "skipped_stale",
    "conflict",
    "rejected",
)

Batch = list[Entry | Rejected]
Clock = Callable[[], datetime]


class Decision(NamedTuple):
    """What becomes of a record, and why, where that does not go without saying."""

    outcome: Outcome
    reason: str | None = None


def decide(old: Standing | None, new: Record) -> Decision:
    """Say what becomes of `new`, given the article that stands at its slug."""
    if old is None:
        return Decision("created")
    if old.canonical_key and new.canonical_key and old.canonical_key != new.canonical_key:
        other = excerpt(old.canonical_key)
        return Decision("conflict", f"the slug belongs to another story: {other}")
    if old.digest == new.digest:
        return Decision("unchanged")
    if new.updated_at < old.updated_at:
        return Decision("skipped_stale", "the article was updated later than this record")
    if new.updated_at == old.updated_at:
        return Decision("conflict", "other content with the same updated_at")
    return Decision("updated")


def load(database: Database, stream: BinaryIO, origin: Origin, clock: Clock) -> int:
    """Load the feed in `stream`, which arrived whole, and return the number of its receipt.

    What is valid goes in, what is not is reported, record by record. Raises MalformedFeedError
    where nothing in the feed can be read, and then leaves no trace; DatabaseUnavailableError, which
    leaves what the receipt says.
    """
    batches = _batches(feeds.read(stream, origin.kind))
    batch: Batch | None = next(batches, [])
    load_id: int | None = None
    position = 0
    summary = Counter[str](dict.fromkeys(OUTCOMES, 0))
    while batch is not None:
        following = next(batches, None)
        now = clock()
        with database.writing() as session:
            if load_id is None:
                load_id = loads.begin(session, origin, now)
            results = _apply(session, batch, position, now, load_id)
            summary.update(result.outcome for result in results)
            loads.add_results(session, load_id, results)
            loads.advance(session, load_id, summary, clock(), finished=following is None)
        position += len(batch)
        batch = following
    assert load_id is not None  # noqa: S101 - there is at least one batch, and it may be empty
    return load_id


def _batches(entries: Iterable[Entry | Rejected]) -> Iterator[Batch]:
    """Cut `entries` into batches that are bounded in number and in characters."""
    batch: Batch = []
    characters = 0
    for entry in entries:
        batch.append(entry)
        characters += _characters(entry)
        if len(batch) >= BATCH_RECORDS or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _characters(entry: Entry | Rejected) -> int:
    if not isinstance(entry, Entry):
        return 0
    record = entry.record
    names = sum(map(len, record.topics)) + sum(map(len, record.entities))
    return len(record.title) + len(record.summary) + len(record.body_md) + names


def _apply(
    session: Session, batch: Batch, position: int, now: datetime, load_id: int
) -> list[Result]:
    """Decide about a batch and do it. `position` is how many records came before."""
    results: list[Result] = []
    for run in _runs(batch):
        entries = [item for item in run if isinstance(item, Entry)]
        decisions = _store(session, [entry.record for entry in entries], now, load_id)
        decided = iter(decisions)
        for item in run:
            place = position + len(results) + 1
            result = (
                _decided(place, item, next(decided))
                if isinstance(item, Entry)
                else _rejected(place, item)
            )
            results.append(result)
    return results


def _runs(batch: Batch) -> Iterator[Batch]:
    """Cut `batch` into runs in which no slug occurs twice, so that a run is decided at once."""
    run: Batch = []
    slugs: set[str] = set()
    for item in batch:
        if isinstance(item, Entry):
            if item.record.slug in slugs:
                yield run
                run, slugs = [], set()
            slugs.add(item.record.slug)
        run.append(item)
    if run:
        yield run


def _store(
    session: Session, records: Sequence[Record], now: datetime, load_id: int
) -> list[Decision]:
    """Decide about records of different slugs, and write those that are new or newer."""
    standing = articles.standings(session, [record.slug for record in records])
    decisions = [decide(standing.get(record.slug), record) for record in records]
    decided = list(zip(records, decisions, strict=True))
    created = [record for record, decision in decided if decision.outcome == "created"]
    updated = {
        standing[record.slug].id: record
        for record, decision in decided
        if decision.outcome == "updated"
    }
    ids = articles.create(session, created)
    articles.replace(session, updated, now, load_id)
    new = [(article_id, record.slug) for article_id, record in zip(ids, created, strict=True)]
    changed = [(article_id, record.slug) for article_id, record in updated.items()]
    changes.record(session, "created", new, now, load_id)
    changes.record(session, "updated", changed, now, load_id)
    return decisions


def _decided(position: int, entry: Entry, decision: Decision) -> Result:
    return Result(
        position=position,
        line=entry.line,
        slug=entry.record.slug,
        outcome=decision.outcome,
        reason=decision.reason,
        faults=[],
        flags=[asdict(flag) for flag in flags(entry.record)],
    )


def _rejected(position: int, item: Rejected) -> Result:
    left_out = f"{item.left_out} further faults are left out" if item.left_out else None
    return Result(
        position=position,
        line=item.line,
        slug=item.slug,
        outcome="rejected",
        reason=left_out,
        faults=[asdict(fault) for fault in item.faults],
        flags=[],
    )
