"""Redirects: where something is that was asked for at another address."""

from http import HTTPStatus
from urllib.parse import quote

from fastapi import Request, Response

from app.cache.response_cache import CachedResponse
from app.web.request_headers import request_preferences
from app.web.response_headers import caching_headers, policy_headers, tag_headers
from app.web.responses import to_response
from app.web.state import get_state

_IN_QUERY = "!$&'()*+,;=:@/?%-._~"  # RFC 3986 section 3.4, and what is encoded already


def redirected(
    request: Request,
    path: str,
    *,
    status: HTTPStatus = HTTPStatus.PERMANENT_REDIRECT,
    fresh_as: HTTPStatus = HTTPStatus.PERMANENT_REDIRECT,
    tags: tuple[str, ...] = (),
) -> Response:
    """Lead to `path`, with the query that was asked. It is kept as an answer of `fresh_as` is."""
    # A path and no host: the client is already at the right one, whatever proxy stands between.
    query = request.scope["query_string"]
    location = quote(path) + (f"?{quote(query, safe=_IN_QUERY)}" if query else "")
    caching = caching_headers(
        fresh_as,
        "text/html",
        get_state(request).freshness,
        negotiated=False,
        is_authorized=request_preferences(request.scope).is_authorized,
    )
    fields = {"Location": location, **caching, **policy_headers("text/plain")}
    if tags:
        fields |= tag_headers(*tags)
    return to_response(request, CachedResponse(status, fields, b""))


def without_slash(request: Request) -> Response:
    """Lead from an address that ends in a slash to the same without."""
    return redirected(request, request.scope["path"].rstrip("/"))
