"""How far a feed is, on the terminal: first its bytes on their way, then what the server does."""

from types import TracebackType
from typing import Self

import rich.progress
from rich.progress import BarColumn, DownloadColumn, TaskID, TextColumn
from rich.text import Text

from app.cli.errors import stderr
from app.cli.load_report import Report, format_summary


class Progress:
    """One line that says how far one feed is. Where there is no terminal, nothing is said."""

    def __init__(self) -> None:
        columns = TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn()
        self._bar = rich.progress.Progress(
            *columns,
            TextColumn("{task.fields[said]}"),
            console=stderr,
            transient=True,
            redirect_stdout=False,  # it may be a pipe, while this is a terminal
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
        """Say that the feed called `name` is on its way, from its first byte."""
        self.end()
        self._task = self._bar.add_task(name, total=size, said="sent")

    def end(self) -> None:
        """Say no more of the feed."""
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._task = None

    def sent(self, number: int) -> None:
        """Say that so many more bytes are sent."""
        if self._task is not None:
            self._bar.advance(self._task, number)

    def working(self, report: Report) -> None:
        """Say what the server has done so far."""
        if self._task is None or report.load is None:
            return
        rate = f", {report.load.rate:,.0f} records/s" if report.load.rate else ""
        said = f"worked through{rate}: {format_summary(report.summary)}"
        self._bar.update(
            self._task, total=report.load.size, completed=report.load.read, said=Text(said).plain
        )
