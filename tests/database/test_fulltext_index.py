"""The catalogue's index of words on SQLite, which is told what to take out, and so has to know."""

import hashlib
import json

import pytest
from sqlalchemy import text

from app.database import fulltext_index
from app.database.fulltext_index import IndexedText, index_key
from app.database.transactions import Database
from app.store import public_index
from app.store.startup import prepare, upgrade
from tests.support.feed_records import ndjson, outcomes, record
from tests.support.paths import SEED
from tests.support.site import NOW, Site, one_database
from tests.support.snapshots import assert_catalogued, words_in, words_of

MIXED = {
    "title": "Die Größe der Straße – naïve “coöperation”, 東京の天気",
    "summary": "Running runners ran; don't. ΑΘΗΝΑ Москва हिन्दी",
    "body_md": "# Die Größe\n\nA [link](https://e.com) in*side* a word.\n\n- `code` & more\n"
    "- <b>bold</b>\n\n<!-- hidden --> seen\u200b\u00ad\n\n| a | b |\n|---|---|\n| c | d |\n",
    "entities": ["Zoë"],
}
WORDS = {"2.1": "c569bf5f71ae7b3ed1e43e67d2c841192551edc24bfdb2389598c89c97e963a9"}


def digest() -> str:
    """Return one line for what is made of a text in each of some languages, and of the seed."""
    texts = [MIXED | {"lang": lang} for lang in ("en", "de", "fr", "ru", "ja", "und")]
    made = [words_of(each) for each in (*texts, json.loads(SEED.read_text()))]
    return hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()


@one_database
def test_l03_where_words_change_the_version_does() -> None:
    """An index that was made by other rules cannot be told what to take out by these.

    Who changes what is made of a text raises the version, and pins its words here.
    """
    assert WORDS.get(public_index.VERSION) == digest()


@pytest.mark.databases("sqlite")
def test_l03_words_of_articles_that_change_and_go_are_taken_out(site: Site) -> None:
    site.loaded(ndjson(record("a", **MIXED), record("b", **MIXED), record("c", **MIXED)))
    assert_catalogued(site.database)
    later = {"updated_at": "2026-07-01T00:00:00Z"}
    done = site.loaded(ndjson(record("a", **MIXED | later | {"lang": "de"}), record("b", **later)))
    assert outcomes(done) == ["updated", "updated"]
    assert_catalogued(site.database)
    for slug in "a", "b", "c":
        site.client.delete(f"/admin/articles/{slug}", headers=site.authorized)
        assert_catalogued(site.database)
    with site.database.reading() as session:
        assert words_in(session.connection()) == []


@pytest.mark.databases("sqlite")
def test_l03_what_is_not_in_the_index_leaves_nothing_when_it_is_taken_out(
    database: Database,
) -> None:
    row = IndexedText(index_key(NOW, 1), "one", "", "two three")
    for _ in range(2):
        with database.writing() as session:
            fulltext_index.remove(session, [row.key], lambda _key: row)
            fulltext_index.insert(session, [row])
        with database.reading() as session:
            assert [each[1:] for each in words_in(session.connection())] == [
                ("body", 0, "two"), ("body", 1, "three"), ("title", 0, "one"),
            ]  # fmt: skip
    with database.writing() as session:
        fulltext_index.remove(session, [row.key], lambda _key: row)
        session.execute(
            text("INSERT INTO article_words (article_words) VALUES ('integrity-check')")
        )
    with database.reading() as session:
        assert words_in(session.connection()) == []


@pytest.mark.databases("sqlite")
@pytest.mark.parametrize("readers", ["", ", Python 3.0, Snowball 0, pyromark 0"])
def test_l03_what_another_python_has_read_is_read_again(site: Site, readers: str) -> None:
    site.loaded(ndjson(record("a", **MIXED)))
    with site.database.writing() as session:
        fulltext_index.clear(session)
        by_others = text("UPDATE properties SET value = :value WHERE name = 'catalogue'")
        session.execute(by_others, {"value": public_index.VERSION + readers})
    prepare(site.database, NOW)
    assert_catalogued(site.database)


@pytest.mark.databases("sqlite")
def test_l03_who_reads_otherwise_than_the_index_leaves_it_alone(site: Site) -> None:
    """As the process of an older version that still runs when a newer one has started."""
    site.loaded(ndjson(record("a", **MIXED)))
    by_others = text("UPDATE properties SET value = :value WHERE name = 'catalogue'")
    with site.database.writing() as session:
        ours = public_index.version(session)
        session.execute(by_others, {"value": "3.0"})
        before = words_in(session.connection())
    later = record("a", title="Other words", updated_at="2026-07-01T00:00:00Z")
    answers = (
        site.client.put("/admin/articles/a", json=later, headers=site.authorized),
        site.client.delete("/admin/articles/a", headers=site.authorized),
    )
    with site.database.writing() as session:
        session.execute(by_others, {"value": ours})
        session.execute(text("DROP TABLE IF EXISTS temp.met"))
        after = words_in(session.connection())
    assert [answer.status_code for answer in answers] == [503, 503]
    assert after == before
    assert_catalogued(site.database)


@pytest.mark.databases("sqlite")
def test_l03_of_an_article_of_markup_a_part_is_read_and_taken_out_again(site: Site) -> None:
    body = "a <b>x</b> " * 30_000 + "behind"
    site.loaded(ndjson(record("a", body_md=body)))
    assert_catalogued(site.database)
    done = site.loaded(ndjson(record("a", body_md="x", updated_at="2026-07-01T00:00:00Z")))
    assert outcomes(done) == ["updated"]
    assert_catalogued(site.database)


@pytest.mark.databases("sqlite")
def test_l03_the_index_is_filled_from_the_articles_on_the_way_there_and_back(site: Site) -> None:
    site.loaded(ndjson(record("a", **MIXED), record("b")))
    site.database.downgrade("0006")
    with site.database.reading() as session:
        assert not public_index.is_current(session)
        kept = text("SELECT count(*) FROM article_words_content")
        assert session.scalar(kept) == 0
    upgrade(site.database, NOW)
    assert_catalogued(site.database)
    with site.database.reading() as session:
        there = text("SELECT name FROM sqlite_master WHERE name LIKE 'article_words%'")
        assert "article_words_content" not in set(session.scalars(there))
