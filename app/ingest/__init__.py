"""Loading a feed: decide about each record, write what changes, and issue a receipt.

    feed bytes -> entries -> batches -> prefetched state -> decisions -> rows, changes, results

A partial load is one transaction per batch, an atomic load one transaction in all. Each transaction
also updates the receipt, so a process killed at any moment leaves a database that agrees with it.
"""

from collections.abc import Sequence

from app.feeds import FeedSource
from app.ingest import atomic_load, partial_load
from app.ingest.decide import OUTCOMES, Policy
from app.ingest.load_run import LoadContext, LoadInterruptedError, LoadOptions
from app.store.loads import LoadOrigin

__all__ = [
    "OUTCOMES",
    "LoadContext",
    "LoadInterruptedError",
    "LoadOptions",
    "Policy",
    "load",
]


def load(
    context: LoadContext, sources: Sequence[FeedSource], origin: LoadOrigin, options: LoadOptions
) -> int:
    """Load the complete feed in `sources` and return the id of its receipt.

    Valid records are written and invalid ones reported, one by one; with `options.atomic` either
    all records are written or none. A feed repeated with the same idempotency key is not loaded
    again: the id of the first receipt is returned.

    Raises MalformedFeedError if no record can be read, and DatabaseUnavailableError if the database
    is unavailable from the start; neither leaves a trace. Raises LoadInterruptedError after the
    load has begun, and StillRunningError or KeyReusedError because of the idempotency key.
    """
    run = atomic_load.run if options.atomic else partial_load.run
    return run(context, sources, origin, options)
