"""The full-text index of each database: how rows are written, and how a search becomes a query.

On SQLite it is an FTS5 table; on PostgreSQL a table of `tsvector`s with GIN indexes. Both hold the
tokens that `app.search.analyzer` makes, so both find the same articles.

The key of a row is made of the second in which its article was published and of the article's id.
Reading matches in the order of keys yields the newest articles first, without sorting them all.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    FromClause,
    and_,
    column,
    func,
    literal_column,
    not_,
    table,
    text,
)

from app.database.dialects import in_chunks, is_any_of
from app.search.analyzer import SearchTerm

Tier = Literal["title", "summary", "body"]
"""Where all terms are found: in the title; in title and summary together; anywhere."""

TIERS: Final[tuple[Tier, ...]] = ("title", "summary", "body")

_ID_BITS: Final = 30
_ID_MASK: Final = (1 << _ID_BITS) - 1
_EARLIEST: Final = -(1 << 32)
_LATEST: Final = (1 << 33) - 1
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = _EPOCH.replace(second=1) - _EPOCH

_FTS5_COLUMNS: Final[dict[Tier, str]] = {
    "title": "{title} : ",
    "summary": "{title summary} : ",
    "body": "",
}
_FTS5_TABLE: Final = table("article_words", column("rowid", BigInteger))
_TSVECTORS: Final = table(
    "article_words", column("key", BigInteger), column("title"), column("head"), column("whole")
)
# Each column repeats the tokens of the tiers before it. So the planner knows how rare a word is in
# each tier, and whether to read its index or to filter articles in the order of their keys.
_TSVECTOR_COLUMNS: Final[dict[Tier, ColumnElement[str]]] = {
    "title": _TSVECTORS.c.title,
    "summary": _TSVECTORS.c.head,
    "body": _TSVECTORS.c.whole,
}
# A constant in the statement, because the planner estimates the matches of a constant query only.
_SIMPLE: Final[ColumnElement[str]] = literal_column("'simple'::regconfig")


class IndexedText(NamedTuple):
    """A row of the index: the tokens of an article, field by field."""

    key: int
    title: str
    summary: str
    body: str


class MatchQuery(NamedTuple):
    """The condition for rows that match a search, with the columns of the table it applies to."""

    rows: FromClause
    key: ColumnElement[int]
    article_id: ColumnElement[int]
    condition: ColumnElement[bool]


def index_key(listed_at: datetime, article_id: int) -> int:
    """Return the key of an article. Keys grow with the second, and within one with the id."""
    seconds = (listed_at - _EPOCH) // _SECOND
    return (min(max(seconds, _EARLIEST), _LATEST) << _ID_BITS) | (article_id & _ID_MASK)


def last_index_key(instant: datetime) -> int:
    """Return the largest key of articles that are published in the second of `instant`."""
    return index_key(instant, _ID_MASK)


def insert(connection: Connection, rows: Sequence[IndexedText]) -> None:
    """Add `rows` to the index."""
    if connection.dialect.name == "sqlite":
        # In the order of keys FTS5 collects rows in memory; a smaller key makes it write them out.
        for chunk in in_chunks(sorted(rows)):
            connection.exec_driver_sql(_INSERT_FTS5, chunk)
    elif rows:
        # One statement, in which the server parses the tokens that are sent once.
        keys, titles, summaries, bodies = map(list, zip(*rows, strict=True))
        parameters = {"keys": keys, "titles": titles, "summaries": summaries, "bodies": bodies}
        connection.execute(_INSERT_TSVECTORS, parameters)


_INSERT_FTS5: Final = "INSERT INTO article_words (rowid, title, summary, body) VALUES (?, ?, ?, ?)"
_INSERT_TSVECTORS: Final = text("""
INSERT INTO article_words (key, title, head, whole)
SELECT
    key,
    to_tsvector('simple', title),
    to_tsvector('simple', title) || to_tsvector('simple', summary),
    to_tsvector('simple', title) || to_tsvector('simple', summary) || to_tsvector('simple', body)
FROM unnest(
    CAST(:keys AS bigint[]),
    CAST(:titles AS text[]),
    CAST(:summaries AS text[]),
    CAST(:bodies AS text[])
) AS rows (key, title, summary, body)""")


def remove(connection: Connection, keys: Sequence[int]) -> None:
    """Remove rows from the index by their keys. Unknown keys are ignored."""
    if keys:
        rows = _FTS5_TABLE if connection.dialect.name == "sqlite" else _TSVECTORS
        key = rows.c[0]
        connection.execute(rows.delete().where(is_any_of(connection, key, keys)))


def match_query(
    dialect: str, terms: Sequence[SearchTerm], tier: Tier, *, exactly: bool
) -> MatchQuery:
    """Return the query for rows in which all of `terms` are found at `tier`.

    With `exactly`, rows that match at an earlier tier are left out. At least one of the terms must
    not be excluded.
    """
    earlier = TIERS[TIERS.index(tier) - 1] if exactly and tier != "title" else None
    if dialect == "sqlite":
        key: ColumnElement[int] = _FTS5_TABLE.c.rowid
        query = _fts5_query(terms, tier, earlier)
        match = literal_column("article_words").op("MATCH", is_comparison=True)(query)
        return MatchQuery(_FTS5_TABLE, key, key.bitwise_and(_ID_MASK), match)
    key = _TSVECTORS.c.key
    condition = _tsvector_condition(terms, tier, earlier)
    return MatchQuery(_TSVECTORS, key, key.bitwise_and(_ID_MASK), condition)


def _tsvector_condition(
    terms: Sequence[SearchTerm], tier: Tier, earlier: Tier | None
) -> ColumnElement[bool]:
    included = " & ".join(_tsquery(term) for term in terms if not term.excluded)
    conditions = [_matches(_TSVECTOR_COLUMNS[tier], included)]
    if earlier is not None:
        conditions.append(not_(_matches(_TSVECTOR_COLUMNS[earlier], included)))
    whole = _TSVECTOR_COLUMNS["body"]
    conditions += [not_(_matches(whole, _tsquery(term))) for term in terms if term.excluded]
    return and_(*conditions)


def _matches(tokens: ColumnElement[str], query: str) -> ColumnElement[bool]:
    return tokens.op("@@", is_comparison=True)(func.to_tsquery(_SIMPLE, query))


def _fts5_query(terms: Sequence[SearchTerm], tier: Tier, earlier: Tier | None) -> str:
    """Return a query in FTS5's language (SQLite, "Full-text Query Syntax")."""
    included = " AND ".join(_fts5_term(term) for term in terms if not term.excluded)
    query = f"{_FTS5_COLUMNS[tier]}({included})"
    excluded = [_fts5_term(term) for term in terms if term.excluded]
    if earlier is not None:
        excluded.append(f"{_FTS5_COLUMNS[earlier]}({included})")
    for each in excluded:
        query = f"({query}) NOT ({each})"
    return query


def _fts5_term(term: SearchTerm) -> str:
    end = " *" if term.prefix else ""
    return "(" + " OR ".join(f'"{variant}"{end}' for variant in term.variants) + ")"


def _tsquery(term: SearchTerm) -> str:
    """Return a query for `to_tsquery` (PostgreSQL, "Parsing Queries")."""
    end = ":*" if term.prefix else ""
    phrases = (" <-> ".join(variant.split()) for variant in term.variants)
    return "(" + " | ".join(f"({phrase}{end})" for phrase in phrases) + ")"
