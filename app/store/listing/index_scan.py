"""Scans of an index for the articles that match a filter, in order, with a limit.

A scan reads the index of the narrowest filter group, or that of all public articles, and checks the
other conditions for each entry. The limit ends it early, so a page costs what it shows and not what
there is. Pages are continued by keyset pagination.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple, cast

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    CursorResult,
    Integer,
    Select,
    bindparam,
    select,
    tuple_,
    union_all,
)

from app.database import fulltext_index
from app.database.fulltext_index import Tier
from app.database.tables import Article, Instant
from app.search.listing_query import Facet
from app.store.listing.filters import (
    COLUMNS,
    LINKS,
    FilterGroup,
    Keyset,
    ResolvedFilter,
    filter_conditions,
    group_size,
    needs_article_row,
)

_ARTICLES: Final = Article.__table__.c

SORTED_AT_MOST: Final = 2_000
"""No index has a term's articles by `updated_at`. Up to this number, the database sorts them."""

_CACHED_STATEMENTS: Final = 512

OrderColumn = Literal["listed_at", "updated_at"]


class QueryShape(NamedTuple):
    """A scan without its values: all scans of one shape share a statement.

    `driving` is the filter group whose index is scanned, or None for that of all articles.
    """

    order_by: OrderColumn
    driving: FilterGroup | None
    others: tuple[FilterGroup, ...]
    spans: tuple[str, ...]
    ascending: bool
    has_start: bool

    @property
    def needs_article_row(self) -> bool:
        """Whether the conditions refer to columns of the table of articles."""
        return needs_article_row(self.others, self.spans)


def scan(
    connection: Connection, resolved: ResolvedFilter, order_by: OrderColumn, keyset: Keyset
) -> list[int]:
    """Return the ids of matching articles, in order."""
    statement = _scan_statement(_query_shape(resolved, order_by, keyset))
    return list(connection.scalars(statement, resolved.parameters | keyset.parameters))


def scan_rows(
    connection: Connection,
    columns: Select[Any],
    resolved: ResolvedFilter,
    order_by: OrderColumn,
    keyset: Keyset,
) -> CursorResult[Any]:
    """Return the rows of `columns`, a variant of SELECT_RECORD, of matching articles; unordered.

    One statement for ids and rows: a second one would take a fifth of the time of a page.
    """
    statement = _rows_statement(columns, _query_shape(resolved, order_by, keyset))
    return connection.execute(statement, resolved.parameters | keyset.parameters)


def _query_shape(resolved: ResolvedFilter, order_by: OrderColumn, keyset: Keyset) -> QueryShape:
    driving = resolved.narrowest
    if driving is not None and order_by == "updated_at":
        is_sortable = group_size(resolved.groups[driving]) <= SORTED_AT_MOST
        driving = driving if is_sortable else None
    groups = resolved.filter_groups
    # The other conditions are the same for any number of values.
    others = [each._replace(length=0) for place, each in enumerate(groups) if place != driving]
    return QueryShape(
        order_by,
        None if driving is None else groups[driving],
        tuple(others),
        tuple(resolved.spans),
        keyset.ascending,
        keyset.after is not None,
    )


# Building a statement, and SQLAlchemy's lookup of its compiled form, take longer than running it.
@lru_cache(_CACHED_STATEMENTS)
def _scan_statement(shape: QueryShape) -> Select[Any]:
    if shape.driving is None:
        return _all_articles_scan(shape)
    group = shape.driving
    names = [f"{group.name}_{number}" for number in range(group.length)]
    scans = [_value_scan(group.facet, bindparam(name), shape) for name in names]
    if len(scans) == 1:
        return scans[0]
    # Each scan has the limit, so few rows are merged.
    merged = union_all(*(select(*each.subquery().c) for each in scans)).subquery()
    article_id, instant = merged.c
    return _in_order(select(article_id, instant).distinct(), article_id, instant, shape)


@lru_cache(_CACHED_STATEMENTS)
def _rows_statement(columns: Select[Any], shape: QueryShape) -> Select[Any]:
    # The scan is a subquery with a limit, so it runs first. A join does not keep its order.
    found = _scan_statement(shape).subquery("scan")
    return columns.select_from(found.join(Article.__table__, _ARTICLES.id == found.c.id))


