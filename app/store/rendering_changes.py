"""When the way articles are rendered last changed, as far as a database has seen it."""

from datetime import datetime
from typing import Final

from sqlalchemy import Connection, delete, insert, select

from app.article.timestamps import format_instant, parse_instant
from app.database.tables import Change, Property
from app.database.transactions import Database

_NAME: Final = "rendering"


def record_rendering(database: Database, fingerprint: str, now: datetime) -> datetime | None:
    """Return since when articles are rendered as `fingerprint` says; None if they always were.

    The first process that comes with another fingerprint records the change, at `now`, unless the
    database has never had an article. Raises DatabaseUnavailableError.
    """
    known = database.query(_recorded)
    if known is None or known[0] != fingerprint:
        with database.writing() as session:
            connection = session.connection()
            known = _recorded(connection)  # another process may have been first
            if known is None or known[0] != fingerprint:
                has_served = connection.scalar(select(Change.seq).limit(1)) is not None
                changed_at = now if has_served else None
                known = fingerprint, changed_at
                value = f"{fingerprint} {format_instant(changed_at) if changed_at else ''}"
                connection.execute(delete(Property).where(Property.name == _NAME))
                connection.execute(insert(Property).values(name=_NAME, value=value))
    return known[1]


def _recorded(connection: Connection) -> tuple[str, datetime | None] | None:
    value = connection.scalar(select(Property.value).where(Property.name == _NAME))
    if value is None:
        return None
    fingerprint, _, instant = value.partition(" ")
    changed_at = parse_instant(instant) if instant else None
    return fingerprint, changed_at if isinstance(changed_at, datetime) else None
