"""The answer to `dry_run=true`: the report of a load that does not take place."""

from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict
from http import HTTPStatus
from tempfile import SpooledTemporaryFile
from typing import Final

from fastapi import Response

from app.ingest import dry_run
from app.ingest.decide import OUTCOMES
from app.ingest.dry_run import DryRunResult
from app.ingest.load_run import LoadContext, LoadOptions
from app.web.admin.load_receipts import all_rejected, to_json
from app.web.responses import no_store_response
from app.web.state import AppState
from app.web.uploads.request_body import Upload

_IN_MEMORY: Final = 1 << 20
_CHUNK: Final = 64 << 10
_REFUSING: Final = {"rejected", "conflict"}


def respond(
    service: AppState, opened: AbstractContextManager[Upload], options: LoadOptions
) -> Response:
    """Return what a load of the feed that `opened` yields would do.

    Raises what a load does, but for what comes of writing.
    """
    run = LoadContext(service.database, service.clock, service.stopping.is_set)
    told = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - it is closed when it has been sent
    counted: Counter[str] = Counter(dict.fromkeys(OUTCOMES, 0))
    try:
        with opened as upload:
            would = dry_run.run(run, upload.sources, options)
            for number, each in enumerate(would):
                counted[each.result.outcome] += 1
                told.write((b"," if number else b"") + _line(each))
    except BaseException:
        told.close()
        raise
    told.seek(0)
    refused = options.atomic and any(counted[outcome] for outcome in _REFUSING)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if refused or all_rejected(counted) else HTTPStatus.OK
    return no_store_response(_report(counted, told), status)


def _line(each: DryRunResult) -> bytes:
    differences = [difference._asdict() for difference in each.differences]
    return to_json({**asdict(each.result), "differences": differences})


def _report(summary: dict[str, int], told: "SpooledTemporaryFile[bytes]") -> Iterator[bytes]:
    with told:
        yield b'{"load":null,"summary":' + to_json(summary) + b',"results":['
        yield from iter(lambda: told.read(_CHUNK), b"")
        yield b'],"next":null}'
