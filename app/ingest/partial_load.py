"""A load batch by batch: what is valid goes in, each batch in a transaction of its own."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

from app.database.transactions import DatabaseUnavailableError, Session
from app.ingest.apply import apply
from app.ingest.batching import Batch, ahead
from app.ingest.decide import OUTCOMES, Policy
from app.ingest.load_run import LoadInterruptedError, Run, persistently
from app.store import loads
from app.store.loads import LeaseLostError, LoadOrigin


def load(
    run: Run, batches: Iterator[Batch], origin: LoadOrigin, policy: Policy, read: Callable[[], int]
) -> int:
    """Load `batches` and return the number of the receipt. `read` says how far that got."""
    first = next(batches)

    def begin() -> tuple[int, bool]:
        with run.database.writing() as session:
            now = run.clock()
            known = loads.find_by_idempotency_key(session, origin, now)
            if known is not None:
                return known, False
            load_id = loads.begin(session, origin, dict.fromkeys(OUTCOMES, 0), now)
            _apply(session, first, policy, load_id, read(), now)
        return load_id, True

    load_id, fresh = persistently(begin)
    run.begun(load_id)
    if not fresh:
        return load_id
    with ahead(batches) as coming:
        for batch in coming:
            if run.stopping():
                with run.database.writing() as session:
                    loads.release_lease(session, load_id, run.clock())
                raise LoadInterruptedError(load_id, batch.position, "the server is stopping")
            go_on(run, batch, policy, load_id, read())
    return load_id


def go_on(run: Run, batch: Batch, policy: Policy, load_id: int, read: int) -> None:
    """Apply a batch in a transaction of its own. Raises LoadInterruptedError."""

    def attempt() -> None:
        with run.database.writing() as session:
            _apply(session, batch, policy, load_id, read, run.clock())

    try:
        persistently(attempt)
    except (DatabaseUnavailableError, LeaseLostError) as error:
        raise LoadInterruptedError(load_id, batch.position, str(error)) from error


def _apply(  # noqa: PLR0913, PLR0917 - what a batch is applied with
    session: Session, batch: Batch, policy: Policy, load_id: int, read: int, now: datetime
) -> None:
    """Apply a batch, and say so in the receipt."""
    summary = Counter(loads.renew_lease(session, load_id, now))
    if summary.total() != batch.position:
        return  # an attempt whose outcome never became known had gone through
    results = apply(session, batch, policy, load_id, now)
    summary.update(result.outcome for result in results)
    loads.add_results(session, load_id, results)
    loads.update_progress(session, load_id, summary, read, now if batch.last else None)
