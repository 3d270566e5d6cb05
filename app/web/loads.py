"""`/admin/loads`: feeds in, receipts out."""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated, BinaryIO, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from app import loading
from app.database import DatabaseUnavailableError
from app.store import loads
from app.store.loads import LoadHead, Origin, Receipt, Result
from app.tokens import Operator
from app.web import documents, uploads
from app.web.authorization import having
from app.web.methods import readable
from app.web.problems import Problem
from app.web.service import Served, Service, Unstored

RESULTS_SHOWN: Final = 1_000
REPORT_CHARACTERS: Final = 256 << 10
"""What the faults and flags of one page of a receipt may measure; the rest is on the next."""

_LARGEST: Final = 2**63 - 1

Loader = Annotated[Operator, Depends(having("load"))]
Number = Annotated[int, Path(ge=1, le=_LARGEST)]
Limit = Annotated[int, Query(ge=1, le=RESULTS_SHOWN)]


class ReceiptUnavailableError(Exception):
    """A feed was loaded to its end, but the receipt `load_id` cannot be read at the moment."""

    def __init__(self, load_id: int) -> None:
        super().__init__(f"load {load_id} is done, and its receipt cannot be read")
        self.load_id = load_id


class LoadReport(BaseModel):
    """A receipt with what became of the feed's records, in the order of the feed.

    `summary` counts all records by outcome. `next` is where more results are, if there are more.
    """

    load: LoadHead
    summary: dict[str, int]
    results: list[Result]
    next: str | None


class Loads(BaseModel):
    """Receipts, the newest first. `next` is where older ones are, if there are any."""

    loads: list[Receipt]
    next: str | None


def router() -> APIRouter:
    """Return the routes of loading."""
    routes = APIRouter(prefix="/admin/loads", tags=["operators"], dependencies=[Unstored])
    routes.add_api_route("", _load, methods=["POST"], **documents.load(LoadReport))
    readable(routes, "", _receipts, documents.operators())
    readable(routes, "/{load_id}", _receipt, documents.operators())
    return routes


async def _load(
    request: Request, response: Response, operator: Loader, service: Served
) -> LoadReport:
    """Load feeds: JSON, NDJSON, JSON Feed, RSS or Atom, plain or packed, or files of a form.

    What is valid goes in; what is not is reported by line, JSON Pointer and reason. The answer is
    the receipt. It is 422 where every record was rejected. Where the database goes away in the
    middle it is 503, and names the receipt of what was loaded.
    """
    body = await uploads.receive(request, service.settings.max_feed_bytes)
    with body:
        report = await run_in_threadpool(_loaded, request, body, operator, service)
    rejected = report.summary.get("rejected", 0)
    if rejected and rejected == sum(report.summary.values()):
        response.status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    response.headers["Content-Location"] = f"/admin/loads/{report.load.id}"
    return report


def _loaded(request: Request, body: BinaryIO, operator: Operator, service: Service) -> LoadReport:
    with uploads.opened(body, request.headers, service.settings.max_feed_bytes) as upload:
        kind = ", ".join(dict.fromkeys(source.kind for source in upload.sources))
        origin = Origin(kind, upload.sha256, upload.size, operator.name)
        try:
            load_id = loading.load(
                service.database, upload.sources, origin, service.clock, service.stopping.is_set
            )
        finally:
            service.follower.wrote()
    try:
        return _report(service, load_id, after=0, limit=RESULTS_SHOWN)
    except DatabaseUnavailableError as error:
        raise ReceiptUnavailableError(load_id) from error


def _receipt(
    load_id: Number,
    _operator: Loader,
    service: Served,
    after: Annotated[int, Query(ge=0, le=_LARGEST)] = 0,
    limit: Limit = RESULTS_SHOWN,
) -> LoadReport:
    """Return the receipt of a load, with its results beyond the position `after`."""
    return _report(service, load_id, after=after, limit=limit)


def _receipts(
    _operator: Loader,
    service: Served,
    before: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
    limit: Limit = 100,
) -> Loads:
    """List the loads, the newest first, those before the load `before` where it is given."""
    with service.database.reading() as session:
        page = loads.receipts(session, before=before, limit=limit + 1, now=service.clock())
    shown = page[:limit]
    more = f"/admin/loads?before={shown[-1].load.id}&limit={limit}" if len(page) > limit else None
    return Loads(loads=shown, next=more)


def _report(service: Service, load_id: int, *, after: int, limit: int) -> LoadReport:
    with service.database.reading() as session:
        receipt = loads.receipt(session, load_id, service.clock())
        if receipt is None:
            raise Problem(HTTPStatus.NOT_FOUND, f"There is no load {load_id}.")
        found = loads.results(session, load_id, after=after, limit=limit + 1)
        shown, more = _page(found, limit)
    following = f"/admin/loads/{load_id}?after={shown[-1].position}&limit={limit}" if more else None
    return LoadReport(load=receipt.load, summary=receipt.summary, results=shown, next=following)


def _page(results: Iterator[Result], limit: int) -> tuple[list[Result], bool]:
    """Take from `results` what fits on a page, and say whether there are more."""
    shown: list[Result] = []
    characters = 0
    for result in results:
        if shown and (len(shown) == limit or characters >= REPORT_CHARACTERS):
            return shown, True
        shown.append(result)
        characters += sum(
            len(text) for each in (*result.faults, *result.flags) for text in each.values()
        )
    return shown, False
