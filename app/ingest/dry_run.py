"""A rehearsal: what a load would do, with what would change in each article, and nothing written.

It holds no lock: each batch is compared with what the database holds at that time, and with what
the records before it would have come to.
"""

import json
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from app.article.record import Record, json_pointer
from app.database.transactions import Session
from app.ingest.apply import look, play
from app.ingest.batch_state import BatchState
from app.ingest.batching import Batch
from app.ingest.decide import WRITTEN, Decision, Policy
from app.ingest.load_run import Run, StoppingError
from app.store import articles
from app.store.loads import RecordResult
from app.text import excerpt


class FieldDifference(NamedTuple):
    """A field that would change: its JSON Pointer, and excerpts of what it is and would be."""

    pointer: str
    old: str | None
    new: str | None


class DryRunResult(NamedTuple):
    """What would become of a record, and which fields of its article would change."""

    result: RecordResult
    differences: Sequence[FieldDifference]


def rehearse(run: Run, batches: Iterator[Batch], policy: Policy) -> Iterator[DryRunResult]:
    """Yield what would become of each record of `batches`.

    Raises MalformedFeedError, DatabaseUnavailableError, StoppingError.
    """
    scene = BatchState()
    for batch in batches:
        if run.stopping():
            raise StoppingError
        with run.database.reading() as session:
            look(session, scene, batch, policy)
            played = play(scene, batch, policy)
            old = _old(session, [decision for _, decision in played if decision])
        for result, decision in played:
            yield DryRunResult(result, _differences(old, decision))
        scene.forget_states()


def _old(session: Session, decisions: Sequence[Decision]) -> dict[int, Record]:
    ids = {
        decision.article.id
        for decision in decisions
        if decision.outcome in WRITTEN and decision.article and decision.article.id is not None
    }
    return {i: state.record for i, state in articles.current_states(session, ids).items()}


def _differences(old: dict[int, Record], decision: Decision | None) -> Sequence[FieldDifference]:
    """Compare a record with its article as it stands in the database."""
    if decision is None or decision.outcome not in WRITTEN or decision.article is None:
        return ()
    before = old.get(decision.article.id or 0)
    return () if before is None else tuple(difference(before, decision.new.record))


def difference(old: Record, new: Record) -> Iterator[FieldDifference]:
    """Yield the fields in which `new` differs from `old`."""
    was, will = _fields(old), _fields(new)
    for name in dict.fromkeys((*was, *will)):
        if was.get(name) != will.get(name):
            yield FieldDifference(json_pointer(name), _told(was.get(name)), _told(will.get(name)))


def _fields(record: Record) -> dict[str, object]:
    return record.model_dump(mode="json", exclude={"claims", "extra"}) | record.extra


def _told(value: object) -> str | None:
    if value is None:
        return None
    return excerpt(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
