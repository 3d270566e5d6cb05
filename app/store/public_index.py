"""The catalogue: what readers list and find, kept beside the articles in the same transaction.

It has the number of articles under each term and the words of each article, all of those that
readers see: published by now, and not withdrawn. It can be made anew from the articles.
"""

import platform
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from importlib import metadata
from typing import Final
from urllib.parse import urlsplit

import Stemmer
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from app.article.hygiene import clean
from app.article.record import Record
from app.background_priority import Rows, in_turns
from app.database import fulltext_index
from app.database.dialects import is_any_of, is_sqlite
from app.database.fulltext_index import IndexedText
from app.database.tables import Article, ArticleEntity, ArticleTopic, Change, FacetTerm, Property
from app.database.transactions import DatabaseUnavailableError
from app.search import analyzer
from app.search.highlighter import plain_text
from app.store import articles, topics_and_entities

VERSION: Final = f"2.{analyzer.VERSION}"
"""Of what is kept here, and of how texts are read: it changes with any word of any text."""

_READERS: Final = (
    f"Python {'.'.join(platform.python_version_tuple()[:2])}, Snowball {Stemmer.version()},"
    f" pyromark {metadata.version('pyromark')}"
)

_NAME: Final = "catalogue"
_AT_ONCE: Final = 500
_READ_OF_A_BODY: Final = 2 * analyzer.INDEXED_CHARACTERS
"""How many characters of a body are looked at for its words: it may be full of markup."""

PublicRecords = Mapping[int, Record]
"""Articles that readers see, by their ids."""


def update_articles(session: Session, before: PublicRecords, after: PublicRecords) -> None:
    """Let readers find the articles in `after` in place of those in `before`.

    The session is one of `Database.writing()`, and has written the articles. Raises
    DatabaseUnavailableError where another version, or another Python, has made the catalogue since
    this process started: what it would take out is not what that has put in.
    """
    if is_sqlite(session) and not is_current(session):
        raise DatabaseUnavailableError("its index of words is another version's: start anew")
    _revise(session, before, after)


def _revise(session: Session, before: PublicRecords, after: PublicRecords) -> None:
    _count(session, before, after)
    changed = {i for i in before.keys() | after.keys() if _reads_otherwise(before, after, i)}
    gone = {fulltext_index.index_key(before[i].published_at, i): i for i in before if i in changed}
    fulltext_index.remove(session, list(gone), lambda key: _words(gone[key], before[gone[key]]))
    fulltext_index.insert(
        session, [_words(i, after[i]) for i in in_turns(after, 2) if i in changed]
    )


def source_host(record: Record) -> str | None:
    """Return the host that a record's story comes from, in lower case."""
    address = record.canonical_source
    return _host(address.split("/", 3)[2]) if address else None


@lru_cache(1_024)  # there are many addresses, and few hosts; to take an address apart takes 4 us
def _host(authority: str) -> str | None:
    return urlsplit(f"//{authority}").hostname


def version(session: Session) -> str:
    """Return what the catalogue of this database has to be of.

    On SQLite an article's words are read from its text again to take them out of their index, which
    is right only where they are the same ones: that is also up to what reads texts for us.
    """
    return f"{VERSION}, {_READERS}" if is_sqlite(session) else VERSION


def is_current(session: Session) -> bool:
    """Say whether the catalogue is as this version makes it."""
    kept = session.scalar(select(Property.value).where(Property.name == _NAME))
    return kept == version(session)


def rebuild(session: Session, now: datetime) -> None:
    """Make the catalogue anew. The session is one of `Database.writing()`.

    What has come due since the change feed told of it last is left to be announced.
    """
    session.execute(delete(FacetTerm))
    fulltext_index.clear(session)
    for ids in _some(session.scalars(select(Article.id).order_by(Article.id)).all()):
        told = _told(session, ids)
        states = articles.current_states(session, ids)
        listed = {i: s.listed_at(now) if i in told else None for i, s in states.items()}
        rows = [
            {"_id": i, "listed_at": listed[i], "source_host": source_host(s.record)}
            for i, s in states.items()
        ]
        session.connection().execute(_PLACED, rows)
        copy_listed_at_to_links(session, ids)
        _revise(session, {}, {i: s.record for i, s in states.items() if listed[i]})
    session.execute(delete(Property).where(Property.name == _NAME))
    session.add(Property(name=_NAME, value=version(session)))
    session.flush()


