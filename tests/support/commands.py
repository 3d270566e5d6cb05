"""Run the command line within the test process, which is faster than in a process of its own."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry, Pool

import app.__main__ as entry
from tests.support.processes import environment


@dataclass(frozen=True)
class CompletedCommand:
    """A command that has ended: its exit status and its output."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Shell:
    """Runs commands through the entry point of `python -m app`.

    An exception that would end a process with a traceback propagates and fails the test.
    """

    capture: pytest.CaptureFixture[str]

    def run(self, *arguments: str, cwd: Path, **variables: str) -> CompletedCommand:
        """Run a command and return its result, as `processes.run` does."""
        variables = environment(**variables)
        status: object = None
        self.capture.readouterr()
        with (
            closing_connections(),
            # A command may set variables for the processes that it starts: undo that, too.
            mock.patch.dict(os.environ, variables, clear=True),
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.chdir(cwd)
            patch.setattr(sys, "argv", [entry.__file__, *arguments])
            patch.setitem(sys.modules, "__main__", entry)  # its name is in the help text
            # `serve` would never end.
            patch.setattr(
                "uvicorn.run", lambda *_, **__: pytest.fail("the command starts a server")
            )
            try:
                entry.main()
            except SystemExit as end:
                status = end.code
        assert isinstance(status, int)
        return CompletedCommand(status, *self.capture.readouterr())


@contextmanager
def closing_connections() -> Iterator[None]:
    """Close the database connections that the block leaves open, as a process does at its end."""
    opened: list[DBAPIConnection] = []

    def remember(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        opened.append(connection)

    event.listen(Pool, "connect", remember)
    try:
        yield
    finally:
        event.remove(Pool, "connect", remember)
        for connection in opened:
            connection.close()
