"""An atomic load: everything goes in, in one transaction, or nothing does.

The feed is read twice: first to see whether every record is one, while nobody is kept waiting, then
under the writers' lock. A record that is rejected, or that conflicts, refuses the load: its receipt
says which ones and why, and that is all there is of it.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

from app.database.transactions import DatabaseUnavailableError
from app.feeds import Rejected
from app.ingest.apply import apply, rejected
from app.ingest.batching import Batch, ahead
from app.ingest.decide import OUTCOMES, Policy
from app.ingest.load_run import LoadInterruptedError, Run, persistently
from app.store import loads
from app.store.loads import LEASE, LeaseLostError, LoadOrigin, RecordResult

REFUSED_AT_MOST: Final = 10_000
"""How many of the records that refuse a load are told."""

BYTES_PER_MINUTE: Final = 8 << 20
"""How slow a load may be before it counts as interrupted, for nobody hears of it on the way."""

_REFUSING: Final = frozenset({"rejected", "conflict"})


class _RefusedError(Exception):
    def __init__(self, results: list[RecordResult], count: int) -> None:
        super().__init__()
        self.results = results
        self.count = count


def load(
    run: Run,
    batches: Callable[[], Iterator[Batch]],
    origin: LoadOrigin,
    policy: Policy,
    read: Callable[[], int],
) -> int:
    """Load `batches`, which begin anew at each call, and return the number of the receipt."""
    pieces = batches()
    first = next(pieces)  # nothing is begun for a feed of which nothing can be read
    lease = LEASE + timedelta(minutes=origin.size / BYTES_PER_MINUTE)

    def begin() -> tuple[int, bool]:
        with run.database.writing() as session:
            now = run.clock()
            known = loads.find_by_idempotency_key(session, origin, now)
            if known is not None:
                return known, False
            return loads.begin(session, origin, dict.fromkeys(OUTCOMES, 0), now, lease), True

    load_id, fresh = persistently(begin)
    run.begun(load_id)
    if not fresh:
        return load_id
    try:
        try:
            _look_through(run, first, pieces, load_id)
            persistently(lambda: apply_all(run, batches(), policy, load_id, read))
        except _RefusedError as refused:
            _refuse(run, load_id, refused)
    except (DatabaseUnavailableError, LeaseLostError) as error:
        raise LoadInterruptedError(load_id, 0, str(error)) from error
    except LoadInterruptedError:
        with run.database.writing() as session:
            loads.release_lease(session, load_id, run.clock())
        raise
    return load_id


def _look_through(run: Run, first: Batch, rest: Iterator[Batch], load_id: int) -> None:
    """Raise _RefusedError where anything in the feed is no record."""
    found: list[RecordResult] = []
    count = 0
    batch = first
    while True:
        for position, item in enumerate(batch.items, batch.position + 1):
            if isinstance(item, Rejected):
                count += 1
                if count <= REFUSED_AT_MOST:
                    found.append(rejected(position, item))
        if batch.last:
            break
        _stop_if_asked(run, load_id)
        batch = next(rest)
    if found:
        raise _RefusedError(found, count)


def apply_all(
    run: Run, batches: Iterator[Batch], policy: Policy, load_id: int, read: Callable[[], int]
) -> None:
    """Apply every batch in one transaction, unless that has gone through before, unseen.

    Raises LeaseLostError, and _RefusedError where anything stands against it.
    """
    summary: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
    refusing: list[RecordResult] = []
    count = 0
    with run.database.writing() as session, ahead(batches) as coming:
        if loads.is_finished(session, load_id):
            return
        for batch in coming:
            results = apply(session, batch, policy, load_id, run.clock())
            summary.update(result.outcome for result in results)
            against = [result for result in results if result.outcome in _REFUSING]
            count += len(against)
            refusing += against[: REFUSED_AT_MOST - len(refusing)]
            loads.add_results(session, load_id, results)
            _stop_if_asked(run, load_id)
        if refusing:
            raise _RefusedError(refusing, count)
        now = run.clock()
        loads.renew_lease(session, load_id, now)
        loads.update_progress(session, load_id, summary, read(), now)


def _stop_if_asked(run: Run, load_id: int) -> None:
    if run.stopping():
        raise LoadInterruptedError(load_id, 0, "the server is stopping")


def _refuse(run: Run, load_id: int, refused: _RefusedError) -> None:
    counted = Counter(result.outcome for result in refused.results)
    summary = {**dict.fromkeys(OUTCOMES, 0), **counted}
    plural = "record stands" if refused.count == 1 else "records stand"
    reason = f"{refused.count} {plural} against it, so nothing of the feed went in"

    def attempt() -> None:
        with run.database.writing() as session:
            if loads.is_finished(session, load_id):
                return
            now = run.clock()
            loads.renew_lease(session, load_id, now)
            loads.add_results(session, load_id, refused.results)
            loads.refuse(session, load_id, reason, summary, now)

    persistently(attempt)
