"""The site under test: an application on a database, and requests to it."""

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
"""By how much the property tests search longer than usual."""

DATABASES = "sqlite", "postgresql"

one_database = pytest.mark.databases("sqlite")
"""Marks tests of behaviour that does not depend on the kind of database."""

every_database = pytest.mark.databases(*DATABASES)
"""Marks the exceptions in a module that is marked with `one_database`."""

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


RESTART_SEQUENCES = (
    "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)"
    " FROM pg_sequences WHERE last_value IS NOT NULL"
)
"""The PostgreSQL statement that makes numbers start at 1 again."""


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def move(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Site:
    """One application on one database, and requests of operators and readers to it."""

    client: Client
    database: Database
    clock: Clock
    settings: Settings
    authorized: dict[str, str] = field(default_factory=lambda: {"Authorization": f"Bearer {TOKEN}"})

    def load(self, feed: bytes | str, **headers: str) -> Response:
        """Send `feed` to the admin endpoint and return the response."""
        content = feed.encode() if isinstance(feed, str) else feed
        return self.client.post(
            "/admin/loads", content=content, headers={**self.authorized, **headers}
        )

    def loaded(self, feed: bytes | str, **headers: str) -> dict[str, Any]:
        """Load `feed`, check that it succeeded, and return its receipt."""
        response = self.load(feed, **headers)
        assert response.status_code == 200, response.text
        receipt: dict[str, Any] = response.json()
        return receipt

    def get(self, path: str, accept: str | None = None, **headers: str) -> Response:
        """Get `path` with an Accept header, or without a preference."""
        # The client would send "*/*"; an empty field has the same meaning as none.
        return self.client.get(path, headers={"Accept": accept or "", **headers})


def settings_for(database_url: str, **changed: Any) -> Settings:
    """Return the settings of a site at the seed's own address, with some of them `changed`."""
    values = {"database_url": database_url, "public_base_url": SEED_SITE, "admin_token": TOKEN}
    return Settings.model_validate({**values, **changed})


def start_site(settings: Settings, clock: Clock) -> Site:
    """Return a running site. The caller exits its client at the end."""
    app = create_app(settings, clock)
    client = Client(app)
    client.__enter__()
    return Site(client, app.state.service.database, clock, settings)


def empty_database(database: Database) -> None:
    """Delete all rows but the database's own properties, and restart its sequences."""
    tables = [t.name for t in reversed(Base.metadata.sorted_tables) if t.name != "properties"]
    with database.writing() as session:
        for name in ("article_words", *tables):
            session.execute(text(f"DELETE FROM {name}"))  # noqa: S608 - our own names
        session.execute(text("DELETE FROM properties WHERE name = 'rendering'"))
        if not database.embedded:
            session.execute(text(RESTART_SEQUENCES))


def reset_site(site: Site) -> None:
    """Make `site` as if it had just been started on an empty database."""
    site.clock.now = NOW
    empty_database(site.database)
    state = app_state(site)
    state.follower.invalidate_written()
    for cache in (
        state.article_cache,
        state.not_found_cache,
        state.listing_cache,
        state.search_cache,
        state.failed_logins,
        state.anonymous_audit_limit,
        state.audit_limit,
        state.valid_token_cache,
    ):
        cache.clear()


def app_state(site: Site) -> AppState:
    """Return the state of the application behind `site`."""
    app: Any = site.client.app
    state: AppState = app.state.service
    return state


def post_feed(site: Site, feed: str, query: str = "", **headers: str) -> Any:
    return site.client.post(
        f"/admin/loads?{query}", content=feed, headers={**site.authorized, **headers}
    )


def undo_load(site: Site, load_id: int) -> Any:
    return site.client.post(f"/admin/loads/{load_id}/undo", headers=site.authorized)
