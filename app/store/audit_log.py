"""What operators did, or tried to do: one row for each action, the newest read first."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from app.database import tables


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """Who did what to what, and how it went.

    `operator` is a token's name, and empty where nobody is known to have done it. `request_id` is
    empty for what came by no request.
    """

    at: datetime
    operator: str
    action: str
    target: str
    outcome: str
    request_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAuditEntry(AuditEntry):
    """An action as it is kept. The numbers grow, and may have gaps."""

    id: int


def record(session: Session, action: AuditEntry) -> None:
    """Add `action`."""
    session.execute(insert(tables.Action).values(asdict(action)))


def newest(session: Session, *, before: int | None, limit: int) -> list[StoredAuditEntry]:
    """Return the newest actions first, those older than the action `before` where it is given."""
    found = select(tables.Action).order_by(tables.Action.id.desc()).limit(limit)
    if before is not None:
        found = found.where(tables.Action.id < before)
    return [
        StoredAuditEntry(
            id=row.id,
            at=row.at,
            operator=row.operator,
            action=row.action,
            target=row.target,
            outcome=row.outcome,
            request_id=row.request_id,
        )
        for row in session.scalars(found)
    ]
