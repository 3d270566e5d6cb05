"""Errors as answers (RFC 9457), each in the form that the client can read."""

import json
from collections.abc import Callable, Mapping, Sequence
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
from app.web.request_headers import request_preferences
from app.web.response_headers import (
    caching_headers,
    link_header,
    policy_headers,
    tag_headers,
    tag_of,
)
from app.web.responses import to_response
from app.web.state import AppState, get_state

PROBLEM: Final = "application/problem+json"
RETRY_SECONDS: Final = 5

# A browser names text/html, an agent text/markdown. Who names nothing gets what programs read.
_OFFERS: Final[tuple[str, ...]] = (PROBLEM, "application/json", "application/ld+json",
                  "text/html", "text/markdown", "text/plain")  # fmt: skip

Member = dict[str, Any]


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem
    """An answer other than success.

    `members` go into the JSON beside the standard ones. `choices` are pairs of a media type and a
    URL where the client may go instead. Where the response may be cached for a moment,
    `cache_generation` is the generation the cache had before the database was queried.
    """

    def __init__(  # noqa: PLR0913 - the parts of an answer, named where they are given
        self,
        status: HTTPStatus,
        detail: str,
        *,
        members: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        choices: Sequence[tuple[str, str]] = (),
        epoch: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.members = members or {}
        self.headers = headers or {}
        self.choices = choices
        self.cache_generation = epoch


def not_found(slug: str, epoch: int | None = None) -> Problem:
    """Return the answer where no article stands at `slug`; `epoch` as Problem has it."""
    detail = f"There is no article at /news/{excerpt(slug)}."
    tags = tag_headers(tag_of(slug)) if is_slug(slug) else {}
    return Problem(HTTPStatus.NOT_FOUND, detail, epoch=epoch, headers=tags)


def gone(slug: str) -> Problem:
    """Return the answer where an article was withdrawn."""
    detail = f"The article at /news/{excerpt(slug)} was withdrawn."
    return Problem(HTTPStatus.GONE, detail, headers=tag_headers(tag_of(slug)))


def not_acceptable(links: Links) -> Problem:
    """Return the answer where an article has no representation that the client takes."""
    choices = [(alternate.media_type, alternate.url) for alternate in links.alternates]
    return Problem(
        HTTPStatus.NOT_ACCEPTABLE,
        "The article has none of the media types that the request accepts.",
        members={"variants": [{"type": kind, "url": url} for kind, url in choices]},
        headers={"Link": link_header(links)},
        choices=choices,
    )


def unavailable() -> Problem:
    """Return the answer where the database is away."""
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The database does not answer at the moment. Try again in a few seconds.",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )


def respond(request: Request, problem: Problem) -> Response:
    """Return `problem` as an answer to `request`."""
    wished = request_preferences(request.scope)
    # Not the URL's path: that one ends at a question mark, also at one that came encoded.
    path = request.scope["path"]
    service = get_state(request)
    accept = wished.accept or ""
    answer = problem_answer(service, problem, path, accept, is_authorized=wished.is_authorized)
    if problem.cache_generation is not None and not wished.is_authorized:
        media_type, negotiated = form_of(path, accept)
        place = CacheKey(path, media_type, IDENTITY, negotiated)
        service.not_found_cache.put(place, answer, problem.cache_generation)
    return to_response(request, answer)


def problem_answer(
    service: AppState, problem: Problem, path: str, accept: str, *, is_authorized: bool
) -> CachedResponse:
    """Build the answer to a request of `path` that came to `problem`."""
    media_type, negotiated = form_of(path, accept)
    charset = "" if media_type == PROBLEM else "; charset=utf-8"
    caching = caching_headers(
        problem.status,
        media_type,
        service.freshness,
        negotiated=negotiated,
        is_authorized=is_authorized,
    )
    fields = {"Content-Type": media_type + charset, **caching, **policy_headers(media_type)}
    body = _WRITERS[media_type](problem, service.site.name)
    return CachedResponse(problem.status, fields | dict(problem.headers), body)


def form_of(path: str, accept: str) -> tuple[str, bool]:
    """Return the media type for a problem, and whether Accept chose it rather than a suffix."""
    for suffix, form in BY_SUFFIX.items():
        if path.endswith(suffix):
            return form.media_type if form.media_type in _WRITERS else PROBLEM, False
    chosen = negotiate(accept, _OFFERS)
    return (chosen if chosen is not None and chosen in _WRITERS else PROBLEM), True


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
    choices = "".join(f"- [{kind}]({url})\n" for kind, url in problem.choices)
    text = f"# {_title(problem)}\n\n{problem.detail}\n" + (f"\n{choices}" if choices else "")
    return text.encode(errors="backslashreplace")


def _as_text(problem: Problem, _site_name: str) -> bytes:
    choices = "".join(f"{kind}: {url}\n" for kind, url in problem.choices)
    text = f"{_title(problem)}\n\n{problem.detail}\n" + (f"\n{choices}" if choices else "")
    return text.encode(errors="backslashreplace")


_WRITERS: Final[Mapping[str, Callable[[Problem, str], bytes]]] = {
    PROBLEM: _as_json,
    "text/html": _as_html,
    "text/markdown": _as_markdown,
    "text/plain": _as_text,
}
