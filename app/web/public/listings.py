"""Listings: `/news`, `/topics/<slug>` and `/entities/<slug>`, with filters, and their twins."""

from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from fastapi import Request, Response
from starlette.responses import StreamingResponse
from starlette.routing import BaseRoute, Route

from app.cache.response_cache import CachedResponse, CacheKey, ResponseCache
from app.http import content_coding
from app.http.accept import negotiate
from app.http.query_params import InvalidQueryError, refused
from app.representations.article import article_links
from app.representations.listing import (
    BY_MEDIA_TYPE,
    BY_NAME,
    BY_SUFFIX,
    FORMATS,
    Listing,
    ListingFormat,
    ListingItem,
)
from app.search.listing_query import ListingQuery
from app.store.listing import pages as store
from app.web.problems import Problem
from app.web.public.listing_pages import (
    VOCABULARIES,
    ListingRequest,
    asked_at,
    cursor_of,
    frame,
    page_at,
)
from app.web.redirects import redirected, without_slash
from app.web.request_headers import request_preferences
from app.web.response_headers import caching_headers, entity_tag, listing_headers, policy_headers
from app.web.responses import head_response, to_response
from app.web.state import AppState, get_state

OFFERS: Final = tuple(BY_MEDIA_TYPE)
AT_ONCE: Final = 100
"""How many records of a stream are held at a time."""

STREAM: Final = "ndjson"


def routes() -> list[BaseRoute]:
    """Return the routes of listings, which are the framework's plain ones."""
    methods = ["GET", "HEAD"]
    return [
        Route("/", _home, methods=methods),
        *(Route(f"/news{suffix}", listing, methods=methods) for suffix in ("", *BY_SUFFIX)),
        *(Route(f"/{name}/{{name}}", listing, methods=methods) for name in VOCABULARIES),
        Route("/news/", without_slash, methods=methods),
        *(Route(f"/{name}/{{name}}/", without_slash, methods=methods) for name in VOCABULARIES),
    ]


def _home(request: Request) -> Response:
    # Not for ever: another page may come to stand here.
    status = HTTPStatus.TEMPORARY_REDIRECT
    return redirected(request, "/news", status=status, fresh_as=HTTPStatus.OK)


def is_listing(path: str) -> bool:
    """Say whether `path` may be a listing's, so that its answers may be ready."""
    bare, form = _twin(path)
    if form is not None and form.name == STREAM:
        return False
    vocabulary, slash, slug = bare[1:].partition("/")
    if not slash:
        return vocabulary == "news"
    return vocabulary in VOCABULARIES and "/" not in slug and bool(slug)


def listing(request: Request) -> Response:
    """Answer with a page of a listing, or with all of it as a stream."""
    service = get_state(request)
    path, form = _twin(request.scope["path"])
    query = request.scope["query_string"].decode("latin-1")
    wished = request_preferences(request.scope)
    negotiated = form is None
    if form is None:
        chosen = negotiate(wished.accept, OFFERS)
        if chosen is None:
            asked_at(service, path, query)  # what is wrong with the address is said first
            raise _not_acceptable(service, path)
        form = BY_MEDIA_TYPE[chosen]
    if form.name == STREAM:
        return _stream(request, asked_at(service, path, query), form, negotiated=negotiated)
    _, page = page_at(service, path, query, form)
    coding = content_coding.choose(wished.accept_encoding)
    return to_response(
        request,
        listing_answer(
            service, page, form, coding, negotiated=negotiated, is_authorized=wished.is_authorized
        ),
    )


