"""Exceptions as HTTP responses: one table from the exception's type to a `Problem`."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import asdict
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app.article.record import InvalidRecordError
from app.database.transactions import DatabaseUnavailableError
from app.feeds import MalformedFeedError, UnsupportedFeedError
from app.feeds.strict_json import UnsupportedJsonError
from app.http.preconditions import PreconditionFailedError
from app.http.query_params import InvalidQueryError
from app.ingest import LoadInterruptedError
from app.ingest.load_run import StoppingError
from app.ingest.single_edits import EditRefusedError, NoSuchArticleError
from app.ingest.undo import NoSuchLoadError, NotUndoableError
from app.store.loads import KeyReusedError, StillRunningError
from app.text import excerpt, strip_pydantic_prefix
from app.web import methods
from app.web.admin.loads import ReceiptUnavailableError
from app.web.problems import RETRY_SECONDS, Problem, problem_to_response, unavailable
from app.web.uploads.decompression import UnknownCodingError
from app.web.uploads.json_body import UnsupportedMediaTypeError
from app.web.uploads.request_body import CODINGS, MEDIA_TYPES, FeedTooLargeError

_RETRY_AFTER: Final = {"Retry-After": str(RETRY_SECONDS)}
_NO_RESOURCE: Final = "There is no resource at this URL."

logger = logging.getLogger(__name__)


def install(app: FastAPI) -> None:
    """Make `app` answer every exception with a problem, and OPTIONS on every known path."""
    for exception, to_problem in _PROBLEMS.items():
        app.add_exception_handler(exception, _handler(to_problem))
    app.add_exception_handler(HTTPException, _framework_error)


def _handler(to_problem: Callable[[Any], Problem]) -> Callable[[Request, Exception], Response]:
    # Async, so that an error does not occupy a worker thread.
    async def handle(request: Request, error: Exception) -> Response:
        return problem_to_response(request, to_problem(error))

    return handle  # type: ignore[return-value] # Starlette takes sync and async handlers


async def _framework_error(request: Request, error: Exception) -> Response:
    """Answer what the framework itself refuses: an unknown path, or a method of a known one."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    status = HTTPStatus(error.status_code)
    if status == HTTPStatus.NOT_FOUND:
        return problem_to_response(request, Problem(status, _NO_RESOURCE))
    if status != HTTPStatus.METHOD_NOT_ALLOWED:
        return problem_to_response(
            request, Problem(status, str(error.detail)[:200], headers=error.headers)
        )
    allowed = methods.allowed(request)
    if request.method == "OPTIONS":
        return methods.options(request, allowed)
    listed = ", ".join(allowed)
    detail = f"This URL does not support {request.method[:20]}; it supports {listed}."
    return problem_to_response(request, Problem(status, detail, headers={"Allow": listed}))


def _sentence(error: Exception) -> str:
    """Return the message of `error` with a capital first letter and a full stop."""
    message = str(error)
    return f"{message[:1].upper()}{message[1:]}."


def _fixed(
    status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
) -> Callable[[Exception], Problem]:
    """Return a translation to this problem, whatever the exception says."""
    return lambda _error: Problem(status, detail, headers=headers)


def _malformed_feed(error: MalformedFeedError) -> Problem:
    detail = f"Line {error.line}, column {error.column}: {error.reason}."
    members = {"line": error.line, "column": error.column}
    return Problem(HTTPStatus.BAD_REQUEST, detail, members=members)


def _invalid_request(error: RequestValidationError) -> Problem:
    """Name the invalid parameters of the path or query, without echoing their values."""
    faults = error.errors()
    if any(fault["loc"][0] == "path" for fault in faults):
        return Problem(HTTPStatus.NOT_FOUND, _NO_RESOURCE)
    return _invalid_parameters(
        (".".join(map(str, fault["loc"][1:]))[:80], strip_pydantic_prefix(fault["msg"])[:200])
        for fault in faults[:20]
    )


def _invalid_query(error: InvalidQueryError) -> Problem:
    return _invalid_parameters((fault.name, fault.reason) for fault in error.faults)


def _invalid_parameters(faults: Iterable[tuple[str, str]]) -> Problem:
    errors = [{"parameter": name, "reason": reason} for name, reason in faults]
    detail = "; ".join(f"{each['parameter']}: {each['reason']}" for each in errors)
    return Problem(HTTPStatus.BAD_REQUEST, detail, members={"errors": errors})


def _no_such_article(error: NoSuchArticleError) -> Problem:
    moved = f" It has moved to /admin/articles/{error.now}." if error.now else ""
    detail = f"There is no article {excerpt(error.slug)}.{moved}"
    return Problem(HTTPStatus.NOT_FOUND, detail)


def _still_running(error: StillRunningError) -> Problem:
    return _with_receipt(
        HTTPStatus.CONFLICT,
        error.load_id,
        f"Load {error.load_id}, which has the same Idempotency-Key, is still running.",
    )


def _edit_refused(error: EditRefusedError) -> Problem:
    return Problem(HTTPStatus.CONFLICT, _sentence(error), members={"outcome": error.outcome})


