"""An article that cannot be announced stops neither invalidation nor the announcements after it."""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.article.timestamps import format_instant
from tests.support.paths import SEED
from tests.support.site import NOW, SEED_SLUG, Site, app_state

BARE = f"/news/{SEED_SLUG}"
SEEDED: dict[str, Any] = json.loads(SEED.read_text())


@contextmanager
def announcements_refused(site: Site) -> Iterator[None]:
    """Let the database refuse to list the article `scheduled`, as a broken index would."""
    condition = "NEW.slug = 'scheduled' AND NEW.listed_at IS NOT NULL"
    create = {
        "sqlite": [
            (
                "CREATE TRIGGER refused BEFORE UPDATE ON articles"
                f" WHEN {condition} BEGIN SELECT RAISE(ABORT, 'refused'); END"
            )
        ],
        "postgresql": [
            (
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN RAISE EXCEPTION 'refused'; END $$"
            ),
            (
                "CREATE TRIGGER refused BEFORE UPDATE ON articles"
                f" FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION refuse()"
            ),
        ],
    }
    drop = {
        "sqlite": ["DROP TRIGGER refused"],
        "postgresql": ["DROP TRIGGER refused ON articles", "DROP FUNCTION refuse"],
    }
    kind = site.database.url.get_backend_name()
    execute(site, create[kind])
    try:
        yield
    finally:
        execute(site, drop[kind])


def execute(site: Site, statements: list[str]) -> None:
    with site.database.writing() as session:
        for statement in statements:
            session.execute(text(statement))


def within_seconds(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_c05_an_article_that_cannot_be_announced_stops_no_invalidation(
    open_site: Callable[..., Site],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr("app.cache.change_follower.ANNOUNCE_RETRY_SECONDS", 0.1)
    caplog.set_level(logging.WARNING, "app.cache.change_follower")
    writer, reader = open_site(), open_site()
    scheduled = SEEDED | {
        "slug": "scheduled",
        "canonical_source": None,
        "published_at": format_instant(NOW + timedelta(minutes=1)),
    }
    writer.loaded(SEED.read_bytes())
    writer.loaded(json.dumps(scheduled))
    with announcements_refused(writer):
        assert within_seconds(5, lambda: reader.get(BARE).status_code == 200)
        time.sleep(0.3)  # both followers have seen the loads
        reader.get(BARE)
        writer.clock.move(minutes=2)
        time.sleep(0.6)
        assert list(app_state(reader).article_cache) == [BARE]
        newer = {"title": "Newer", "updated_at": "2026-06-25T00:00:00Z"}
        writer.loaded(json.dumps(SEEDED | newer))
        assert within_seconds(1, lambda: "Newer" in reader.get(f"{BARE}.txt").text)
        assert reader.get("/news/scheduled").status_code == 200  # due, though not yet announced
        feed = reader.get("/changes.json").json()["changes"]
        assert "scheduled" not in {change["slug"] for change in feed}
    announced = within_seconds(
        3, lambda: "scheduled" in reader.get("/changes.json").text.partition('"last"')[0]
    )
    assert announced
    messages = [each.getMessage() for each in caplog.records]
    outages = [each for each in messages if each.startswith("articles that are due")]
    assert 1 <= len(outages) <= 2  # one for each of the two processes
    assert len(messages) == len(outages)
