"""The index of words, as each database keeps it: filled, and asked in its own language of queries.

It is a table of FTS5 on SQLite, and one with a `tsvector` under a GIN index on PostgreSQL. Both get
the same words (`app.words`), so both find the same. A row's key is made of the second in which the
article was published and of its id: in the order of keys, matches are found from the newest on
without looking at all of them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from sqlalchemy import (
    ColumnElement,
    FromClause,
    column,
    func,
    literal_column,
    table,
    text,
)
from sqlalchemy.orm import Session

from app.dialects import is_sqlite
from app.words import Term

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
_WEIGHTS: Final[dict[Tier, str]] = {"title": "A", "summary": "AB", "body": ""}
_POSTGRESQL: Final = table("article_words", column("key"), column("words"))
_SQLITE: Final = table("article_words", column("rowid"))


class Words(NamedTuple):
    """What is kept of an article to be searched, field by field."""

    key: int
    title: str
    summary: str
    body: str


class Matches(NamedTuple):
    """The rows that match: where they are, their key, the id of their article, and when."""

    rows: FromClause
    key: ColumnElement[int]
    article_id: ColumnElement[int]
    condition: ColumnElement[bool]


def key_of(listed_at: datetime, article_id: int) -> int:
    """Return the key of an article: it grows with the second, and within one with the id."""
    seconds = (listed_at - _EPOCH) // _SECOND
    return (min(max(seconds, _EARLIEST), _LATEST) << _ID_BITS) | (article_id & _ID_MASK)


_SECOND: Final = _EPOCH.replace(second=1) - _EPOCH


def insert(session: Session, rows: Sequence[Words]) -> None:
    """Add `rows` to the index."""
    if not rows:
        return
    connection = session.connection()
    if is_sqlite(session):
        connection.exec_driver_sql(
            "INSERT INTO article_words (rowid, title, summary, body) VALUES (?, ?, ?, ?)",
            list(rows),
        )
        return
    # All in one statement: the words are parsed by the server, and sent once.
    connection.execute(
        text(
            "INSERT INTO article_words (key, words)"
            " SELECT key, setweight(to_tsvector('simple', title), 'A')"
            " || setweight(to_tsvector('simple', summary), 'B')"
            " || setweight(to_tsvector('simple', body), 'C')"
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


def remove(session: Session, keys: Sequence[int]) -> None:
    """Take rows out of the index."""
    if not keys:
        return
    connection = session.connection()
    if is_sqlite(session):
        statement = "DELETE FROM article_words WHERE rowid = ?"
        connection.exec_driver_sql(statement, [(key,) for key in keys])
        return
    connection.execute(
        text("DELETE FROM article_words WHERE key = ANY (CAST(:keys AS bigint[]))"),
        {"keys": list(keys)},
    )


def clear(session: Session) -> None:
    """Take everything out of the index."""
    session.execute(text("DELETE FROM article_words"))


def matches(dialect: str, terms: Sequence[Term], tier: Tier, *, exactly: bool) -> Matches:
    """Return the rows in which `terms` are found at `tier`, with `exactly` at none before it.

    One of the terms at least is not excluded.
    """
    before = TIERS[TIERS.index(tier) - 1] if exactly and tier != "title" else None
    if dialect == "sqlite":
        key: ColumnElement[int] = _SQLITE.c.rowid
        query = _fts5(terms, tier, before)
        condition = literal_column("article_words").op("MATCH", is_comparison=True)(query)
        return Matches(_SQLITE, key, key.bitwise_and(_ID_MASK), condition)
    key = _POSTGRESQL.c.key
    asked = func.to_tsquery("simple", _tsquery(terms, tier, before))
    condition = _POSTGRESQL.c.words.op("@@", is_comparison=True)(asked)
    return Matches(_POSTGRESQL, key, key.bitwise_and(_ID_MASK), condition)


def _fts5(terms: Sequence[Term], tier: Tier, before: Tier | None) -> str:
    """Return a query in the language of FTS5 (SQLite, "Full-text Query Syntax")."""
    asked = " AND ".join(_fts5_term(term) for term in terms if not term.excluded)
    query = f"{_COLUMNS[tier]}({asked})"
    unwanted = [_fts5_term(term) for term in terms if term.excluded]
    if before is not None:
        unwanted.append(f"{_COLUMNS[before]}({asked})")
    for each in unwanted:
        query = f"({query}) NOT ({each})"
    return query


def _fts5_term(term: Term) -> str:
    end = " *" if term.prefix else ""
    return "(" + " OR ".join(f'"{spelling}"{end}' for spelling in term.spellings) + ")"


def _tsquery(terms: Sequence[Term], tier: Tier, before: Tier | None) -> str:
    """Return a query for `to_tsquery` (PostgreSQL, "Parsing Queries")."""
    parts = [_tsquery_term(term, tier) for term in terms if not term.excluded]
    if before is not None:
        asked = " & ".join(_tsquery_term(term, before) for term in terms if not term.excluded)
        parts.append(f"!({asked})")
    parts += [f"!{_tsquery_term(term, 'body')}" for term in terms if term.excluded]
    return " & ".join(parts)


def _tsquery_term(term: Term, tier: Tier) -> str:
    weight = f":{_WEIGHTS[tier]}" if _WEIGHTS[tier] else ""
    spellings = []
    for spelling in term.spellings:
        *rest, last = (f"{word}{weight}" for word in spelling.split())
        if term.prefix:
            last = f"{spelling.split()[-1]}:*{_WEIGHTS[tier]}"
        spellings.append("(" + " <-> ".join([*rest, last]) + ")")
    return "(" + " | ".join(spellings) + ")"
