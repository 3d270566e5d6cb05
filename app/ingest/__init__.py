"""Loading a feed: decide what becomes of each record, do it, and write the receipt.

    feed bytes -> entries -> batches -> decisions -> rows, changes and results

Each batch is one transaction, which also brings the receipt up to date: killed at any moment, the
database is what the receipt says. An atomic load is one transaction as a whole.
"""

from collections.abc import Iterator, Sequence
from functools import partial as applied

from app import feeds
from app.feeds import FeedSource
from app.ingest import atomic_load, dry_run, partial_load
from app.ingest.batching import Batch, cut
from app.ingest.decide import OUTCOMES, Policy
from app.ingest.dry_run import DryRunResult
from app.ingest.load_run import LoadInterruptedError, Options, Run, bytes_read
from app.store.loads import LoadOrigin

__all__ = ["OUTCOMES", "LoadInterruptedError", "Options", "Policy", "Run", "load", "rehearse"]


def load(run: Run, sources: Sequence[FeedSource], origin: LoadOrigin, options: Options) -> int:
    """Load the feed in `sources`, which arrived whole, and return the number of its receipt.

    What is valid goes in, what is not is reported, record by record; with `options.atomic`,
    everything goes in or nothing. A feed that came before with the same idempotency key is not
    loaded again: its receipt is returned.

    Raises MalformedFeedError where nothing in the feed can be read, and DatabaseUnavailableError
    where the database was away from the start, which leave no trace; LoadInterruptedError where
    the load had begun; StillRunningError and KeyReusedError as the key says.
    """
    batches = applied(_batches, sources, strict=options.strict)
    read = applied(bytes_read, sources)
    if options.atomic:
        return atomic_load.load(run, batches, origin, options.policy, read)
    return partial_load.load(run, batches(), origin, options.policy, read)


def rehearse(run: Run, sources: Sequence[FeedSource], options: Options) -> Iterator[DryRunResult]:
    """Yield what would become of each record of the feed in `sources`, and write nothing.

    Raises MalformedFeedError, DatabaseUnavailableError.
    """
    return dry_run.rehearse(run, _batches(sources, strict=options.strict), options.policy)


def _batches(sources: Sequence[FeedSource], *, strict: bool) -> Iterator[Batch]:
    for source in sources:
        source.stream.seek(0)
    return cut(feeds.read_all(sources, strict=strict))
