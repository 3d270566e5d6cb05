"""Listings: `/news`, `/topics/<slug>` and `/entities/<slug>`, with filters, and their twins."""

from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from fastapi import Request, Response
from starlette.responses import StreamingResponse
from starlette.routing import BaseRoute, Route

from app.cache.response_cache import CachedResponse, CacheKey
from app.http.accept import negotiate
from app.http.query_params import InvalidQueryError, invalid_parameter
from app.representations.article import article_links
from app.representations.listing import (
    BY_MEDIA_TYPE,
    BY_SUFFIX,
    FORMATS,
    Listing,
    ListingFormat,
    ListingItem,
)
from app.store.listing import pages as store
from app.web.http_contract import HttpContract, Representation, Storage
from app.web.problems import Problem
from app.web.public.listing_pages import (
    VOCABULARIES,
    ListingRequest,
    canonical_query,
    empty_page,
    parse_query,
    read_cursor,
    read_page,
    read_request,
)
from app.web.redirects import redirect_response, without_slash
from app.web.request_headers import RequestPreferences, request_preferences
from app.web.response_headers import TAGS_AT_MOST, listing_headers, tag_of
from app.web.responses import head_response, to_response
from app.web.state import AppState, get_state

LISTING: Final = HttpContract()
STREAM: Final = HttpContract(Storage.NEVER)

STREAM_FORMAT: Final = "ndjson"
STREAM_PAGE_SIZE: Final = 100
"""How many records of a stream are in memory at a time."""

_CACHED_QUERY_LENGTH: Final = 2_000
_SUFFIXES: Final = tuple(BY_SUFFIX)
_OFFERS: Final = tuple(BY_MEDIA_TYPE)
_ACCEPTS_REMEMBERED: Final = 1_024


def routes() -> list[BaseRoute]:
    """Return the routes of listings: plain ones, for nothing is injected."""
    methods = ["GET", "HEAD"]
    return [
        Route("/", front_page, methods=methods),
        *(Route(f"/news{suffix}", listing, methods=methods) for suffix in ("", *BY_SUFFIX)),
        *(Route(f"/{name}/{{name}}", listing, methods=methods) for name in VOCABULARIES),
        Route("/news/", without_slash, methods=methods),
        *(Route(f"/{name}/{{name}}/", without_slash, methods=methods) for name in VOCABULARIES),
    ]


def front_page(request: Request) -> Response:
    """Redirect to the newest articles, for the time being: `/` may get a page of its own."""
    preferences = request_preferences(request.scope)
    status, fresh_as = HTTPStatus.TEMPORARY_REDIRECT, HTTPStatus.OK
    response = redirect_response(
        get_state(request), preferences, "/news", status=status, fresh_as=fresh_as
    )
    return to_response(request, response)


def listing(request: Request) -> Response:
    """Serve one page of a listing, or all of it as a stream."""
    state, preferences = get_state(request), request_preferences(request.scope)
    chosen = _split_suffix(preferences.path)[1] or _negotiated(preferences.accept)
    if chosen is not None and chosen.name == STREAM_FORMAT:
        return _stream(request, preferences, chosen)
    return to_response(request, respond(state, preferences))


def cache_key(preferences: RequestPreferences) -> CacheKey | None:
    """Return the key of the response to an unauthorized GET, or None where none is cached.

    Its address has the canonical query, so that all spellings of one query share one response.
    """
    path, fixed = _split_suffix(preferences.path)
    if not _is_listing(path):
        return None
    chosen = fixed or _negotiated(preferences.accept)
    if chosen is None or chosen.name == STREAM_FORMAT:
        return None
    address = preferences.path
    if preferences.query:
        if len(preferences.query) > _CACHED_QUERY_LENGTH:
            return None
        try:
            given = parse_query(preferences.query)
        except InvalidQueryError:
            return None
        if query := canonical_query(given, given.cursor):
            address = f"{address}?{query}"
    return CacheKey(address, "" if fixed else chosen.name, preferences.coding)


