"""The one place where an error becomes an HTTP answer: a table from its type to a problem."""

import logging
from collections.abc import Callable, Mapping
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
from app.web.uploads.request_body import CODINGS, MEDIA_TYPES, FeedTooLargeError, UnknownCodingError

logger = logging.getLogger(__name__)


def install(app: FastAPI) -> None:
    """Make `app` answer every error as a problem, and OPTIONS for every path it knows."""
    for kind, translate in _PROBLEMS.items():
        app.add_exception_handler(kind, _handler(translate))
    app.add_exception_handler(HTTPException, _framework)


def _handler(
    translate: Callable[[Any], Problem],
) -> Callable[[Request, Exception], Response]:
    # Async, so that an error costs no thread.
    async def handle(request: Request, error: Exception) -> Response:
        return problem_to_response(request, translate(error))

    return handle  # type: ignore[return-value] # Starlette takes handlers of both colours


async def _framework(request: Request, error: Exception) -> Response:
    """Answer what the framework refuses by itself: an unknown path, or a method it lacks."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    status = HTTPStatus(error.status_code)
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        known = methods.allowed(request)
        if request.method == "OPTIONS":
            return methods.options(request, known)
        detail = f"{request.method[:20]} is none of this path's methods: {', '.join(known)}."
        return problem_to_response(
            request, Problem(status, detail, headers={"Allow": ", ".join(known)})
        )
    if status == HTTPStatus.NOT_FOUND:
        return problem_to_response(request, Problem(status, "There is nothing at this address."))
    return problem_to_response(
        request, Problem(status, str(error.detail)[:200], headers=error.headers)
    )


def _malformed(error: MalformedFeedError) -> Problem:
    place = {"line": error.line, "column": error.column}
    detail = f"Line {error.line}, column {error.column}: {error.reason}."
    return Problem(HTTPStatus.BAD_REQUEST, detail, members=place)


def _unknown_kind(error: UnsupportedFeedError) -> Problem:
    # RFC 9110 section 15.5.16: the server "SHOULD" say what it takes, in Accept.
    taken = ", ".join(MEDIA_TYPES)
    return Problem(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"A feed is none of the kinds that are taken: {error}.",
        headers={"Accept": taken},
        members={"taken": list(MEDIA_TYPES)},
    )


def _unknown_coding(error: UnknownCodingError) -> Problem:
    return Problem(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        f"{str(error).capitalize()}.",
        headers={"Accept-Encoding": ", ".join(CODINGS)},
    )


def _too_large(error: FeedTooLargeError) -> Problem:
    detail = f"{str(error).capitalize()}."
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, members={"limit": error.limit})


def _unavailable(error: DatabaseUnavailableError) -> Problem:
    logger.warning("%s", error)
    return unavailable()


def _stopping(_error: StoppingError) -> Problem:
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "The server is stopping, and has changed nothing. Try again in a few seconds.",
        headers={"Retry-After": str(RETRY_SECONDS)},
    )


def _interrupted(error: LoadInterruptedError) -> Problem:
    logger.warning("%s", error)
    receipt = f"/admin/loads/{error.load_id}"
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"The load stopped behind record {error.position}. What came before is in the database, and"
        f" its receipt is {receipt}. The same feed sent again completes it.",
        members={"load": error.load_id, "position": error.position, "receipt": receipt},
        headers={"Retry-After": str(RETRY_SECONDS), "Content-Location": receipt},
    )


def _unread(error: ReceiptUnavailableError) -> Problem:
    receipt = f"/admin/loads/{error.load_id}"
    return Problem(
        HTTPStatus.SERVICE_UNAVAILABLE,
        f"The feed is loaded. Its receipt, {receipt}, cannot be read at the moment.",
        members={"load": error.load_id, "receipt": receipt},
        headers={"Retry-After": str(RETRY_SECONDS), "Content-Location": receipt},
    )


def _still_running(error: StillRunningError) -> Problem:
    receipt = f"/admin/loads/{error.load_id}"
    return Problem(
        HTTPStatus.CONFLICT,
        f"Load {error.load_id} is still running. Its receipt is {receipt}.",
        members={"load": error.load_id, "receipt": receipt},
        headers={"Retry-After": str(RETRY_SECONDS), "Content-Location": receipt},
    )


def _key_reused(error: KeyReusedError) -> Problem:
    detail = f"{str(error).capitalize()}, or one with other options."
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, members={"load": error.load_id})


def _not_undoable(error: NotUndoableError) -> Problem:
    return Problem(HTTPStatus.CONFLICT, f"{str(error).capitalize()}.")


def _no_such_load(error: NoSuchLoadError) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, f"There is no load {error}.")


def _no_such_article(error: NoSuchArticleError) -> Problem:
    moved = f" It is at /admin/articles/{error.now} now." if error.now else ""
    detail = f"There is no article {excerpt(error.slug)}.{moved}"
    return Problem(HTTPStatus.NOT_FOUND, detail)


def _edit_refused(error: EditRefusedError) -> Problem:
    members = {"outcome": error.outcome}
    return Problem(HTTPStatus.CONFLICT, f"{str(error).capitalize()}.", members=members)


def _invalid_record(error: InvalidRecordError) -> Problem:
    faults = [asdict(fault) for fault in error.faults]
    detail = f"The body is no article record: {excerpt(str(error))}."
    members = {"faults": faults, "left_out": error.left_out}
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, members=members)


def _unfit(error: UnsupportedJsonError) -> Problem:
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"The body is not to be used: {error}.")


def _invalid_request(error: RequestValidationError) -> Problem:
    """Say what is wrong with the path or the query, without repeating what came in."""
    faults = [
        {
            "parameter": ".".join(map(str, fault["loc"][1:]))[:80],
            "reason": strip_pydantic_prefix(fault["msg"])[:200],
        }
        for fault in error.errors()[:20]
    ]
    if any(fault["loc"][0] == "path" for fault in error.errors()):
        return Problem(HTTPStatus.NOT_FOUND, "There is nothing at this address.")
    detail = "; ".join(f"{fault['parameter']}: {fault['reason']}" for fault in faults)
    return Problem(HTTPStatus.BAD_REQUEST, detail, members={"errors": faults})


def _bad_query(error: InvalidQueryError) -> Problem:
    faults = [{"parameter": fault.name, "reason": fault.reason} for fault in error.faults]
    detail = "; ".join(f"{fault.name}: {fault.reason}" for fault in error.faults)
    return Problem(HTTPStatus.BAD_REQUEST, detail, members={"errors": faults})


def _precondition(_error: PreconditionFailedError) -> Problem:
    detail = "What is here is not what the request's preconditions ask for."
    return Problem(HTTPStatus.PRECONDITION_FAILED, detail)


def _gone_away(_error: ClientDisconnect) -> Problem:
    return Problem(HTTPStatus.BAD_REQUEST, "The connection ended before the body did.")


def _unforeseen(_error: Exception) -> Problem:
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here. It is logged.")


_PROBLEMS: Final[Mapping[type[Exception], Callable[[Any], Problem]]] = {
    Problem: lambda problem: problem,
    MalformedFeedError: _malformed,
    UnsupportedFeedError: _unknown_kind,
    UnknownCodingError: _unknown_coding,
    FeedTooLargeError: _too_large,
    DatabaseUnavailableError: _unavailable,
    LoadInterruptedError: _interrupted,
    StoppingError: _stopping,
    ReceiptUnavailableError: _unread,
    StillRunningError: _still_running,
    KeyReusedError: _key_reused,
    NotUndoableError: _not_undoable,
    NoSuchLoadError: _no_such_load,
    NoSuchArticleError: _no_such_article,
    EditRefusedError: _edit_refused,
    InvalidRecordError: _invalid_record,
    UnsupportedJsonError: _unfit,
    PreconditionFailedError: _precondition,
    RequestValidationError: _invalid_request,
    InvalidQueryError: _bad_query,
    ClientDisconnect: _gone_away,
    Exception: _unforeseen,
}
