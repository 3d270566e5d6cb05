"""Listings: `/news`, `/topics/<slug>` and `/entities/<slug>`, with filters, and their twins."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request, Response
from starlette.responses import RedirectResponse, StreamingResponse
from starlette.routing import BaseRoute, Route

from app import codings, listings
from app.answers import Answer, Memory, Place
from app.cursors import Cursor, ForgedCursorError, seal, unseal
from app.database import Session
from app.listings import (
    BY_MEDIA_TYPE,
    BY_NAME,
    BY_SUFFIX,
    FORMATS,
    Format,
    Item,
    Listing,
    Missing,
)
from app.negotiation import negotiate
from app.passages import highlights
from app.records import is_slug
from app.representations import links_of, path_of
from app.selections import BadParameter, BadSelectionError, Selection, parse
from app.store import articles, facets, terms
from app.store import listings as store
from app.store.terms import Vocabulary
from app.web.fields import wishes
from app.web.headers import caching_headers, entity_tag, listing_headers, policy_headers
from app.web.problems import Problem
from app.web.sending import sent
from app.web.service import Service, service_of

OFFERS: Final = tuple(BY_MEDIA_TYPE)
AT_ONCE: Final = 100
"""How many records of a stream are held at a time."""

STREAM: Final = "ndjson"
PARAMETERS_AT_MOST: Final = 100
_VOCABULARIES: Final[dict[str, Vocabulary]] = {"topics": "topic", "entities": "entity"}


@dataclass(frozen=True, slots=True)
class Asked:
    """A listing that somebody asks for: its bare path and title, and what it selects.

    `given` is that without what the path says already.
    """

    path: str
    title: str
    given: Selection
    selection: Selection

    def query(self, cursor: str | None) -> str:
        """Return the query of the page at `cursor`, in one spelling."""
        asked = self.given.query
        if cursor is None:
            return asked
        return f"{asked}&cursor={cursor}" if asked else f"cursor={cursor}"


def routes() -> list[BaseRoute]:
    """Return the routes of listings, which are the framework's plain ones."""
    methods = ["GET", "HEAD"]
    return [
        Route("/", _home, methods=methods),
        *(Route(f"/news{suffix}", listing, methods=methods) for suffix in ("", *BY_SUFFIX)),
        *(Route(f"/{name}/{{name}}", listing, methods=methods) for name in _VOCABULARIES),
        Route("/news/", _respelt, methods=methods),
        *(Route(f"/{name}/{{name}}/", _respelt, methods=methods) for name in _VOCABULARIES),
    ]


def _home(_request: Request) -> Response:
    return RedirectResponse("/news", HTTPStatus.TEMPORARY_REDIRECT, {"Cache-Control": "max-age=60"})


def _respelt(request: Request) -> Response:
    query = request.url.query
    location = request.scope["path"].rstrip("/") + (f"?{query}" if query else "")
    return RedirectResponse(location, HTTPStatus.PERMANENT_REDIRECT)


def is_listing(path: str) -> bool:
    """Say whether `path` may be a listing's, so that its answers may be ready."""
    bare, form = _twin(path)
    if form is not None and form.name == STREAM:
        return False
    vocabulary, slash, slug = bare[1:].partition("/")
    if not slash:
        return vocabulary == "news"
    return vocabulary in _VOCABULARIES and "/" not in slug and bool(slug)


def listing(request: Request) -> Response:
    """Answer with a page of a listing, or with all of it as a stream."""
    service = service_of(request)
    path, form = _twin(request.scope["path"])
    query = request.scope["query_string"].decode("latin-1")
    wished = wishes(request.headers)
    negotiated = form is None
    with service.database.reading() as session:
        asked = _asked(session, path, query)
    if form is None:
        chosen = negotiate(wished.accept, OFFERS)
        if chosen is None:
            raise _not_acceptable(service, path)
        form = BY_MEDIA_TYPE[chosen]
    if form.name == STREAM:
        return _stream(service, asked, form, negotiated=negotiated)
    coding = codings.choose(wished.accept_encoding)
    page = _page(service, asked, form)
    return sent(
        request,
        listing_answer(
            service, page, form, coding, negotiated=negotiated, personal=wished.personal
        ),
    )


