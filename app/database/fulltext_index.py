"""The index of words, as each database keeps it: filled, and asked in its own language of queries.

It is a table of FTS5 on SQLite, and one with `tsvector`s under GIN indexes on PostgreSQL. Both get
the same words (`app.search.analyzer`), so both find the same. A row's key is made of the second in
which the article was published and of its id: in the order of keys, matches are found from the
newest on without looking at all of them.

FTS5 keeps no texts beside its index, and so it has to be told what to take out: exactly the words
that it was given.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    column,
    func,
    literal_column,
    not_,
    table,
    text,
)
from sqlalchemy.orm import Session

from app.background_priority import Rows, in_turns
from app.database.dialects import is_sqlite, list_parameter
from app.search.analyzer import SearchTerm

Tier = Literal["title", "summary", "body"]
"""Where all that is asked for is found: in the title; else there or in the summary; else at all."""

TIERS: Final[tuple[Tier, ...]] = ("title", "summary", "body")

_ID_BITS: Final = 30
_ID_MASK: Final = (1 << _ID_BITS) - 1
_EARLIEST: Final = -(1 << 32)
_LATEST: Final = (1 << 33) - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_COLUMNS: Final[dict[Tier, str]] = {
    "title": "{title} : ",
    "summary": "{title summary} : ",
    "body": "",
}
_POSTGRESQL: Final = table(
    "article_words", column("key"), column("title"), column("head"), column("whole")
)
# One column for each tier, with what is in those before it: so the planner knows how rare a word is
# in each, and whether to look for its articles or to come across them.
_TIER_COLUMNS: Final[dict[Tier, ColumnElement[str]]] = {
    "title": _POSTGRESQL.c.title,
    "summary": _POSTGRESQL.c.head,
    "body": _POSTGRESQL.c.whole,
}
_SQLITE: Final = table("article_words", column("rowid"))


class IndexedText(NamedTuple):
    """What is kept of an article to be searched, field by field."""

    key: int
    title: str
    summary: str
    body: str


class MatchQuery(NamedTuple):
    """The rows that match: where they are, their key, the id of their article, and when."""

    rows: FromClause
    key: ColumnElement[int]
    article_id: ColumnElement[int]
    condition: ColumnElement[bool]


def index_key(listed_at: datetime, article_id: int) -> int:
    """Return the key of an article: it grows with the second, and within one with the id."""
    seconds = (listed_at - _EPOCH) // _SECOND
    return (min(max(seconds, _EARLIEST), _LATEST) << _ID_BITS) | (article_id & _ID_MASK)


# A constant of the statement: to plan with, the server must know what is asked.
_PLAIN: Final[ColumnElement[str]] = literal_column("'simple'::regconfig")
_SECOND: Final = _EPOCH.replace(second=1) - _EPOCH


def last_index_key(instant: datetime) -> int:
    """Return the last key of an article that is published in the second of `instant`."""
    return index_key(instant, _ID_MASK)


def insert(session: Session, rows: Sequence[IndexedText]) -> None:
    """Add `rows` to the index."""
    if not rows:
        return
    connection = session.connection()
    if is_sqlite(session):
        # FTS5 collects what it is given as long as keys grow, and writes it down where one does
        # not. In the order of keys a row takes half of the time, and there is less to merge.
        connection.exec_driver_sql(
            "INSERT INTO article_words (rowid, title, summary, body) VALUES (?, ?, ?, ?)",
            Rows(sorted(rows)),
        )
        return
    # All in one statement: the words are parsed by the server, and sent once.
    connection.execute(
        text(
            "INSERT INTO article_words (key, title, head, whole)"
            " SELECT key, to_tsvector('simple', title),"
            " to_tsvector('simple', title) || to_tsvector('simple', summary),"
            " to_tsvector('simple', title) || to_tsvector('simple', summary)"
            " || to_tsvector('simple', body)"
            " FROM unnest(CAST(:keys AS bigint[]), CAST(:titles AS text[]),"
            " CAST(:summaries AS text[]), CAST(:bodies AS text[]))"
            " AS given (key, title, summary, body)"
        ),
        {
            "keys": [row.key for row in rows],
            "titles": [row.title for row in rows],
            "summaries": [row.summary for row in rows],
            "bodies": [row.body for row in rows],
        },
    )


def remove(session: Session, keys: Sequence[int], words_of: Callable[[int], IndexedText]) -> None:
    """Take rows out of the index. `words_of` tells of a key what was inserted under it.

    What is not there stays so.
    """
    if not keys:
        return
    connection = session.connection()
    if is_sqlite(session):
        # FTS5 would note also of what was never there that it is gone (SQLite, "The 'delete'
        # Command"). It is asked once: each time it writes down first what it has collected.
        there = connection.exec_driver_sql(_THERE, (list_parameter(keys, "sqlite"),)).scalars()
        if rows := [words_of(key) for key in in_turns(sorted(there), 2)]:
            connection.exec_driver_sql(_TAKEN_OUT, Rows(rows))
        return
    connection.execute(
        text("DELETE FROM article_words WHERE key = ANY (CAST(:keys AS bigint[]))"),
        {"keys": list(keys)},
    )


_THERE: Final = """
SELECT rowid FROM article_words WHERE rowid IN (SELECT value FROM json_each(?))"""
_TAKEN_OUT: Final = """
INSERT INTO article_words (article_words, rowid, title, summary, body)
VALUES ('delete', ?, ?, ?, ?)"""


def clear(session: Session) -> None:
    """Take everything out of the index."""
    everything = "INSERT INTO article_words (article_words) VALUES ('delete-all')"
    session.execute(text(everything if is_sqlite(session) else "DELETE FROM article_words"))


def matches(dialect: str, terms: Sequence[SearchTerm], tier: Tier, *, exactly: bool) -> MatchQuery:
    """Return the rows in which `terms` are found at `tier`, with `exactly` at none before it.

    One of the terms at least is not excluded.
    """
    before = TIERS[TIERS.index(tier) - 1] if exactly and tier != "title" else None
    if dialect == "sqlite":
        key: ColumnElement[int] = _SQLITE.c.rowid
        query = _fts5(terms, tier, before)
        condition = literal_column("article_words").op("MATCH", is_comparison=True)(query)
        return MatchQuery(_SQLITE, key, key.bitwise_and(_ID_MASK), condition)
    key = _POSTGRESQL.c.key
    asked = " & ".join(_tsquery(term) for term in terms if not term.excluded)
    conditions = [_is_in(_TIER_COLUMNS[tier], asked)]
    if before is not None:
        conditions.append(not_(_is_in(_TIER_COLUMNS[before], asked)))
    whole = _TIER_COLUMNS["body"]
    conditions += [not_(_is_in(whole, _tsquery(term))) for term in terms if term.excluded]
    return MatchQuery(_POSTGRESQL, key, key.bitwise_and(_ID_MASK), and_(*conditions))


def _is_in(words: ColumnElement[str], query: str) -> ColumnElement[bool]:
    return words.op("@@", is_comparison=True)(func.to_tsquery(_PLAIN, query))


def _fts5(terms: Sequence[SearchTerm], tier: Tier, before: Tier | None) -> str:
    """Return a query in the language of FTS5 (SQLite, "Full-text Query Syntax")."""
    asked = " AND ".join(_fts5_term(term) for term in terms if not term.excluded)
    query = f"{_COLUMNS[tier]}({asked})"
    unwanted = [_fts5_term(term) for term in terms if term.excluded]
    if before is not None:
        unwanted.append(f"{_COLUMNS[before]}({asked})")
    for each in unwanted:
        query = f"({query}) NOT ({each})"
    return query


def _fts5_term(term: SearchTerm) -> str:
    end = " *" if term.prefix else ""
    return "(" + " OR ".join(f'"{spelling}"{end}' for spelling in term.variants) + ")"


def _tsquery(term: SearchTerm) -> str:
    """Return a query for `to_tsquery` (PostgreSQL, "Parsing Queries")."""
    end = ":*" if term.prefix else ""
    phrases = (" <-> ".join(spelling.split()) for spelling in term.variants)
    return "(" + " | ".join(f"({phrase}{end})" for phrase in phrases) + ")"
