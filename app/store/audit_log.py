"""The audit log: one row for each action that an operator took or attempted."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.database import tables


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One action, its target and its outcome.

    `operator` is the name of a token, or empty for a request without a valid one. `request_id` is
    empty for actions from the command line.
    """

    at: datetime
    operator: str
    action: str
    target: str
    outcome: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAuditEntry(AuditEntry):
    """An entry with its number. Numbers grow, and may have gaps."""

    id: int


def record(session: Session, action: AuditEntry) -> None:
    """Append `action` to the log."""
    session.execute(insert(tables.Action).values(asdict(action)))


def newest(session: Session, *, before: int | None, limit: int) -> list[StoredAuditEntry]:
    """Return at most `limit` entries with numbers below `before`, the newest first."""
    found = select(tables.Action).order_by(tables.Action.id.desc()).limit(limit)
    if before is not None:
        found = found.where(tables.Action.id < before)
    names = [each.name for each in fields(StoredAuditEntry)]
    return [
        StoredAuditEntry(**{name: getattr(row, name) for name in names})
        for row in session.scalars(found)
    ]
