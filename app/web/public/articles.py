"""`/news/<slug>`: one address for an article, and one twin for each of its representations."""

from datetime import datetime, timedelta
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from fastapi import Request, Response
from starlette.routing import BaseRoute, Route

from app.article.record import is_slug
from app.cache.response_cache import CachedResponse, CacheKey
from app.http.accept import negotiate
from app.representations.article import (
    BY_MEDIA_TYPE,
    BY_SUFFIX,
    FORMATS,
    ArticleFormat,
    article_links,
    article_path,
)
from app.store import articles
from app.store.articles import AliasOrTombstone, PublishedArticle
from app.web.http_contract import HttpContract, Representation
from app.web.problems import gone, not_acceptable, not_found
from app.web.redirects import redirect_response
from app.web.request_headers import RequestPreferences, request_preferences
from app.web.response_headers import article_headers, tag_of, tags_of
from app.web.responses import to_response
from app.web.state import AppState, get_state

ARTICLE: Final = HttpContract()

DATE_LAG: Final = timedelta(seconds=1)
"""How far the server's Date header may lag behind the clock."""

_ROOT: Final = article_path("")
_SUFFIXES: Final = tuple(BY_SUFFIX)
_OFFERS: Final = tuple(BY_MEDIA_TYPE)
_NOT_CANONICAL: Final = (".html", "/")
_ACCEPTS_REMEMBERED: Final = 1_024


def routes() -> list[BaseRoute]:
    """Return the routes of articles: plain ones, for nothing is injected."""
    return [
        Route("/news/{name}", article, methods=["GET", "HEAD"]),
        Route("/news/{name}/", article, methods=["GET", "HEAD"]),
    ]


def article(request: Request) -> Response:
    """Serve an article at its address, or at one of its twins."""
    response = respond(get_state(request), request_preferences(request.scope))
    return to_response(request, response)


def cache_key(preferences: RequestPreferences) -> CacheKey | None:
    """Return the key of the response to an unauthorized GET, or None where none is cached."""
    path = preferences.path
    if not path.startswith(_ROOT) or path.count("/") > _ROOT.count("/"):
        return None
    if path == _ROOT or path.endswith(".html"):
        return None
    if path.endswith(_SUFFIXES):
        return CacheKey(path, "", preferences.coding)
    chosen = _negotiated(preferences.accept)
    return CacheKey(path, chosen.name, preferences.coding) if chosen else None


def respond(state: AppState, preferences: RequestPreferences) -> CachedResponse:
    """Build the response to a GET of an article, or of one of its twins.

    Raises Problem for 404, 406 and 410, and DatabaseUnavailableError.
    """
    name = preferences.path.removeprefix(_ROOT)
    is_canonical = not name.endswith(_NOT_CANONICAL)
    slug, fixed = _split_suffix(name.removesuffix("/").removesuffix(".html"))
    now = state.clock()
    found = find_article(state, slug, now, is_canonical=is_canonical)
    if isinstance(found, AliasOrTombstone):
        return _redirect(state, preferences, slug, found.slug, fixed)
    if not is_canonical:
        return _redirect(state, preferences, slug, slug, fixed)
    chosen = fixed or _negotiated(preferences.accept)
    if chosen is None:
        raise not_acceptable(article_links(found.record, state.site))
    representation = _represent(state, found, chosen, now)
    return ARTICLE.response(
        state.freshness, preferences, representation._replace(negotiated=fixed is None)
    )


def find_article(
    state: AppState, slug: str, now: datetime, *, is_canonical: bool = False
) -> PublishedArticle | AliasOrTombstone:
    """Return the article at `slug`, or the slug it moved to.

    Raises the Problem that there is none; it may be cached where the address `is_canonical`.
    """
    if not is_slug(slug):
        raise not_found(slug)
    found = state.database.query(lambda connection: articles.find_published(connection, slug, now))
    if found is not None:
        return found
    other = state.database.query(
        lambda connection: articles.find_alias_or_tombstone(connection, slug, now)
    )
    if other is None:
        raise not_found(slug, is_reusable=is_canonical)
    if other.withdrawn:
        raise gone(other.slug)
    return other


def _split_suffix(name: str) -> tuple[str, ArticleFormat | None]:
    """Return the slug in `name`, and the format that its suffix fixes, if it has one."""
    for suffix, fixed in BY_SUFFIX.items():
        if name.endswith(suffix):
            return name.removesuffix(suffix), fixed
    return name, None


@lru_cache(_ACCEPTS_REMEMBERED)
def _negotiated(accept: str) -> ArticleFormat | None:
    chosen = negotiate(accept, _OFFERS)
    return BY_MEDIA_TYPE[chosen] if chosen else None


def _represent(
    state: AppState, article: PublishedArticle, chosen: ArticleFormat, now: datetime
) -> Representation:
    record = article.record
    links = article_links(record, state.site)
    # Never goes back: an undo brings back an older `updated_at` (decision 18).
    instants = record.updated_at, article.changed_at, state.rendering_changed_at
    modified = max(instant for instant in instants if instant is not None)
    # RFC 9110 section 8.8.2.1: "An origin server with a clock MUST NOT generate a Last-Modified
    # date that is later than the server's time of message origination (Date)."
    newest = now - DATE_LAG
    return Representation(
        chosen.content_type,
        chosen.represent(record, links),
        negotiated=True,
        location=article_path(record.slug, chosen),
        headers=article_headers(record, links, chosen),
        tags=tags_of(record),
        last_modified=min(modified, newest).replace(microsecond=0),
        is_reusable=modified <= newest,  # else Last-Modified depends on the time of day
    )


def _redirect(
    state: AppState,
    preferences: RequestPreferences,
    slug: str,
    target: str,
    fixed: ArticleFormat | None,
) -> CachedResponse:
    """Redirect to the article's address, from its old slug or from another spelling."""
    # Where an article has moved to changes as often as the article; how it is spelled does not.
    moved = slug != target
    return redirect_response(
        state,
        preferences,
        article_path(target, fixed or FORMATS[0]),
        fresh_as=HTTPStatus.OK if moved else HTTPStatus.PERMANENT_REDIRECT,
        tags=(tag_of(target), *([tag_of(slug)] if moved else [])),
    )
