"""`POST /admin/loads`: feeds in; and the undoing of what came of them."""

import asyncio
import logging
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Annotated, BinaryIO, Literal, TypeVar

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict
from starlette.datastructures import Headers

from app import ingest
from app.database.transactions import DatabaseUnavailableError
from app.ingest import undo
from app.ingest.decide import Policy
from app.ingest.load_run import LoadContext, LoadOptions
from app.store.loads import LoadOrigin
from app.text import check_single_line, check_storable
from app.web.admin import dry_run as rehearsals
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
from app.web.uploads import request_body
from app.web.uploads.request_body import Upload

Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class ReceiptUnavailableError(Exception):
    """A feed was loaded to its end, but the receipt `load_id` cannot be read at the moment."""

    def __init__(self, load_id: int) -> None:
        super().__init__(f"load {load_id} is done, and its receipt cannot be read")
        self.load_id = load_id


def _name(name: str | None) -> str | None:
    return None if name is None else check_single_line(check_storable(name))


class LoadParams(BaseModel):
    """How a feed is to be loaded. `file` is what it is called in its receipt."""

    model_config = ConfigDict(extra="forbid")

    mode: Literal["partial", "atomic"] = "partial"
    dry_run: bool = False
    strict: bool = False
    on_collision: Literal["conflict", "suffix"] = "conflict"
    restore: bool = False
    file: Annotated[str | None, AfterValidator(_name), Query(max_length=255)] = None

    @property
    def options(self) -> LoadOptions:
        """What the loading is told."""
        policy = Policy(suffix=self.on_collision == "suffix", restore=self.restore)
        return LoadOptions(atomic=self.mode == "atomic", strict=self.strict, policy=policy)


IdempotencyKey = Annotated[
    str | None,
    AfterValidator(lambda key: key and check_storable(key)),
    Header(alias="Idempotency-Key", min_length=1, max_length=255),
]
Preference = Annotated[str | None, Header(description="`respond-async`: answer at once, with 202.")]


@dataclass(frozen=True, slots=True)
class ReceivedFeed:
    """A feed whose bytes have arrived, with what its sender says of it."""

    body: BinaryIO
    headers: Headers
    params: LoadParams

    @contextmanager
    def open(self, service: AppState) -> Iterator[Upload]:
        """Yield the feed, which is gone with the end of the block."""
        limit = service.settings.max_feed_bytes
        with self.body, request_body.open_upload(self.body, self.headers, limit) as upload:
            yield upload


def router() -> APIRouter:
    """Return the routes of loading."""
    routes = APIRouter(prefix="/admin/loads", tags=["operators"], dependencies=[NoStore])
    routes.add_api_route("", _load, methods=["POST"], **admin_operations.load(LoadReport))
    routes.add_api_route(
        "/{load_id}/undo", _undo, methods=["POST"], **admin_operations.undo(LoadReport)
    )
    return routes


async def _load(  # noqa: PLR0913, PLR0917 - each is a part of the request
    request: Request,
    operator: Loader,
    service: StateDep,
    wanted: Annotated[LoadParams, Query()],
    idempotency_key: IdempotencyKey = None,
    prefer: Preference = None,
) -> Response:
    """Load a feed, or several: JSON, NDJSON, JSON Feed, RSS or Atom, plain, gzip or zstd.

    What is valid goes in; what is not is reported by line, JSON Pointer and reason. The answer is
    the receipt. It is 422 where every record was rejected. Where the database goes away in the
    middle it is 503, and names the receipt of what was loaded.
    """
    names = [name for name, _ in request.query_params.multi_items()]
    if len(names) > len(set(names)):
        raise Problem(HTTPStatus.BAD_REQUEST, "A parameter of the query is there more than once.")
    body = await request_body.receive(request, service.settings.max_feed_bytes)
    arrived = ReceivedFeed(body, request.headers, wanted)
    if wanted.dry_run:
        opened = arrived.open(service)
        rehearse = partial(rehearsals.respond, service, opened, wanted.options)
        return await _in_turn(service.load_executor, rehearse)
    origin = partial(
        LoadOrigin,
        loaded_by=operator.name,
        options=wanted.options.to_json(),
        idempotency_key=idempotency_key,
        request_id=current_id(),
    )
    load = partial(_loaded, service, arrived, origin)
    if prefer is not None and "respond-async" in prefer.lower():
        return await _accepted(service, load)
    return await _in_turn(service.load_executor, partial(_answered, service, load))


