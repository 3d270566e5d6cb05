"""Answers as the framework's responses."""

from collections.abc import AsyncIterator, Iterator, Mapping
from http import HTTPStatus
from typing import Final

from fastapi import Request, Response
from starlette.responses import StreamingResponse

from app.cache.response_cache import CachedResponse
from app.http.preconditions import is_unmodified
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
    """Return an answer for one operator alone, all at once or piece by piece."""
    headers = {**NO_STORE_HEADERS, **(fields or {})}
    if isinstance(body, bytes):
        return Response(body, status, headers, media_type)
    return StreamingResponse(body, status, headers, media_type)


def head_response(fields: Mapping[str, str], media_type: str) -> Response:
    """Return the answer to HEAD of a stream, the length of which nobody knows."""
    response = Response(headers=fields, media_type=media_type)
    # RFC 9110 section 8.6: none, or the one that the answer to GET would have.
    del response.headers["content-length"]
    return response


def to_response(request: Request, answer: CachedResponse) -> Response:
    """Return `answer` to a GET or HEAD, as 304 where the client has it already.

    What is sent is what the memory would send.

    Raises PreconditionFailedError.
    """
    # RFC 9110 section 13.2.1: preconditions matter where the answer without them is a success.
    unmodified = bool(answer.etag) and is_unmodified(
        request_preferences(request.scope).conditions, answer.etag, answer.last_modified
    )
    reply = answer.to_raw(request.method, unmodified=unmodified)
    response = Response(reply.content["body"], HTTPStatus(reply.start["status"]))
    response.raw_headers = list(reply.start["headers"])
    return response
