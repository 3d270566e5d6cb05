"""Transactions and migrations, on whichever of the two databases it is."""

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
from sqlalchemy import Connection as Connection  # noqa: PLC0414 - others hold one, and import it here
from sqlalchemy.exc import ArgumentError
from sqlalchemy.orm import Session as Session  # noqa: PLC0414 - others hold one, and import it here

from app.database.engines import postgresql, sqlite
from app.database.errors import DatabaseUnavailableError as DatabaseUnavailableError  # noqa: PLC0414 - what is raised here
from app.database.errors import DisconnectedError, translated

# The writers' lock on PostgreSQL: "slugline" in ASCII, read as a number.
_WRITERS_LOCK: Final = int.from_bytes(b"slugline", "big", signed=True)
_PACKAGE: Final = Path(__file__).parents[1]

Answer = TypeVar("Answer")


class InvalidDatabaseURLError(ValueError):
    """The database URL is none that Slugline can use."""


class SchemaOutdatedError(Exception):
    """The database's schema is not the one this version works with."""


class Database:
    """One database, and the ways to work with it: `reading()`, `writing()` and `noting()`.

    Nothing connects before the first transaction. Raises InvalidDatabaseURLError for a URL that
    names neither a SQLite file nor a PostgreSQL database.
    """

    def __init__(self, url: str) -> None:
        self.url = _understood(url)
        self.embedded = self.url.get_backend_name() == "sqlite"
        self.engine = sqlite(self.url) if self.embedded else postgresql(self.url)
        ask = sqlite if self.embedded else postgresql
        self._asked = ask(self.url, asks=True)
        # One writes at a time on SQLite. What it has read stays true as long as only it writes.
        self._writers = sqlite(self.url, loads=True) if self.embedded else self.engine
        # Connections of their own on SQLite: how long one of them waits is set on it, and stays.
        self._notes = sqlite(self.url) if self.embedded else self.engine

    def query(self, question: Callable[[Connection], Answer]) -> Answer:
        """Return the answer to `question`, which is one statement and writes nothing.

        It reads its rows to the end. It is one round trip. On a connection that proves to be dead
        it is asked a second time. Raises DatabaseUnavailableError.
        """
        try:
            with translated(), self._asked.connect() as connection:
                return question(connection)
        except DisconnectedError:
            with self.reading() as session:
                return question(session.connection())

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Yield a session that sees one state of the database and never commits.

        Raises DatabaseUnavailableError.
        """
        with translated(), Session(self.engine) as session:
            if not self.embedded:
                # Several statements of one reader must agree with each other. SQLite's do anyway.
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Yield a session in a transaction that commits at the end of the block.

        Writers wait for each other from the first statement on, so that what one reads here stays
        true until it commits, and the change feed grows in the order of commits. An exception
        undoes everything. Raises DatabaseUnavailableError.
        """
        with self._writing(self._writers) as session:
            yield session

    @contextmanager
    def audit_transaction(self, patience: float) -> Iterator[Session]:
        """Yield a session in a transaction for a note beside the articles, which commits as above.

        It waits `patience` seconds for another one's lock, and not for its turn among the writers
        where the database lets several write. Raises DatabaseUnavailableError.
        """
        milliseconds = int(patience * 1000)
        options = {"slugline_writes": True, "slugline_patience": milliseconds}
        with translated(), Session(self._notes) as session, session.begin():
            session.connection(execution_options=options)
            if not self.embedded:  # where 0 would be for ever
                session.execute(text(f"SET LOCAL lock_timeout = {max(milliseconds, 1)}"))
            yield session

    def prepare(self) -> None:
        """Make the schema fit to serve from: brought up to date on SQLite, only checked elsewhere.

        Raises SchemaOutdatedError, DatabaseUnavailableError.
        """
        if self.is_current():
            return
        if not self.embedded:
            raise SchemaOutdatedError(
                "the database's schema is not this version's: run `slugline db upgrade` first"
            )
        self.upgrade()

    def is_current(self) -> bool:
        """Say whether the schema is this version's. Raises DatabaseUnavailableError."""
        with self.reading() as session:
            found = MigrationContext.configure(session.connection()).get_current_heads()
        return frozenset(found) == _heads()

    def upgrade(self) -> None:
        """Bring the schema up to date, in one transaction, one process at a time.

        Raises SchemaOutdatedError where a newer version wrote it, DatabaseUnavailableError.
        """
        self._migrate("head", command.upgrade)

    def downgrade(self, revision: str) -> None:
        """Take the schema back to `revision`, such as `base`. What only newer ones keep is lost.

        Raises SchemaOutdatedError for an unknown revision, DatabaseUnavailableError.
        """
        self._migrate(revision, command.downgrade)

    def check(self) -> None:
        """Hold the schema against the tables. Raises SchemaOutdatedError where they differ."""
        with self.writing() as session, _explained("the schema is not what the tables say"):
            command.check(_alembic(session.connection()))

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()
        self._asked.dispose()
        self._writers.dispose()
        self._notes.dispose()

    @contextmanager
    def _writing(self, engine: Engine) -> Iterator[Session]:
        with translated(), Session(engine) as session, session.begin():
            session.connection(execution_options={"slugline_writes": True})
            if not self.embedded:
                session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITERS_LOCK})
            yield session

    def _migrate(self, revision: str, step: Callable[[Config, str], None]) -> None:
        # SQLite alters a table by dropping it, which with foreign keys on would empty its children.
        engine = sqlite(self.url, foreign_keys=False) if self.embedded else self.engine
        try:
            with self._writing(engine) as session, _explained("cannot migrate the schema"):
                if not self.embedded:
                    session.execute(text("SET LOCAL statement_timeout = 0"))
                step(_alembic(session.connection()), revision)
        finally:
            if self.embedded:
                engine.dispose()


def _understood(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except ArgumentError:
        raise InvalidDatabaseURLError("the database URL is no URL such as sqlite:///FILE") from None
    if backend == "sqlite":
        if parsed.database in {None, "", ":memory:"}:
            raise InvalidDatabaseURLError("a SQLite database must be a file: sqlite:///FILE")
        return parsed.set(drivername="sqlite+pysqlite")
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise InvalidDatabaseURLError(f"{backend} is neither sqlite nor postgresql")


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except CommandError as error:
        raise SchemaOutdatedError(f"{what}: {error}") from None


@cache
def _heads() -> frozenset[str]:
    """Return the newest of the migrations, which takes a while: all of them are read for it."""
    return frozenset(ScriptDirectory.from_config(_alembic()).get_heads())


def _alembic(connection: Connection | None = None) -> Config:
    """Return Alembic's configuration. The migrations stand in the wheel, or beside `app`."""
    inside = _PACKAGE / "migrations"
    place = inside if inside.is_dir() else _PACKAGE.parent / "migrations"
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(place).replace("%", "%%"))
    return config
