"""Errors as responses (RFC 9457), each in a format that the client can read."""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request, Response

from app.article.record import is_slug
from app.cache.response_cache import CachedResponse, CacheKey
from app.http.accept import negotiate
from app.http.content_coding import IDENTITY
from app.representations import templating
from app.representations.article import BY_SUFFIX, Links
from app.text import excerpt
from app.web.http_contract import HttpContract
from app.web.request_headers import RequestPreferences, request_preferences
from app.web.response_headers import link_header, tag_headers, tag_of
from app.web.responses import to_response
from app.web.state import AppState, get_state

PROBLEM: Final = "application/problem+json"
RETRY_SECONDS: Final = 5
CONTRACT: Final = HttpContract()

# Browsers name text/html, agents text/markdown. Clients that name nothing get JSON.
_OFFERS: Final[tuple[str, ...]] = (PROBLEM, "application/json", "application/ld+json",
                  "text/html", "text/markdown", "text/plain")  # fmt: skip
_ACCEPTS_REMEMBERED: Final = 1_024

Member = dict[str, Any]


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem
    """A response other than success.

    `members` are added to the standard ones of the JSON. `choices` are pairs of a media type and a
    URL that the client may request instead. `is_reusable` as CachedResponse has it.
    """

    def __init__(  # noqa: PLR0913 - the parts of a response, named where they are given
        self,
        status: HTTPStatus,
        detail: str,
        *,
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        choices: Sequence[tuple[str, str]] = (),
        is_reusable: bool = False,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.members = members or {}
        self.headers = headers or {}
        self.choices = choices
        self.is_reusable = is_reusable


def not_found(slug: str, *, is_reusable: bool = False) -> Problem:
    """Return the 404 for an article that does not exist."""
    detail = f"There is no article at /news/{excerpt(slug)}."
    tags = tag_headers(tag_of(slug)) if is_slug(slug) else {}
    return Problem(HTTPStatus.NOT_FOUND, detail, headers=tags, is_reusable=is_reusable)


def gone(slug: str) -> Problem:
    """Return the 410 for an article that was withdrawn."""
    detail = f"The article at /news/{excerpt(slug)} was withdrawn."
    return Problem(HTTPStatus.GONE, detail, headers=tag_headers(tag_of(slug)))


def not_acceptable(links: Links) -> Problem:
    """Return the 406 for an article: none of its media types is acceptable to the client."""
    choices = [(alternate.media_type, alternate.url) for alternate in links.alternates]
    return Problem(
        HTTPStatus.NOT_ACCEPTABLE,
        "The article has none of the media types that the request accepts.",
        members={"variants": [{"type": media_type, "url": url} for media_type, url in choices]},
        headers={"Link": link_header(links)},
        choices=choices,
    )


def unavailable() -> Problem:
    """Return the 503 for a database that does not answer."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The database does not answer at the moment. Try again in a few seconds.",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )


def problem_to_response(request: Request, problem: Problem) -> Response:
    """Return `problem` as the framework's response to `request`."""
    preferences = request_preferences(request.scope)
    return to_response(request, problem_response(get_state(request), preferences, problem))


def problem_response(
    state: AppState, preferences: RequestPreferences, problem: Problem
) -> CachedResponse:
    """Build the response for `problem`, in the format that fits the request."""
    media_type, negotiated = problem_format(preferences.path, preferences.accept)
    content_type = media_type if media_type == PROBLEM else f"{media_type}; charset=utf-8"
    headers = {"Content-Type": content_type} | CONTRACT.headers(
        state.freshness,
        content_type,
        problem.status,
        negotiated=negotiated,
        is_authorized=preferences.is_authorized,
    )
    body = _WRITERS[media_type](problem, state.site.name)
    return CachedResponse(
        problem.status, headers | dict(problem.headers), body, is_reusable=problem.is_reusable
    )


def problem_cache_key(preferences: RequestPreferences) -> CacheKey:
    """Return the key under which a reusable problem is cached."""
    media_type, negotiated = problem_format(preferences.path, preferences.accept)
    return CacheKey(preferences.path, media_type if negotiated else "", IDENTITY)


def problem_format(path: str, accept: str | None) -> tuple[str, bool]:
    """Return the media type for a problem, and whether Accept selected it rather than a suffix."""
    for suffix, fixed in BY_SUFFIX.items():
        if path.endswith(suffix):
            return fixed.media_type if fixed.media_type in _WRITERS else PROBLEM, False
    return _negotiated(accept), True


@lru_cache(_ACCEPTS_REMEMBERED)
def _negotiated(accept: str) -> str:
    chosen = negotiate(accept, _OFFERS)
    return chosen if chosen is not None and chosen in _WRITERS else PROBLEM


def _title(problem: Problem) -> str:
    return f"{problem.status.value} {problem.status.phrase}"


def _as_json(problem: Problem, _site_name: str) -> bytes:
    members: Member = {
        "type": "about:blank",
        "title": problem.status.phrase,
        "status": problem.status.value,
        "detail": problem.detail,
        **problem.members,
    }
    return json.dumps(members, ensure_ascii=False).encode(errors="backslashreplace")


def _as_html(problem: Problem, site_name: str) -> bytes:
    return templating.render(
        "problem.html",
        lang="en",
        site_name=site_name,
        title=_title(problem),
        problem=problem,
    )


def _as_markdown(problem: Problem, _site_name: str) -> bytes:
    choices = "".join(f"- [{media_type}]({url})\n" for media_type, url in problem.choices)
    text = f"# {_title(problem)}\n\n{problem.detail}\n" + (f"\n{choices}" if choices else "")
    return text.encode(errors="backslashreplace")


def _as_text(problem: Problem, _site_name: str) -> bytes:
    choices = "".join(f"{media_type}: {url}\n" for media_type, url in problem.choices)
    text = f"{_title(problem)}\n\n{problem.detail}\n" + (f"\n{choices}" if choices else "")
    return text.encode(errors="backslashreplace")


_WRITERS: Final[Mapping[str, Callable[[Problem, str], bytes]]] = {
    PROBLEM: _as_json,
    "text/html": _as_html,
    "text/markdown": _as_markdown,
    "text/plain": _as_text,
}
