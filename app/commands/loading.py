"""`slugline load`: files through the admin endpoint of a running server."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import httpx2
import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
from rich.table import Column, Table
from rich.text import Text

from app.commands.failing import errors, fail

_CHUNK: Final = 64 << 10
_TIMEOUT: Final = httpx2.Timeout(10, read=None)  # a large feed takes as long as it takes
_SHOWN: Final = 20


def load(
    files: Annotated[
        list[Path], typer.Argument(help="Feeds: JSON, NDJSON, JSON Feed, RSS, Atom; gzip, zstd.")
    ],
    url: Annotated[
        str, typer.Option(envvar="SLUGLINE_PUBLIC_BASE_URL", help="Where the server is.")
    ] = "http://localhost:8000",
    token: Annotated[
        str | None, typer.Option(envvar="SLUGLINE_ADMIN_TOKEN", help="A token with 'load'.")
    ] = None,
) -> None:
    """Load feeds through a running server. Fails if any record was rejected."""
    if not token:
        fail("a token is needed: --token, or SLUGLINE_ADMIN_TOKEN")
    if not token.isascii() or not token.isprintable():
        fail("the token has characters that no token has")
    missing = [str(file) for file in files if not file.is_file()]
    if missing:
        fail(f"no such file: {', '.join(missing)}")
    with httpx2.Client(timeout=_TIMEOUT, headers={"Authorization": f"Bearer {token}"}) as client:
        reports = [(file, _send(client, url, file)) for file in files]
    _print(reports)
    rejected = sum(report["summary"].get("rejected", 0) for _, report in reports)
    if rejected:
        raise typer.Exit(1)


def _send(client: httpx2.Client, url: str, file: Path) -> Mapping[str, Any]:
    try:
        answer = client.post(
            f"{url.rstrip('/')}/admin/loads",
            content=_watched(file),
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Length": str(file.stat().st_size),
            },
        )
        report: dict[str, Any] = answer.json()
    except httpx2.InvalidURL as error:
        fail(f"{url} is no URL: {error}")
    except httpx2.HTTPError as error:
        fail(f"{url} does not answer: {error}")
    except ValueError:
        fail(f"{url} answers {answer.status_code}, and not as Slugline does")
    if "results" not in report:
        fail(f"{file}: {answer.status_code} {report.get('detail', '')}")
    return report


def _watched(file: Path) -> Iterator[bytes]:
    """Yield the bytes of `file` while a bar shows how far they are."""
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    bar = Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal)
    with bar, file.open("rb") as stream:
        task = bar.add_task(file.name, total=os.fstat(stream.fileno()).st_size)
        while chunk := stream.read(_CHUNK):
            yield chunk
            bar.advance(task, len(chunk))


def _print(reports: list[tuple[Path, Mapping[str, Any]]]) -> None:
    counted = dict.fromkeys(name for _, report in reports for name in report["summary"])
    outcomes = [
        name for name in counted if any(report["summary"].get(name) for _, report in reports)
    ]
    table = Table(Column("Feed", overflow="fold"), "Load", *outcomes)
    for file, report in reports:
        counts = (str(report["summary"].get(outcome, 0)) for outcome in outcomes)
        table.add_row(Text(file.name), str(report["load"]["id"]), *counts)
    Console().print(table)
    for file, report in reports:
        rejected = [result for result in report["results"] if result["outcome"] == "rejected"]
        for result in rejected[:_SHOWN]:
            for fault in result["faults"]:
                place = f"{file.name}:{result['line']} {fault['pointer'] or 'the record'}"
                errors.print(Text(f"{place}: {fault['reason']}"))
        if report["summary"].get("rejected", 0) > _SHOWN:
            errors.print(Text(f"{file.name}: all of it at /admin/loads/{report['load']['id']}"))
