"""`slugline export`: all articles as a feed, straight from the database."""

import os
import secrets
import signal
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Annotated, BinaryIO, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from app.article.record import Record, to_ndjson_line
from app.cli.errors import fail, report_errors, stderr
from app.database.transactions import Database, SchemaOutdatedError
from app.settings import read_settings
from app.store import export as exporting

_SIGPIPE_STATUS: Final = 128 + 13  # what a shell says of whoever ended by SIGPIPE


@report_errors
def export(
    file: Annotated[
        Path | None, typer.Argument(help="Where to; standard output without it, or with '-'.")
    ] = None,
) -> None:
    """Write all articles as NDJSON: a feed that loads back to the same articles."""
    database = _database()
    target = None if file is None or str(file) == "-" else file
    try:
        with _open_target(target) as out, database.reading() as session:
            records = exporting.iter_records(session)
            shown = stderr.is_terminal and not out.isatty()
            out.writelines(
                map(to_ndjson_line, _with_progress(records, exporting.count(session), shown=shown))
            )
            out.flush()
    except BrokenPipeError:
        # Who read it has enough. What is left in the buffer must not be tried again at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(_SIGPIPE_STATUS) from None
    except OSError as error:
        fail(f"cannot write {target or 'the export'}: {error.strerror or error}")
    finally:
        database.close()


def _database() -> Database:
    """Return the database as it is: an export makes none, and changes no schema."""
    database = Database(read_settings().database_url)
    name = database.url.database or ""
    if database.embedded and not name.startswith("file:") and not Path(name).exists():
        fail(f"there is no database at {name}")
    if not database.is_current():
        raise SchemaOutdatedError(
            "the database's schema is not this version's: run `slugline db upgrade` first"
        )
    return database


def _with_progress(records: Iterable[Record], total: int, *, shown: bool) -> Iterator[Record]:
    """Yield `records` while a bar shows how far they are."""
    columns = TextColumn("Exporting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    bar = Progress(
        *columns, console=stderr, transient=True, redirect_stdout=False, disable=not shown
    )
    with bar:
        yield from bar.track(records, total=total)


@contextmanager
def _open_target(file: Path | None) -> Iterator[IO[bytes]]:
    """Yield a stream whose bytes are in `file` at the end of the block, and not before.

    Whatever goes wrong, what `file` was before, it still is. What is no ordinary file, such as a
    pipe, is written to as it is, and so is standard output.
    """
    if file is None:
        yield sys.stdout.buffer
    elif file.exists() and not stat.S_ISREG(file.stat().st_mode):
        with file.open("wb") as stream:
            yield stream
    else:
        with _atomic_file(file.resolve()) as stream:
            yield stream


@contextmanager
def _atomic_file(file: Path) -> Iterator[BinaryIO]:
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}.part")
    with _signals_as_exceptions():
        try:
            with part.open("xb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
                part.replace(file)
        except BaseException:  # which may come as soon as there is a file
            part.unlink(missing_ok=True)
            raise


@contextmanager
def _signals_as_exceptions() -> Iterator[None]:
    """Let SIGTERM and SIGINT end the block by an exception, so that it can clear away.

    A driver in the midst of a statement may make an error of its own out of that. The block ends
    as the signal says all the same.
    """
    ends: list[BaseException] = []

    def end(number: int, _frame: FrameType | None) -> None:
        ends.append(KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number))
        raise ends[0]

    before = {each: signal.signal(each, end) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except Exception:
        if ends:
            raise ends[0] from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