def _in_turn(threads: ThreadPoolExecutor, work: Callable[[], Result]) -> "Future[Result]":
    """Have `work` done by `threads` as soon as one is free."""
    # In this context, so that what is logged says which request it is about.
    in_context = partial(copy_context().run, work)
    return asyncio.get_running_loop().run_in_executor(threads, in_context)


def _loaded(
    service: AppState,
    arrived: ReceivedFeed,
    origin: Callable[..., LoadOrigin],
    begun: Callable[[int], None],
) -> int:
    """Load what has arrived, and return the number of the receipt."""
    run = LoadContext(service.database, service.clock, service.stopping.is_set, begun)
    wanted = arrived.params
    with arrived.open(service) as upload:
        of_feed = origin(
            kind=_kind(upload), sha256=upload.sha256, size=upload.size,
            file=wanted.file or upload.file,
        )  # fmt: skip
        try:
            return ingest.load(run, upload.sources, of_feed, wanted.options)
        finally:
            service.follower.invalidate_written()


def _kind(upload: Upload) -> str:
    return ", ".join(dict.fromkeys(source.format for source in upload.sources))


def _answered(service: AppState, load: Callable[[Callable[[int], None]], int]) -> Response:
    load_id = load(lambda _: None)
    return receipt_response(service, load_id)


def receipt_response(service: AppState, load_id: int) -> Response:
    """Return the answer to a load that has ended. Raises ReceiptUnavailableError."""
    try:
        shown = read_report(service, load_id)
    except DatabaseUnavailableError as error:
        raise ReceiptUnavailableError(load_id) from error
    refused = shown.load.state == "refused" or all_rejected(shown.summary)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if refused else HTTPStatus.OK
    place = {"Content-Location": f"/admin/loads/{load_id}"}
    return no_store_response(shown.model_dump_json().encode(), status, fields=place)


async def _accepted(service: AppState, load: Callable[[Callable[[int], None]], int]) -> Response:
    """Begin a load, and answer as soon as it has a receipt, or has failed."""
    loop = asyncio.get_running_loop()
    begun: Future[int] = loop.create_future()
    task = _in_turn(service.background_executor, partial(load, partial(_tell, loop, begun)))
    task.add_done_callback(_note_failure)
    await asyncio.wait((task, begun), return_when=asyncio.FIRST_COMPLETED)
    if not begun.done():
        await task  # raises what went wrong
    load_id = begun.result() if begun.done() else await task
    # RFC 7240 section 4.1: the answer is 202, and Preference-Applied says why.
    place = f"/admin/loads/{load_id}"
    headers = {"Location": place, "Preference-Applied": "respond-async"}
    shown = to_json({"load": load_id, "receipt": place})
    return no_store_response(shown, HTTPStatus.ACCEPTED, fields=headers)


def _note_failure(task: "Future[int]") -> None:
    """Log what nobody waits for: its receipt says no more than that the load was interrupted."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.warning("%s", error)


def _tell(loop: AbstractEventLoop, begun: "Future[int]", load_id: int) -> None:
    def tell() -> None:
        if not begun.done():
            begun.set_result(load_id)

    loop.call_soon_threadsafe(tell)


async def _undo(load_id: LoadId, operator: Loader, service: StateDep) -> Response:
    """Put back what a load changed, unless something later has touched it."""
    origin = LoadOrigin(undo.UNDO, "", 0, operator.name, request_id=current_id(), undoes=load_id)
    return await _in_turn(service.undo_executor, partial(_undone, service, load_id, origin))


def _undone(service: AppState, load_id: int, origin: LoadOrigin) -> Response:
    try:
        undo_id = undo.undo(
            LoadContext(service.database, service.clock, service.stopping.is_set), load_id, origin
        )
    finally:
        service.follower.invalidate_written()
    return receipt_response(service, undo_id)
