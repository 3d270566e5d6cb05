"""`/news/<slug>`: one address for an article, and one twin for each of its representations."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final

from fastapi import Request, Response
from starlette.routing import BaseRoute, Route

from app.article.record import Record, is_slug
from app.cache.response_cache import CachedResponse, CacheKey
from app.http import content_coding
from app.http.accept import negotiate
from app.representations.article import (
    BY_MEDIA_TYPE,
    BY_NAME,
    BY_SUFFIX,
    FORMATS,
    ArticleFormat,
    article_links,
    article_path,
)
from app.store import articles
from app.store.articles import AliasOrTombstone
from app.web.problems import gone, not_acceptable, not_found
from app.web.redirects import redirected
from app.web.request_headers import request_preferences
from app.web.response_headers import (
    article_headers,
    caching_headers,
    entity_tag,
    negotiation_headers,
    tag_of,
)
from app.web.responses import to_response
from app.web.state import AppState, get_state

OFFERS: Final = tuple(BY_MEDIA_TYPE)
DATE_LAG: Final = timedelta(seconds=1)  # by which the server's Date may be behind the clock


def routes() -> list[BaseRoute]:
    """Return the routes of articles, which are the framework's plain ones: nothing to inject."""
    return [
        Route("/news/{name}", article, methods=["GET", "HEAD"]),
        Route("/news/{name}/", respelt, methods=["GET", "HEAD"]),
    ]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which representation of an article is sent; `negotiated` at the bare URL."""

    form: ArticleFormat
    coding: str
    negotiated: bool
    is_authorized: bool


def article(request: Request) -> Response:
    """Answer with the article whose slug the path ends in, or slug and suffix."""
    name: str = request.path_params["name"]
    if name.endswith(".html"):
        return respelt(request)
    service = get_state(request)
    epoch = service.article_cache.generation
    slug, form = _twin(name)
    found = found_at(service, slug, epoch)
    if isinstance(found, AliasOrTombstone):
        return _redirected(request, slug, found.slug, form)
    wished = request_preferences(request.scope)
    negotiated = form is FORMATS[0]
    if negotiated:
        chosen = negotiate(wished.accept, OFFERS)
        if chosen is None:
            raise not_acceptable(article_links(found, service.site))
        form = BY_MEDIA_TYPE[chosen]
    coding = content_coding.choose(wished.accept_encoding)
    choice = Choice(form, coding, negotiated, wished.is_authorized)
    return to_response(request, article_answer(service, found, choice, service.clock()))


def respelt(request: Request) -> Response:
    """Lead from a spelling of an article's address to the one it has."""
    service = get_state(request)
    slug, form = _twin(request.path_params["name"].removesuffix(".html"))
    found = found_at(service, slug)
    return _redirected(request, slug, found.slug, form)


def _twin(name: str) -> tuple[str, ArticleFormat]:
    """Return the slug in `name`, and the form that its suffix fixes: without one, the first."""
    for suffix, form in BY_SUFFIX.items():
        if name.endswith(suffix):
            return name.removesuffix(suffix), form
    return name, FORMATS[0]


def found_at(service: AppState, slug: str, epoch: int | None = None) -> Record | AliasOrTombstone:
    """Return the article at `slug`, or where it has moved to. Raises the Problem that it is not."""
    if not is_slug(slug):
        raise not_found(slug)
    now = service.clock()
    record = service.database.query(lambda asked: articles.find(asked, slug, now))
    if record is not None:
        return record
    trace = service.database.query(lambda asked: articles.find_alias_or_tombstone(asked, slug, now))
    if trace is None:
        raise not_found(slug, epoch)
    if trace.withdrawn:
        raise gone(trace.slug)
    return trace


def answer_at(service: AppState, path: str, accepted: str, coding: str) -> CachedResponse | None:
    """Build the answer to a GET of `path` by anybody, and keep it.

    `accepted` names the form for the bare URL. None where there is none to keep, and something else
    is to be said: the route says it. Raises DatabaseUnavailableError.
    """
    epoch = service.article_cache.generation
    slug, twin = _twin(path.removeprefix(article_path("")))
    form = BY_NAME.get(accepted) if twin is FORMATS[0] else twin
    if form is None or not is_slug(slug):
        return None
    now = service.clock()
    record = service.database.query(lambda asked: articles.find(asked, slug, now))
    if record is None:
        return None
    choice = Choice(form, coding, negotiated=twin is FORMATS[0], is_authorized=False)
    answer = article_answer(service, record, choice, now)
    if record.updated_at <= now - DATE_LAG:  # else it depends on the time of day
        service.article_cache.put(
            CacheKey(path, form.name, coding, choice.negotiated), answer, epoch
        )
    return answer


def article_answer(
    service: AppState, record: Record, choice: Choice, now: datetime
) -> CachedResponse:
    """Build an article's answer: a function of its arguments and the site's settings."""
    form = choice.form
    links = article_links(record, service.site)
    coding, body = content_coding.encode(choice.coding, form.represent(record, links))
    # RFC 9110 section 8.8.2.1: "An origin server with a clock MUST NOT generate a Last-Modified
    # date that is later than the server's time of message origination (Date)."
    last_modified = min(record.updated_at, now - DATE_LAG).replace(microsecond=0)
    etag = entity_tag(form.content_type, coding, body)
    fields = {
        **article_headers(record, links, form, last_modified),
        **({"Content-Encoding": coding} if coding != content_coding.IDENTITY else {}),
        **(negotiation_headers(record.slug, form) if choice.negotiated else {}),
        "ETag": etag,
        **caching_headers(
            HTTPStatus.OK,
            form.media_type,
            service.freshness,
            negotiated=choice.negotiated,
            is_authorized=choice.is_authorized,
        ),
    }
    return CachedResponse(HTTPStatus.OK, fields, body, etag=etag, last_modified=last_modified)


def _redirected(request: Request, old: str, slug: str, form: ArticleFormat) -> Response:
    """Lead from an address that `old` is the slug of to that of the article, which is at `slug`."""
    # Where an article has moved to may change as often as the article does; a spelling may not.
    moved = old != slug
    return redirected(
        request,
        article_path(slug, form),
        fresh_as=HTTPStatus.OK if moved else HTTPStatus.PERMANENT_REDIRECT,
        tags=(tag_of(slug), *([tag_of(old)] if moved else [])),
    )
