"""An answer as the framework's response: what is sent is what the memory would send."""

from http import HTTPStatus

from fastapi import Request, Response

from app.answers import Answer
from app.conditions import is_unmodified
from app.web.fields import wishes


def sent(request: Request, answer: Answer) -> Response:
    """Return `answer` to a GET or HEAD, as 304 where the client has it already.

    Raises PreconditionFailedError.
    """
    # RFC 9110 section 13.2.1: preconditions matter where the answer without them is a success.
    unmodified = bool(answer.etag) and is_unmodified(
        wishes(request.headers).conditions, answer.etag, answer.last_modified
    )
    start = answer.not_modified if unmodified else answer.start
    # RFC 9110 sections 9.3.2 and 15.4.5: HEAD and 304 have no content.
    empty = unmodified or request.method == "HEAD"
    response = Response(b"" if empty else answer.body, HTTPStatus(start["status"]))
    response.raw_headers = list(start["headers"])
    return response
