"""Redirects to where a resource is now, or to the one spelling of its address."""

from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from fastapi import Request, Response

from app.cache.response_cache import CachedResponse
from app.web.http_contract import HttpContract
from app.web.request_headers import RequestPreferences, request_preferences
from app.web.response_headers import tag_headers
from app.web.responses import to_response
from app.web.state import AppState, get_state

_SAFE_IN_QUERY: Final = "!$&'()*+,;=:@/?%-._~"  # RFC 3986 section 3.4, and what is encoded already


def redirect_response(  # noqa: PLR0913 - the parts of a redirect, named where they are given
    state: AppState,
    preferences: RequestPreferences,
    path: str,
    *,
    status: HTTPStatus = HTTPStatus.PERMANENT_REDIRECT,
    fresh_as: HTTPStatus = HTTPStatus.PERMANENT_REDIRECT,
    tags: tuple[str, ...] = (),
) -> CachedResponse:
    """Build a redirect to `path`, with the request's query, as fresh as a response of `fresh_as`.

    The location has no host: whatever proxy is in front, the client is already at the right one.
    """
    query = quote(preferences.query.encode("latin-1"), safe=_SAFE_IN_QUERY)
    headers = HttpContract(fresh_as=fresh_as).headers(
        state.freshness, "text/plain", is_authorized=preferences.is_authorized
    )
    headers["Location"] = quote(path) + (f"?{query}" if query else "")
    if tags:
        headers |= tag_headers(*tags)
    return CachedResponse(status, headers, b"")


def without_slash(request: Request) -> Response:
    """Redirect from an address with a trailing slash to the one without (H-04)."""
    path = request.scope["path"].rstrip("/")
    preferences = request_preferences(request.scope)
    return to_response(request, redirect_response(get_state(request), preferences, path))
