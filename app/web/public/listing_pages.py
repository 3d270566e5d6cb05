"""Pages of listings, read: what somebody asks for, and what there is of it."""

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final

from app.article.hygiene import clean
from app.article.record import is_slug
from app.database.transactions import Connection
from app.http.cursors import Cursor, InvalidCursorError, decode_cursor, encode_cursor
from app.http.query_params import pairs_of, refused
from app.representations import listing
from app.representations.article import article_links, article_path
from app.representations.listing import Listing, ListingFormat, ListingItem, UnresolvedSlug
from app.search.highlighter import highlights
from app.search.listing_query import ListingQuery, parse
from app.store import articles
from app.store.listing import facets, vocabulary_pages
from app.store.listing import pages as store
from app.store.listing.vocabulary_pages import VocabularyKind
from app.web.problems import Problem
from app.web.state import AppState

VOCABULARIES: Final[dict[str, VocabularyKind]] = {"topics": "topic", "entities": "entity"}


@dataclass(frozen=True, slots=True)
class ListingRequest:
    """A listing that somebody asks for: its bare path and title, and what it selects.

    `given` is that without what the path says already.
    """

    path: str
    title: str
    given: ListingQuery
    selection: ListingQuery

    def query(self, cursor: str | None) -> str:
        """Return the query of the page at `cursor`, in one spelling."""
        asked = self.given.query
        if cursor is None:
            return asked
        return f"{asked}&cursor={cursor}" if asked else f"cursor={cursor}"


def page_at(
    service: AppState, path: str, query: str, form: ListingFormat
) -> tuple[ListingRequest, Listing]:
    """Read what is asked for, and the page of it. Raises what `read` and `page_of` raise."""
    selection = parse(pairs_of(query))
    key = service.cursor_key()

    def look(connection: Connection) -> tuple[ListingRequest, Listing]:
        asked = read(connection, path, selection)
        return asked, page_of(service, connection, asked, form, key)

    if path == "/news" and selection.names_nothing:
        # One statement: a transaction around it took a tenth of the time of the page.
        return service.database.query(look)
    with service.database.reading() as session:
        return look(session.connection())


def asked_at(service: AppState, path: str, query: str) -> ListingRequest:
    """Read what is asked for. Raises what `read` raises."""
    with service.database.reading() as session:
        return read(session.connection(), path, parse(pairs_of(query)))


def read(connection: Connection, path: str, selection: ListingQuery) -> ListingRequest:
    """Read what is asked for. Raises BadQueryError, and the Problem that there is nothing."""
    if path == "/news":
        return ListingRequest(path, "News", selection, selection)
    vocabulary, _, slug = path[1:].partition("/")
    facet = VOCABULARIES[vocabulary]
    label = vocabulary_pages.label(connection, facet, slug) if is_slug(slug) else None
    if label is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"No article has the {facet} at this address.")
    if selection.slugs:
        raise refused("slug", "goes with /news alone")
    wanted = {**selection.all_of, facet: (slug, *selection.all_of.get(facet, ()))}
    return ListingRequest(path, label, selection, replace(selection, all_of=wanted))


def page_of(
    service: AppState,
    connection: Connection,
    asked: ListingRequest,
    form: ListingFormat,
    key: bytes,
) -> Listing:
    """Read one page. Raises BadQueryError for a cursor that was not sealed with `key` for it."""
    selection = asked.selection
    if selection.slugs:
        return _by_slug(service, connection, asked)
    cursor = cursor_of(selection, key)
    found = store.page(connection, selection, cursor, form.unused_fields(selection.shown))
    total = store.total(connection, selection) if "total" in selection.include else None
    counts = facets.facets(connection, selection) if "facets" in selection.include else None
    marking = form.has_highlights and found.terms
    following, preceding = (
        None if each is None else asked.query(encode_cursor(each, selection.order, key))
        for each in (found.next, found.prev)
    )
    return replace(
        frame(service, asked),
        items=[
            ListingItem(
                record,
                article_links(record, service.site),
                highlights(clean(record), found.terms) if marking else {},
            )
            for record in found.records
        ],
        next=following,
        prev=preceding,
        total=None if total is None else listing.Total(*total),
        facets=counts,
    )


def cursor_of(selection: ListingQuery, key: bytes) -> Cursor | None:
    """Return where the page is. Raises BadQueryError for a cursor that is not the listing's."""
    if selection.cursor is None:
        return None
    try:
        return decode_cursor(selection.cursor, selection.order, key)
    except InvalidCursorError:
        reason = "is none that a page of this listing gave: begin without it"
        raise refused("cursor", reason) from None


def _by_slug(service: AppState, connection: Connection, asked: ListingRequest) -> Listing:
    """Return the articles that were asked for by their slugs, and which of them there are not."""
    slugs = asked.selection.slugs
    found = store.find_by_slugs(connection, slugs)
    now = service.clock()
    missing = []
    for slug in slugs:
        if slug in found:
            continue
        trace = articles.find_alias_or_tombstone(connection, slug, now)
        if trace is None:
            missing.append(UnresolvedSlug(slug, HTTPStatus.NOT_FOUND))
        elif trace.withdrawn:
            missing.append(UnresolvedSlug(slug, HTTPStatus.GONE))
        else:
            url = service.site.base_url + article_path(trace.slug)
            missing.append(UnresolvedSlug(slug, HTTPStatus.PERMANENT_REDIRECT, url))
    items = [
        ListingItem(found[s], article_links(found[s], service.site)) for s in slugs if s in found
    ]
    return replace(frame(service, asked), items=items, missing=missing)


def frame(service: AppState, asked: ListingRequest) -> Listing:
    """Return the listing that is asked for, without any items."""
    selection = asked.selection
    return Listing(
        site=service.site,
        path=asked.path,
        query=asked.query(selection.cursor),
        title=asked.title,
        items=(),
        fields=selection.shown,
        filters=selection.filters,
        sort=selection.sort,
        limit=selection.limit,
    )
