"""Audit transactions: they wait for their own timeout only, and not for a load (C-06)."""

import time

import pytest
from sqlalchemy import text

from app.database.errors import translated
from app.database.transactions import Database, DatabaseUnavailableError

WRITE = text("UPDATE tokens SET name = name")


def test_c06_an_audit_without_timeout_does_not_wait_for_a_load(database: Database) -> None:
    """SQLite has one writer, so the audit fails there; on PostgreSQL it is written."""
    began = time.monotonic()
    with database.writing():
        if database.embedded:
            with pytest.raises(DatabaseUnavailableError), database.audit_transaction(0):
                pytest.fail("it got the lock")
        else:
            with database.audit_transaction(0) as session:
                session.execute(WRITE)
    assert time.monotonic() - began < 2
    with database.audit_transaction(0) as session:
        session.execute(WRITE)


def test_c06_an_audit_waits_for_its_timeout_and_other_transactions_for_theirs(
    database: Database,
) -> None:
    lock = text("SELECT 1" if database.embedded else "LOCK TABLE tokens")
    with database.writing() as session:
        session.execute(lock)
        began = time.monotonic()
        with pytest.raises(DatabaseUnavailableError), database.audit_transaction(0.3) as noting:
            noting.execute(WRITE)
        assert 0.2 < time.monotonic() - began < 3
    with database.audit_transaction(0), database.reading() as session:
        wait = "PRAGMA busy_timeout" if database.embedded else "SHOW lock_timeout"
        assert session.execute(text(wait)).scalar_one() == (10_000 if database.embedded else "10s")


def test_c06_a_read_only_database_is_unavailable(
    database: Database,
) -> None:
    """Such as a server that has become a standby."""
    read_only = "PRAGMA query_only = 1" if database.embedded else "SET TRANSACTION READ ONLY"
    with database.audit_transaction(1) as session:
        session.execute(text(read_only))
        with pytest.raises(DatabaseUnavailableError), translated():
            session.execute(WRITE)
        session.rollback()