def answer_at(service: Service, address: str, accepted: str, coding: str) -> Answer | None:
    """Build the answer to a GET of `address`, a path and its query, by anybody, and keep it.

    None where something else is to be said: the route says it. Raises DatabaseUnavailableError.
    """
    bare, _, query = address.partition("?")
    path, form = _twin(bare)
    negotiated = form is None
    form = form or BY_NAME.get(accepted)
    if form is None or form.name == STREAM:
        return None
    epochs = service.listings.epoch, service.searches.epoch
    try:
        with service.database.reading() as session:
            asked = _asked(session, path, query)
        page = _page(service, asked, form)
    except (Problem, BadSelectionError):
        return None
    answer = listing_answer(service, page, form, coding, negotiated=negotiated, personal=False)
    memory, epoch = _memory(service, asked.selection, epochs)
    memory.keep(Place(address, form.name, coding, negotiated), answer, epoch)
    return answer


def _memory(service: Service, selection: Selection, epochs: tuple[int, int]) -> tuple[Memory, int]:
    # What anybody can make up drives nothing out that many ask for.
    if selection.q or selection.spans or selection.slugs:
        return service.searches, epochs[1]
    return service.listings, epochs[0]


def _twin(path: str) -> tuple[str, Format | None]:
    """Return the bare path, and the form that the suffix of `path` fixes, if any."""
    for suffix, form in BY_SUFFIX.items():
        if path.endswith(suffix):
            return path.removesuffix(suffix), form
    return path, None


def _asked(session: Session, path: str, query: str) -> Asked:
    """Read what is asked for. Raises BadSelectionError, and the Problem that there is nothing."""
    pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=None)
    if len(pairs) > PARAMETERS_AT_MOST:
        fault = BadParameter("", f"{len(pairs)} parameters, and at most {PARAMETERS_AT_MOST}")
        raise BadSelectionError((fault,))
    selection = parse(pairs)
    vocabulary, _, slug = path.strip("/").partition("/")
    if not slug:
        return Asked(path, "News", selection, selection)
    facet = _VOCABULARIES[vocabulary]
    label = terms.label(session, facet, slug) if is_slug(slug) else None
    if label is None:
        raise Problem(HTTPStatus.NOT_FOUND, f"No article has the {facet} at this address.")
    if selection.slugs:
        raise BadSelectionError((BadParameter("slug", "goes with /news alone"),))
    wanted = {**selection.all_of, facet: (slug, *selection.all_of.get(facet, ()))}
    return Asked(path, label, selection, replace(selection, all_of=wanted))


def _page(service: Service, asked: Asked, form: Format) -> Listing:
    """Read one page. Raises BadSelectionError for a cursor that is not its own."""
    selection = asked.selection
    bodies = form.with_bodies or "body_md" in selection.shown
    with service.database.reading() as session:
        if selection.slugs:
            return _by_slug(service, session, asked)
        key = store.cursor_key(session)
        page = store.page(session, selection, _cursor(selection, key), bodies=bodies)
        total = store.total(session, selection) if "total" in selection.include else None
        counts = facets.facets(session, selection) if "facets" in selection.include else None
    following, preceding = (
        None if each is None else asked.query(seal(each, selection.order, key))
        for each in (page.next, page.prev)
    )
    return replace(
        _empty(service, asked),
        items=[
            Item(record, links_of(record, service.site), highlights(record, page.terms))
            for record in page.records
        ],
        next=following,
        prev=preceding,
        total=None if total is None else listings.Total(*total),
        facets=None if counts is None else _facets(counts),
    )


