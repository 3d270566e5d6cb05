"""`POST /admin/loads`: load feeds. `POST /admin/loads/<id>/undo`: undo a load."""

import asyncio
import logging
from asyncio import Future
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from contextvars import copy_context
from functools import partial
from http import HTTPStatus
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict

from app import ingest
from app.database.transactions import DatabaseUnavailableError
from app.http.prefer import RESPOND_ASYNC, parse_prefer
from app.ingest import undo
from app.ingest.decide import Policy
from app.ingest.load_run import LoadContext, LoadOptions
from app.store.loads import LoadOrigin
from app.text import check_single_line, check_storable
from app.web.admin import dry_run
from app.web.admin.load_receipts import (
    Loader,
    LoadId,
    LoadReport,
    all_rejected,
    read_report,
    to_json,
)
from app.web.asgi.request_context import current_id
from app.web.openapi import admin_operations
from app.web.problems import Problem
from app.web.responses import no_store_response
from app.web.state import AppState, NoStore, StateDep
from app.web.uploads.request_body import Upload, content_encoding_of, open_upload, receive

Result = TypeVar("Result")
StartLoad = Callable[[Callable[[int], None]], int]
"""Runs a load, calls back with the id of its receipt once there is one, and returns that id."""

logger = logging.getLogger(__name__)


class ReceiptUnavailableError(Exception):
    """A feed was loaded completely, but the receipt `load_id` cannot be read at the moment."""

    def __init__(self, load_id: int) -> None:
        super().__init__(f"load {load_id} is complete, but its receipt cannot be read")
        self.load_id = load_id


def _check_name(name: str | None) -> str | None:
    return None if name is None else check_single_line(check_storable(name))


class LoadParams(BaseModel):
    """The query parameters of a load. `file` is the feed's name in the receipt."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["partial", "atomic"] = "partial"
    dry_run: bool = False
    strict: bool = False
    on_collision: Literal["conflict", "suffix"] = "conflict"
    restore: bool = False
    file: Annotated[str | None, AfterValidator(_check_name), Query(max_length=255)] = None

    @property
    def options(self) -> LoadOptions:
        """The options of the load."""
        policy = Policy(suffix=self.on_collision == "suffix", restore=self.restore)
        return LoadOptions(atomic=self.mode == "atomic", strict=self.strict, policy=policy)


IdempotencyKey = Annotated[
    str | None,
    AfterValidator(lambda key: key and check_storable(key)),
    Header(alias="Idempotency-Key", min_length=1, max_length=255),
]


def router() -> APIRouter:
    """Return the routes that load feeds and undo loads."""
    routes = APIRouter(prefix="/admin/loads", tags=["operators"], dependencies=[NoStore])
    operation = admin_operations.load(LoadReport, dry_run.DryRunReport)
    routes.add_api_route("", _load, methods=["POST"], **operation)
    routes.add_api_route(
        "/{load_id}/undo", _undo, methods=["POST"], **admin_operations.undo(LoadReport)
    )
    return routes


async def _load(
    request: Request,
    operator: Loader,
    state: StateDep,
    params: Annotated[LoadParams, Query()],
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """Load a feed, or several: JSON, NDJSON, JSON Feed, RSS or Atom; plain, gzip or zstd.

    Valid records are stored; invalid ones are reported by line, JSON Pointer and reason. The
    response is the receipt, with status 422 if every record was rejected. If the database becomes
    unavailable during the load, the response is 503 and names the receipt of what was stored.
    """
    _check_no_repeats(request)
    limit = state.settings.max_feed_bytes
    upload = open_upload(
        await receive(request, limit),
        limit,
        content_type=request.headers.get("content-type", ""),
        content_encoding=content_encoding_of(request),
    )
    if params.dry_run:
        respond = partial(dry_run.respond, state, upload, params.options)
        return await _run(state.load_executor, respond)
    origin = partial(
        LoadOrigin,
        loaded_by=operator.name,
        options=params.options.to_json(),
        idempotency_key=idempotency_key,
        request_id=current_id(),
    )
    load = partial(_load_feed, state, upload, params, origin)
    if RESPOND_ASYNC in parse_prefer(request.headers.getlist("prefer")):
        return await _respond_accepted(state, load)
    return await _run(state.load_executor, partial(_load_and_respond, state, load))


def _check_no_repeats(request: Request) -> None:
    names = [name for name, _ in request.query_params.multi_items()]
    if repeated := sorted({name for name in names if names.count(name) > 1}):
        detail = f"Each query parameter may be given once; repeated: {', '.join(repeated)}."
        raise Problem(HTTPStatus.BAD_REQUEST, detail)


def _run(executor: ThreadPoolExecutor, work: Callable[[], Result]) -> "Future[Result]":
    """Run `work` in a thread of `executor`, with this request's id in the log lines."""
    in_context = partial(copy_context().run, work)
    return asyncio.get_running_loop().run_in_executor(executor, in_context)


