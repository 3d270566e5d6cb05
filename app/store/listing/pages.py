"""Pages of articles that readers see: found, in order, and with what stands beside them."""

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
from app.search.analyzer import SearchTerm as Asked
from app.search.listing_query import ListingQuery
from app.store.articles import SELECT_RECORD, select_by_ids, select_record_without, to_records
from app.store.listing import index_scan
from app.store.listing.filter_lookup import resolve_filter
from app.store.listing.filters import Keyset, ResolvedFilter, to_position

COUNTED_AT_MOST: Final = 5_000
"""How far a total is counted where nobody has counted it before."""

_A: Final = Article.__table__.c


class FoundArticle(NamedTuple):
    """An article, and where it is in the order that was asked for."""

    id: int
    place: datetime | Position
    record: Record

    @property
    def position(self) -> Position:
        """Where a page may begin or end."""
        place = self.place
        return place if isinstance(place, Position) else to_position(place, self.id)


@dataclass(frozen=True, slots=True)
class ListingPage:
    """Records in order, `terms` that were searched for, and the cursors of the pages beside it."""

    records: Sequence[Record]
    terms: Sequence[Asked] = ()
    next: Cursor | None = None
    prev: Cursor | None = None


def cursor_key(connection: Connection) -> bytes:
    """Return the key that cursors into this database are sealed with."""
    found = connection.scalars(select(Property.value).where(Property.name == "cursor-key")).one()
    return bytes.fromhex(found)


def page(
    connection: Connection,
    selection: ListingQuery,
    cursor: Cursor | None,
    unread: frozenset[str] = frozenset(),
) -> ListingPage:
    """Return the page that begins, or ends, at `cursor`; the first one without.

    It takes one statement for what is named, if anything is, and one for the articles; in a search
    one or a few for their ids. `unread` are fields of the records that may be left empty.
    """
    asked = resolve_filter(connection, selection)
    if asked.is_empty or (selection.q and not asked.terms):
        return ListingPage((), asked.terms)
    backwards = cursor is not None and cursor.backwards
    oldest_first = selection.sort in {"published_at", "updated_at"}
    position = cursor.position if cursor else None
    reach = Keyset(selection.limit + 1, position, ascending=backwards != oldest_first)
    find = _searched if asked.terms else _walked
    found = find(connection, selection, asked, reach, unread)
    more = len(found) > selection.limit
    found = found[: selection.limit]
    if backwards:
        found.reverse()
    has_next, has_prev = (True, more) if backwards else (more, cursor is not None)
    return ListingPage(
        [each.record for each in found],
        asked.terms,
        Cursor(found[-1].position) if found and has_next else None,
        Cursor(found[0].position, backwards=True) if found and has_prev else None,
    )


def _walked(
    connection: Connection,
    selection: ListingQuery,
    asked: ResolvedFilter,
    reach: Keyset,
    unread: frozenset[str],
) -> list[FoundArticle]:
    """Return what is met on a walk, in order."""
    by_update = selection.sort.endswith("updated_at")
    when: index_scan.When = "updated_at" if by_update else "listed_at"
    met = index_scan.scan_rows(connection, select_record_without(unread), asked, when, reach)
    # `listed_at` is `published_at` wherever it is anything.
    found = [
        FoundArticle(number, record.updated_at if by_update else record.published_at, record)
        for number, record in to_records(met).items()
    ]
    found.sort(key=itemgetter(1, 0), reverse=not reach.ascending)
    return found


def _searched(
    connection: Connection,
    selection: ListingQuery,
    asked: ResolvedFilter,
    reach: Keyset,
    unread: frozenset[str],
) -> list[FoundArticle]:
    """Return what a search finds, in order. Bodies are read, to show where it was found."""
    places = dict(islice(_places(connection, selection, asked, reach), reach.count))
    rows = select_by_ids(connection, select_record_without(unread - {"body_md"}), tuple(places))
    records = to_records(rows)
    return [
        FoundArticle(number, at, records[number])
        for number, at in places.items()
        if number in records
    ]


def _places(
    connection: Connection, selection: ListingQuery, asked: ResolvedFilter, reach: Keyset
) -> Iterator[tuple[int, Position]]:
    """Yield what a search finds: by where it is found, or without regard to that."""
    ranked = selection.sort == "relevance"
    tiers = list(enumerate(TIERS)) if ranked else [(0, TIERS[-1])]
    if ranked and reach.ascending:
        tiers.reverse()
    left = reach.count
    for number, tier in tiers:
        after = reach.after
        if ranked and after is not None and number != after.first:
            if (number < after.first) != reach.ascending:
                continue
            after = None
        within = Keyset(left, after, reach.ascending)
        for article_id, key in index_scan.search(connection, asked, tier, within, exactly=ranked):
            left -= 1
            yield article_id, Position(number, key)
        if left <= 0:
            return


def total(connection: Connection, selection: ListingQuery) -> tuple[int, bool]:
    """Return how many articles `selection` has, and whether that is exact.

    Without a filter, or with one value, that is known. Else it is counted, up to COUNTED_AT_MOST.
    """
    asked = resolve_filter(connection, selection)
    if asked.is_empty or (selection.q and not asked.terms):
        return 0, True
    if not (asked.terms or asked.excluded or asked.spans):
        if not asked.groups:
            everything = select(FacetTerm.articles).where(FacetTerm.facet == "all")
            return connection.scalar(everything) or 0, True
        if len(asked.groups) == 1 and len(asked.groups[0]) == 1:
            return asked.groups[0][0].articles, True
    counted = len(matching_ids(connection, asked, COUNTED_AT_MOST + 1))
    return min(counted, COUNTED_AT_MOST), counted <= COUNTED_AT_MOST


def matching_ids(connection: Connection, asked: ResolvedFilter, count: int) -> list[int]:
    """Return the ids of the newest articles that are wanted, `count` of them at most."""
    if asked.is_empty:
        return []
    reach = Keyset(count)
    if asked.terms:
        return [
            row[0] for row in index_scan.search(connection, asked, TIERS[-1], reach, exactly=False)
        ]
    return index_scan.scan(connection, asked, "listed_at", reach)


def find_by_slugs(connection: Connection, slugs: Sequence[str]) -> dict[str, Record]:
    """Return the articles at `slugs` that readers see."""
    shown = SELECT_RECORD.where(_A.listed_at.is_not(None), is_any_of(connection, _A.slug, slugs))
    return {record.slug: record for record in to_records(connection.execute(shown)).values()}
