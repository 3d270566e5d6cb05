"""Undo of loads that affect each other: successive, cyclic, and between another load's batches."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from app.article.timestamps import format_instant
from app.database.tables import Revision
from app.feeds import FeedSource
from app.ingest import LoadContext, LoadOptions, load
from app.store.loads import LoadOrigin
from tests.support.feed_records import later, ndjson, outcomes, record
from tests.support.site import Site, undo_load
from tests.support.snapshots import (
    ChangeFeedFollower,
    Snapshot,
    articles_and_aliases,
    changes,
    snapshot,
)

ONE, TWO, THREE = ({"canonical_source": f"https://e.com/{n}"} for n in range(3))


def loaded(site: Site, *records: dict[str, Any]) -> int:
    """Load records, each newer than the previous one; each must change an article."""
    site.clock.move(hours=1)
    dated = []
    for each in records:
        site.clock.move(minutes=1)
        dated.append(record(**{"updated_at": format_instant(site.clock.now), **each}))
    report = site.loaded(ndjson(*dated))
    assert set(outcomes(report)) <= {"created", "updated", "moved"}
    number: int = report["load"]["id"]
    return number


def undone(site: Site, load_id: int) -> dict[str, str | None]:
    """Undo a load. Return the reasons of the articles it left, by slug."""
    answer = undo_load(site, load_id)
    assert answer.status_code == 200, answer.text
    results = answer.json()["results"]
    return {each["slug"]: each["reason"] for each in results if each["outcome"] == "left"}


def follow(site: Site, mirror: ChangeFeedFollower) -> Snapshot:
    now = snapshot(site.database)
    now.assert_consistent()
    mirror.follow(site.database, now)
    return now


def test_i19_loads_are_undone_one_by_one_latest_first(site: Site) -> None:
    states, numbers = [articles_and_aliases(site)], []
    for each in (
        [{"slug": "a", **ONE}, {"slug": "b"}],
        [{"slug": "c", **ONE}, {"slug": "b", "title": "B"}],
        [{"slug": "a", **TWO}, {"slug": "d", **ONE}, {"slug": "b", "title": "C"}],
        [{"slug": "e", **TWO}],
    ):
        numbers.append(loaded(site, *each))
        states.append(articles_and_aliases(site))
    for number in reversed(numbers):
        assert articles_and_aliases(site) == states.pop()
        assert undone(site, number) == {}
    assert articles_and_aliases(site) == states.pop()


def test_i19_an_undo_names_the_latest_load_that_has_not_been_undone(
    site: Site,
) -> None:
    first = loaded(site, {"slug": "a"})
    second = loaded(site, {"slug": "a", "title": "Two"})
    third = loaded(site, {"slug": "a", "title": "Three"})
    assert undone(site, third) == {}
    assert undone(site, first) == {"a": f"load {second} has changed it since"}
    assert undone(site, second) == {}


@pytest.mark.parametrize("chunk_size", [1, 2, 500])
def test_l02_the_undo_of_a_cycle_of_moves_can_be_followed_by_slugs(
    site: Site, monkeypatch: pytest.MonkeyPatch, chunk_size: int
) -> None:
    """I-19, L-02: while articles go back, the feed never shows two at one slug."""
    monkeypatch.setattr("app.ingest.undo.CHUNK", chunk_size)
    loaded(site, {"slug": "a", **ONE}, {"slug": "b", **TWO}, {"slug": "c", **THREE})
    mirror = ChangeFeedFollower()
    before = follow(site, mirror)
    cycle = loaded(
        site,
        {"slug": "x", **ONE},
        {"slug": "a", **TWO},
        {"slug": "b", **THREE},
        {"slug": "c", **ONE},
    )
    follow(site, mirror)
    assert undone(site, cycle) == {}
    assert follow(site, mirror) == before


@pytest.mark.parametrize("chunk_size", [1, 500])
def test_l02_an_undo_frees_a_slug_before_another_article_returns_to_it(
    site: Site, monkeypatch: pytest.MonkeyPatch, chunk_size: int
) -> None:
    """I-19, L-02: the article that took the slug leaves before the first one returns."""
    monkeypatch.setattr("app.ingest.undo.CHUNK", chunk_size)
    loaded(site, {"slug": "a", **ONE})
    mirror = ChangeFeedFollower()
    before = follow(site, mirror)
    second = loaded(
        site, {"slug": "b", **ONE}, {"slug": "a", **TWO}, {"slug": "b", "title": "B", **ONE}
    )
    follow(site, mirror)
    assert undone(site, second) == {}
    assert follow(site, mirror) == before


def test_i13_an_undo_creates_no_alias_at_the_slug_of_an_article(
    site: Site,
) -> None:
    loaded(site, {"slug": "a", **ONE}, {"slug": "b", **ONE})
    second = loaded(site, {"slug": "a", **TWO}, {"slug": "c", **TWO})
    loaded(site, {"slug": "a", **ONE})
    before = snapshot(site.database)
    assert undone(site, second) == {}
    now = snapshot(site.database)
    now.assert_consistent()
    assert now.slugs == {"a": before.slugs["a"]}
    assert now.aliases == {"b": before.slugs["a"]}


def test_i13_an_undo_returns_aliases_to_their_owners_before_the_load(site: Site) -> None:
    loaded(site, {"slug": "s", **THREE}, {"slug": "z", **THREE})
    loaded(site, {"slug": "r", **ONE}, {"slug": "q", **TWO})
    before = snapshot(site.database)
    number = loaded(
        site,
        {"slug": "s", **ONE},
        {"slug": "t", **ONE},
        {"slug": "s", **TWO},
        {"slug": "t", "title": "Last", **ONE},
    )
    assert undone(site, number) == {}
    assert snapshot(site.database) == before


def test_i12_an_undo_does_not_give_two_articles_the_same_story(site: Site) -> None:
    loaded(site, {"slug": "a", **ONE})
    second = _renounce(site)
    loaded(site, {"slug": "b", **ONE})
    before = snapshot(site.database)
    assert undone(site, second) == {"a": "its story is now at /news/b"}
    assert snapshot(site.database) == before


def _renounce(site: Site) -> int:
    """Remove the source of the article at /news/a."""
    site.clock.move(hours=1)
    answer = site.client.patch(
        "/admin/articles/a", json={"canonical_source": None}, headers=site.authorized
    )
    number: int = answer.json()["load"]["id"]
    return number


def test_i19_an_undo_leaves_articles_edited_between_two_batches(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I-10, I-19: undoing a load does not undo an edit made while it ran."""
    monkeypatch.setattr("app.ingest.batching.BATCH_RECORDS", 1)
    loaded(site, {"slug": "a", "title": "Before"})
    feed = ndjson(
        record("a", title="Loaded", updated_at=later(hours=50)),
        record("a", title="Again", updated_at=later(hours=90)),
    )

    def edit() -> bool:
        body = {"title": "Edited", "updated_at": later(hours=70)}
        answer = site.client.patch("/admin/articles/a", json=body, headers=site.authorized)
        assert answer.status_code == 200
        return False

    number = run_between(site, feed, edit)
    assert snapshot(site.database).articles[1]["title"] == "Again"
    assert undone(site, number) == {"a": "load 3 has changed it since"}
    assert snapshot(site.database).articles[1]["title"] == "Again"


