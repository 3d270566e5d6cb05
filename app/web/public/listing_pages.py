"""Pages of listings: from an address to the page that the store has for it."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from app.article.hygiene import clean
from app.article.record import is_slug
from app.database.transactions import Connection
from app.http.cursors import Cursor, InvalidCursorError, decode_cursor, encode_cursor
from app.http.query_params import invalid_parameter, parse_pairs
from app.representations import listing
from app.representations.article import article_links, article_path
from app.representations.listing import Listing, ListingFormat, ListingItem, UnresolvedSlug
from app.search.highlighter import highlights
from app.search.listing_params import parse
from app.search.listing_query import ListingQuery
from app.store import articles
from app.store.listing import facets, vocabulary_pages
from app.store.listing import pages as store
from app.store.listing.vocabulary_pages import VocabularyKind
from app.web.problems import Problem
from app.web.state import AppState

VOCABULARIES: Final[dict[str, VocabularyKind]] = {"topics": "topic", "entities": "entity"}
_QUERIES_REMEMBERED: Final = 1_024


@lru_cache(_QUERIES_REMEMBERED)
def parse_query(query: str) -> ListingQuery:
    """Return what a query string asks for. Raises InvalidQueryError."""
    return parse(parse_pairs(query))


@dataclass(frozen=True, slots=True)
class ListingRequest:
    """A listing: its bare path, its title, and what it selects.

    `given` is what the query string asks for, `selection` that and what the path adds.
    """

    path: str
    title: str
    given: ListingQuery
    selection: ListingQuery


def canonical_query(given: ListingQuery, cursor: str | None) -> str:
    """Return the one query string for the page of `given` at `cursor`."""
    query = given.query
    if cursor is None:
        return query
    return f"{query}&cursor={cursor}" if query else f"cursor={cursor}"


def read_page(state: AppState, path: str, query: str, chosen: ListingFormat) -> Listing:
    """Read the page at a bare path and query string.

    Raises what `resolve` raises, InvalidQueryError for a cursor of another listing, and
    DatabaseUnavailableError.
    """
    given = parse_query(query)
    key = state.cursor_key()

    def read(connection: Connection) -> Listing:
        return _page(state, connection, resolve(connection, path, given), chosen, key)

    if path == "/news" and given.names_nothing:
        # One statement: a transaction around it took a tenth of the time of the page.
        return state.database.query(read)
    with state.database.reading() as session:
        return read(session.connection())


def read_request(state: AppState, path: str, query: str) -> ListingRequest:
    """Return the listing at an address. Raises what `resolve` does, DatabaseUnavailableError."""
    given = parse_query(query)
    with state.database.reading() as session:
        return resolve(session.connection(), path, given)


def resolve(connection: Connection, path: str, given: ListingQuery) -> ListingRequest:
    """Return the listing at `path`.

    Raises InvalidQueryError, and the Problem that no article has the path's topic or entity.
    """
    if path == "/news":
        return ListingRequest(path, "News", given, given)
    vocabulary, _, slug = path[1:].partition("/")
    facet = VOCABULARIES[vocabulary]
    label = vocabulary_pages.label(connection, facet, slug) if is_slug(slug) else None
    if label is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"No article has this {facet}.")
    if given.slugs:
        raise invalid_parameter("slug", "is allowed at /news only")
    all_of = {**given.all_of, facet: (slug, *given.all_of.get(facet, ()))}
    return ListingRequest(path, label, given, replace(given, all_of=all_of))


def empty_page(state: AppState, request: ListingRequest) -> Listing:
    """Return a page of the listing without any items."""
    selection = request.selection
    return Listing(
        site=state.site,
        path=request.path,
        query=canonical_query(request.given, selection.cursor),
        title=request.title,
        items=(),
        fields=selection.shown,
        filters=selection.filters,
        sort=selection.sort,
        limit=selection.limit,
    )


def read_cursor(selection: ListingQuery, key: bytes) -> Cursor | None:
    """Return the position of the page. Raises InvalidQueryError for another listing's cursor."""
    if selection.cursor is None:
        return None
    try:
        return decode_cursor(selection.cursor, selection.order, key)
    except InvalidCursorError:
        reason = "was not issued for this listing; start again without it"
        raise invalid_parameter("cursor", reason) from None


def _page(
    state: AppState,
    connection: Connection,
    request: ListingRequest,
    chosen: ListingFormat,
    key: bytes,
) -> Listing:
    selection = request.selection
    if selection.slugs:
        return _by_slug(state, connection, request)
    cursor = read_cursor(selection, key)
    found = store.page(connection, selection, cursor, chosen.unused_fields(selection.shown))
    total = store.total(connection, selection) if "total" in selection.include else None
    counts = facets.facets(connection, selection) if "facets" in selection.include else None
    terms = found.terms if chosen.has_highlights else ()
    following, preceding = (
        None
        if at is None
        else canonical_query(request.given, encode_cursor(at, selection.order, key))
        for at in (found.next, found.prev)
    )
    return replace(
        empty_page(state, request),
        items=[
            ListingItem(
                record,
                article_links(record, state.site),
                highlights(clean(record), terms) if terms else {},
            )
            for record in found.records
        ],
        next=following,
        prev=preceding,
        total=None if total is None else listing.Total(*total),
        facets=counts,
    )


def _by_slug(state: AppState, connection: Connection, request: ListingRequest) -> Listing:
    """Return the articles at the slugs that were requested, and what is at the other slugs."""
    slugs = request.selection.slugs
    found = store.find_by_slugs(connection, slugs)
    now = state.clock()
    missing = [_unresolved(state, connection, slug, now) for slug in slugs if slug not in found]
    items = [
        ListingItem(found[s], article_links(found[s], state.site)) for s in slugs if s in found
    ]
    return replace(empty_page(state, request), items=items, missing=missing)


def _unresolved(
    state: AppState, connection: Connection, slug: str, now: datetime
) -> UnresolvedSlug:
    other = articles.find_alias_or_tombstone(connection, slug, now)
    if other is None:
        return UnresolvedSlug(slug, HTTPStatus.NOT_FOUND)
    if other.withdrawn:
        return UnresolvedSlug(slug, HTTPStatus.GONE)
    url = state.site.base_url + article_path(other.slug)
    return UnresolvedSlug(slug, HTTPStatus.PERMANENT_REDIRECT, url)
