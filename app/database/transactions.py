"""Transactions and migrations of the database, SQLite or PostgreSQL."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import URL, Engine, make_url, text
from sqlalchemy import Connection as Connection  # noqa: PLC0414 - re-exported for other layers
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session as Session  # noqa: PLC0414 - re-exported for other layers

from app.database.engines import postgresql, sqlite, time_limits
from app.database.errors import DatabaseUnavailableError as DatabaseUnavailableError  # noqa: PLC0414 - re-exported for other layers
from app.database.errors import DisconnectedError, translated

# The writers' lock on PostgreSQL: "slugline" in ASCII, read as a number.
_WRITERS_LOCK: Final = int.from_bytes(b"slugline", "big", signed=True)
_PACKAGE: Final = Path(__file__).parents[1]

Result = TypeVar("Result")


class InvalidDatabaseURLError(ValueError):
    """The database URL does not name a SQLite file or a PostgreSQL database."""


class SchemaOutdatedError(Exception):
    """The schema of the database is not the one that this version needs."""


class Database:
    """One database: `query()`, `reading()`, `writing()` and `audit_transaction()`.

    Nothing connects before the first transaction. Raises InvalidDatabaseURLError.
    """

    def __init__(self, url: str) -> None:
        self.url = _parse_url(url)
        self.embedded = self.url.get_backend_name() == "sqlite"
        create = sqlite if self.embedded else postgresql
        self.engine = create(self.url)
        self._autocommit_engine = create(self.url, autocommit=True)
        # SQLite has one writer at a time, so one connection with a large cache is enough.
        self._write_engine = sqlite(self.url, bulk_writes=True) if self.embedded else self.engine
        # On SQLite a busy timeout stays with its connection, so audits have their own.
        self._audit_engine = sqlite(self.url) if self.embedded else self.engine

    def query(self, read: Callable[[Connection], Result]) -> Result:
        """Return `read(connection)`, which must run one SELECT and fetch all of its rows.

        Takes one round trip. Retries once when the connection proves to be dead. Raises
        DatabaseUnavailableError.
        """
        try:
            with translated(), self._autocommit_engine.connect() as connection:
                return read(connection)
        except DisconnectedError:
            with self.reading() as session:
                return read(session.connection())

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session that sees one snapshot of the database and never commits.

        Raises DatabaseUnavailableError.
        """
        with translated(), Session(self.engine) as session:
            if not self.embedded:
                # On SQLite every transaction sees one snapshot anyway.
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Yield a session in a transaction that commits at the end of the block.

        Holds the writers' lock from its first statement: what it reads stays true until it commits,
        and change numbers become visible in order. An exception rolls back. Raises
        DatabaseUnavailableError.
        """
        with self._writing(self._write_engine) as session:
            yield session

    @contextmanager
    def audit_transaction(self, timeout: float) -> Iterator[Session]:
        """Yield a session in a transaction for an audit entry, which commits likewise.

        Waits at most `timeout` seconds for a lock. On PostgreSQL it does not take the writers'
        lock, so a running load does not delay it. Raises DatabaseUnavailableError.
        """
        milliseconds = int(timeout * 1000)
        options = {"slugline_writes": True, "slugline_busy_timeout": milliseconds}
        with translated(), Session(self._audit_engine) as session, session.begin():
            session.connection(execution_options=options)
            if not self.embedded:  # where 0 would mean no limit
                session.execute(text(f"SET LOCAL lock_timeout = {max(milliseconds, 1)}"))
            yield session

    def prepare(self) -> None:
        """Upgrade the schema of a SQLite database; check that of a PostgreSQL database.

        Raises SchemaOutdatedError, DatabaseUnavailableError.
        """
        if self.is_current():
            return
        if not self.embedded:
            raise SchemaOutdatedError(
                "the database schema does not match this version of Slugline:"
                " run `slugline db upgrade` first"
            )
        self.upgrade()

    def is_current(self) -> bool:
        """Return whether the schema is the one of this version. Raises DatabaseUnavailableError."""
        with self.reading() as session:
            found = MigrationContext.configure(session.connection()).get_current_heads()
        return frozenset(found) == _heads()

    def upgrade(self) -> None:
        """Migrate the schema to this version in one transaction, under the writers' lock.

        Raises SchemaOutdatedError if a newer version wrote it, DatabaseUnavailableError.
        """
        self._migrate("head", command.upgrade)

    def downgrade(self, revision: str) -> None:
        """Migrate the schema back to `revision`, such as `base`; data of later tables is lost.

        Raises SchemaOutdatedError for an unknown revision, DatabaseUnavailableError.
        """
        self._migrate(revision, command.downgrade)

    def check(self) -> None:
        """Compare the schema with `app.database.tables`. Raises SchemaOutdatedError."""
        with self.writing() as session, _as_schema_error("the schema differs from the tables"):
            command.check(_alembic_config(session.connection()))

    def close(self) -> None:
        """Close all connections."""
        for engine in self.engine, self._autocommit_engine, self._write_engine, self._audit_engine:
            engine.dispose()

    @contextmanager
    def _writing(self, engine: Engine) -> Iterator[Session]:
        with translated(), Session(engine) as session, session.begin():
            connection = session.connection(execution_options={"slugline_writes": True})
            if not self.embedded:
                connection.exec_driver_sql(_begin_writing())
            yield session

    def _migrate(self, revision: str, step: Callable[[Config, str], None]) -> None:
        # Alembic alters a SQLite table by dropping it, which would delete rows that refer to it.
        engine = sqlite(self.url, foreign_keys=False) if self.embedded else self.engine
        try:
            with self._writing(engine) as session, _as_schema_error("cannot migrate the schema"):
                if not self.embedded:
                    session.execute(text("SET LOCAL statement_timeout = 0"))
                step(_alembic_config(session.connection()), revision)
        finally:
            if self.embedded:
                engine.dispose()


def _begin_writing() -> str:
    """Return what a PostgreSQL writer runs first, in one round trip.

    The limits are set again because PgBouncer in transaction mode may hand out a connection that
    never saw ours.
    """
    return f"{time_limits(local=True)}; SELECT pg_advisory_xact_lock({_WRITERS_LOCK})"


def _parse_url(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except ArgumentError:
        message = "the database URL is not a URL such as sqlite:///FILE"
        raise InvalidDatabaseURLError(message) from None
    if backend == "sqlite":
        if parsed.database in {None, "", ":memory:"}:
            raise InvalidDatabaseURLError("a SQLite database must be a file: sqlite:///FILE")
        return parsed.set(drivername="sqlite+pysqlite")
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise InvalidDatabaseURLError(f"unsupported database {backend}: use sqlite or postgresql")


@contextmanager
def _as_schema_error(message: str) -> Iterator[None]:
    try:
        yield
    except CommandError as error:
        raise SchemaOutdatedError(f"{message}: {error}") from None


@cache
def _heads() -> frozenset[str]:
    """Return the newest revision. Cached, because Alembic imports every migration to find it."""
    return frozenset(ScriptDirectory.from_config(_alembic_config()).get_heads())


def _alembic_config(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration. Migrations are inside `app` in a wheel, else next to it."""
    packaged = _PACKAGE / "migrations"
    folder = packaged if packaged.is_dir() else _PACKAGE.parent / "migrations"
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config