def test_i10_an_undo_does_not_move_an_article_to_a_slug_taken_during_the_load(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.ingest.batching.BATCH_RECORDS", 1)
    loaded(site, {"slug": "a", **ONE})
    feed = ndjson(
        record("b", updated_at=later(hours=50), **ONE),
        record("a", title="Loaded", updated_at=later(hours=90), **TWO),
    )

    def create() -> bool:
        body = record("a", title="Put", updated_at=later(hours=60), **TWO)
        answer = site.client.put("/admin/articles/a", json=body, headers=site.authorized)
        assert answer.status_code == 200
        return False

    number = run_between(site, feed, create)
    assert undone(site, number) == {"b": "another article is now at /news/a"}
    now = snapshot(site.database)
    assert {each["slug"]: each["title"] for each in now.articles.values()} == {
        "a": "Put",
        "b": "A headline",
    }


def test_i19_a_running_load_cannot_be_undone_and_continues(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I-10, I-19: an undo that comes too early is refused with Retry-After."""
    monkeypatch.setattr("app.ingest.batching.BATCH_RECORDS", 1)
    early: list[Any] = []

    def undo_it() -> bool:
        early.append(undo_load(site, 1))
        return False

    number = run_between(site, ndjson(record("a"), record("b"), record("c")), undo_it)
    assert [answer.status_code for answer in early] == [409, 409]
    assert all(answer.headers["retry-after"] for answer in early)
    assert len(snapshot(site.database).articles) == 3
    assert undone(site, number) == {}
    assert snapshot(site.database) == Snapshot({}, {})


def run_between(site: Site, feed: str, between: Callable[[], bool]) -> int:
    """Load `feed`, calling `between` between its batches."""
    origin = LoadOrigin("ndjson", "0" * 64, len(feed), "a test")
    source = FeedSource(None, "ndjson", io.BytesIO(feed.encode()))
    return load(LoadContext(site.database, site.clock, between), [source], origin, LoadOptions())


def test_i14_undoing_a_restore_under_another_slug_reports_a_deletion(
    site: Site,
) -> None:
    """I-14, I-19, L-02: the change feed reports that the article is withdrawn again."""
    loaded(site, {"slug": "a", **ONE})
    site.client.delete("/admin/articles/a", headers=site.authorized)
    mirror = ChangeFeedFollower()
    before = follow(site, mirror)
    newer = ndjson(record("b", updated_at=later(hours=90), **ONE))
    answer = site.client.post(
        "/admin/loads?restore=true", content=newer, headers=site.authorized
    ).json()
    assert outcomes(answer) == ["restored"]
    follow(site, mirror)
    assert undone(site, answer["load"]["id"]) == {}
    assert follow(site, mirror) == before
    assert changes(site.database)[-1].kind == "deleted"


def test_i19_an_undo_restores_a_revision_that_current_rules_would_refuse(site: Site) -> None:
    loaded(site, record("a"))
    second = loaded(site, record("a", title="A new headline", updated_at=later(hours=1)))
    with site.database.writing() as session:
        revision = session.scalars(select(Revision)).one()
        revision.record = {
            **revision.record,
            "title": "Two\nlines",
            "lang": "klingon!",
            "topics": ["C++"],
        }
    assert undone(site, second) == {}
    article = site.get("/news/a.json").json()
    assert (article["title"], article["lang"]) == ("Two\nlines", "klingon!")
    assert article["topics"] == ["C++"]
