"""Which articles a selection has: walks along an index, from the newest on.

Each walk has a limit of its own, and gives the sort key of what it finds. What narrows most of what
is asked for is walked along, and the rest is looked up for each article on the way: so a page costs
what it shows, and not what there is.
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
    FilterValues,
    Keyset,
    ResolvedFilter,
    filter_conditions,
    group_size,
    needs_article_row,
)

_A: Final = Article.__table__.c
SORTED_AT_MOST: Final = 2_000
"""Up to so many articles of a term are sorted where no index has them in the order asked for."""

_PATTERNS: Final = 512

When = Literal["listed_at", "updated_at"]


class _Pattern(NamedTuple):
    """What a walk is like, without the values: of each pattern there is one statement.

    `along` is the list that is walked along, if there is one.
    """

    when: When
    along: FilterValues | None
    rest: tuple[FilterValues, ...]
    spans: tuple[str, ...]
    ascending: bool
    behind: bool

    @property
    def needs_article_row(self) -> bool:
        """Whether the row of each article must be seen to know that it is wanted."""
        return needs_article_row(self.rest, self.spans)


def scan(connection: Connection, wanted: ResolvedFilter, when: When, reach: Keyset) -> list[int]:
    """Return the ids of articles, in order."""
    statement = _walk(_pattern(wanted, when, reach))
    return list(connection.scalars(statement, wanted.parameters | reach.parameters))


def scan_rows(
    connection: Connection, found: Select[Any], wanted: ResolvedFilter, when: When, reach: Keyset
) -> CursorResult[Any]:
    """Return the rows of `found`, which is RECORD or made of it, that a walk meets; in any order.

    One statement for the walk and for what is read on it: the second one took a fifth of the time
    of a page.
    """
    statement = _on_the_way(found, _pattern(wanted, when, reach))
    return connection.execute(statement, wanted.parameters | reach.parameters)


def _pattern(wanted: ResolvedFilter, when: When, reach: Keyset) -> _Pattern:
    place = wanted.narrowest
    if (
        place is not None
        and when == "updated_at"
        and group_size(wanted.groups[place]) > SORTED_AT_MOST
    ):
        place = None
    lists = wanted.lists
    return _Pattern(
        when,
        None if place is None else lists[place],
        # However many values they have: the statement is the same.
        tuple(each._replace(length=0) for number, each in enumerate(lists) if number != place),
        tuple(wanted.spans),
        reach.ascending,
        reach.after is not None,
    )


# To build a statement, and to find out that it is known, takes longer than to run it.
@lru_cache(_PATTERNS)
def _walk(pattern: _Pattern) -> Select[Any]:
    if pattern.along is None:
        return _along(_A.id, _A[pattern.when], _listed(pattern), pattern)
    values = [f"{pattern.along.name}_{number}" for number in range(pattern.along.length)]
    branches = [_branch(pattern.along.facet, bindparam(name), pattern) for name in values]
    if len(branches) == 1:
        return branches[0]
    # Each of them stops by itself, so what is sorted here is little.
    pieces = [select(*branch.subquery().c) for branch in branches]
    together = union_all(*pieces).subquery()
    key, at = together.c
    return _ordered(select(key, at).distinct(), key, at, pattern)


@lru_cache(_PATTERNS)
def _on_the_way(found: Select[Any], pattern: _Pattern) -> Select[Any]:
    # The walk comes first. In order are its rows, and whether those of both are is the database's.
    way = _walk(pattern).subquery("scan")
    return found.select_from(way.join(Article.__table__, _A.id == way.c.id))


def _branch(facet: Facet, value: BindParameter[Any], pattern: _Pattern) -> Select[Any]:
    """Walk along the articles that have `value`."""
    if facet not in LINKS:
        has_it = COLUMNS[facet] == value
        return _along(_A.id, _A[pattern.when], [has_it, *_listed(pattern)], pattern)
    links, name = LINKS[facet]
    along = [links.c[name] == value, links.c.listed_at.is_not(None)]
    if pattern.when == "updated_at":
        along.append(links.c.article_id == _A.id)
        return _along(_A.id, _A.updated_at, [*along, *_listed(pattern)], pattern)
    key, at = links.c.article_id, links.c.listed_at
    if pattern.needs_article_row:
        along.append(key == _A.id)
    needed = filter_conditions(pattern.rest, pattern.spans, key, at)
    return _along(key, at, [*along, *needed], pattern)


def _listed(pattern: _Pattern) -> list[ColumnElement[bool]]:
    needed = filter_conditions(pattern.rest, pattern.spans, _A.id, _A.listed_at)
    return [_A.listed_at.is_not(None), *needed]


def _along(
    key: ColumnElement[int],
    at: ColumnElement[datetime],
    met: Sequence[ColumnElement[bool]],
    pattern: _Pattern,
) -> Select[Any]:
    columns: tuple[Any, Any] = key.label("id"), at.label("at")
    found: Select[Any] = select(*columns).where(*met)
    if pattern.behind:
        here: Any = tuple_(at, key)
        there = tuple_(
            bindparam("after_instant", type_=Instant()), bindparam("after_id", type_=Integer())
        )
        found = found.where(here > there if pattern.ascending else here < there)
    return _ordered(found, key, at, pattern)


def _ordered(
    found: Select[Any], key: ColumnElement[int], at: ColumnElement[datetime], pattern: _Pattern
) -> Select[Any]:
    order = (at, key) if pattern.ascending else (at.desc(), key.desc())
    return found.order_by(*order).limit(bindparam("count", type_=Integer()))


def search(
    connection: Connection, wanted: ResolvedFilter, tier: Tier, reach: Keyset, *, exactly: bool
) -> Iterable[tuple[int, int]]:
    """Return the ids of articles in which words are found, and their keys, in order."""
    found = fulltext_index.match_query(connection.dialect.name, wanted.terms, tier, exactly=exactly)
    met = [found.condition, *_between_keys(wanted.spans, found.key)]
    needed = filter_conditions(wanted.lists, wanted.spans, found.article_id, _A.listed_at)
    if needs_article_row(wanted.lists, wanted.spans) or wanted.spans:
        met.append(_A.id == found.article_id)
    columns: tuple[Any, Any] = found.article_id.label("id"), found.key.label("key")
    query: Select[Any] = select(*columns)
    query = query.select_from(found.rows).where(*met, *needed)
    if reach.after is not None:
        key = reach.after.second
        query = query.where(found.key > key if reach.ascending else found.key < key)
    query = query.order_by(found.key if reach.ascending else found.key.desc()).limit(reach.count)
    rows: Any = connection.execute(query, wanted.parameters)
    return cast("Iterable[tuple[int, int]]", rows)


def _between_keys(
    spans: Mapping[str, datetime], key: ColumnElement[int]
) -> Iterator[ColumnElement[bool]]:
    """Bound a search by its keys, to the second; the conditions do the rest."""
    if since := spans.get("published_from"):
        yield key >= fulltext_index.index_key(since, 0)
    if until := spans.get("published_to"):
        yield key <= fulltext_index.last_index_key(until)
