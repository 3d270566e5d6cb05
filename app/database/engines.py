"""Engines: how each of the two databases is connected to, and how its transactions begin."""

from sqlite3 import Connection as SQLiteConnection
from typing import Any, Final

from pydantic_core import from_json, to_json
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_SECONDS: Final = 10
"""How long a transaction waits for another one's lock before the database counts as away."""

STATEMENT_SECONDS: Final = 60
"""How long one statement may run on PostgreSQL."""

# Nothing begins, so nothing need be undone when a connection goes back.
_ASKS: Final[dict[str, Any]] = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}


def sqlite(
    url: URL, *, foreign_keys: bool = True, loads: bool = False, asks: bool = False
) -> Engine:
    """Return an engine for the SQLite file at `url`.

    One that `loads` keeps one connection, with room for the pages of a batch: with less, they are
    written while it is made, and read again at its end. With one that `asks`, each statement is a
    transaction of its own.
    """
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_SECONDS},
        pool_size=1 if loads else 5,
        pool_use_lifo=True,  # what was used last has in memory what is used most
        json_serializer=_to_json,
        json_deserializer=from_json,
        **(_ASKS if asks else {}),
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: SQLiteConnection, _entry: ConnectionPoolEntry) -> None:
        # Python's sqlite3 begins transactions by rules of its own; ours begin in `_begin_sqlite`.
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode = WAL")
        # With WAL, only synchronous=FULL makes a commit survive a power cut.
        connection.execute("PRAGMA synchronous = FULL")
        # 64 MiB: pages that one batch after another changes are written into the database once for
        # several. And 8 MiB to find them without asking the system.
        connection.execute("PRAGMA wal_autocheckpoint = 16384")
        connection.execute(f"PRAGMA cache_size = {-57344 if loads else -8192}")
        connection.execute(f"PRAGMA foreign_keys = {int(foreign_keys)}")

    if not asks:
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _to_json(value: object) -> str:
    return to_json(value).decode()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if "slugline_patience" in options:
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {options['slugline_patience']}")
    # A writer takes the lock at once: one that reads first and writes later can meet "database is
    # locked" however long it waits.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if "slugline_writes" in options else "BEGIN")


def postgresql(url: URL, *, asks: bool = False) -> Engine:
    """Return an engine for the PostgreSQL database at `url`.

    No connection is dead when it is given out, which takes a round trip. One that `asks` does
    without, and with it each statement is a transaction of its own.
    """
    limits = f"-c statement_timeout={STATEMENT_SECONDS}s -c lock_timeout={BUSY_SECONDS}s"
    return create_engine(
        url,
        pool_pre_ping=not asks,
        connect_args={"connect_timeout": BUSY_SECONDS, "options": f"{limits} -c timezone=UTC"},
        **(_ASKS if asks else {}),
    )
