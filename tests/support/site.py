"""One application on one database, and how an operator and a client talk to it."""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import text

from app.database.tables import Base
from app.database.transactions import Database
from app.main import create_app
from app.settings import Settings
from app.web.state import AppState
from tests.support.clients import Client

SEED_SLUG = "chinas-biotech-surge-sparks-us-security-concerns-as-drug-trials-break-records-in"

SEED_SITE = "https://wpnews.pro"

TOKEN = "a-token-for-the-tests"  # noqa: S105 - it opens nothing but a test's database

DEPTH = int(os.environ.get("SLUGLINE_TEST_DEPTH", "1"))
"""How many times as long as usual the tests search that never are done searching."""

DATABASES = "sqlite", "postgresql"

one_database = pytest.mark.databases("sqlite")
"""Marks what is decided before a database is asked, or after it has answered: one kind will do."""

every_database = pytest.mark.databases(*DATABASES)
"""Marks, among such, what is not."""

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)

RESTART_SEQUENCES = (
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


# What is known of a database itself stays with it.
EMPTIED_TABLES = [table.name for table in Base.metadata.sorted_tables if table.name != "properties"]

DELETE_STATEMENTS = [
    *(f"DELETE FROM {name}" for name in reversed(EMPTIED_TABLES)),  # noqa: S608 - our own names
    "DELETE FROM properties WHERE name = 'rendering'",
]


def settings_for(database_url: str, **changed: Any) -> Settings:
    """Return the settings of a site with the seed's own address, but for what is `changed`."""
    told = {"database_url": database_url, "public_base_url": SEED_SITE, "admin_token": TOKEN}
    return Settings.model_validate({**told, **changed})


def start_site(settings: Settings, clock: Clock) -> Site:
    """Return the site that `settings` describe, with its client entered: somebody has to leave."""
    app = create_app(settings, clock)
    client = Client(app)
    client.__enter__()
    return Site(client, app.state.service.database, clock, settings)


def empty_database(database: Database) -> None:
    """Empty a database. There is little in it, and so to delete it is faster than to truncate."""
    with database.writing() as session:
        session.execute(text("DELETE FROM article_words"))
        if database.embedded:
            for statement in DELETE_STATEMENTS:
                session.execute(text(statement))
        else:
            # All at once: to ask a server twenty times takes longer than what it does.
            server: Any = session.connection().connection.driver_connection
            server.execute("; ".join((*DELETE_STATEMENTS, RESTART_SEQUENCES)), prepare=False)


def reset_site(site: Site) -> None:
    """Let `site` be as if it had just been opened on an empty database."""
    site.clock.now = NOW
    empty_database(site.database)
    service = app_state(site)
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


def app_state(site: Site) -> AppState:
    """Return the service behind `site`."""
    app: Any = site.client.app
    service: AppState = app.state.service
    return service


def post_feed(site: Site, feed: str, query: str = "", **headers: str) -> Any:
    return site.client.post(
        f"/admin/loads?{query}", content=feed, headers={**site.authorized, **headers}
    )


def undo_load(site: Site, load_id: int) -> Any:
    return site.client.post(f"/admin/loads/{load_id}/undo", headers=site.authorized)
