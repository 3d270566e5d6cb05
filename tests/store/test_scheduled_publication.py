"""Scheduled articles are hidden everywhere until they are due, and public from then on (I-15)."""

from datetime import timedelta

from app.article.timestamps import format_instant
from tests.support.feed_records import SOON, ndjson, record, scheduled_record
from tests.support.site import NOW, Site, app_state
from tests.support.snapshots import (
    ChangeFeedFollower,
    assert_public_index_is_complete,
    changes,
    snapshot,
)


def test_i15_a_scheduled_article_is_absent_from_listings_and_public_changes(site: Site) -> None:
    site.loaded(ndjson(scheduled_record(), record("b")))
    assert snapshot(site.database).public.keys() == {"b"}
    assert [(each.slug, each.public) for each in changes(site.database)] == [
        ("a", None), ("b", "created"),
    ]  # fmt: skip
    assert_public_index_is_complete(site.database)
    for path in "/topics/x.json", "/entities/a.json", "/entities/a":
        assert site.client.get(path).status_code == 404


def test_i15_a_scheduled_article_is_published_once_when_it_is_due(site: Site) -> None:
    mirror = ChangeFeedFollower()
    site.loaded(ndjson(*(scheduled_record(f"a{number}") for number in range(3)), record("b")))
    mirror.follow(site.database, snapshot(site.database))
    site.clock.now = SOON - timedelta(seconds=1)
    app_state(site).follower.announce()
    assert snapshot(site.database).public.keys() == {"b"}
    site.clock.now = SOON
    for _ in range(2):
        app_state(site).follower.announce()
        mirror.follow(site.database, snapshot(site.database))
        assert mirror.public.keys() == {"a0", "a1", "a2", "b"}
        assert_public_index_is_complete(site.database)
    assert [each.public for each in changes(site.database)][4:] == ["created"] * 3


def test_i15_an_article_that_is_rescheduled_is_hidden_until_then(site: Site) -> None:
    site.loaded(ndjson(record()))
    later = {"published_at": format_instant(SOON), "updated_at": format_instant(NOW)}
    site.loaded(ndjson(record(**later)))
    assert [each.public for each in changes(site.database)] == ["created", "deleted"]
    assert_public_index_is_complete(site.database)
    assert site.get("/news/a").status_code == 404


def test_l02_an_article_that_is_due_while_no_server_runs_is_published_later(site: Site) -> None:
    mirror = ChangeFeedFollower()
    site.loaded(ndjson(scheduled_record(), record("b")))
    mirror.follow(site.database, snapshot(site.database))
    site.clock.now = SOON
    site.database.prepare()
    app_state(site).follower.announce()
    mirror.follow(site.database, snapshot(site.database))
    assert mirror.public.keys() == {"a", "b"}
    assert_public_index_is_complete(site.database)
