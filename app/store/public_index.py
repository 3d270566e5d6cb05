"""What readers list and search: term counts and the full-text index, for public articles only.

An article is public from its publication until it is withdrawn. Both are updated in the
transaction that writes the article.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.article.hygiene import clean
from app.article.record import Record
from app.background_priority import yielding
from app.database import fulltext_index
from app.database.dialects import in_chunks, is_any_of, is_sqlite
from app.database.fulltext_index import IndexedText
from app.database.tables import Article, ArticleEntity, ArticleTopic
from app.search import analyzer
from app.search.highlighter import plain_text
from app.store import topics_and_entities

BODY_CHARACTERS: Final = 2 * analyzer.INDEXED_CHARACTERS
"""How much of a body is parsed for the index. Twice what is indexed, as some of it is markup."""

PublicRecords = Mapping[int, Record]
"""Records of public articles, by article id."""


def update_articles(session: Session, before: PublicRecords, after: PublicRecords) -> None:
    """Replace the articles in `before` by those in `after`; an id may be in both.

    The session must be one of `Database.writing()` and have written the articles.
    """
    _count_terms(session, before, after)
    connection = session.connection()
    changed = {
        i for i in before.keys() | after.keys() if _text_differs(before.get(i), after.get(i))
    }
    old = [fulltext_index.index_key(before[i].published_at, i) for i in before if i in changed]
    fulltext_index.remove(connection, old)
    new = [i for i in after if i in changed]
    fulltext_index.insert(connection, [indexed_text(i, after[i]) for i in yielding(new)])


def indexed_text(article_id: int, record: Record) -> IndexedText:
    """Return the full-text index's row of an article, from the text that readers see."""
    if len(record.body_md) > BODY_CHARACTERS:
        record = record.model_copy(update={"body_md": record.body_md[:BODY_CHARACTERS]})
    shown = clean(record)
    return IndexedText(
        key=fulltext_index.index_key(shown.published_at, article_id),
        title=analyzer.index_text(shown.title, shown.lang),
        summary=analyzer.index_text(shown.summary, shown.lang),
        body=analyzer.index_text(plain_text(shown.body_md), shown.lang),
    )


def source_host(record: Record) -> str | None:
    """Return the host of a record's canonical source, in lower case."""
    url = record.canonical_source
    return _host(url.split("/", 3)[2]) if url else None


@lru_cache(1_024)  # sources are many and hosts few, and parsing a URL takes 4 µs
def _host(authority: str) -> str | None:
    return urlsplit(f"//{authority}").hostname


def copy_listed_at_to_links(session: Session, ids: Collection[int]) -> None:
    """Copy `listed_at` of the articles to their links with topics and entities."""
    for link in ArticleTopic, ArticleEntity:
        listed_at = select(Article.listed_at).where(Article.id == link.article_id).scalar_subquery()
        session.execute(
            update(link)
            .where(is_any_of(session, link.article_id, ids))
            .values(listed_at=listed_at),
            execution_options={"synchronize_session": False},
        )


def _text_differs(old: Record | None, new: Record | None) -> bool:
    return old is None or new is None or _indexed_fields(old) != _indexed_fields(new)


def _indexed_fields(record: Record) -> tuple[object, ...]:
    return record.published_at, record.title, record.summary, record.body_md, record.lang


def _count_terms(session: Session, before: PublicRecords, after: PublicRecords) -> None:
    """Add to the number of articles under each term what the change adds to it."""
    difference: Counter[tuple[str, str]] = Counter()
    for record in after.values():
        difference.update(_terms(record))
    for record in before.values():
        difference.subtract(_terms(record))
    changed = sorted((*term, change) for term, change in difference.items() if change)
    names = [name for facet, name, _ in changed if facet == "entity"]
    slugs = topics_and_entities.entity_slugs(session, names)
    rows = [
        (facet, slugs[name] if facet == "entity" else name, name, analyzer.fold(name), change)
        for facet, name, change in changed
    ]
    placeholder = "?" if is_sqlite(session) else "%s"
    for chunk in in_chunks(rows):
        session.connection().exec_driver_sql(_ADD_TERMS.replace("?", placeholder), chunk)


_ADD_TERMS: Final = """
INSERT INTO terms (facet, value, label, folded, articles) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (facet, value) DO UPDATE SET articles = terms.articles + excluded.articles"""


def _terms(record: Record) -> Iterator[tuple[str, str]]:
    """Yield the facets of a record and its values in them. All articles are in the facet "all"."""
    yield "all", ""
    yield "lang", record.lang
    yield "month", record.published_at.strftime("%Y-%m")
    if host := source_host(record):
        yield "source", host
    for topic in record.topics:
        yield "topic", topic
    for entity in record.entities:
        yield "entity", entity
