"""Making a database fit to serve from: its schema, and the catalogue made from its articles."""

from datetime import datetime

from app.database.transactions import Database, SchemaOutdatedError
from app.store import public_index


def prepare(database: Database, now: datetime) -> None:
    """Bring an embedded database up to date, and check any other.

    Raises SchemaOutdatedError, DatabaseUnavailableError.
    """
    database.prepare()
    if database.embedded:
        _catalogue(database, now)
    elif not _is_catalogued(database):
        raise SchemaOutdatedError(
            "the database's catalogue is not this version's: run `slugline db upgrade` first"
        )


def upgrade(database: Database, now: datetime) -> None:
    """Bring a database up to date, one process at a time.

    Raises SchemaOutdatedError where a newer version wrote it, DatabaseUnavailableError.
    """
    database.upgrade()
    _catalogue(database, now)


def _catalogue(database: Database, now: datetime) -> None:
    if _is_catalogued(database):
        return
    with database.writing() as session:
        if not public_index.is_current(session):
            public_index.rebuild(session, now)


def _is_catalogued(database: Database) -> bool:
    with database.reading() as session:
        return public_index.is_current(session)