def respond(state: AppState, preferences: RequestPreferences) -> CachedResponse:
    """Build the response to a GET of one page of a listing.

    Raises Problem for 404 and 406, InvalidQueryError, and DatabaseUnavailableError.
    """
    path, fixed = _split_suffix(preferences.path)
    chosen = fixed or _negotiated(preferences.accept)
    if chosen is None:
        read_request(state, path, preferences.query)  # 404 and 400 come before 406
        raise _not_acceptable(state, path)
    page = read_page(state, path, preferences.query, chosen)
    representation = Representation(
        chosen.content_type,
        chosen.render(page),
        negotiated=fixed is None,
        location=path + chosen.suffix + (f"?{page.query}" if page.query else ""),
        headers=listing_headers(page, chosen),
        tags=_tags(page),
        is_reusable=True,
    )
    return LISTING.response(state.freshness, preferences, representation)


def _is_listing(path: str) -> bool:
    """Return whether the bare `path` is that of a listing, which may not exist."""
    vocabulary, slash, slug = path[1:].partition("/")
    if not slash:
        return vocabulary == "news"
    return vocabulary in VOCABULARIES and "/" not in slug and bool(slug)


def _split_suffix(path: str) -> tuple[str, ListingFormat | None]:
    """Return the bare path, and the format that the suffix of `path` fixes, if it has one."""
    if path.endswith(_SUFFIXES):
        for suffix, fixed in BY_SUFFIX.items():
            if path.endswith(suffix):
                return path.removesuffix(suffix), fixed
    return path, None


@lru_cache(_ACCEPTS_REMEMBERED)
def _negotiated(accept: str) -> ListingFormat | None:
    chosen = negotiate(accept, _OFFERS)
    return BY_MEDIA_TYPE[chosen] if chosen else None


def _tags(page: Listing) -> tuple[str, ...]:
    return ("listings", *(tag_of(item.record.slug) for item in page.items))[:TAGS_AT_MOST]


def _stream(request: Request, preferences: RequestPreferences, chosen: ListingFormat) -> Response:
    """Stream all articles of a listing after its cursor, if there is one."""
    state = get_state(request)
    path, fixed = _split_suffix(preferences.path)
    wanted = read_request(state, path, preferences.query)
    if wanted.selection.slugs:
        raise invalid_parameter("slug", "cannot be combined with a stream")
    pages = _stream_pages(state, wanted, chosen)
    headers = STREAM.headers(state.freshness, chosen.content_type, negotiated=fixed is None)
    if request.method == "HEAD":
        return head_response(headers, chosen.content_type)
    return StreamingResponse(pages, headers=headers, media_type=chosen.content_type)


def _stream_pages(
    state: AppState, wanted: ListingRequest, chosen: ListingFormat
) -> Iterator[bytes]:
    """Return the rendered pages. Raises InvalidQueryError for a cursor of another listing."""
    selection = replace(wanted.selection, limit=STREAM_PAGE_SIZE)
    if not selection.fields:
        selection = replace(selection, include=selection.include | {"body"})
    empty = replace(empty_page(state, wanted), fields=selection.shown)
    first = read_cursor(selection, state.cursor_key())
    unused = chosen.unused_fields(selection.shown)

    def rendered() -> Iterator[bytes]:
        cursor, more = first, True
        while more:
            with state.database.reading() as session:
                page = store.page(session.connection(), selection, cursor, unused)
            items = [ListingItem(each, article_links(each, state.site)) for each in page.records]
            yield chosen.render(replace(empty, items=items))
            cursor, more = page.next, page.next is not None

    return rendered()


def _not_acceptable(state: AppState, path: str) -> Problem:
    choices = [(each.media_type, state.site.base_url + path + each.suffix) for each in FORMATS]
    return Problem(
        HTTPStatus.NOT_ACCEPTABLE,
        "The listing has none of the media types that the request accepts.",
        members={"variants": [{"type": media_type, "url": url} for media_type, url in choices]},
        choices=choices,
    )
