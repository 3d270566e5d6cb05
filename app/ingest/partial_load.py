"""A partial load: valid records are written, batch by batch, each batch in its own transaction."""

from collections import Counter
from collections.abc import Sequence

from app.database.transactions import DatabaseUnavailableError, Session
from app.feeds import FeedSource
from app.ingest.apply import apply
from app.ingest.batching import Batch, read_ahead, read_batches
from app.ingest.load_run import (
    LoadContext,
    LoadInterruptedError,
    LoadOptions,
    find_or_begin,
    retry_while_unavailable,
)
from app.store import loads
from app.store.loads import LeaseLostError, LoadOrigin


def run(
    context: LoadContext, sources: Sequence[FeedSource], origin: LoadOrigin, options: LoadOptions
) -> int:
    """Load `sources` and return the id of the receipt. Raises as `app.ingest.load` does."""
    batches = read_batches(sources, strict=options.strict)
    first = next(batches)  # a feed of which nothing can be read leaves no receipt

    def begin() -> tuple[int, bool]:
        with context.database.writing() as session:
            load_id, is_new = find_or_begin(session, origin, context.clock())
            if is_new:
                apply_batch(context, session, load_id, first, options)
            return load_id, is_new

    load_id, is_new = retry_while_unavailable(begin)
    context.on_started(load_id)
    if is_new:
        with read_ahead(batches) as rest:
            for batch in rest:
                _stop_if_asked(context, load_id, batch)
                commit_batch(context, load_id, batch, options)
    return load_id


def commit_batch(context: LoadContext, load_id: int, batch: Batch, options: LoadOptions) -> None:
    """Apply `batch` in its own transaction. Raises LoadInterruptedError."""

    def attempt() -> None:
        with context.database.writing() as session:
            apply_batch(context, session, load_id, batch, options)

    try:
        retry_while_unavailable(attempt)
    except (DatabaseUnavailableError, LeaseLostError) as error:
        raise LoadInterruptedError(load_id, batch.position, str(error)) from error


def apply_batch(
    context: LoadContext, session: Session, load_id: int, batch: Batch, options: LoadOptions
) -> None:
    """Apply `batch` and update the receipt, unless an earlier attempt has committed it already.

    Raises LeaseLostError.
    """
    now = context.clock()
    summary = Counter(loads.renew_lease(session, load_id, now))
    if summary.total() != batch.position:
        return  # the earlier attempt committed, but its connection broke before it was confirmed
    results = apply(session, batch, options.policy, load_id, now)
    summary.update(result.outcome for result in results)
    loads.add_results(session, load_id, results)
    finished_at = now if batch.last else None
    loads.update_progress(session, load_id, summary, batch.bytes_read, finished_at)


def _stop_if_asked(context: LoadContext, load_id: int, batch: Batch) -> None:
    if context.should_stop():
        with context.database.writing() as session:
            loads.release_lease(session, load_id, context.clock())
        raise LoadInterruptedError(load_id, batch.position, "the server is stopping")