def _cursor(selection: Selection, key: bytes) -> Cursor | None:
    if selection.cursor is None:
        return None
    try:
        return unseal(selection.cursor, selection.order, key)
    except ForgedCursorError:
        reason = "is none that a page of this listing gave: begin without it"
        raise BadSelectionError((BadParameter("cursor", reason),)) from None


def _by_slug(service: Service, session: Session, asked: Asked) -> Listing:
    """Return the articles that were asked for by their slugs, and which of them there are not."""
    slugs = asked.selection.slugs
    found = store.many(session, slugs)
    now = service.clock()
    missing = []
    for slug in slugs:
        if slug in found:
            continue
        trace = articles.trace(session.connection(), slug, now)
        if trace is None:
            missing.append(Missing(slug, HTTPStatus.NOT_FOUND))
        elif trace.withdrawn:
            missing.append(Missing(slug, HTTPStatus.GONE))
        else:
            url = service.site.base_url + path_of(trace.slug)
            missing.append(Missing(slug, HTTPStatus.PERMANENT_REDIRECT, url))
    items = [Item(found[s], links_of(found[s], service.site)) for s in slugs if s in found]
    return replace(_empty(service, asked), items=items, missing=missing)


def _empty(service: Service, asked: Asked) -> Listing:
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


def _facets(counts: facets.Facets) -> listings.Facets:
    terms = {
        name: [listings.Count(*each) for each in found] for name, found in counts.terms.items()
    }
    return listings.Facets(counts.counted, counts.exact, terms)


def listing_answer(  # noqa: PLR0913 - what an answer depends on, named
    service: Service,
    page: Listing,
    form: Format,
    coding: str,
    *,
    negotiated: bool,
    personal: bool,
) -> Answer:
    """Build a listing's answer: a function of its arguments and the site's settings."""
    coding, body = codings.encode(coding, form.render(page))
    etag = entity_tag(form.content_type, coding, body)
    location = page.path + form.suffix + (f"?{page.query}" if page.query else "")
    fields = {
        **listing_headers(page, form),
        **({"Content-Encoding": coding} if coding != codings.IDENTITY else {}),
        **({"Content-Location": location} if negotiated else {}),
        "ETag": etag,
        **caching_headers(
            HTTPStatus.OK,
            form.media_type,
            service.freshness,
            negotiated=negotiated,
            personal=personal,
        ),
    }
    return Answer(HTTPStatus.OK, fields, body, etag=etag)


def _stream(service: Service, asked: Asked, form: Format, *, negotiated: bool) -> Response:
    """Answer with all that is found behind the cursor, if there is one, page after page."""
    selection = replace(asked.selection, limit=AT_ONCE)
    bodies = not selection.fields or "body_md" in selection.shown
    if not selection.fields:
        selection = replace(selection, include=selection.include | {"body"})
    if selection.slugs:
        raise BadSelectionError((BadParameter("slug", "goes with no stream"),))
    with service.database.reading() as session:
        key = store.cursor_key(session)
    frame = replace(_empty(service, asked), fields=selection.shown)
    first = _cursor(selection, key)

    def pieces() -> Iterator[bytes]:
        cursor, more = first, True
        while more:
            with service.database.reading() as session:
                page = store.page(session, selection, cursor, bodies=bodies)
            items = [Item(each, links_of(each, service.site)) for each in page.records]
            yield form.render(replace(frame, items=items))
            cursor, more = page.next, page.next is not None

    fields = {
        "Cache-Control": "no-store",
        "Vary": "Accept, Accept-Encoding" if negotiated else "Accept-Encoding",
        **policy_headers(form.media_type),
    }
    return StreamingResponse(pieces(), headers=fields, media_type=form.content_type)


def _not_acceptable(service: Service, path: str) -> Problem:
    choices = [(form.media_type, service.site.base_url + path + form.suffix) for form in FORMATS]
    return Problem(
        HTTPStatus.NOT_ACCEPTABLE,
        "The listing has none of the media types that the request accepts.",
        members={"variants": [{"type": kind, "url": url} for kind, url in choices]},
        choices=choices,
    )