def answer_at(service: AppState, address: str, accepted: str, coding: str) -> CachedResponse | None:
    """Build the answer to a GET of `address`, a path and its query, by anybody, and keep it.

    None where something else is to be said: the route says it. Raises DatabaseUnavailableError.
    """
    bare, _, query = address.partition("?")
    path, form = _twin(bare)
    negotiated = form is None
    form = form or BY_NAME.get(accepted)
    if form is None or form.name == STREAM:
        return None
    epochs = service.listing_cache.generation, service.search_cache.generation
    try:
        asked, page = page_at(service, path, query, form)
    except (Problem, InvalidQueryError):
        return None
    answer = listing_answer(service, page, form, coding, negotiated=negotiated, is_authorized=False)
    memory, epoch = _memory(service, asked.selection, epochs)
    memory.put(CacheKey(address, form.name, coding, negotiated), answer, epoch)
    return answer


def _memory(
    service: AppState, selection: ListingQuery, epochs: tuple[int, int]
) -> tuple[ResponseCache, int]:
    # What anybody can make up drives nothing out that many ask for.
    made_up = selection.q, selection.spans, selection.slugs, selection.cursor, selection.fields
    if any(made_up):
        return service.search_cache, epochs[1]
    return service.listing_cache, epochs[0]


def _twin(path: str) -> tuple[str, ListingFormat | None]:
    """Return the bare path, and the form that the suffix of `path` fixes, if any."""
    for suffix, form in BY_SUFFIX.items():
        if path.endswith(suffix):
            return path.removesuffix(suffix), form
    return path, None


def listing_answer(  # noqa: PLR0913 - what an answer depends on, named
    service: AppState,
    page: Listing,
    form: ListingFormat,
    coding: str,
    *,
    negotiated: bool,
    is_authorized: bool,
) -> CachedResponse:
    """Build a listing's answer: a function of its arguments and the site's settings."""
    coding, body = content_coding.encode(coding, form.render(page))
    etag = entity_tag(form.content_type, coding, body)
    location = page.path + form.suffix + (f"?{page.query}" if page.query else "")
    fields = {
        **listing_headers(page, form),
        **({"Content-Encoding": coding} if coding != content_coding.IDENTITY else {}),
        **({"Content-Location": location} if negotiated else {}),
        "ETag": etag,
        **caching_headers(
            HTTPStatus.OK,
            form.media_type,
            service.freshness,
            negotiated=negotiated,
            is_authorized=is_authorized,
        ),
    }
    return CachedResponse(HTTPStatus.OK, fields, body, etag=etag)


def _stream(
    request: Request, asked: ListingRequest, form: ListingFormat, *, negotiated: bool
) -> Response:
    """Answer with all that is found behind the cursor, if there is one, page after page."""
    service = get_state(request)
    selection = replace(asked.selection, limit=AT_ONCE)
    if not selection.fields:
        selection = replace(selection, include=selection.include | {"body"})
    if selection.slugs:
        raise refused("slug", "goes with no stream")
    empty = replace(frame(service, asked), fields=selection.shown)
    first = cursor_of(selection, service.cursor_key())
    unread = form.unused_fields(selection.shown)

    def pieces() -> Iterator[bytes]:
        cursor, more = first, True
        while more:
            with service.database.reading() as session:
                page = store.page(session.connection(), selection, cursor, unread)
            items = [ListingItem(each, article_links(each, service.site)) for each in page.records]
            yield form.render(replace(empty, items=items))
            cursor, more = page.next, page.next is not None

    fields = {
        "Cache-Control": "no-store",
        "Vary": "Accept, Accept-Encoding" if negotiated else "Accept-Encoding",
        **policy_headers(form.media_type),
    }
    if request.method == "HEAD":
        return head_response(fields, form.content_type)
    return StreamingResponse(pieces(), headers=fields, media_type=form.content_type)


def _not_acceptable(service: AppState, path: str) -> Problem:
    choices = [(form.media_type, service.site.base_url + path + form.suffix) for form in FORMATS]
    return Problem(
        HTTPStatus.NOT_ACCEPTABLE,
        "The listing has none of the media types that the request accepts.",
        members={"variants": [{"type": kind, "url": url} for kind, url in choices]},
        choices=choices,
    )
