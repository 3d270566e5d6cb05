"""Pages of public articles: filtered or searched, in order, with cursors to adjacent pages."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from operator import itemgetter
from typing import Final, NamedTuple

from sqlalchemy import Connection, select

from app.article.record import Record
from app.database.dialects import is_any_of
from app.database.fulltext_index import TIERS
from app.database.tables import Article, FacetTerm, Property
from app.http.cursors import Cursor, Position
from app.search.analyzer import SearchTerm
from app.search.listing_query import ListingQuery
from app.store.articles import SELECT_RECORD, select_by_ids, select_record_without, to_records
from app.store.listing import index_scan
from app.store.listing.filter_lookup import resolve_filter
from app.store.listing.filters import Keyset, ResolvedFilter, to_position

COUNTED_AT_MOST: Final = 5_000
"""How far the articles of a filter are counted if their number is not stored."""


class FoundArticle(NamedTuple):
    """An article, and its sort key in the order of the listing."""

    id: int
    sort_key: datetime | Position
    record: Record

    @property
    def position(self) -> Position:
        """The position of the article, for a cursor."""
        key = self.sort_key
        return key if isinstance(key, Position) else to_position(key, self.id)


@dataclass(frozen=True, slots=True)
class ListingPage:
    """Records in order, the parsed search terms, and cursors of the next and previous page."""

    records: Sequence[Record]
    terms: Sequence[SearchTerm] = ()
    next: Cursor | None = None
    prev: Cursor | None = None


def cursor_key(connection: Connection) -> bytes:
    """Return the key of the MAC of cursors into this database."""
    found = connection.scalars(select(Property.value).where(Property.name == "cursor-key")).one()
    return bytes.fromhex(found)


def page(
    connection: Connection,
    query: ListingQuery,
    cursor: Cursor | None,
    unread: frozenset[str] = frozenset(),
) -> ListingPage:
    """Return the page at `cursor`, or the first page.

    Takes one statement to resolve filters, if there are any, and one for the articles; a search one
    to three more for their ids. `unread` are fields that may stay empty in the records.
    """
    resolved = resolve_filter(connection, query)
    if resolved.is_empty or (query.q and not resolved.terms):
        return ListingPage((), resolved.terms)
    backwards = cursor is not None and cursor.backwards
    oldest_first = query.sort in {"published_at", "updated_at"}
    start = cursor.position if cursor else None
    keyset = Keyset(query.limit + 1, start, ascending=backwards != oldest_first)
    find = _search if resolved.terms else _scan
    found = find(connection, query, resolved, keyset, unread)
    more = len(found) > query.limit
    found = found[: query.limit]
    if backwards:
        found.reverse()
    has_next, has_prev = (True, more) if backwards else (more, cursor is not None)
    return ListingPage(
        [each.record for each in found],
        resolved.terms,
        Cursor(found[-1].position) if found and has_next else None,
        Cursor(found[0].position, backwards=True) if found and has_prev else None,
    )


def _scan(
    connection: Connection,
    query: ListingQuery,
    resolved: ResolvedFilter,
    keyset: Keyset,
    unread: frozenset[str],
) -> list[FoundArticle]:
    """Return the articles of a listing without search terms, in order."""
    by_update = query.sort.endswith("updated_at")
    order_by: index_scan.OrderColumn = "updated_at" if by_update else "listed_at"
    columns = select_record_without(unread)
    rows = index_scan.scan_rows(connection, columns, resolved, order_by, keyset)
    # Where `listed_at` is set, it equals `published_at`.
    found = [
        FoundArticle(article_id, record.updated_at if by_update else record.published_at, record)
        for article_id, record in to_records(rows).items()
    ]
    found.sort(key=itemgetter(1, 0), reverse=not keyset.ascending)
    return found


def _search(
    connection: Connection,
    query: ListingQuery,
    resolved: ResolvedFilter,
    keyset: Keyset,
    unread: frozenset[str],
) -> list[FoundArticle]:
    """Return the articles that match a search, in order, with their bodies for highlighting."""
    matches = _matches(connection, query, resolved, keyset)
    positions = dict(islice(matches, keyset.count))
    columns = select_record_without(unread - {"body_md"})
    records = to_records(select_by_ids(connection, columns, tuple(positions)))
    return [
        FoundArticle(article_id, position, records[article_id])
        for article_id, position in positions.items()
        if article_id in records
    ]


def _matches(
    connection: Connection, query: ListingQuery, resolved: ResolvedFilter, keyset: Keyset
) -> Iterator[tuple[int, Position]]:
    """Yield ids and positions of matches: tier by tier by relevance, else by date."""
    ranked = query.sort == "relevance"
    tiers = list(enumerate(TIERS)) if ranked else [(0, TIERS[-1])]
    if ranked and keyset.ascending:
        tiers.reverse()
    left = keyset.count
    for rank, tier in tiers:
        after = keyset.after
        if ranked and after is not None and rank != after.first:
            if (rank < after.first) != keyset.ascending:
                continue  # the page starts in a later tier
            after = None
        in_tier = Keyset(left, after, keyset.ascending)
        for article_id, key in index_scan.search(
            connection, resolved, tier, in_tier, exactly=ranked
        ):
            left -= 1
            yield article_id, Position(rank, key)
        if left <= 0:
            return


def total(connection: Connection, query: ListingQuery) -> tuple[int, bool]:
    """Return the number of matching articles, and whether it is exact.

    It is stored for no filter and for one value, and counted up to COUNTED_AT_MOST otherwise.
    """
    resolved = resolve_filter(connection, query)
    if resolved.is_empty or (query.q and not resolved.terms):
        return 0, True
    if not (resolved.terms or resolved.excluded or resolved.spans):
        if not resolved.groups:
            everything = select(FacetTerm.articles).where(FacetTerm.facet == "all")
            return connection.scalar(everything) or 0, True
        if len(resolved.groups) == 1 and len(resolved.groups[0]) == 1:
            return resolved.groups[0][0].articles, True
    counted = len(matching_ids(connection, resolved, COUNTED_AT_MOST + 1))
    return min(counted, COUNTED_AT_MOST), counted <= COUNTED_AT_MOST


def matching_ids(connection: Connection, resolved: ResolvedFilter, count: int) -> list[int]:
    """Return the ids of the newest matching articles, `count` of them at most."""
    if resolved.is_empty:
        return []
    newest = Keyset(count)
    if resolved.terms:
        matches = index_scan.search(connection, resolved, TIERS[-1], newest, exactly=False)
        return [article_id for article_id, _ in matches]
    return index_scan.scan(connection, resolved, "listed_at", newest)


def find_by_slugs(connection: Connection, slugs: Sequence[str]) -> dict[str, Record]:
    """Return the public articles at `slugs`, by slug."""
    found = SELECT_RECORD.where(
        Article.listed_at.is_not(None), is_any_of(connection, Article.slug, slugs)
    )
    return {record.slug: record for record in to_records(connection.execute(found)).values()}
