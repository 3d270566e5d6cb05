"""The full-text index: it follows the articles, and survives versions that index otherwise."""

import pytest
from sqlalchemy import text

from app.database import fulltext_index
from app.database.fulltext_index import IndexedText, index_key
from app.database.transactions import Database
from tests.support.feed_records import ndjson, outcomes, record
from tests.support.site import NOW, Site
from tests.support.snapshots import assert_public_index_is_complete, index_rows, snapshot

MIXED = {
    "title": "Die Größe der Straße – naïve “coöperation”, 東京の天気",
    "summary": "Running runners ran; don't. ΑΘΗΝΑ Москва हिन्दी",
    "body_md": "# Die Größe\n\nA [link](https://e.com) in*side* a word.\n\n- `code` & more\n"
    "- <b>bold</b>\n\n<!-- hidden --> seen\u200b\u00ad\n\n| a | b |\n|---|---|\n| c | d |\n",
    "entities": ["Zoë"],
}


@pytest.mark.databases("sqlite")
def test_l03_tokens_of_changed_and_withdrawn_articles_are_removed(site: Site) -> None:
    site.loaded(ndjson(record("a", **MIXED), record("b", **MIXED), record("c", **MIXED)))
    assert_public_index_is_complete(site.database)
    later = {"updated_at": "2026-07-01T00:00:00Z"}
    done = site.loaded(ndjson(record("a", **MIXED | later | {"lang": "de"}), record("b", **later)))
    assert outcomes(done) == ["updated", "updated"]
    assert_public_index_is_complete(site.database)
    for slug in "a", "b", "c":
        site.client.delete(f"/admin/articles/{slug}", headers=site.authorized)
        assert_public_index_is_complete(site.database)
    with site.database.reading() as session:
        assert index_rows(session.connection()) == []


@pytest.mark.databases("sqlite")
def test_l03_removing_an_unindexed_article_changes_nothing(database: Database) -> None:
    row = IndexedText(index_key(NOW, 1), "one", "", "two three")
    for _ in range(2):
        with database.writing() as session:
            fulltext_index.remove(session.connection(), [row.key])
            fulltext_index.insert(session.connection(), [row])
        with database.reading() as session:
            assert [each[1:] for each in index_rows(session.connection())] == [
                ("body", 0, "two"), ("body", 1, "three"), ("title", 0, "one"),
            ]  # fmt: skip
    with database.writing() as session:
        fulltext_index.remove(session.connection(), [row.key])
        check = "INSERT INTO article_words (article_words) VALUES ('integrity-check')"
        session.execute(text(check))
    with database.reading() as session:
        assert index_rows(session.connection()) == []


INDEXED_OTHERWISE = {
    True: "UPDATE article_words SET title = 'older ' || title",
    False: "UPDATE article_words SET title = title || to_tsvector('simple', 'older'),"
    " head = head || to_tsvector('simple', 'older'),"
    " whole = whole || to_tsvector('simple', 'older')",
}


def test_o05_articles_indexed_by_another_version_are_found_until_they_change(site: Site) -> None:
    site.loaded(ndjson(record("a", **MIXED), record("b", **MIXED), record("c", **MIXED)))
    with site.database.writing() as session:
        session.execute(text(INDEXED_OTHERWISE[site.database.embedded]))

    def found(query: str) -> set[str]:
        answer = site.client.get(f"/news.json?q={query}")
        assert answer.status_code == 200
        return {item["slug"] for item in answer.json()["items"]}

    site.database.prepare()  # as when this version starts
    assert found("older") == found("runners") == {"a", "b", "c"}
    edit = site.client.patch(
        "/admin/articles/a",
        json={"title": "Other words", "updated_at": "2026-07-01T00:00:00Z"},
        headers=site.authorized,
    )
    assert edit.status_code == 200, edit.text
    assert site.client.delete("/admin/articles/b", headers=site.authorized).status_code == 200
    assert (found("older"), found("other"), found("runners")) == ({"c"}, {"a"}, {"a", "c"})


@pytest.mark.databases("sqlite")
def test_l03_only_the_beginning_of_a_long_body_is_indexed_and_removed_again(site: Site) -> None:
    body = "a <b>x</b> " * 30_000 + "behind"
    site.loaded(ndjson(record("a", body_md=body)))
    assert_public_index_is_complete(site.database)
    done = site.loaded(ndjson(record("a", body_md="x", updated_at="2026-07-01T00:00:00Z")))
    assert outcomes(done) == ["updated"]
    assert_public_index_is_complete(site.database)


def test_l03_a_migration_fills_the_index_in_both_directions(own_site: Site) -> None:
    own_site.loaded(ndjson(record("a", **MIXED), record("b")))
    own_site.database.downgrade("0006")
    own_site.database.upgrade()
    assert_public_index_is_complete(own_site.database)


def test_a_migration_fills_listings_and_search_in_a_database_that_never_had_them(
    own_site: Site,
) -> None:
    """As in a database of a version before there were listings, and with an article to come."""
    site = own_site
    ahead = {"published_at": "2999-01-01T00:00:00Z", "updated_at": "2999-01-01T00:00:00Z"}
    site.loaded(
        ndjson(
            record("a", **MIXED, topics=["x", "y"], canonical_source="https://User@E.com:80/b"),
            record("b", lang="de", topics=["x"]),
            record("c"),
            record("d", **ahead, topics=["z"]),
        )
    )
    site.client.delete("/admin/articles/c", headers=site.authorized)
    before = snapshot(site.database)
    site.database.downgrade("0004")
    site.database.upgrade()
    after = snapshot(site.database)
    assert after.articles == before.articles
    assert_public_index_is_complete(site.database)
