"""What a server says of a load: read leniently, for it may be of another version than we are."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

import httpx2
from pydantic import BaseModel, ValidationError

_LOADS: Final = "/admin/loads/"


class ReceiptHead(BaseModel):
    """The load as a whole. `read` counts the bytes of its `size` that are worked through."""

    id: int
    state: str = "finished"
    size: int | None = None
    read: int | None = None
    rate: float | None = None
    refused: str | None = None


class ReportedFault(BaseModel):
    """One thing wrong with a record, and where in it."""

    pointer: str
    reason: str


class ReportedResult(BaseModel):
    """What became of a record."""

    line: int
    outcome: str
    reason: str | None = None
    faults: list[ReportedFault] = []


class Report(BaseModel):
    """A receipt. One of a load that was only tried has no number, and no head."""

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
        """Whether anything was rejected, or everything refused."""
        refused = self.load is not None and self.load.state == "refused"
        return refused or bool(self.rejected) or self.status == HTTPStatus.UNPROCESSABLE_ENTITY


class ReportedProblem(BaseModel):
    """Why a request failed (RFC 9457), and the receipt that it is about, if it is about one."""

    title: str = ""
    detail: str = ""
    receipt: str | None = None


def parse_report(answer: httpx2.Response) -> Report | None:
    """Return the receipt that `answer` is, or None where it is something else."""
    try:
        report = Report.model_validate_json(answer.content)
    except ValidationError:
        return None
    return report.model_copy(update={"status": answer.status_code})


def parse_problem(answer: httpx2.Response) -> ReportedProblem | None:
    """Return the problem that `answer` is, or None where it is something else."""
    try:
        problem = ReportedProblem.model_validate_json(answer.content)
    except ValidationError:
        return None
    return problem if problem.detail or problem.title else None


def receipt_path(answer: httpx2.Response) -> str | None:
    """Return the path of the receipt that `answer` names, for it may be under another host."""
    named = parse_problem(answer)
    places = answer.headers.get("location"), named.receipt if named else None
    return next(filter(None, map(_path, filter(None, places))), None)


def _path(place: str) -> str | None:
    path = urlsplit(place).path
    return path if path.removeprefix(_LOADS).isdecimal() and path.startswith(_LOADS) else None


def format_summary(summary: Mapping[str, int]) -> str:
    """Return the outcomes in words: `3 created, 1 rejected`."""
    return ", ".join(f"{number:,} {outcome}" for outcome, number in summary.items() if number)