def _load_feed(
    state: AppState,
    upload_context: AbstractContextManager[Upload],
    params: LoadParams,
    origin: Callable[..., LoadOrigin],
    on_start: Callable[[int], None],
) -> int:
    """Load an upload and return the id of the receipt."""
    context = LoadContext(state.database, state.clock, state.stopping.is_set, on_start)
    with upload_context as upload:
        origin_of_upload = origin(
            kind=", ".join(dict.fromkeys(source.format for source in upload.sources)),
            sha256=upload.sha256,
            size=upload.size,
            file=params.file or upload.file,
        )
        try:
            return ingest.load(context, upload.sources, origin_of_upload, params.options)
        finally:
            state.follower.invalidate_written()


def _load_and_respond(state: AppState, load: StartLoad) -> Response:
    return receipt_response(state, load(lambda _load_id: None))


def receipt_response(state: AppState, load_id: int) -> Response:
    """Return the response to a load that has ended. Raises ReceiptUnavailableError."""
    try:
        report = read_report(state, load_id)
    except DatabaseUnavailableError as error:
        raise ReceiptUnavailableError(load_id) from error
    refused = report.load.state == "refused" or all_rejected(report.summary)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK
    headers = {"Content-Location": f"/admin/loads/{load_id}"}
    return no_store_response(report.model_dump_json().encode(), status, fields=headers)


async def _respond_accepted(state: AppState, load: StartLoad) -> Response:
    """Start a load; respond when it has a receipt, or raise what it failed with before that."""
    loop = asyncio.get_running_loop()
    started: Future[int] = loop.create_future()

    def on_start(load_id: int) -> None:
        loop.call_soon_threadsafe(_resolve, started, load_id)

    task = _run(state.background_executor, partial(load, on_start))
    task.add_done_callback(_log_failure)
    await asyncio.wait((task, started), return_when=asyncio.FIRST_COMPLETED)
    load_id = started.result() if started.done() else await task
    receipt = f"/admin/loads/{load_id}"
    # RFC 7240 section 4.1: respond-async is answered with 202, and Preference-Applied says why.
    headers = {"Location": receipt, "Preference-Applied": RESPOND_ASYNC}
    body = to_json({"load": load_id, "receipt": receipt})
    return no_store_response(body, HTTPStatus.ACCEPTED, fields=headers)


def _resolve(future: "Future[int]", load_id: int) -> None:
    if not future.done():
        future.set_result(load_id)


def _log_failure(task: "Future[int]") -> None:
    """Log why a load failed after its 202: the receipt only says that it was interrupted."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.warning("%s", error)


async def _undo(load_id: LoadId, operator: Loader, state: StateDep) -> Response:
    """Restore what a load changed, except what was changed again since."""
    origin = LoadOrigin(undo.UNDO, "", 0, operator.name, request_id=current_id(), undoes=load_id)
    return await _run(state.undo_executor, partial(_undo_and_respond, state, load_id, origin))


def _undo_and_respond(state: AppState, load_id: int, origin: LoadOrigin) -> Response:
    context = LoadContext(state.database, state.clock, state.stopping.is_set)
    try:
        undo_id = undo.undo(context, load_id, origin)
    finally:
        state.follower.invalidate_written()
    return receipt_response(state, undo_id)