def _too_large(error: FeedTooLargeError) -> Problem:
    members = {"limit": error.limit}
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _sentence(error), members=members)


def _unsupported_feed(error: UnsupportedFeedError) -> Problem:
    detail = f"Not a supported type of feed: {error}. The Accept header lists the supported types."
    return _unsupported("Accept", MEDIA_TYPES, detail)


def _unsupported_media_type(error: UnsupportedMediaTypeError) -> Problem:
    sent = f"Content-Type {str(error)!r}" if str(error) else "A body without Content-Type"
    detail = f"{sent} is not supported here; send {' or '.join(error.supported)} in UTF-8."
    return _unsupported(error.header, error.supported, detail)


def _unknown_coding(error: UnknownCodingError) -> Problem:
    detail = f"{_sentence(error)} Send the body uncompressed, or in {' or '.join(CODINGS)}."
    return _unsupported("Accept-Encoding", CODINGS, detail)


def _unsupported(header: str, supported: Collection[str], detail: str) -> Problem:
    # RFC 9110 section 15.5.16: the server "SHOULD" list what it supports, in Accept or
    # Accept-Encoding; RFC 5789 section 2.2: for PATCH, in Accept-Patch.
    return Problem(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        detail,
        headers={header: ", ".join(supported)},
        members={"supported": list(supported)},
    )


def _key_reused(error: KeyReusedError) -> Problem:
    detail = f"Load {error.load_id} has the same Idempotency-Key but another body or other options."
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, members={"load": error.load_id})


def _invalid_record(error: InvalidRecordError) -> Problem:
    first, more = error.faults[0], len(error.faults) - 1 + error.left_out
    others = f", and {more} more" if more else ""
    detail = f"The record is invalid at {first.pointer or 'its root'}: {first.reason}{others}."
    members = {"faults": [asdict(each) for each in error.faults], "left_out": error.left_out}
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, members=members)


def _unsupported_json(error: UnsupportedJsonError) -> Problem:
    detail = f"The body is JSON that cannot be stored: {error}."
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail)


def _database_unavailable(error: DatabaseUnavailableError) -> Problem:
    logger.warning("%s", error)
    return unavailable()


def _load_interrupted(error: LoadInterruptedError) -> Problem:
    logger.warning("%s", error)
    return _with_receipt(
        HTTPStatus.SERVICE_UNAVAILABLE,
        error.load_id,
        f"The load stopped after record {error.position}. Everything before that is stored."
        " Send the same feed again to complete it.",
        position=error.position,
    )


def _receipt_unavailable(error: ReceiptUnavailableError) -> Problem:
    return _with_receipt(
        HTTPStatus.SERVICE_UNAVAILABLE,
        error.load_id,
        "The feed was loaded, but the receipt cannot be read at the moment.",
    )


def _with_receipt(status: HTTPStatus, load_id: int, detail: str, **members: int) -> Problem:
    receipt = f"/admin/loads/{load_id}"
    return Problem(
        status,
        f"{detail} Receipt: {receipt}",
        members={"load": load_id, **members, "receipt": receipt},
        headers={**_RETRY_AFTER, "Content-Location": receipt},
    )


_PROBLEMS: Final[Mapping[type[Exception], Callable[[Any], Problem]]] = {
    Problem: lambda problem: problem,
    MalformedFeedError: _malformed_feed,
    RequestValidationError: _invalid_request,
    InvalidQueryError: _invalid_query,
    ClientDisconnect: _fixed(
        HTTPStatus.BAD_REQUEST, "The connection was closed before the body was complete."
    ),
    NoSuchLoadError: lambda error: Problem(HTTPStatus.NOT_FOUND, f"There is no load {error}."),
    NoSuchArticleError: _no_such_article,
    StillRunningError: _still_running,
    NotUndoableError: lambda error: Problem(HTTPStatus.CONFLICT, _sentence(error)),
    EditRefusedError: _edit_refused,
    PreconditionFailedError: _fixed(
        HTTPStatus.PRECONDITION_FAILED,
        "The current state of this resource does not satisfy the request's If-Match,"
        " If-None-Match or If-Unmodified-Since header.",
    ),
    FeedTooLargeError: _too_large,
    UnsupportedFeedError: _unsupported_feed,
    UnsupportedMediaTypeError: _unsupported_media_type,
    UnknownCodingError: _unknown_coding,
    KeyReusedError: _key_reused,
    InvalidRecordError: _invalid_record,
    UnsupportedJsonError: _unsupported_json,
    DatabaseUnavailableError: _database_unavailable,
    StoppingError: _fixed(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The server is stopping. Nothing was changed; try again in a few seconds.",
        _RETRY_AFTER,
    ),
    LoadInterruptedError: _load_interrupted,
    ReceiptUnavailableError: _receipt_unavailable,
    Exception: _fixed(
        HTTPStatus.INTERNAL_SERVER_ERROR, "An unexpected error occurred. It has been logged."
    ),
}
