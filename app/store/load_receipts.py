"""Receipts of loads: what was loaded, when, by which operator, and the result of each record."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal

from pydantic import JsonValue
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from app.database.tables import Load, LoadResult
from app.store.loads import RecordResult

State = Literal["running", "finished", "refused", "interrupted"]


@dataclass(frozen=True, slots=True)
class LoadHead:
    """A load as a whole.

    `size` and `read`, the part processed so far, are in bytes of the decompressed feed, as is
    `sha256`; `rate` is in records per second. `refused` says why an atomic load changed nothing.
    `undoes` and `undone_by` are ids of other loads.
    """

    id: int
    state: State
    kind: str
    file: str | None
    sha256: str
    size: int
    read: int
    rate: float | None
    options: dict[str, JsonValue]
    loaded_by: str
    request_id: str | None
    started_at: datetime
    finished_at: datetime | None
    refused: str | None
    undoes: int | None
    undone_by: int | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A load and the number of its records by outcome."""

    load: LoadHead
    summary: dict[str, int]


def find_receipt(session: Session, load_id: int, now: datetime) -> Receipt | None:
    """Return the receipt of a load without its results, or None if there is no such load."""
    return next(_receipts(session, _LOADS.where(Load.id == load_id), now), None)


def list_receipts(
    session: Session, *, before: int | None, limit: int, now: datetime
) -> list[Receipt]:
    """Return at most `limit` receipts of loads with ids below `before`, the newest first."""
    found = _LOADS.order_by(Load.id.desc()).limit(limit)
    if before is not None:
        found = found.where(Load.id < before)
    return list(_receipts(session, found, now))


def iter_results(
    session: Session, load_id: int, *, after: int, limit: int, outcome: str | None = None
) -> Iterator[RecordResult]:
    """Yield at most `limit` results of a load with positions after `after`, in input order.

    With `outcome`, only results with this outcome.
    """
    found = (
        select(*(getattr(LoadResult, each.name) for each in fields(RecordResult)))
        .where(LoadResult.load_id == load_id, LoadResult.position > after)
        .order_by(LoadResult.position)
        .limit(limit)
    )
    if outcome is not None:
        found = found.where(LoadResult.outcome == outcome)
    for row in session.execute(found):
        yield RecordResult(*row)


_UNDOING = Load.__table__.alias("undoing")
_LOADS = select(
    Load,
    select(_UNDOING.c.id)
    .where(_UNDOING.c.undoes == Load.id)
    .order_by(_UNDOING.c.id.desc())
    .limit(1)
    .scalar_subquery()
    .label("undone_by"),
)


def _receipts(session: Session, found: Select[Any], now: datetime) -> Iterator[Receipt]:
    for load, undone_by in session.execute(found):
        yield Receipt(_head(load, undone_by, now), load.summary)


def _head(load: Load, undone_by: int | None, now: datetime) -> LoadHead:
    seconds = ((load.finished_at or now) - load.started_at).total_seconds()
    counted = sum(load.summary.values())
    return LoadHead(
        id=load.id,
        state=_state(load, now),
        kind=load.kind,
        file=load.file,
        sha256=load.sha256,
        size=load.size,
        read=load.read,
        rate=round(counted / seconds, 1) if seconds > 0 else None,
        options=load.options,
        loaded_by=load.loaded_by,
        request_id=load.request_id,
        started_at=load.started_at,
        finished_at=load.finished_at,
        refused=load.refused,
        undoes=load.undoes,
        undone_by=undone_by,
    )


def _state(load: Load, now: datetime) -> State:
    if load.refused is not None:
        return "refused"
    if load.finished_at is not None:
        return "finished"
    return "interrupted" if now > load.leased_until else "running"
