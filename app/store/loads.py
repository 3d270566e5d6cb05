"""Running loads: their leases, their progress, and the results of their records."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final

from pydantic import JsonValue
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app.database.dialects import bulk_insert
from app.database.tables import Load, LoadResult

LEASE: Final = timedelta(minutes=2)
"""How long a load counts as running without a commit.

Each of its transactions renews the lease and fails once it has expired, so a load that was reported
as interrupted never goes on.
"""

IDEMPOTENCY_KEY_LIFETIME: Final = timedelta(hours=24)
"""How long an idempotency key is bound to the request that used it."""


@dataclass(frozen=True, slots=True)
class LoadOrigin:
    """A feed or an edit as it was requested: its content, its operator and its options.

    `sha256`, in hexadecimal, and `size` are those of the decompressed bytes.
    """

    kind: str
    sha256: str
    size: int
    loaded_by: str
    file: str | None = None
    options: dict[str, JsonValue] = field(default_factory=dict)
    idempotency_key: str | None = None
    request_id: str | None = None
    undoes: int | None = None


@dataclass(frozen=True, slots=True)
class RecordResult:
    """The result of one record. `position` counts from 1; `line` is where it starts in `file`."""

    position: int
    file: str | None
    line: int
    slug: str | None
    outcome: str
    reason: str | None
    faults: list[dict[str, str]]
    flags: list[dict[str, str]]


_RESULT: Final = tuple(each.name for each in fields(RecordResult))
_VALUES: Final = attrgetter(*_RESULT)


class LeaseLostError(Exception):
    """The lease of the load has expired, so it counts as interrupted."""


class StillRunningError(Exception):
    """The load `load_id` has the same idempotency key and is still running."""

    def __init__(self, load_id: int) -> None:
        super().__init__(f"load {load_id} is still running")
        self.load_id = load_id


class KeyReusedError(Exception):
    """The idempotency key was used before with different content, for the load `load_id`."""

    def __init__(self, load_id: int) -> None:
        super().__init__(f"the idempotency key is that of load {load_id}, which was another feed")
        self.load_id = load_id


def find_by_idempotency_key(session: Session, origin: LoadOrigin, now: datetime) -> int | None:
    """Return the finished load that `origin` repeats, or None.

    Frees a key that is older than IDEMPOTENCY_KEY_LIFETIME, or whose load was interrupted. Raises
    StillRunningError, KeyReusedError.
    """
    if origin.idempotency_key is None:
        return None
    of_key = (
        Load.loaded_by == origin.loaded_by,
        Load.idempotency_key == origin.idempotency_key,
    )
    load = session.scalars(select(Load).where(*of_key)).one_or_none()
    if load is None:
        return None
    if load.started_at >= now - IDEMPOTENCY_KEY_LIFETIME:
        same = (load.sha256, load.kind, load.options) == (
            origin.sha256,
            origin.kind,
            origin.options,
        )
        if not same:
            raise KeyReusedError(load.id)
        if load.finished_at is not None:
            return load.id
        if now <= load.leased_until:
            raise StillRunningError(load.id)
    session.execute(update(Load).where(Load.id == load.id).values(idempotency_key=None))
    return None


def begin(
    session: Session,
    origin: LoadOrigin,
    summary: Mapping[str, int],
    now: datetime,
    lease: timedelta = LEASE,
) -> int:
    """Insert a load and return its id."""
    row = {**asdict(origin), "started_at": now, "leased_until": now + lease, "finished_at": None}
    statement = insert(Load).values(**row, summary=dict(summary)).returning(Load.id)
    return session.scalars(statement).one()


def is_finished(session: Session, load_id: int) -> bool:
    """Return whether the load has finished or was refused."""
    return session.scalar(select(Load.finished_at).where(Load.id == load_id)) is not None


def renew_lease(
    session: Session, load_id: int, now: datetime, lease: timedelta = LEASE
) -> dict[str, int]:
    """Renew the lease of a load and return its summary. Raises LeaseLostError."""
    held = update(Load).where(Load.id == load_id, Load.leased_until >= now)
    statement = held.values(leased_until=now + lease).returning(Load.summary)
    summary = session.scalars(statement).one_or_none()
    if summary is None:
        raise LeaseLostError("the lease of the load has expired")
    return summary


def release_lease(session: Session, load_id: int, now: datetime) -> None:
    """Let the lease of the load expire: from now on it counts as interrupted."""
    past = now - timedelta(microseconds=1)
    session.execute(update(Load).where(Load.id == load_id).values(leased_until=past))


def add_results(session: Session, load_id: int, results: Sequence[RecordResult]) -> None:
    """Add the results of records to the receipt."""
    rows = [(load_id, *_VALUES(result)) for result in results]
    bulk_insert(session, LoadResult.__table__, ("load_id", *_RESULT), rows)


def update_progress(
    session: Session,
    load_id: int,
    summary: Mapping[str, int],
    read: int,
    finished_at: datetime | None,
) -> None:
    """Store the progress of a load: its summary and the number of bytes read."""
    values = {"summary": dict(summary), "read": read, "finished_at": finished_at}
    session.execute(update(Load).where(Load.id == load_id).values(values))


def refuse(
    session: Session, load_id: int, reason: str, summary: Mapping[str, int], now: datetime
) -> None:
    """Finish a load that changed nothing, with the reason."""
    values = {"summary": dict(summary), "refused": reason, "finished_at": now}
    session.execute(update(Load).where(Load.id == load_id).values(values))
