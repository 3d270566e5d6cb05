"""The receipts that a server sends, parsed leniently: its version may differ from ours."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx2
from pydantic import BaseModel, ValidationError

_LOADS: Final = "/admin/loads/"


class ReceiptHead(BaseModel):
    """The load as a whole. `read` is how many of its `size` bytes have been processed."""

    id: int
    state: str = "finished"
    size: int | None = None
    read: int | None = None
    rate: float | None = None
    refused: str | None = None


class ReportedFault(BaseModel):
    """One fault of a record, with its position."""

    pointer: str
    reason: str


class ReportedResult(BaseModel):
    """The outcome of one record."""

    line: int
    outcome: str
    reason: str | None = None
    faults: list[ReportedFault] = []


class Report(BaseModel):
    """A receipt. That of a dry run has no `load`."""

    load: ReceiptHead | None
    summary: dict[str, int]
    results: list[ReportedResult]
    status: int = HTTPStatus.OK

    @property
    def rejected(self) -> int:
        """How many records were rejected."""
        return self.summary.get("rejected", 0)

    @property
    def is_failure(self) -> bool:
        """Whether a record was rejected or the whole load refused."""
        refused = self.load is not None and self.load.state == "refused"
        return refused or bool(self.rejected) or self.status == HTTPStatus.UNPROCESSABLE_ENTITY


class ReportedProblem(BaseModel):
    """Why a request failed (RFC 9457), and the path of the receipt concerned, if any."""

    title: str = ""
    detail: str = ""
    receipt: str | None = None


def parse_report(response: httpx2.Response) -> Report | None:
    """Return the receipt in `response`, or None if it is something else."""
    try:
        report = Report.model_validate_json(response.content)
    except ValidationError:
        return None
    return report.model_copy(update={"status": response.status_code})


def parse_problem(response: httpx2.Response) -> ReportedProblem | None:
    """Return the problem in `response`, or None if it is something else."""
    try:
        problem = ReportedProblem.model_validate_json(response.content)
    except ValidationError:
        return None
    return problem if problem.detail or problem.title else None


def receipt_path(response: httpx2.Response) -> str | None:
    """Return the path of the receipt that `response` names; its host may differ from ours."""
    problem = parse_problem(response)
    locations = response.headers.get("location"), problem.receipt if problem else None
    return next(filter(None, map(_path, filter(None, locations))), None)


def _path(location: str) -> str | None:
    path = urlsplit(location).path
    return path if path.removeprefix(_LOADS).isdecimal() and path.startswith(_LOADS) else None


def format_summary(summary: Mapping[str, int]) -> str:
    """Return the outcomes as text: `3 created, 1 rejected`."""
    return ", ".join(f"{number:,} {outcome}" for outcome, number in summary.items() if number)
