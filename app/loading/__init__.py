"""Loading a feed: decide what becomes of each record, do it, and write the receipt.

    feed bytes -> entries -> batches -> decisions -> rows, changes and results

Each batch is one transaction, which also brings the receipt up to date: killed at any moment, the
database is what the receipt says.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final, TypeVar

from app import feeds
from app.database import Database, DatabaseUnavailableError, Session
from app.feeds import Rejected, Source
from app.loading.batches import Batch, Candidate, cut
from app.loading.decisions import OUTCOMES, Decision, decide
from app.records import Record
from app.store import articles, changes, loads
from app.store.articles import Standing
from app.store.loads import LeaseLostError, Origin, Result

__all__ = ["OUTCOMES", "Decision", "LoadInterruptedError", "decide", "load"]

PAUSES: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between the attempts at a batch while the database is away."""

Clock = Callable[[], datetime]
Outcome = TypeVar("Outcome")
Summary = Mapping[str, int]

logger = logging.getLogger(__name__)


class LoadInterruptedError(Exception):
    """The database went away, or the server is stopping, after part of a feed was loaded.

    What the receipt `load_id` counts is in the database, and nothing else of the feed: `position`
    records. The same feed sent again completes it.
    """

    def __init__(self, load_id: int, position: int, cause: str) -> None:
        super().__init__(f"load {load_id} was interrupted behind record {position}: {cause}")
        self.load_id = load_id
        self.position = position


def load(
    database: Database,
    sources: Sequence[Source],
    origin: Origin,
    clock: Clock,
    stopping: Callable[[], bool] = lambda: False,
) -> int:
    """Load the feeds in `sources`, which arrived whole, and return the number of their receipt.

    What is valid goes in, what is not is reported, record by record. `stopping` is asked between
    batches whether to stop there. Raises MalformedFeedError where nothing in the feed can be read,
    and DatabaseUnavailableError where the database was away from the start, which leave no trace;
    LoadInterruptedError where part of the feed was loaded.
    """
    pieces = cut(feeds.read_all(sources))
    first = next(pieces)

    def begin() -> int:
        with database.writing() as session:
            load_id = loads.begin(session, origin, dict.fromkeys(OUTCOMES, 0), clock())
            _apply(session, first, load_id, clock())
        return load_id

    load_id = _persistently(begin)
    for batch in pieces:
        if stopping():
            with database.writing() as session:
                loads.release(session, load_id, clock())
            raise LoadInterruptedError(load_id, batch.position, "the server is stopping")
        _go_on(database, batch, load_id, clock)
    return load_id


def _go_on(database: Database, batch: Batch, load_id: int, clock: Clock) -> None:
    """Apply a batch in a transaction of its own. Raises LoadInterruptedError."""

    def attempt() -> None:
        with database.writing() as session:
            _apply(session, batch, load_id, clock())

    try:
        _persistently(attempt)
    except (DatabaseUnavailableError, LeaseLostError) as error:
        raise LoadInterruptedError(load_id, batch.position, str(error)) from error


def _persistently(attempt: Callable[[], Outcome]) -> Outcome:
    """Return what `attempt` does, tried again while the database is away or others hold it."""
    for pause in PAUSES:
        try:
            return attempt()
        except DatabaseUnavailableError as error:
            logger.warning("a load waits for the database: %s", error)
            time.sleep(pause)
    return attempt()


def _apply(session: Session, batch: Batch, load_id: int, now: datetime) -> None:
    """Decide about a batch, do it, and say so in the receipt."""
    summary = Counter(loads.renew(session, load_id, now))
    if summary.total() != batch.position:
        return  # an attempt whose outcome never became known had gone through
    candidates = [item for item in batch.items if isinstance(item, Candidate)]
    decisions = iter(_store(session, [each.record for each in candidates], load_id, now))
    results = [
        _decided(place, item, next(decisions))
        if isinstance(item, Candidate)
        else _rejected(place, item)
        for place, item in enumerate(batch.items, batch.position + 1)
    ]
    summary.update(result.outcome for result in results)
    loads.add_results(session, load_id, results)
    loads.advance(session, load_id, summary, now, finished=batch.last)


def _store(session: Session, records: list[Record], load_id: int, now: datetime) -> list[Decision]:
    """Decide about records one after the other, and write those that are new or newer.

    Where a slug comes several times, each record meets the one before it.
    """
    found = articles.standings(session, {record.slug for record in records})
    standing = dict(found)
    decisions: list[Decision] = []
    versions: dict[str, list[Record]] = {}
    done: list[tuple[str, str]] = []
    for record in records:
        old = standing.get(record.slug)
        decision = decide(old, record)
        decisions.append(decision)
        if decision.outcome in {"created", "updated"}:
            key, age, digest = record.canonical_key, record.updated_at, record.digest
            standing[record.slug] = Standing(old.id if old else None, key, age, digest)
            versions.setdefault(record.slug, []).append(record)
            done.append((decision.outcome, record.slug))
    ids = articles.write(session, versions, found, load_id, now)
    changes.record(session, [(kind, ids[slug], slug) for kind, slug in done], load_id, now)
    return decisions


def _decided(position: int, item: Candidate, decision: Decision) -> Result:
    return Result(
        position=position,
        line=item.line,
        slug=item.record.slug,
        outcome=decision.outcome,
        reason=decision.reason,
        faults=[],
        flags=[asdict(flag) for flag in item.flags],
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
