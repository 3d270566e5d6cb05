"""Engines: how to connect to each database, and how its transactions begin."""

from sqlite3 import Connection as SQLiteConnection
from typing import Any, Final

from psycopg import Connection as PostgreSQLConnection
from pydantic_core import from_json, to_json
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_SECONDS: Final = 10
"""How long to wait for a lock or a connection before the database counts as unavailable."""

STATEMENT_SECONDS: Final = 60
"""How long one statement may run on PostgreSQL."""

# Each statement is its own transaction, so there is nothing to roll back on return to the pool.
_AUTOCOMMIT: Final[dict[str, Any]] = {
    "isolation_level": "AUTOCOMMIT",
    "skip_autocommit_rollback": True,
}


def sqlite(
    url: URL, *, foreign_keys: bool = True, bulk_writes: bool = False, autocommit: bool = False
) -> Engine:
    """Return an engine for the SQLite file at `url`.

    With `bulk_writes` it has one connection, whose page cache holds the pages of a batch until the
    commit: a smaller cache would write and read them again before. With `autocommit`, each
    statement is its own transaction.
    """
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_SECONDS},
        pool_size=1 if bulk_writes else 5,
        pool_use_lifo=True,  # the most recently used connection has the warmest page cache
        json_serializer=_to_json,
        json_deserializer=from_json,
        **(_AUTOCOMMIT if autocommit else {}),
    )

    @event.listens_for(engine, "connect")
    def configure(connection: SQLiteConnection, _entry: ConnectionPoolEntry) -> None:
        # Stop the sqlite3 module from opening transactions: `_begin_sqlite` does.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        # In WAL mode, only synchronous=FULL makes a commit survive a power cut.
        connection.execute("PRAGMA synchronous = FULL")
        # 64 MiB of log, so that pages changed by consecutive batches reach the database file once.
        connection.execute("PRAGMA wal_autocheckpoint = 16384")
        # In KiB: 56 MiB, or 8 MiB.
        connection.execute(f"PRAGMA cache_size = {-57344 if bulk_writes else -8192}")
        connection.execute(f"PRAGMA foreign_keys = {int(foreign_keys)}")

    if not autocommit:
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _to_json(value: object) -> str:
    return to_json(value).decode()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if "slugline_busy_timeout" in options:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {options['slugline_busy_timeout']}")
    # A writer takes the lock at once. A transaction that reads first and writes later may fail
    # with "database is locked" however long it waits.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if "slugline_writes" in options else "BEGIN")


def postgresql(url: URL, *, autocommit: bool = False) -> Engine:
    """Return an engine for the PostgreSQL database at `url`.

    Connections are tested before use, which takes a round trip, except with `autocommit`, where
    each statement is its own transaction.

    No startup options and no prepared statements are used: PgBouncer refuses the first, and in
    transaction mode it loses the second.
    """
    engine = create_engine(
        url,
        pool_pre_ping=not autocommit,
        connect_args={"connect_timeout": BUSY_SECONDS, "prepare_threshold": None},
        **(_AUTOCOMMIT if autocommit else {}),
    )

    @event.listens_for(engine, "connect")
    def configure(connection: PostgreSQLConnection[Any], _entry: ConnectionPoolEntry) -> None:
        connection.execute(f"SET timezone = 'UTC'; {time_limits()}")
        connection.commit()

    return engine


def time_limits(*, local: bool = False) -> str:
    """Return statements that limit locks and statements in a PostgreSQL session or transaction."""
    scope = "LOCAL" if local else "SESSION"
    return (
        f"SET {scope} statement_timeout = {int(STATEMENT_SECONDS * 1000)};"
        f" SET {scope} lock_timeout = {int(BUSY_SECONDS * 1000)}"
    )
