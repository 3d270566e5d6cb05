"""`GET /admin/loads`: the receipts of loads, running and ended."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, TypeAdapter

from app.auth.tokens import Operator
from app.database.transactions import DatabaseUnavailableError
from app.http.accept import negotiate
from app.ingest.undo import NoSuchLoadError
from app.store import load_receipts
from app.store.load_receipts import LoadHead, Receipt
from app.store.loads import RecordResult
from app.web.admin.authentication import require_scope
from app.web.methods import readable
from app.web.openapi import admin_operations
from app.web.request_headers import request_preferences
from app.web.responses import JSON, no_store_response
from app.web.state import AppState, NoStore, StateDep

RESULTS_PER_PAGE: Final = 1_000
MAX_PAGE_CHARACTERS: Final = 256 << 10
"""The total length of the faults and flags on one page of a receipt, exceeded by one result."""

EVENT_SECONDS: Final = 0.5
MAX_ID: Final = 2**63 - 1
NDJSON: Final = "application/x-ndjson"

_EVENTS: Final = "text/event-stream"
_RECEIPT = TypeAdapter(Receipt)
_RESULT = TypeAdapter(RecordResult)

Loader = Annotated[Operator, Depends(require_scope("load"))]
LoadId = Annotated[int, Path(ge=1, le=MAX_ID)]
Limit = Annotated[int, Query(ge=1, le=RESULTS_PER_PAGE)]
After = Annotated[int, Query(ge=0, le=MAX_ID)]
OutcomeName = Annotated[
    str | None, Query(pattern="^[a-z_]{1,40}$", description="Only results with this outcome.")
]


class LoadReport(BaseModel):
    """A receipt with the results of the records, in the order of the feed.

    `summary` counts all records by outcome. `next` is the URL of more results, if there are any.
    """

    load: LoadHead
    summary: dict[str, int]
    results: list[RecordResult]
    next: str | None


class Loads(BaseModel):
    """Receipts, newest first. `next` is the URL of older ones, if there are any."""

    loads: list[Receipt]
    next: str | None


def router() -> APIRouter:
    """Return the routes of receipts."""
    routes = APIRouter(prefix="/admin/loads", tags=["operators"], dependencies=[NoStore])
    readable(routes, "", _receipts, admin_operations.admin_read())
    readable(routes, "/{load_id}.ndjson", _all_results, admin_operations.results(NDJSON))
    readable(routes, "/{load_id}", _receipt, admin_operations.receipt(LoadReport, _EVENTS))
    return routes


def _receipts(
    _operator: Loader,
    state: StateDep,
    before: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
    limit: Limit = 100,
) -> Loads:
    """List the loads, newest first, optionally those before the load `before`."""
    with state.database.reading() as session:
        receipts = load_receipts.list_receipts(
            session, before=before, limit=limit + 1, now=state.clock()
        )
    page = receipts[:limit]
    has_more = len(receipts) > limit
    older = f"/admin/loads?before={page[-1].load.id}&limit={limit}" if has_more else None
    return Loads(loads=page, next=older)


def _receipt(  # noqa: PLR0913, PLR0917 - each is a parameter of the request
    request: Request,
    load_id: LoadId,
    _operator: Loader,
    state: StateDep,
    after: After = 0,
    limit: Limit = RESULTS_PER_PAGE,
    outcome: OutcomeName = None,
) -> Response:
    """Return the receipt of a load, with its results after the position `after`.

    As `text/event-stream` it is repeated while the load runs.
    """
    report = read_report(state, load_id, after=after, limit=limit, outcome=outcome)
    if negotiate(request_preferences(request.scope).accept, (JSON, _EVENTS)) == _EVENTS:
        return no_store_response(_stream_events(state, load_id), media_type=_EVENTS)
    return no_store_response(report.model_dump_json().encode())


def _all_results(
    load_id: LoadId, _operator: Loader, state: StateDep, outcome: OutcomeName = None
) -> Response:
    """Return all results of a load, one per line."""
    read_report(state, load_id, limit=1)  # raises NoSuchLoadError before the stream begins
    return no_store_response(_stream_results(state, load_id, outcome), media_type=NDJSON)


def read_report(
    state: AppState,
    load_id: int,
    *,
    after: int = 0,
    limit: int = RESULTS_PER_PAGE,
    outcome: str | None = None,
) -> LoadReport:
    """Return the receipt of a load with a page of its results. Raises NoSuchLoadError."""
    with state.database.reading() as session:
        receipt = load_receipts.find_receipt(session, load_id, state.clock())
        if receipt is None:
            raise NoSuchLoadError(load_id)
        results = load_receipts.iter_results(
            session, load_id, after=after, limit=limit + 1, outcome=outcome
        )
        page, has_more = _take_page(results, limit)
    following = None
    if has_more:
        only = f"&outcome={outcome}" if outcome else ""
        following = f"/admin/loads/{load_id}?after={page[-1].position}&limit={limit}{only}"
    return LoadReport(load=receipt.load, summary=receipt.summary, results=page, next=following)


def _take_page(results: Iterator[RecordResult], limit: int) -> tuple[list[RecordResult], bool]:
    """Return the results that fit on a page, and whether there are more."""
    page: list[RecordResult] = []
    characters = 0
    for result in results:
        if page and (len(page) == limit or characters >= MAX_PAGE_CHARACTERS):
            return page, True
        page.append(result)
        characters += sum(
            len(text) for each in (*result.faults, *result.flags) for text in each.values()
        )
    return page, False


def _stream_results(state: AppState, load_id: int, outcome: str | None) -> Iterator[bytes]:
    after = 0
    while True:
        with state.database.reading() as session:
            page = list(
                load_receipts.iter_results(
                    session, load_id, after=after, limit=RESULTS_PER_PAGE, outcome=outcome
                )
            )
        if not page:
            return
        after = page[-1].position
        yield b"".join(_RESULT.dump_json(result) + b"\n" for result in page)


async def _stream_events(state: AppState, load_id: int) -> AsyncIterator[str]:
    """Yield the receipt as server-sent events until the load has ended."""
    last = ""
    while not state.stopping.is_set():
        try:
            receipt = await run_in_threadpool(_find_receipt, state, load_id)
        except DatabaseUnavailableError:
            return  # the client reconnects, as the standard for server-sent events demands
        if receipt is None:
            return
        data = _RECEIPT.dump_json(receipt).decode()
        has_ended = receipt.load.state != "running"
        if has_ended:
            yield f"event: end\ndata: {data}\n\n"
            return
        yield ": keep-alive\n\n" if data == last else f"event: progress\ndata: {data}\n\n"
        last = data
        await asyncio.sleep(EVENT_SECONDS)


def _find_receipt(state: AppState, load_id: int) -> Receipt | None:
    with state.database.reading() as session:
        return load_receipts.find_receipt(session, load_id, state.clock())


def all_rejected(summary: Mapping[str, int]) -> bool:
    """Return whether there were records, and all of them were rejected."""
    rejected = summary.get("rejected", 0)
    return bool(rejected) and rejected == sum(summary.values())


def to_json(value: object) -> bytes:
    """Return `value` as JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False).encode()