def _all_articles_scan(shape: QueryShape) -> Select[Any]:
    return _limited_scan(_ARTICLES.id, _ARTICLES[shape.order_by], _article_conditions(shape), shape)


def _value_scan(facet: Facet, value: BindParameter[Any], shape: QueryShape) -> Select[Any]:
    """Return a scan of the index for articles with a given facet value."""
    if facet not in LINKS:
        conditions = [COLUMNS[facet] == value, *_article_conditions(shape)]
        return _limited_scan(_ARTICLES.id, _ARTICLES[shape.order_by], conditions, shape)
    links, column = LINKS[facet]
    has_value = [links.c[column] == value, links.c.listed_at.is_not(None)]
    joined = links.c.article_id == _ARTICLES.id
    if shape.order_by == "updated_at":
        conditions = [*has_value, joined, *_article_conditions(shape)]
        return _limited_scan(_ARTICLES.id, _ARTICLES.updated_at, conditions, shape)
    article_id, listed_at = links.c.article_id, links.c.listed_at
    if shape.needs_article_row:
        has_value.append(joined)
    others = filter_conditions(shape.others, shape.spans, article_id, listed_at)
    return _limited_scan(article_id, listed_at, [*has_value, *others], shape)


def _article_conditions(shape: QueryShape) -> list[ColumnElement[bool]]:
    others = filter_conditions(shape.others, shape.spans, _ARTICLES.id, _ARTICLES.listed_at)
    return [_ARTICLES.listed_at.is_not(None), *others]


def _limited_scan(
    article_id: ColumnElement[int],
    instant: ColumnElement[datetime],
    conditions: Sequence[ColumnElement[bool]],
    shape: QueryShape,
) -> Select[Any]:
    columns: tuple[Any, Any] = article_id.label("id"), instant.label("at")
    found: Select[Any] = select(*columns).where(*conditions)
    if shape.has_start:
        sort_key: Any = tuple_(instant, article_id)
        start = tuple_(
            bindparam("after_instant", type_=Instant()), bindparam("after_id", type_=Integer())
        )
        found = found.where(sort_key > start if shape.ascending else sort_key < start)
    return _in_order(found, article_id, instant, shape)


def _in_order(
    found: Select[Any],
    article_id: ColumnElement[int],
    instant: ColumnElement[datetime],
    shape: QueryShape,
) -> Select[Any]:
    order = (instant, article_id) if shape.ascending else (instant.desc(), article_id.desc())
    return found.order_by(*order).limit(bindparam("count", type_=Integer()))


def search(
    connection: Connection, resolved: ResolvedFilter, tier: Tier, keyset: Keyset, *, exactly: bool
) -> Iterable[tuple[int, int]]:
    """Return the ids of articles that match the search terms at `tier`, with their index keys.

    They are in the order of keys. `exactly` leaves out those that match at an earlier tier.
    """
    match = fulltext_index.match_query(
        connection.dialect.name, resolved.terms, tier, exactly=exactly
    )
    groups, spans = resolved.filter_groups, resolved.spans
    conditions = [match.condition, *_key_bounds(spans, match.key)]
    if needs_article_row(groups, spans) or spans:
        conditions.append(_ARTICLES.id == match.article_id)
    conditions += filter_conditions(groups, spans, match.article_id, _ARTICLES.listed_at)
    if keyset.after is not None:
        start = keyset.after.second
        conditions.append(match.key > start if keyset.ascending else match.key < start)
    columns: tuple[Any, Any] = match.article_id.label("id"), match.key.label("key")
    found: Select[Any] = select(*columns).select_from(match.rows).where(*conditions)
    found = found.order_by(match.key if keyset.ascending else match.key.desc())
    rows: Any = connection.execute(found.limit(keyset.count), resolved.parameters)
    return cast("Iterable[tuple[int, int]]", rows)


def _key_bounds(
    spans: Mapping[str, datetime], key: ColumnElement[int]
) -> Iterator[ColumnElement[bool]]:
    """Yield bounds of the scanned keys, to the second; the filter conditions are exact."""
    if start := spans.get("published_from"):
        yield key >= fulltext_index.index_key(start, 0)
    if end := spans.get("published_to"):
        yield key <= fulltext_index.last_index_key(end)
