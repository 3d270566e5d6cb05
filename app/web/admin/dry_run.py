"""The response to `dry_run=true`: the report of a load that does not take place."""

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import Final

from fastapi import Response
from pydantic import BaseModel

from app.ingest import dry_run
from app.ingest.decide import OUTCOMES
from app.ingest.dry_run import DryRunResult
from app.ingest.load_run import LoadContext, LoadOptions
from app.store.loads import RecordResult
from app.web.admin.load_receipts import all_rejected, to_json
from app.web.responses import no_store_response
from app.web.state import AppState
from app.web.uploads.request_body import Upload

_IN_MEMORY: Final = 1 << 20
_CHUNK_BYTES: Final = 64 << 10
_REFUSED_BY_ATOMIC: Final = {"rejected", "conflict"}


class FieldChange(BaseModel):
    """A field that would change: its JSON Pointer, with excerpts of the old and the new value."""

    pointer: str
    old: str | None
    new: str | None


@dataclass(frozen=True)
class DryRunRecordResult(RecordResult):
    """The outcome that a record would have, and the fields of its article that would change."""

    differences: list[FieldChange]


class DryRunReport(BaseModel):
    """What a load would do. `load` is null: a dry run has no receipt, and all results are here."""

    load: None
    summary: dict[str, int]
    results: list[DryRunRecordResult]
    next: None


def respond(
    state: AppState, upload_context: AbstractContextManager[Upload], options: LoadOptions
) -> Response:
    """Return a report on what a load of the upload would do.

    Raises what a load raises, except for failed writes.
    """
    context = LoadContext(state.database, state.clock, state.stopping.is_set)
    results = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - _stream_report closes it
    summary: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
    try:
        with upload_context as upload:
            for number, each in enumerate(dry_run.run(context, upload.sources, options)):
                summary[each.result.outcome] += 1
                results.write((b"," if number else b"") + _result_json(each))
    except BaseException:
        results.close()
        raise
    results.seek(0)
    refused = options.atomic and any(summary[outcome] for outcome in _REFUSED_BY_ATOMIC)
    failed = refused or all_rejected(summary)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if failed else HTTPStatus.OK
    return no_store_response(_stream_report(summary, results), status)


def _result_json(each: DryRunResult) -> bytes:
    differences = [difference._asdict() for difference in each.differences]
    return to_json({**asdict(each.result), "differences": differences})


def _stream_report(
    summary: dict[str, int], results: "SpooledTemporaryFile[bytes]"
) -> Iterator[bytes]:
    with results:
        yield b'{"load":null,"summary":' + to_json(summary) + b',"results":['
        yield from iter(lambda: results.read(_CHUNK_BYTES), b"")
        yield b'],"next":null}'
