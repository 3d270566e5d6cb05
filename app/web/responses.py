"""Responses as the framework takes them."""

from collections.abc import AsyncIterator, Iterator, Mapping
from http import HTTPStatus
from typing import Final

from fastapi import Request, Response
from starlette.responses import StreamingResponse

from app.cache.response_cache import CachedResponse
from app.web.request_headers import request_preferences
from app.web.state import NO_STORE_HEADERS

JSON: Final = "application/json"


def no_store_response(
    body: bytes | Iterator[bytes] | AsyncIterator[str],
    status: HTTPStatus = HTTPStatus.OK,
    *,
    fields: Mapping[str, str] | None = None,
    media_type: str = JSON,
) -> Response:
    """Return a response for one operator alone, which no cache stores; an iterator is streamed."""
    headers = {**NO_STORE_HEADERS, **(fields or {})}
    if isinstance(body, bytes):
        return Response(body, status, headers, media_type)
    return StreamingResponse(body, status, headers, media_type)


def head_response(fields: Mapping[str, str], media_type: str) -> Response:
    """Return the response to a HEAD request for a stream, whose length is unknown."""
    response = Response(headers=fields, media_type=media_type)
    # RFC 9110 section 8.6: either the length that the response to GET would have, or none.
    del response.headers["content-length"]
    return response


def to_response(request: Request, response: CachedResponse) -> Response:
    """Return `response` to a GET or HEAD, or the 304 if the client has it already.

    The bytes are those that the cache would send. Raises PreconditionFailedError.
    """
    unmodified = request_preferences(request.scope).has(response)
    raw = response.to_raw(request.method, unmodified=unmodified)
    sent = Response(raw.content["body"], HTTPStatus(raw.start["status"]))
    sent.raw_headers = list(raw.start["headers"])
    return sent
