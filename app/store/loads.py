"""Receipts: what was loaded, when, by whom, and what became of each record."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app.tables import Load, LoadResult

LEASE: Final = timedelta(minutes=2)
"""How long a load that commits nothing still counts as running.

Each of its transactions renews the lease, and none goes through once it has run out: a load that
was called interrupted stays so.
"""

State = Literal["running", "finished", "interrupted"]


@dataclass(frozen=True, slots=True)
class Origin:
    """What is known of a feed as a whole: its kind, its bytes and who sent it.

    `sha256` is of the bytes, decompressed, in hexadecimal; `size` counts them.
    """

    kind: str
    sha256: str
    size: int
    loaded_by: str


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one record: `position` counts from 1, `line` is where it starts."""

    position: int
    line: int
    slug: str | None
    outcome: str
    reason: str | None
    faults: list[dict[str, str]]
    flags: list[dict[str, str]]


@dataclass(frozen=True, slots=True)
class LoadHead:
    """A load as a whole. `size` is in bytes, `sha256` of the decompressed feed."""

    id: int
    state: State
    kind: str
    sha256: str
    size: int
    loaded_by: str
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A load and how many of its records came to which outcome."""

    load: LoadHead
    summary: dict[str, int]


class LeaseLostError(Exception):
    """The load committed nothing for longer than its lease, so it counts as interrupted."""


def begin(session: Session, origin: Origin, summary: Mapping[str, int], now: datetime) -> int:
    """Insert the head of a receipt and return its id."""
    row = {**asdict(origin), "started_at": now, "leased_until": now + LEASE, "finished_at": None}
    statement = insert(Load).values(**row, summary=dict(summary)).returning(Load.id)
    return session.scalars(statement).one()


def renew(session: Session, load_id: int, now: datetime) -> dict[str, int]:
    """Renew the load's lease and return what it has counted. Raises LeaseLostError."""
    held = update(Load).where(Load.id == load_id, Load.leased_until >= now)
    statement = held.values(leased_until=now + LEASE).returning(Load.summary)
    summary = session.scalars(statement).one_or_none()
    if summary is None:
        raise LeaseLostError(f"it committed nothing for {LEASE.total_seconds():.0f} seconds")
    return summary


def release(session: Session, load_id: int, now: datetime) -> None:
    """End the load before its time: from now on it is interrupted."""
    past = now - timedelta(microseconds=1)
    session.execute(update(Load).where(Load.id == load_id).values(leased_until=past))


def add_results(session: Session, load_id: int, results: Sequence[Result]) -> None:
    """Add `results` to the receipt."""
    if results:
        rows = [{"load_id": load_id, **asdict(result)} for result in results]
        session.execute(insert(LoadResult), rows)


def advance(
    session: Session, load_id: int, summary: Mapping[str, int], now: datetime, *, finished: bool
) -> None:
    """Say how far the load has come."""
    values = {"summary": dict(summary), "finished_at": now if finished else None}
    session.execute(update(Load).where(Load.id == load_id).values(values))


def receipt(session: Session, load_id: int, now: datetime) -> Receipt | None:
    """Return the head of the receipt, or None where there is no such load."""
    load = session.get(Load, load_id)
    return None if load is None else _receipt(load, now)


def receipts(session: Session, *, before: int | None, limit: int, now: datetime) -> list[Receipt]:
    """Return the newest receipts first, those older than the load `before` where it is given."""
    found = select(Load).order_by(Load.id.desc()).limit(limit)
    if before is not None:
        found = found.where(Load.id < before)
    return [_receipt(load, now) for load in session.scalars(found)]


def results(session: Session, load_id: int, *, after: int, limit: int) -> Iterator[Result]:
    """Yield at most `limit` results of a load whose position is beyond `after`, in input order."""
    names = [field.name for field in fields(Result)]
    found = (
        select(*(getattr(LoadResult, name) for name in names))
        .where(LoadResult.load_id == load_id, LoadResult.position > after)
        .order_by(LoadResult.position)
        .limit(limit)
    )
    for row in session.execute(found):
        yield Result(*row)


def _receipt(load: Load, now: datetime) -> Receipt:
    state: State = "finished" if load.finished_at else "running"
    if state == "running" and now > load.leased_until:
        state = "interrupted"
    head = LoadHead(
        id=load.id,
        state=state,
        kind=load.kind,
        sha256=load.sha256,
        size=load.size,
        loaded_by=load.loaded_by,
        started_at=load.started_at,
        finished_at=load.finished_at,
    )
    return Receipt(head, load.summary)