def copy_listed_at_to_links(session: Session, ids: Collection[int]) -> None:
    """Let the links of articles say what these say themselves: since when they are listed."""
    for link in ArticleTopic, ArticleEntity:
        said = select(Article.listed_at).where(Article.id == link.article_id).scalar_subquery()
        linked = is_any_of(session, link.article_id, ids)
        session.execute(
            update(link).where(linked).values(listed_at=said),
            execution_options={"synchronize_session": False},
        )


def _told(session: Session, ids: Sequence[int]) -> set[int]:
    """Return which of the articles the change feed has told readers of, and not of their end."""
    latest = (
        select(Change.article_id, Change.public)
        .where(is_any_of(session, Change.article_id, ids), Change.public.is_not(None))
        .order_by(Change.seq)
    )
    last = {row[0]: row[1] for row in session.execute(latest)}
    return {i for i in ids if last.get(i, "deleted") != "deleted"}


_PLACED: Final = (
    update(Article)
    .where(Article.id == bindparam("_id"))
    .values(listed_at=bindparam("listed_at"), source_host=bindparam("source_host"))
)


def _some(ids: Sequence[int]) -> Iterator[Sequence[int]]:
    return (ids[start : start + _AT_ONCE] for start in range(0, len(ids), _AT_ONCE))


def _reads_otherwise(before: PublicRecords, after: PublicRecords, article_id: int) -> bool:
    old, new = before.get(article_id), after.get(article_id)
    return old is None or new is None or _read(old) != _read(new)


def _read(record: Record) -> tuple[object, ...]:
    return record.published_at, record.title, record.summary, record.body_md, record.lang


def _words(article_id: int, kept: Record) -> IndexedText:
    if len(kept.body_md) > _READ_OF_A_BODY:
        kept = kept.model_copy(update={"body_md": kept.body_md[:_READ_OF_A_BODY]})
    # What readers do not see, they do not find by either.
    record = clean(kept)
    language = record.lang
    return IndexedText(
        key=fulltext_index.index_key(record.published_at, article_id),
        title=analyzer.index_text(record.title, language),
        summary=analyzer.index_text(record.summary, language),
        body=analyzer.index_text(plain_text(record.body_md), language),
    )


def _count(session: Session, before: PublicRecords, after: PublicRecords) -> None:
    """Count the articles under each term again, where that has changed."""
    difference: Counter[tuple[str, str]] = Counter()
    for record in in_turns(after.values()):
        difference.update(_terms(record))
    for record in in_turns(before.values()):
        difference.subtract(_terms(record))
    changed = sorted((*term, change) for term, change in difference.items() if change)
    if not changed:
        return
    names = [name for facet, name, _ in changed if facet == "entity"]
    slugs = topics_and_entities.entity_slugs(session, names)
    rows = [
        (facet, slugs[name] if facet == "entity" else name, name, analyzer.fold(name), change)
        for facet, name, change in in_turns(changed)
    ]
    # The driver is asked itself: to have each row named and taken apart takes longer than it does.
    mark = "?" if is_sqlite(session) else "%s"
    session.connection().exec_driver_sql(_ADDED.replace("?", mark), Rows(rows))


_ADDED: Final = """
INSERT INTO terms (facet, value, label, folded, articles) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (facet, value) DO UPDATE SET articles = terms.articles + excluded.articles"""


def _terms(record: Record) -> Iterator[tuple[str, str]]:
    yield "all", ""
    yield "lang", record.lang
    yield "month", record.published_at.strftime("%Y-%m")
    if host := source_host(record):
        yield "source", host
    for topic in record.topics:
        yield "topic", topic
    for entity in record.entities:
        yield "entity", entity
