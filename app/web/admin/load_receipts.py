"""`/admin/loads`: receipts, while a load runs and ever after."""

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
"""What the faults and flags of one page of a receipt may measure; the rest is on the next."""

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
    str | None, Query(pattern="^[a-z_]{1,40}$", description="Only results of this kind.")
]


class LoadReport(BaseModel):
    """A receipt with what became of the feed's records, in the order of the feed.

    `summary` counts all records by outcome. `next` is where more results are, if there are more.
    """

    load: LoadHead
    summary: dict[str, int]
    results: list[RecordResult]
    next: str | None


class Loads(BaseModel):
    """Receipts, the newest first. `next` is where older ones are, if there are any."""

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
    service: StateDep,
    before: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
    limit: Limit = 100,
) -> Loads:
    """List the loads, the newest first, those before the load `before` where it is given."""
    with service.database.reading() as session:
        page = load_receipts.list_receipts(
            session, before=before, limit=limit + 1, now=service.clock()
        )
    shown = page[:limit]
    more = f"/admin/loads?before={shown[-1].load.id}&limit={limit}" if len(page) > limit else None
    return Loads(loads=shown, next=more)


def _receipt(  # noqa: PLR0913, PLR0917 - each is a parameter of the request
    request: Request,
    load_id: LoadId,
    _operator: Loader,
    service: StateDep,
    after: After = 0,
    limit: Limit = RESULTS_PER_PAGE,
    outcome: OutcomeName = None,
) -> Response:
    """Return the receipt of a load, with its results beyond the position `after`.

    As `text/event-stream` it is told again and again while the load runs.
    """
    shown = read_report(service, load_id, after=after, limit=limit, outcome=outcome)
    if negotiate(request_preferences(request.scope).accept, (JSON, _EVENTS)) == _EVENTS:
        return no_store_response(_events(service, load_id), media_type=_EVENTS)
    return no_store_response(shown.model_dump_json().encode())


def _all_results(
    load_id: LoadId, _operator: Loader, service: StateDep, outcome: OutcomeName = None
) -> Response:
    """Return all results of a load, one a line, however many there are."""
    read_report(service, load_id, after=0, limit=1, outcome=outcome)
    return no_store_response(_lines(service, load_id, outcome), media_type=NDJSON)


def read_report(
    service: AppState, load_id: int, *, after: int = 0, limit: int = RESULTS_PER_PAGE,
    outcome: str | None = None,
) -> LoadReport:  # fmt: skip
    """Return the receipt of a load with some of its results. Raises NoSuchLoadError."""
    with service.database.reading() as session:
        receipt = load_receipts.find_receipt(session, load_id, service.clock())
        if receipt is None:
            raise NoSuchLoadError(load_id)
        found = load_receipts.iter_results(
            session, load_id, after=after, limit=limit + 1, outcome=outcome
        )
        shown, more = _page(found, limit)
    following = None
    if more:
        chosen = f"&outcome={outcome}" if outcome else ""
        following = f"/admin/loads/{load_id}?after={shown[-1].position}&limit={limit}{chosen}"
    return LoadReport(load=receipt.load, summary=receipt.summary, results=shown, next=following)


def _page(results: Iterator[RecordResult], limit: int) -> tuple[list[RecordResult], bool]:
    """Take from `results` what fits on a page, and say whether there are more."""
    shown: list[RecordResult] = []
    characters = 0
    for result in results:
        if shown and (len(shown) == limit or characters >= MAX_PAGE_CHARACTERS):
            return shown, True
        shown.append(result)
        characters += sum(
            len(text) for each in (*result.faults, *result.flags) for text in each.values()
        )
    return shown, False


def _lines(service: AppState, load_id: int, outcome: str | None) -> Iterator[bytes]:
    after = 0
    while True:
        with service.database.reading() as session:
            page = list(
                load_receipts.iter_results(
                    session, load_id, after=after, limit=RESULTS_PER_PAGE, outcome=outcome
                )
            )
        if not page:
            return
        after = page[-1].position
        yield b"".join(_RESULT.dump_json(result) + b"\n" for result in page)


async def _events(service: AppState, load_id: int) -> AsyncIterator[str]:
    """Yield the receipt as server-sent events until the load has ended."""
    last = ""
    while not service.stopping.is_set():
        try:
            receipt = await run_in_threadpool(_head, service, load_id)
        except DatabaseUnavailableError:
            return  # who listens asks again, as the standard says
        if receipt is None:
            return
        told = _RECEIPT.dump_json(receipt).decode()
        ended = receipt.load.state != "running"
        if told != last or ended:
            kind = "end" if ended else "progress"
            yield f"event: {kind}\ndata: {told}\n\n"
            last = told
        else:
            yield ": still there\n\n"
        if ended:
            return
        await asyncio.sleep(EVENT_SECONDS)


def _head(service: AppState, load_id: int) -> Receipt | None:
    with service.database.reading() as session:
        return load_receipts.find_receipt(session, load_id, service.clock())


def all_rejected(summary: Mapping[str, int]) -> bool:
    """Say whether there were records, and nothing came of any."""
    rejected = summary.get("rejected", 0)
    return bool(rejected) and rejected == sum(summary.values())


def to_json(value: object) -> bytes:
    """Return `value` as JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False).encode()
