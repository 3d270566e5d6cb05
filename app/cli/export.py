"""`slugline export`: all articles as an NDJSON feed, read directly from the database."""

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

_SIGPIPE_STATUS: Final = 128 + 13  # what a shell reports for a process that SIGPIPE ended


@report_errors
def export(
    file: Annotated[
        Path | None, typer.Argument(help="The target file; default and '-': standard output.")
    ] = None,
) -> None:
    """Write all articles as NDJSON, a feed that loads back to the same articles."""
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
        # The reader closed the pipe. Python must not try to flush the rest of the buffer at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(_SIGPIPE_STATUS) from None
    except OSError as error:
        fail(f"cannot write {target or 'the export'}: {error.strerror or error}")
    finally:
        database.close()


def _database() -> Database:
    """Return the existing database. An export creates none and migrates none."""
    database = Database(read_settings().database_url)
    name = database.url.database or ""
    if database.embedded and not name.startswith("file:") and not Path(name).exists():
        fail(f"there is no database at {name}")
    if not database.is_current():
        raise SchemaOutdatedError(
            "the database schema is not this version's: run `slugline db upgrade` first"
        )
    return database


def _with_progress(records: Iterable[Record], total: int, *, shown: bool) -> Iterator[Record]:
    """Yield `records` while a progress bar counts them."""
    columns = TextColumn("Exporting"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    bar = Progress(
        *columns, console=stderr, transient=True, redirect_stdout=False, disable=not shown
    )
    with bar:
        yield from bar.track(records, total=total)


@contextmanager
def _open_target(file: Path | None) -> Iterator[IO[bytes]]:
    """Yield a stream whose bytes replace `file` when the block ends without an exception.

    If the block fails, `file` is unchanged. Standard output, pipes and devices are
    written directly.
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
        except BaseException:  # also a signal, from the moment that the file exists
            part.unlink(missing_ok=True)
            raise


@contextmanager
def _signals_as_exceptions() -> Iterator[None]:
    """Turn SIGTERM and SIGINT into exceptions, so that the block can clean up.

    A database driver may convert such an exception into an error of its own. The block still ends
    with the signal's exception.
    """
    raised: list[BaseException] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        raised.append(KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number))
        raise raised[0]

    before = {each: signal.signal(each, handle) for each in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except Exception:
        if raised:
            raise raised[0] from None
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
