"""`/news/<slug>`: one address for an article, and one twin for each of its representations."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter, Request, Response

from app import codings
from app.answers import Answer, Place
from app.negotiation import negotiate
from app.records import Record, is_slug
from app.representations import BY_MEDIA_TYPE, BY_SUFFIX, FORMATS, Format, links_of, path_of
from app.store import articles
from app.store.articles import Trace
from app.web import documents
from app.web.fields import wishes
from app.web.headers import (
    article_headers,
    caching_headers,
    entity_tag,
    negotiation_headers,
    policy_headers,
)
from app.web.methods import readable
from app.web.problems import gone, not_acceptable, not_found
from app.web.sending import sent
from app.web.service import Served, Service

OFFERS: Final = tuple(BY_MEDIA_TYPE)
_IN_QUERY: Final = "!$&'()*+,;=:@/?%-._~"  # RFC 3986 section 3.4, and what is encoded already


def router() -> APIRouter:
    """Return the routes of an article: they follow from the table of representations."""
    routes = APIRouter(tags=["articles"], default_response_class=Response)
    # The twins come first, for `{slug}` of the bare URL would take their suffixes in.
    for form in BY_SUFFIX.values():
        readable(routes, f"/news/{{slug}}{form.suffix}", _twin(form), documents.twin(form))
    moved = documents.moved("The page is at the bare URL.")
    readable(routes, "/news/{slug}.html", _respelt, moved)
    readable(routes, "/news/{slug}/", _respelt, documents.moved("No path ends in a slash."))
    readable(routes, "/news/{slug}", _negotiated, documents.negotiated())
    return routes


@dataclass(frozen=True, slots=True)
class Choice:
    """What an article is answered with. `negotiated`: at the bare URL; `personal`: authorised."""

    form: Format
    coding: str
    negotiated: bool
    personal: bool


def _negotiated(slug: str, request: Request, service: Served) -> Response:
    epoch = service.answers.epoch
    found = _found(service, slug, epoch)
    if isinstance(found, Trace):
        return _redirected(request, service, found.slug, FORMATS[0])
    chosen = negotiate(wishes(request.headers).accept, OFFERS)
    if chosen is None:
        raise not_acceptable(links_of(found, service.site))
    return _answered(request, service, found, BY_MEDIA_TYPE[chosen], epoch)


def _twin(form: Format) -> Callable[..., Response]:
    def answer(slug: str, request: Request, service: Served) -> Response:
        epoch = service.answers.epoch
        found = _found(service, slug, epoch)
        if isinstance(found, Trace):
            return _redirected(request, service, found.slug, form)
        return _answered(request, service, found, form, epoch)

    return answer


def _respelt(slug: str, request: Request, service: Served) -> Response:
    """Lead from a spelling of an article's address to the one it has."""
    name = slug.removesuffix(".html")
    form = next((form for form in BY_SUFFIX.values() if name.endswith(form.suffix)), FORMATS[0])
    found = _found(service, name.removesuffix(form.suffix), service.answers.epoch)
    return _redirected(request, service, found.slug, form)


def _found(service: Service, slug: str, epoch: int) -> Record | Trace:
    """Return the article at `slug`, or where it has moved to. Raises the Problem that it is not."""
    if not is_slug(slug):
        raise not_found(slug)
    now = service.clock()
    record = service.database.ask(lambda session: articles.find(session, slug, now))
    if record is not None:
        return record
    trace = service.database.ask(lambda session: articles.trace(session, slug, now))
    if trace is None:
        raise not_found(slug, epoch)
    if trace.withdrawn:
        raise gone(trace.slug)
    return trace


def _answered(
    request: Request, service: Service, record: Record, form: Format, epoch: int
) -> Response:
    wished = wishes(request.headers)
    now = service.clock()
    path = request.scope["path"]
    coding = codings.choose(wished.accept_encoding)
    choice = Choice(form, coding, path == path_of(record.slug), wished.personal)
    answer = article_answer(service, record, choice, now)
    if not wished.personal and record.updated_at <= now:  # else it depends on the time of day
        place = Place(path, form.name, coding, choice.negotiated)
        service.answers.keep(place, answer, epoch)
    return sent(request, answer)


def article_answer(service: Service, record: Record, choice: Choice, now: datetime) -> Answer:
    """Build an article's answer: a function of its arguments and the site's settings."""
    form = choice.form
    links = links_of(record, service.site)
    coding, body = codings.encode(choice.coding, form.represent(record, links))
    last_modified = min(record.updated_at, now).replace(microsecond=0)
    etag = entity_tag(form.content_type, coding, body)
    fields = {
        **article_headers(record, links, form, last_modified),
        **({"Content-Encoding": coding} if coding != codings.IDENTITY else {}),
        **(negotiation_headers(record.slug, form) if choice.negotiated else {}),
        "ETag": etag,
        **caching_headers(
            HTTPStatus.OK,
            form.media_type,
            service.freshness,
            negotiated=choice.negotiated,
            personal=choice.personal,
        ),
    }
    return Answer(HTTPStatus.OK, fields, body, etag=etag, last_modified=last_modified)


def _redirected(request: Request, service: Service, slug: str, form: Format) -> Response:
    # A path and no host: the client is already at the right one, whatever proxy stands between.
    query = request.scope["query_string"]
    location = quote(path_of(slug, form)) + (f"?{quote(query, safe=_IN_QUERY)}" if query else "")
    caching = caching_headers(
        HTTPStatus.PERMANENT_REDIRECT,
        "text/html",
        service.freshness,
        negotiated=False,
        personal=wishes(request.headers).personal,
    )
    fields = {"Location": location, **caching}
    fields |= policy_headers("text/plain")
    return sent(request, Answer(HTTPStatus.PERMANENT_REDIRECT, fields, b""))
