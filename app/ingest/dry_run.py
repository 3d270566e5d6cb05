"""A dry run: the outcome of each record and the fields that would change; nothing is written.

It takes no lock. Each batch is compared with what the database holds at that moment and with the
outcomes of the records before it.
"""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.article.record import Record, json_pointer
from app.database.transactions import Session
from app.feeds import FeedSource
from app.ingest.apply import prefetch, simulate
from app.ingest.batch_state import BatchState
from app.ingest.batching import read_batches
from app.ingest.decide import WRITING_OUTCOMES, Decision
from app.ingest.load_run import LoadContext, LoadOptions, StoppingError
from app.store import articles
from app.store.loads import RecordResult
from app.text import excerpt


class FieldDifference(NamedTuple):
    """A field that would change: its JSON Pointer, with excerpts of the old and the new value."""

    pointer: str
    old: str | None
    new: str | None


class DryRunResult(NamedTuple):
    """The outcome a record would have, and the fields of its article that would change."""

    result: RecordResult
    differences: Sequence[FieldDifference]


def run(
    context: LoadContext, sources: Sequence[FeedSource], options: LoadOptions
) -> Iterator[DryRunResult]:
    """Yield what a load of `sources` would do with each record.

    Raises MalformedFeedError, DatabaseUnavailableError, StoppingError.
    """
    state = BatchState()
    for batch in read_batches(sources, strict=options.strict):
        if context.should_stop():
            raise StoppingError
        with context.database.reading() as session:
            prefetch(session, state, batch.candidates, options.policy)
            simulated = simulate(state, batch, options.policy)
            stored = _stored_records(session, [decision for _, decision in simulated if decision])
        for result, decision in simulated:
            yield DryRunResult(result, _differences(stored, decision))
        state.discard_writes()


def _stored_records(session: Session, decisions: Sequence[Decision]) -> dict[int, Record]:
    ids = {
        decision.article.id
        for decision in decisions
        if decision.outcome in WRITING_OUTCOMES
        and decision.article
        and decision.article.id is not None
    }
    return {i: state.record for i, state in articles.current_states(session, ids).items()}


def _differences(stored: dict[int, Record], decision: Decision | None) -> Sequence[FieldDifference]:
    """Return how a record differs from its stored article, if it would change one."""
    if decision is None or decision.outcome not in WRITING_OUTCOMES or decision.article is None:
        return ()
    old = stored.get(decision.article.id or 0)
    return () if old is None else tuple(field_differences(old, decision.new.record))


def field_differences(old: Record, new: Record) -> Iterator[FieldDifference]:
    """Yield the fields in which `new` differs from `old`."""
    before, after = _fields(old), _fields(new)
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            yield FieldDifference(
                json_pointer(name), _excerpt(before.get(name)), _excerpt(after.get(name))
            )


def _fields(record: Record) -> dict[str, object]:
    return record.model_dump(mode="json", exclude={"claims", "extra"}) | record.extra


def _excerpt(value: object) -> str | None:
    if value is None:
        return None
    return excerpt(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
