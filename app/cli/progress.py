"""A progress bar for one feed: first the bytes sent, then the bytes that the server processed."""

from types import TracebackType
from typing import Self

import rich.progress
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn
from rich.text import Text

from app.cli.errors import stderr
from app.cli.load_report import Report, format_summary


class Progress:
    """One line on standard error. Nothing is printed if that is not a terminal."""

    def __init__(self) -> None:
        columns = TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn()
        self._bar = rich.progress.Progress(
            *columns,
            TextColumn("{task.fields[status]}"),
            console=stderr,
            transient=True,
            redirect_stdout=False,  # it may be a pipe even if standard error is a terminal
            disable=not stderr.is_terminal,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, name: str, size: int | None) -> None:
        """Start the bar for the feed `name`, of `size` bytes if known."""
        self.end()
        self._task = self._bar.add_task(name, total=size, status="sent")

    def end(self) -> None:
        """Remove the bar."""
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None

    def sent(self, number: int) -> None:
        """Count `number` more bytes as sent."""
        if self._task is not None:
            self._bar.advance(self._task, number)

    def working(self, report: Report) -> None:
        """Show what the server has processed so far."""
        if self._task is None or report.load is None:
            return
        rate = f", {report.load.rate:,.0f} records/s" if report.load.rate else ""
        status = f"processed{rate}: {format_summary(report.summary)}"
        self._bar.update(
            self._task,
            total=report.load.size,
            completed=report.load.read,
            status=Text(status).plain,
        )
