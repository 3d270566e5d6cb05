"""Notes beside the articles: written at once or not at all, and behind nobody's load. C-06."""

import time

import pytest
from sqlalchemy import text

from app.database.errors import translated
from app.database.transactions import Database, DatabaseUnavailableError

NOTE = text("UPDATE tokens SET name = name")


def test_c06_a_note_without_patience_does_not_wait_for_a_load(database: Database) -> None:
    """SQLite has one writer, so there the note is refused; PostgreSQL takes it meanwhile."""
    began = time.monotonic()
    with database.writing():
        if database.embedded:
            with pytest.raises(DatabaseUnavailableError), database.audit_transaction(0):
                pytest.fail("it got the lock")
        else:
            with database.audit_transaction(0) as session:
                session.execute(NOTE)
    assert time.monotonic() - began < 2
    with database.audit_transaction(0) as session:
        session.execute(NOTE)


def test_c06_a_note_waits_as_long_as_it_may_and_others_wait_as_before(database: Database) -> None:
    lock = text("SELECT 1" if database.embedded else "LOCK TABLE tokens")
    with database.writing() as session:
        session.execute(lock)
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailableError), database.audit_transaction(0.3) as noting:
            noting.execute(NOTE)
        assert 0.2 < time.monotonic() - began < 3
    with database.audit_transaction(0), database.reading() as session:
        wait = "PRAGMA busy_timeout" if database.embedded else "SHOW lock_timeout"
        assert session.execute(text(wait)).scalar_one() == (10_000 if database.embedded else "10s")


def test_c06_a_database_that_takes_no_writes_at_the_moment_counts_as_away(
    database: Database,
) -> None:
    """As one does that has become another one's standby."""
    read_only = "PRAGMA query_only = 1" if database.embedded else "SET TRANSACTION READ ONLY"
    with database.audit_transaction(1) as session:
        session.execute(text(read_only))
        with pytest.raises(DatabaseUnavailableError), translated():
            session.execute(NOTE)
        session.rollback()
