"""An atomic load: all records are written in one transaction, or none are.

The feed is read twice: first to find invalid records while no lock is held, then under the writers'
lock. A rejected or conflicting record refuses the whole load; its receipt names the records at
fault, and nothing else is written.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial
from itertools import chain
from typing import Final

from app.database.transactions import DatabaseUnavailableError
from app.feeds import FeedSource, Rejected
from app.ingest.apply import apply, rejected_result
from app.ingest.batching import Batch, read_ahead, read_batches
from app.ingest.decide import OUTCOMES
from app.ingest.load_run import (
    LoadContext,
    LoadInterruptedError,
    LoadOptions,
    find_or_begin,
    retry_while_unavailable,
)
from app.store import loads
from app.store.loads import LEASE, LeaseLostError, LoadOrigin, RecordResult

REPORTED_AT_MOST: Final = 10_000
"""How many of the records at fault the receipt of a refused load names."""

BYTES_PER_MINUTE: Final = 8 << 20
"""The slowest an atomic load may be before it counts as interrupted: its lease is not renewed."""

_REFUSING: Final = frozenset({"rejected", "conflict"})


class _RefusedError(Exception):
    def __init__(self, results: Sequence[RecordResult], count: int) -> None:
        super().__init__()
        self.results = results
        self.count = count


def run(
    context: LoadContext, sources: Sequence[FeedSource], origin: LoadOrigin, options: LoadOptions
) -> int:
    """Load `sources` and return the id of the receipt. Raises as `app.ingest.load` does."""
    batches = read_batches(sources, strict=options.strict)
    first = next(batches)  # a feed of which nothing can be read leaves no receipt
    lease = LEASE + timedelta(minutes=origin.size / BYTES_PER_MINUTE)

    def begin() -> tuple[int, bool]:
        with context.database.writing() as session:
            return find_or_begin(session, origin, context.clock(), lease)

    load_id, is_new = retry_while_unavailable(begin)
    context.on_started(load_id)
    if not is_new:
        return load_id
    try:
        _commit_or_refuse(context, sources, options, load_id, chain([first], batches))
    except (DatabaseUnavailableError, LeaseLostError) as error:
        raise LoadInterruptedError(load_id, 0, str(error)) from error
    except LoadInterruptedError:
        with context.database.writing() as session:
            loads.release_lease(session, load_id, context.clock())
        raise
    return load_id


def _commit_or_refuse(
    context: LoadContext,
    sources: Sequence[FeedSource],
    options: LoadOptions,
    load_id: int,
    batches: Iterable[Batch],
) -> None:
    try:
        check_records(context, batches, load_id)
        retry_while_unavailable(lambda: commit_all(context, sources, options, load_id))
    except _RefusedError as refused:
        retry_while_unavailable(partial(record_refusal, context, load_id, refused))


def check_records(context: LoadContext, batches: Iterable[Batch], load_id: int) -> None:
    """Read all of the feed and raise _RefusedError if any record is rejected."""
    faulty: list[RecordResult] = []
    for batch in batches:
        faulty += (
            rejected_result(position, item)
            for position, item in enumerate(batch.items, batch.position + 1)
            if isinstance(item, Rejected)
        )
        if not batch.last:
            _stop_if_asked(context, load_id)
    if faulty:
        raise _RefusedError(faulty[:REPORTED_AT_MOST], len(faulty))


def commit_all(
    context: LoadContext, sources: Sequence[FeedSource], options: LoadOptions, load_id: int
) -> None:
    """Apply every batch in one transaction, unless an earlier attempt has committed it already.

    Raises LeaseLostError, LoadInterruptedError, and _RefusedError if any record conflicts.
    """
    summary: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
    faulty: list[RecordResult] = []
    batches = read_batches(sources, strict=options.strict)
    with context.database.writing() as session, read_ahead(batches) as coming:
        if loads.is_finished(session, load_id):
            return
        for batch in coming:
            results = apply(session, batch, options.policy, load_id, context.clock())
            summary.update(result.outcome for result in results)
            refusing = (result for result in results if result.outcome in _REFUSING)
            faulty += list(refusing)[: REPORTED_AT_MOST - len(faulty)]
            loads.add_results(session, load_id, results)
            _stop_if_asked(context, load_id)
        if faulty:
            raise _RefusedError(faulty, sum(summary[outcome] for outcome in _REFUSING))
        now = context.clock()
        loads.renew_lease(session, load_id, now)
        loads.update_progress(session, load_id, summary, batch.bytes_read, now)


def _stop_if_asked(context: LoadContext, load_id: int) -> None:
    if context.should_stop():
        raise LoadInterruptedError(load_id, 0, "the server is stopping")


def record_refusal(context: LoadContext, load_id: int, refused: _RefusedError) -> None:
    """Finish the receipt of a refused load: the records at fault, and nothing loaded."""
    plural = "record was" if refused.count == 1 else "records were"
    reason = f"{refused.count} {plural} rejected or in conflict, so nothing was loaded"
    counted = Counter(result.outcome for result in refused.results)
    with context.database.writing() as session:
        if loads.is_finished(session, load_id):
            return
        now = context.clock()
        loads.renew_lease(session, load_id, now)
        loads.add_results(session, load_id, refused.results)
        loads.refuse(session, load_id, reason, dict.fromkeys(OUTCOMES, 0) | counted, now)
